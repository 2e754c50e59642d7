"""The verb `import`: what somebody trained by hand with plain Ultralytics becomes a finished cell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.importing.importer import Imported

Home = Annotated[Path | None, typer.Option(help="The folder that holds all state; default: as for a sweep.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow server or database; default: as for a sweep, SQLite in home.")
]
Experiment = Annotated[str | None, typer.Option(help="MLflow experiment; default: as for a sweep.")]


def import_run(
    run_dir: Annotated[
        Path, typer.Argument(help="The folder that `yolo detect train` wrote: args.yaml, results.csv, weights/.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="What was trained: level=4 act=relu, both needed; base=NAME, where it is not the default one; "
            "recipe=NAME, to stand beside cells of that recipe; data=/path/data.yaml and seed=N, where args.yaml has "
            "others."
        ),
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="Add it to this sweep: an id, or `latest`. Default: a new sweep.")
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Open the checkpoints whatever code they name.")] = False,
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
) -> None:
    """Take a run folder of plain Ultralytics into MLflow as a finished cell, so that it stands in the same tables.

    Hyperparameters, curves and dates come from the folder. Where the data set of its args.yaml is still there, or is
    named with data=, best.pt is evaluated as cells are; otherwise the best epoch of results.csv counts. A folder that
    was imported before is found. Checkpoints that name more than stock Ultralytics are refused without --trust.
    """
    from sweep.defaults import site
    from sweep.flow import make_console
    from sweep.importing.importer import examine, import_cell
    from sweep.rebuild import rebuild_report
    from sweep.tracking.read import sweep_run
    from sweep.tracking.store import open_store

    console, given = make_console(), overrides or []
    place = site(home, tracking_uri, experiment)

    def say(text: str) -> None:
        _tell(console, f"{run_dir}: {text}", "dim")

    say("reading")
    cell, parent = examine(run_dir, given, place, sweep, say, trust=trust)
    for warning in cell.warnings:
        _tell(console, f"warning: {warning}", "yellow")
    store = open_store(place.home, place.experiment, place.tracking_uri)
    command = shlex.join(["python", "-m", "sweep", "import", str(run_dir), *given])
    imported = import_cell(store, cell, parent, command, say)
    _tell_outcome(console, imported)
    if imported.changed:
        rebuild_report(store, sweep_run(store, imported.sweep.run_id), console)
    rest = f"--sweep {imported.sweep.sweep_id}{_options(home, tracking_uri, experiment)}"
    _tell(console, f"Import more into the same sweep: python -m sweep import RUN_DIR level=… act=… {rest}")
    _tell(console, f"Measure INT8 and NPU targets: python -m sweep npu measure {rest}")


def _tell_outcome(console: Console, imported: Imported) -> None:
    """What became of the folder, and where its figures come from."""
    cell, run, accuracy = imported.cell, imported.run, imported.accuracy
    if accuracy is None:
        added = f" It is listed in sweep {imported.sweep.sweep_id} now." if imported.changed else ""
        _tell(console, f"{cell.folder.path} was imported before: {run.cell} of sweep {run.sweep_id}.{added}")
        return
    map50 = accuracy.metrics.get("best/mAP50")
    figure = "" if map50 is None else f", mAP50 {map50:.3f}"
    epochs = len(cell.folder.results.epochs)
    _tell(console, f"Imported {cell.folder.path}: {run.cell} of sweep {run.sweep_id}, {epochs} epochs{figure}")
    if cell.data.dataset is None:
        _tell(
            console,
            f"Its figures are those of results.csv, as its training saw them. {cell.data.reason} With its data they "
            "are evaluated: the same command with data=/path/data.yaml.",
        )
    if accuracy.warning:
        _tell(console, f"warning: {accuracy.warning}", "yellow")


def _tell(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, soft_wrap=True)


def _options(home: Path | None, tracking_uri: str | None, experiment: str | None) -> str:
    """The options of this call, for the next one."""
    from sweep.tracking.uri import without_credentials

    given = {
        "--home": None if home is None else str(home),
        "--tracking-uri": None if tracking_uri is None else without_credentials(tracking_uri),
        "--experiment": experiment,
    }
    return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value is not None)
