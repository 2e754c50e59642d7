"""The verbs of `python -m sweep npu`: measure, assess, setup, targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sweep.npu.targets import Target

app = typer.Typer(
    name="npu", no_args_is_help=True, help="Measure models on NPU targets: measure, assess, setup, targets."
)

STRIDE = 32  # of the coarsest feature map: sides are multiples of it
Home = Annotated[Path | None, typer.Option(help="The folder that holds all state.")]
TrackingUri = Annotated[str | None, typer.Option(help="MLflow server or database; default: SQLite in home.")]
Experiment = Annotated[str | None, typer.Option(help="MLflow experiment.")]
Trust = Annotated[bool, typer.Option("--trust", help="Open the checkpoint whatever code it names.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="A target, such as ethos_u55; several: repeat it, or separate them by commas."),
]


@app.command()
def measure(
    target: Targets = None,
    sweep: Annotated[str, typer.Option(help="A sweep's id, or `latest`.")] = "latest",
    data: Annotated[Path | None, typer.Option(help="The data set's data.yaml, where it lies elsewhere now.")] = None,
    again: Annotated[bool, typer.Option(help="Measure also what was measured before.")] = False,
    trust: Trust = False,
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
) -> None:
    """Measure the finished cells of a stored sweep, without training. `onnx` and INT8 are measured where they lack."""
    from sweep.defaults import open_site, site
    from sweep.errors import Problems
    from sweep.flow import make_console
    from sweep.remeasure import measure_sweep

    problems = Problems()
    targets: tuple[Target, ...] = ()
    with problems:
        targets = _targets(target, site(home, tracking_uri, experiment).home)
    with problems:
        store = open_site(home, tracking_uri, experiment)
    problems.raise_if_any()
    raise SystemExit(measure_sweep(store, sweep, targets, make_console(), data=data, again=again, trust=trust))


@app.command()
def assess(
    model: Annotated[Path, typer.Argument(help="A detection checkpoint (.pt) or model YAML of Ultralytics.")],
    data: Annotated[
        Path | None, typer.Option(help="data.yaml: calibrate INT8 on its train pictures, evaluate on its val pictures.")
    ] = None,
    target: Targets = None,
    imgsz: Annotated[int | None, typer.Option(help="Side of the input in pixels.", min=32)] = None,
    out: Annotated[Path | None, typer.Option(help="Where the files go; default: a folder in home/assess.")] = None,
    trust: Trust = False,
    home: Home = None,
) -> None:
    """Measure any Ultralytics detection checkpoint, ours or not, and print the table."""
    from sweep.assess import assess as assess_model
    from sweep.data.check import check_dataset
    from sweep.defaults import site
    from sweep.errors import Problems
    from sweep.flow import make_console
    from sweep.identity import file_digest
    from sweep.show_npu import print_assessment
    from sweep.tracking.measured import MEASURED
    from sweep.training.environment import prepare_ultralytics
    from sweep.training.output import output_to

    console = make_console()
    place = site(home).home
    problems, dataset = Problems(), None
    with problems:
        targets = _targets(target, place)
    with problems:
        _check_file(model, trust)
    if imgsz is not None and imgsz % STRIDE:
        nearest = max(STRIDE, round(imgsz / STRIDE) * STRIDE)
        problems.add(f"--imgsz {imgsz} must be a multiple of {STRIDE}, such as {nearest}.")
    if data is not None:
        with problems:
            dataset = check_dataset(data.expanduser().absolute(), place, progress=console.print)
    problems.raise_if_any()
    prepare_ultralytics(place, trust=trust)
    folder = (out or place / "assess" / f"{model.stem}-{file_digest(model)[:8]}").absolute()
    with console.status("reading the model") as status, output_to(folder / "assess.log"):
        assessment = assess_model(
            model.absolute(), targets, folder, place, data=dataset, imgsz=imgsz, say=status.update
        )
    print_assessment(console, assessment)
    failed = any(facts["state"] != MEASURED for facts in assessment.facts.values())
    raise SystemExit(1 if failed else 0)


@app.command()
def setup(
    compiler: Annotated[str, typer.Argument(help="rknn: Rockchip's toolkit, in an environment of its own in home.")],
    torch_index: Annotated[str | None, typer.Option(help="Package index for torch, such as its CPU builds.")] = None,
    python: Annotated[
        Path | None, typer.Option(help="The Python to build on; default: the one that runs this.")
    ] = None,
    home: Home = None,
) -> None:
    """Install a vendor compiler that cannot live beside ours."""
    from sweep.defaults import site
    from sweep.errors import SweepError
    from sweep.npu.rknn_env import set_up

    if compiler != "rknn":
        raise SweepError(
            f"There is nothing to set up for `{compiler}`. Choices: rknn. The other compilers come with "
            "their own install lines: python -m sweep npu targets."
        )
    python = set_up(site(home).home, say=typer.echo, python=python, torch_index=torch_index)
    typer.echo(f"RKNN toolkit is ready: {python}")


@app.command()
def targets(home: Home = None) -> None:
    """List the targets, and which of their compilers are installed."""
    from sweep.defaults import site
    from sweep.errors import SweepError
    from sweep.flow import make_console
    from sweep.npu.targets import known_targets
    from sweep.show_npu import print_targets

    found, problems = known_targets(site(home).home)
    print_targets(make_console(), found)
    if problems:
        raise SweepError(*problems)


def _targets(names: list[str] | None, home: Path) -> tuple[Target, ...]:
    """`onnx` and the named targets.

    Raises:
        SweepError: A target is unknown, or its compiler is not installed: here it was asked for by name.
    """
    from sweep.errors import Problems
    from sweep.npu.targets import make_targets
    from sweep.npu_settings import target_options

    problems, options = Problems(), {"onnx": target_options("onnx")}
    for name in dict.fromkeys(part.strip() for text in names or [] for part in text.split(",") if part.strip()):
        with problems:
            options[name] = target_options(name)
    problems.raise_if_any()
    made = make_targets(options, home)
    problems.add(*(reason for target in made if (reason := target.missing()) is not None))
    problems.raise_if_any()
    return made


def _check_file(model: Path, trust: bool) -> None:
    from sweep.architecture.base import check_model_yaml
    from sweep.errors import SweepError
    from sweep.files import is_file
    from sweep.weights import check_checkpoint

    if not is_file(model):
        raise SweepError(f"There is no file {model}. Name a checkpoint (.pt) or a model YAML.")
    if model.suffix not in {".pt", ".yaml", ".yml"}:
        raise SweepError(f"{model} is neither a checkpoint (.pt) nor a model YAML (.yaml).")
    if model.suffix == ".pt":
        check_checkpoint(model, trust=trust)
    else:
        check_model_yaml(model)
