"""The typed schema of the whole config, its validation, and the sentences that a user sees for a bad value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.files import expanded, is_file, is_folder, is_there
from sweep.npu_settings import read_npu_settings
from sweep.paths import NAME, option_file, option_names
from sweep.recipe import recipe_problems
from sweep.report_settings import ReportSettings, read_report_settings
from sweep.tune_settings import SWEEP_WIDE as TUNE_WIDE
from sweep.tune_settings import TuneSettings, read_tune_settings
from sweep.weights import weights_problem

SWEEP_WIDE = {  # options of the sweep as a whole: they cannot differ from cell to cell
    "workers", "device", "on_error", "retries", "timeout_min", "rerun", "experiment", "home", "zip", "exclude",
    "nan_patience", "grace_s", "price_per_hour", "npu", "tracking", "tracking.uri", "report", "sweeps",
}  # fmt: skip
CHANGED = "changed"
ON_ERROR = ("continue", "fail_fast")
WAIT_S = 60
MAX_SEED = 2**32 - 3  # NumPy's limit less what Ultralytics adds


@dataclass(frozen=True)
class Settings:
    """What holds for the sweep as a whole."""

    home: Path
    experiment: str
    tracking_uri: str | None
    tracking_wait_s: float
    """How long a sweep waits at its end for a tracking store that takes nothing."""
    workers: int | None
    device: str
    on_error: str
    retries: int
    timeout_min: float | None
    nan_patience: int
    grace_s: float
    price_per_hour: float | None
    """What an hour of the sweep costs, of all that it runs on; None: no cost is told."""
    rerun: bool
    changed: bool
    """Whether finished cells are trained again whose code changed, and the first cell in any case (`rerun=changed`)."""
    zip: tuple[Any, ...]
    exclude: tuple[Any, ...]
    npu: Mapping[str, Mapping[str, Any]] | None
    """The targets to measure against with their options, `onnx` first; None when nothing is to be measured."""
    report: ReportSettings


@dataclass(frozen=True)
class CellConfig:
    """What one cell trains."""

    base: Mapping[str, Any]
    level: Mapping[str, Any]
    act: Mapping[str, Any]
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int
    weights: Path | None
    tune: TuneSettings | None = None
    """How the recipe is tuned; None: it is trained as it is."""
    trust: bool = False
    """Whether the checkpoint may name any code. Not part of the key: it changes no result."""


def read_settings(config: Mapping[str, Any]) -> Settings:
    """The sweep's settings from a composed config.

    Raises:
        SweepError: With every problem found.
    """
    problems = _number_problems(config)
    if config["on_error"] not in ON_ERROR:
        problems.append(f"on_error={config['on_error']} is unknown. Choices: {', '.join(ON_ERROR)}.")
    if not isinstance(config["rerun"], bool) and config["rerun"] != CHANGED:
        problems.append(f"rerun={config['rerun']} must be true, false or {CHANGED}.")
    experiment = str(config["experiment"] or "").strip()
    if not experiment:
        problems.append("experiment= must not be empty: it is the name of the MLflow experiment.")
    device = _device(config["device"])
    if device is None:
        problems.append(
            f"device={config['device']} is unknown. Choices: auto, cpu, cuda, or GPU indices such as 0 or [0,1]."
        )
    for key in ("zip", "exclude"):
        if not isinstance(config[key], list):
            problems.append(f"{key}={config[key]} must be a list, such as {_LIST_EXAMPLES[key]}.")
    npu = read_npu_settings(config.get("npu"), problems)
    report = _report(config.get("report"), npu or {}, problems)
    home = home_of(config)
    if is_there(home) and not is_folder(home):
        problems.append(f"home={home} is a file. Name a folder.")
    if problems:
        raise SweepError(*problems)
    return Settings(
        home=home,
        experiment=experiment,
        tracking_uri=config["tracking"].get("uri"),
        tracking_wait_s=float(config["tracking"].get("wait_s", WAIT_S)),
        workers=None if config["workers"] == "auto" else int(config["workers"]),
        device=device or "auto",
        on_error=config["on_error"],
        retries=int(config["retries"]),
        timeout_min=None if config["timeout_min"] is None else float(config["timeout_min"]),
        nan_patience=int(config["nan_patience"]),
        grace_s=float(config["grace_s"]),
        price_per_hour=None if config["price_per_hour"] is None else float(config["price_per_hour"]),
        rerun=config["rerun"] is True,
        changed=config["rerun"] == CHANGED,
        zip=tuple(config["zip"]),
        exclude=tuple(config["exclude"]),
        npu=npu,
        report=report,
    )


def home_of(config: Mapping[str, Any]) -> Path:
    """The folder that holds all state, absolute."""
    return expanded(str(config["home"] or "mlruns")).absolute()


def read_cell(config: Mapping[str, Any], home: Path) -> CellConfig:
    """What one cell trains, from its composed config; only the chosen level's file is read.

    Raises:
        SweepError: With every problem found.
    """
    problems: list[str] = []
    level = _level(config["level"], problems)
    for group in ("base", "act", "data", "recipe"):
        problems += _group_problems(group, config.get(group))
    seed = config["seed"]
    if not _whole(seed, 0) or int(seed) > MAX_SEED:
        problems.append(f"seed={seed} must be a whole number from 0 to {MAX_SEED}.")
    recipe = config.get("recipe")
    if isinstance(recipe, Mapping):
        problems += recipe_problems(recipe)
    trust = _trust(config["model"], problems)
    weights = _weights(config["model"], trust, home, problems)
    tune = _tune(config.get("tune"), problems)
    if problems:
        raise SweepError(*problems)
    return CellConfig(
        config["base"], level, config["act"], config["data"], config["recipe"], int(seed), weights, tune, trust
    )


def sweep_wide_axes(keys: Sequence[str]) -> list[str]:
    """Problems with axes over options that hold for the whole sweep."""
    return [
        f"{key} cannot be swept: it holds for the whole sweep. Start one sweep for each value."
        for key in keys
        if key in (SWEEP_WIDE | TUNE_WIDE) - {"npu"}
        or key.startswith(("npu.", "nightly.", "tracking.", "report.", "hydra", "job"))
    ] + [
        "npu cannot be swept: every cell is measured on all targets. Put them in brackets: npu=[ethos_u55,qnn_htp]."
        for key in keys
        if key == "npu"
    ]


_LIST_EXAMPLES = {"zip": "zip=[level,act]", "exclude": "'exclude=[{level: 2, act: leakyrelu}]'"}


def _number_problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings that are numbers."""
    problems: list[str] = []
    workers, timeout, grace = config["workers"], config["timeout_min"], config["grace_s"]
    price = config["price_per_hour"]
    if workers != "auto" and not _whole(workers, 1):
        problems.append(f"workers={workers} must be auto or a whole number of at least 1.")
    if timeout is not None and not (_is_number(timeout) and timeout > 0):
        problems.append(f"timeout_min={timeout} must be a number of minutes above 0, or null for no limit.")
    if not _whole(config["retries"], 0):
        problems.append(f"retries={config['retries']} must be a whole number of at least 0.")
    if price is not None and not (_is_number(price) and 0 <= price < math.inf):
        problems.append(f"price_per_hour={price} must be a number of at least 0, or null.")
    if not (_is_number(grace) and grace >= 0):
        problems.append(f"grace_s={grace} must be a number of seconds of at least 0.")
    wait = config["tracking"].get("wait_s", WAIT_S)
    if not (_is_number(wait) and wait >= 0):
        problems.append(f"tracking.wait_s={wait} must be a number of seconds of at least 0.")
    if not _whole(config["nan_patience"], 1):
        problems.append(f"nan_patience={config['nan_patience']} must be a whole number of epochs of at least 1.")
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _device(value: object) -> str | None:
    """`auto`, `cpu`, `cuda`, `mps`, or GPU indices separated by commas; None when it is none of these."""
    text = ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
    text = text.replace("cuda:", "").replace(" ", "")
    return text if text in {"auto", "cpu", "cuda", "mps"} or re.fullmatch(r"\d+(,\d+)*", text) else None


def _tune(content: object, problems: list[str]) -> TuneSettings | None:
    try:
        return read_tune_settings(content)
    except SweepError as error:
        problems += error.problems
        return None


def _report(content: object, npu: Mapping[str, Any], problems: list[str]) -> ReportSettings:
    """How the report is made. A target whose figures a recommendation depends on has to be among those measured."""
    if content is None:
        return ReportSettings()
    if not isinstance(content, Mapping):
        problems.append(f"report={content} is not understood. Choices: {', '.join(option_names('report'))}.")
        return ReportSettings()
    try:
        settings = read_report_settings(content)
    except SweepError as error:
        problems += error.problems
        return ReportSettings()
    target = settings.require.target
    if target is not None and target not in npu and not (target.startswith("onnx.") and npu):
        named = ", ".join(npu) or "nothing, by npu=none"
        problems.append(f"report.require.target={target} is not measured: npu= names {named}. Add it there.")
    asked = [key for key in ("npu_pct", "latency_ms", "size_mb") if getattr(settings.require, key) is not None]
    if asked and not npu:
        problems.append(f"report.require.{asked[0]} asks for a measured figure, and npu=none measures nothing.")
    elif "latency_ms" in asked and not set(npu) - {"onnx"}:
        problems.append(
            "report.require.latency_ms asks for a latency, which profiles do not state. Name a compiler that does: "
            "npu=[ethos_u55]."
        )
    return settings


def _level(value: object, problems: list[str]) -> Mapping[str, Any]:
    import yaml

    from sweep.bounded_yaml import read_yaml

    name = str(value)
    names = option_names("levels")
    path = option_file("levels", name) if NAME.match(name) else None
    if path is None:
        from sweep.overrides import nearest

        problems.append(f"There is no level {name}.{nearest(name, names)} Choices: {', '.join(names)}.")
        return {}
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"Level {name} cannot be read: {path} is not valid YAML ({' '.join(str(error).split())}).")
        return {}
    if not isinstance(content, Mapping) or not isinstance(content.get("transforms", []), list):
        problems.append(f"Level {name} cannot be read: {path} must hold a mapping with a list `transforms`.")
        return {}
    return {"name": name, **content}


def _group_problems(group: str, content: object) -> list[str]:
    """What is wrong with the chosen file of a config group."""
    if not isinstance(content, Mapping):
        return [f"{group}= must name one of: {', '.join(option_names(group))}."]
    # A data set at a path takes its name from its folder.
    if group != "data" and not content.get("name"):
        return [f"The chosen {group} has no name. Add `name:` to its file in conf/{group}/."]
    return []


def _trust(model: object, problems: list[str]) -> bool:
    """Whether the checkpoint may run code when it is opened."""
    value = model.get("trust", False) if isinstance(model, Mapping) else False
    if not isinstance(value, bool):
        problems.append(f"model.trust={value} must be true or false.")
    return value is True


def _weights(model: object, trust: bool, home: Path, problems: list[str]) -> Path | None:
    """The checkpoint to start from. A bare name is looked up in the working directory, then in home/weights."""
    if not isinstance(model, Mapping):
        problems.append(f"model={model} is not understood. Name a checkpoint with model.weights=, a base with base=.")
        return None
    value = model.get("weights")
    if value is None:
        return None
    path = expanded(str(value))
    places = [path.absolute()] if path.is_absolute() else [Path.cwd() / path, home / "weights" / path]
    found = next((place for place in places if is_file(place)), None)
    if found is None:
        looked = " and ".join(str(place) for place in places)
        problems.append(
            f"The initial weights {value} are missing: looked for {looked}. Either put the checkpoint there "
            "(or name it: model.weights=/path/to/file.pt), or train from scratch: model.weights=null."
        )
    elif (problem := weights_problem(found, trust=trust)) is not None:
        problems.append(problem)
    return found
