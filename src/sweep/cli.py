"""The verbs: what one can ask besides running a sweep."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sweep", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)

Home = Annotated[Path, typer.Option(help="The folder that holds all state.")]
TrackingUri = Annotated[str | None, typer.Option(help="MLflow server or database; default: SQLite in home.")]
Experiment = Annotated[str, typer.Option(help="MLflow experiment.")]
DEFAULT_HOME = Path("mlruns")
DEFAULT_EXPERIMENT = "npu-sweep"


def run_verb(arguments: Sequence[str]) -> None:
    """Run one verb; ends the process."""
    app(args=list(arguments), prog_name="python -m sweep")


@app.command(context_settings={"ignore_unknown_options": True})
def plan(
    overrides: Annotated[list[str] | None, typer.Argument(help="The same overrides as for a sweep.")] = None,
) -> None:
    """Show the cells of a sweep and what is known of them. Nothing is started."""
    from sweep.arguments import prepare
    from sweep.compose import hydra_app
    from sweep.flow import make_console
    from sweep.overrides import CONFIG_NAME, check_overrides
    from sweep.plan import make_plan, with_states
    from sweep.show import print_plan
    from sweep.tracking.store import has_store, open_store

    prepared = prepare(overrides or [])
    check_overrides(prepared)
    hydra = hydra_app()
    config = hydra.compose_config(
        config_name=CONFIG_NAME, overrides=prepared, run_mode=_multirun(), with_log_configuration=False
    )
    console = make_console()
    made = make_plan(
        hydra.config_loader, dict(config.hydra.sweeper.params), prepared, progress=console.print, draw=False
    )
    settings = made.settings
    if has_store(settings.home, settings.tracking_uri):
        made = with_states(made, open_store(settings.home, settings.experiment, settings.tracking_uri))
    print_plan(console, made, every_row=True)


@app.command()
def report(
    home: Home = DEFAULT_HOME,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = DEFAULT_EXPERIMENT,
    sweep: Annotated[str, typer.Option(help="A sweep's id, or `latest`.")] = "latest",
) -> None:
    """Rebuild the tables of a sweep from MLflow alone, and print them."""
    from sweep.flow import make_console
    from sweep.report.build import build_tables
    from sweep.show import report_folder
    from sweep.tracking.read import sweep_run
    from sweep.tracking.store import open_store

    store = open_store(home.absolute(), experiment, tracking_uri)
    run = sweep_run(store, sweep)
    console = make_console()
    written = build_tables(store, run.run_id, report_folder(store.home, str(run.sweep_id)), console)
    console.print(f"Written to {written[0].parent}", soft_wrap=True, markup=False)


@app.command()
def ui(
    home: Home = DEFAULT_HOME,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = DEFAULT_EXPERIMENT,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
) -> None:
    """Open MLflow's UI on home's store, on 127.0.0.1. Ctrl-C ends it."""
    from sweep.errors import SweepError
    from sweep.tracking.ui import serve

    if tracking_uri and tracking_uri.startswith(("http://", "https://")):
        raise SweepError(f"{tracking_uri} is a server with a UI of its own: open it in a browser.")
    raise SystemExit(serve(home.absolute(), experiment, tracking_uri, port, typer.echo))


@app.command()
def doctor(home: Home = DEFAULT_HOME) -> None:
    """Show what is installed, which devices there are, and which optional parts are missing and how to get them."""
    from sweep.doctor import print_report
    from sweep.flow import make_console

    sys.exit(print_report(make_console(), home.absolute()))


def _multirun() -> object:
    from hydra.types import RunMode

    return RunMode.MULTIRUN
