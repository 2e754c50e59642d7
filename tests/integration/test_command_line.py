"""`python -m sweep` as it is typed: help, verbs, Hydra's flags, and a sweep from start to end."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.command_line import Ended
from support.runs import run_count

Sweep = Callable[..., Ended]


def imported(ended: Ended) -> set[str]:
    """Top-level packages that a process with `-X importtime` imported."""
    return {name.partition(".")[0] for name in re.findall(r"\|\s*([\w.]+)$", ended.stderr, re.MULTILINE)}


@pytest.mark.parametrize("argument", ["--help", "-h", "help"])
def test_help_names_every_choice_and_verb(sweep: Sweep, argument: str) -> None:
    ended = sweep(argument)
    assert (ended.returncode, ended.stderr) == (0, "")
    for text in ("level=2,3,4 act=relu,leakyrelu", "0, 2, 3, 4", "leakyrelu", "yolov8n", "quick, v3", "sweeps=",
                 "plan", "report", "ui", "doctor", "on_error=", "timeout_min=", "tracking.uri="):  # fmt: skip
        assert text in ended.stdout


def test_help_lists_the_users_own_choices(sweep: Sweep, tmp_path: Path) -> None:
    write(tmp_path / "conf/levels/9.yaml", "transforms: []\n")
    write(tmp_path / "conf/act/mish.yaml", "name: mish\nmodule: Mish\n")
    shown = sweep("--help", cwd=tmp_path).stdout
    assert "0, 2, 3, 4, 9" in shown
    assert "mish" in shown


def test_help_is_printed_even_beside_other_arguments_and_starts_nothing(sweep: Sweep, tmp_path: Path) -> None:
    ended = sweep("level=2", "--help")
    assert ended.returncode == 0
    assert list((tmp_path / "work").iterdir()) == []


def test_help_and_mistyped_words_need_no_heavy_package(sweep: Sweep) -> None:
    heavy = {"torch", "ultralytics", "mlflow", "pandas", "cv2", "matplotlib"}
    for argument in ("--help", "lvl=3", "act=rellu"):
        ended = sweep(argument, python=["-X", "importtime"])
        assert "sweep" in imported(ended)
        assert not heavy & imported(ended), argument


@pytest.mark.parametrize("verb", ["plan", "report", "import", "ui", "doctor"])
def test_every_verb_has_help(sweep: Sweep, verb: str) -> None:
    ended = sweep(verb, "--help")
    assert ended.returncode == 0
    assert f"Usage: python -m sweep {verb}" in ended.stdout


def test_an_unknown_verb_is_refused_with_the_nearest_one(sweep: Sweep) -> None:
    ended = sweep("pln", "level=2")
    assert ended.returncode == 2
    (problem,) = ended.problems
    assert "`pln`" in problem
    assert "Did you mean `plan`" in problem


def test_the_ui_of_a_server_is_the_servers_own(sweep: Sweep) -> None:
    ended = sweep("ui", "--tracking-uri", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "http://127.0.0.1:1" in ended.problems[0]
    assert "browser" in ended.problems[0]


def test_the_ui_of_the_sites_server_is_the_servers_own(sweep: Sweep, tmp_path: Path) -> None:
    site = "# @package _global_\ntracking:\n  uri: http://me:secret@127.0.0.1:1\n"
    write(tmp_path / "work/conf/local/default.yaml", site)
    ended = sweep("ui")
    assert (ended.returncode, "http://127.0.0.1:1 is a server" in ended.stderr, "secret" in ended.stderr) == (
        2, True, False,
    )  # fmt: skip


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_a_ui_that_others_could_reach_is_refused_with_the_way_to_do_it(sweep: Sweep, host: str) -> None:
    ended = sweep("ui", "--host", host)
    assert ended.returncode == 2
    (problem,) = ended.problems
    assert f"--host {host}" in problem
    assert "ssh -L 5000:127.0.0.1:5000" in problem
    assert "basic-auth" in problem


@pytest.mark.parametrize("verb", ["report", "ui"])
def test_a_home_without_sweeps_is_refused_and_not_made(sweep: Sweep, tmp_path: Path, verb: str) -> None:
    ended = sweep(verb, "--home", str(tmp_path / "typo"))
    assert ended.returncode == 2
    (problem,) = ended.problems
    assert f"home={tmp_path}/typo" in problem
    assert not (tmp_path / "typo").exists()


def test_the_verbs_take_the_settings_of_the_site(sweep: Sweep, tmp_path: Path) -> None:
    from sweep.tracking.store import open_store

    work = tmp_path / "work"
    write(work / "conf/local/default.yaml", "# @package _global_\nhome: kept\nexperiment: team\n")
    open_store(work / "kept", "team")
    report = sweep("report")
    assert report.returncode == 2
    assert "experiment team" in report.problems[0]
    assert f"{work}/kept/mlflow.db" in report.problems[0]
    assert f"Home: {work}/kept" in sweep("doctor").stdout
    assert not (work / "mlruns").exists()


def test_a_plan_makes_no_experiment(sweep: Sweep, tmp_path: Path) -> None:
    from sweep.tracking.store import find_store, open_store

    home = tmp_path / "home"
    open_store(home, "one")
    planned = sweep("plan", f"home={home}", "experiment=other")
    assert (planned.returncode, len(planned.rows)) == (0, 1), planned.stderr
    assert find_store(home, "other") is None


def test_the_ui_names_a_free_port_where_its_own_is_taken(sweep: Sweep, tmp_path: Path) -> None:
    from sweep.tracking.store import open_store

    open_store(tmp_path / "work/mlruns", "npu-sweep")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ended = sweep("ui", "--port", str(taken))
    assert (ended.returncode, ended.stdout) == (2, ""), "no address is announced"
    (problem,) = ended.problems
    assert f"Port {taken} " in problem
    offered = re.search(r"python -m sweep ui --port (\d+)", problem)
    assert offered
    with socket.socket() as free:
        free.bind(("127.0.0.1", int(offered[1])))


def shown_config(ended: Ended) -> dict[str, object]:
    assert (ended.returncode, ended.stderr) == (0, "")
    config: dict[str, object] = yaml.safe_load(ended.stdout)
    return config


@pytest.mark.parametrize("flags", [("--cfg", "job"), ("--cfg=job",), ("-c", "job"), ("--multirun", "--cfg", "job")])
def test_cfg_job_shows_the_first_cell_of_a_grid(sweep: Sweep, flags: tuple[str, ...]) -> None:
    config = shown_config(sweep(*flags, "level=3,2", "act=silu,relu", "seed=range(5,7)", "recipe.lr0=0.5,0.1"))
    assert (config["level"], config["seed"]) == (3, 5)
    assert config["act"] == {"name": "silu", "module": "SiLU", "arguments": {}}
    assert config["recipe"]["lr0"] == 0.5  # type: ignore[index]
    assert "hydra" not in config


def test_cfg_job_shows_the_first_cell_of_a_named_sweep(sweep: Sweep) -> None:
    config = shown_config(sweep("--cfg", "job", "sweeps=v3"))
    assert (config["level"], config["act"]["name"], config["recipe"]["name"]) == (2, "relu", "v3")  # type: ignore[index]


def test_cfg_job_shows_a_path_as_it_is(sweep: Sweep) -> None:
    config = shown_config(sweep("--cfg", "job", "data=/x/그림 [1] a=b (c).yaml,/y.yaml", "home=/h 한 (1)"))
    assert config["data"]["path"] == "/x/그림 [1] a=b (c).yaml"  # type: ignore[index]
    assert config["home"] == "/h 한 (1)"


def test_axes_of_a_named_sweep_are_written_as_on_the_command_line(sweep: Sweep, tmp_path: Path) -> None:
    axes = "{data: [/x/a (1).yaml, /y.yaml], recipe.fliplr: [0.25, 0.5], recipe.mosaic: 0.5}"
    write(tmp_path / "work/sweeps/mine.yaml", f"# @package _global_\nhydra:\n  sweeper:\n    params: {axes}\n")
    config = shown_config(sweep("--cfg", "job", "sweeps=mine"))
    assert config["data"]["path"] == "/x/a (1).yaml"  # type: ignore[index]
    assert (config["recipe"]["fliplr"], config["recipe"]["mosaic"]) == (0.25, 0.5)  # type: ignore[index]


@pytest.mark.parametrize("flag", ["-cd", "--config-dir", "-cn=x", "--config-name=x", "-cp", "--config-path"])
def test_hydras_flags_for_other_places_are_refused_with_ours(sweep: Sweep, flag: str) -> None:
    ended = sweep(flag, "/x", "--cfg", "job")
    (problem,) = ended.problems
    assert (ended.returncode, ended.stdout) == (2, "")
    assert problem.startswith(flag.partition("=")[0])
    assert "conf/ and sweeps/" in problem


@pytest.mark.parametrize("arguments", [("lvl=3",), ("act=rellu",), ("+data.name=x",)])
def test_a_mistake_beside_hydras_flags_is_the_users(sweep: Sweep, arguments: tuple[str, ...]) -> None:
    ended = sweep("--cfg", "job", *arguments)
    assert (ended.returncode, len(ended.problems), "Traceback" in ended.stderr) == (2, 1, False)


def test_hydras_flags_work(sweep: Sweep) -> None:
    assert "Hydra" in sweep("--version").stdout
    shown = sweep("--info", "plugins").stdout
    assert "GridSweeper" in shown
    assert "LocalLauncher" in shown


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


@pytest.mark.slow
def test_a_sweep_with_the_users_own_level_activation_and_base(sweep: Sweep, home: Path, tmp_path: Path) -> None:
    """All that is the user's own lies in ./conf; what a model YAML would have evaluated is not evaluated."""
    from sweep.architecture.base import find_base

    model = find_base("yolo11.yaml", "n") | {"activation": "__import__('pathlib').Path('pwned').touch() or nn.ELU()"}
    write(tmp_path / "mine.yaml", yaml.safe_dump(model))
    write(tmp_path / "conf/base/mine.yaml", "name: mine\nmodel: mine.yaml\nscale: n\n")
    write(tmp_path / "conf/levels/9.yaml", 'name: "9"\ntransforms:\n  - remove: {module: C2PSA}\n')
    write(tmp_path / "conf/act/mish.yaml", "name: mish\nmodule: Mish\narguments: {}\n")
    command = ("--multirun", "base=mine", "level=9", "act=mish", "recipe.epochs=1", "recipe.imgsz=32",
               "recipe.fraction=0.1", "workers=1", f"home={home}")  # fmt: skip
    before = {path.name for path in tmp_path.iterdir()}

    ended = sweep(*command, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert run_count(home) == 2, "the sweep and its cell"
    assert "mine-l9-mish-s0: finished" in ended.stdout
    assert {path.name for path in tmp_path.iterdir()} == before, "all that is written lies in home"

    planned = sweep("plan", *command, cwd=tmp_path)
    assert [(row[0], row[-1]) for row in planned.rows] == [("mine-l9-mish-s0", "finished")]
