"""The verbs: what one can ask besides running a sweep."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sweep.import_cli import import_run
from sweep.nightly_cli import app as nightly_app
from sweep.npu_cli import app as npu_app

app = typer.Typer(
    name="sweep", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)

app.add_typer(npu_app)
app.add_typer(nightly_app)
app.command("import")(import_run)

# What is not given is as a sweep started here would have it: mlruns, npu-sweep, or the site's own conf/local.
Home = Annotated[Path | None, typer.Option(help="The folder that holds all state; default: as for a sweep.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow server or database; default: as for a sweep, SQLite in home.")
]
Experiment = Annotated[str | None, typer.Option(help="MLflow experiment; default: as for a sweep.")]


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
    from sweep.forecast.forecast import make_forecast
    from sweep.forecast.show import cell_times, forecast_lines
    from sweep.launching import launching_of
    from sweep.overrides import CONFIG_NAME, check_overrides
    from sweep.plan import make_plan, with_states
    from sweep.show import print_plan
    from sweep.tracking.failures import StoreAway
    from sweep.tracking.store import find_store, store_at

    prepared = prepare(overrides or [])
    check_overrides(prepared)
    hydra = hydra_app()
    config = hydra.compose_config(
        config_name=CONFIG_NAME, overrides=prepared, run_mode=_multirun(), with_log_configuration=False
    )
    console = make_console()
    made = make_plan(
        hydra.config_loader,
        dict(config.hydra.sweeper.params),
        prepared,
        progress=console.print,
        launching=launching_of(config),
        draw=False,
    )
    settings = made.settings
    store = None
    try:
        store = find_store(settings.home, settings.experiment, settings.tracking_uri)
        if store is not None:
            made = with_states(made, store)
    except StoreAway as away:
        console.print(f"warning: {away}", style="yellow", markup=False, soft_wrap=True)
        known = store_at(settings.home, settings.experiment, settings.tracking_uri)
        made = with_states(made, known, there=False)
    forecast = make_forecast(made, store)
    print_plan(console, made, cell_times(forecast), forecast_lines(forecast), every_row=True)


@app.command()
def report(
    sweep: Annotated[str, typer.Option(help="A sweep's id, or `latest`.")] = "latest",
    baseline: Annotated[str | None, typer.Option(help="An earlier sweep to show the differences from.")] = None,
    lang: Annotated[
        list[str] | None, typer.Option(help="Language; repeat it for several. Default: the sweep's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: HOME/sweeps/ID/report.", file_okay=False)] = None,
    register: Annotated[
        str | None, typer.Option(help="Make the recommended cell the champion of this model in MLflow's registry.")
    ] = None,
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
) -> None:
    """Build the report of a sweep from MLflow alone: tables, figures, Markdown and one HTML page."""
    from sweep.defaults import open_site
    from sweep.errors import SweepError
    from sweep.flow import make_console
    from sweep.rebuild import rebuild_report, register_recommended
    from sweep.tracking.read import sweep_run
    from sweep.tracking.registry import name_problem

    store, console = open_site(home, tracking_uri, experiment), make_console()
    run = sweep_run(store, sweep)
    before = sweep_run(store, baseline) if baseline else None
    if register is not None and (problem := name_problem(register)):
        raise SweepError(problem.replace("report.register=", "--register "))
    if register is not None and run.status == "running":
        raise SweepError(f"--register {register}: sweep {run.sweep_id} has not ended yet.")
    built = rebuild_report(store, run, console, baseline=before, languages=lang, out=out)
    if register is not None:
        register_recommended(store, built, register, console, whatever=True)


@app.command()
def status(
    sweep: Annotated[str, typer.Option(help="A sweep's id, or `latest`.")] = "latest",
    watch: Annotated[bool, typer.Option("--watch", help="Go on until the sweep has ended.")] = False,
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
) -> None:
    """Show how far a sweep is, from MLflow alone: on any machine that reaches the server."""
    from sweep.defaults import open_site
    from sweep.flow import make_console
    from sweep.status import print_status, read_status
    from sweep.status import watch as watch_sweep

    store, console = open_site(home, tracking_uri, experiment), make_console()
    if watch:
        watch_sweep(store, sweep, console)
    else:
        print_status(console, read_status(store, sweep))


@app.command()
def sync(
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait while nothing gets through.", min=0)] = 30,
) -> None:
    """Deliver to MLflow what sweeps could not (exit code 4), then build their tables and reports."""
    from sweep.defaults import site
    from sweep.delivery import sync as deliver
    from sweep.errors import SweepError
    from sweep.flow import make_console
    from sweep.tracking.store import store_at

    place = site(home, tracking_uri, experiment)
    if not place.home.is_dir():
        raise SweepError(f"home={place.home}: there is no such folder. Name the folder of your sweeps with --home.")
    store = store_at(place.home, place.experiment, place.tracking_uri)
    raise SystemExit(deliver(store, wait, make_console()))


@app.command()
def ui(
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Only this machine's own: the UI asks for no password.")] = "127.0.0.1",
) -> None:
    """Open MLflow's UI on home's store, on 127.0.0.1. Ctrl-C ends it."""
    from sweep.defaults import open_site, site
    from sweep.errors import SweepError
    from sweep.tracking.ui import check_host, serve
    from sweep.tracking.uri import is_server, without_credentials

    check_host(host, port)
    place = site(home, tracking_uri, experiment)
    if place.tracking_uri and is_server(place.tracking_uri):
        address = without_credentials(place.tracking_uri)
        raise SweepError(f"{address} is a server with a UI of its own: open it in a browser.")
    store = open_site(place.home, place.tracking_uri or "", place.experiment)
    raise SystemExit(serve(store, port, typer.echo))


@app.command()
def clean(
    home: Home = None,
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    keep_caches: Annotated[bool, typer.Option("--keep-caches", help="Leave what can be made again.")] = False,
) -> None:
    """Free space in home: of finished cells what MLflow has too, and caches. Nothing that a report needs goes."""
    from sweep.clean import Removable, removable, remove
    from sweep.defaults import open_site
    from sweep.flow import make_console
    from sweep.show_clean import print_removable, print_removed

    store, console = open_site(home, tracking_uri, experiment), make_console()
    entries = removable(store, caches=not keep_caches)
    print_removable(console, store.home, entries, dry_run)
    if entries and not dry_run:
        left: list[tuple[Removable, OSError]] = []
        freed = remove(entries, lambda entry, error: left.append((entry, error)))
        print_removed(console, freed, left)
        raise SystemExit(1 if left else 0)


@app.command()
def doctor(home: Home = None) -> None:
    """Show what is installed, which devices there are, and which optional parts are missing and how to get them."""
    from sweep.defaults import site
    from sweep.doctor import print_report
    from sweep.flow import make_console

    place = home.expanduser().absolute() if home else site().home
    sys.exit(print_report(make_console(), place))


def _multirun() -> object:
    from hydra.types import RunMode

    return RunMode.MULTIRUN
