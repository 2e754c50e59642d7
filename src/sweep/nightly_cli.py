"""The verbs of `python -m sweep nightly`: install, run, status, history, remove."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sweep.nightly.timers import Job

app = typer.Typer(
    name="nightly",
    no_args_is_help=True,
    help="Run a sweep every night: install, run, status, history, remove. Times are UTC.",
)

Overrides = Annotated[list[str] | None, typer.Argument(help="The same overrides as for a sweep.")]
FREE = {"ignore_unknown_options": True}


@app.command(context_settings=FREE)
def run(
    overrides: Overrides = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if the last night was missed, and is not over yet.")
    ] = False,
) -> None:
    """Run a night now: the sweep `nightly` with these overrides, one at a time, until nightly.until."""
    from sweep.config import home_of
    from sweep.flow import make_console
    from sweep.interruption import Interrupted
    from sweep.nightly.conclusion import conclude
    from sweep.nightly.message import check_message
    from sweep.nightly.night import NightSweeps, refuse_verbs, run_night
    from sweep.nightly.second_look import Ended, SecondLook
    from sweep.nightly.settings import composed, read_nightly

    given, console = list(overrides or []), make_console()
    refuse_verbs(given)
    config = composed(given)
    settings = read_nightly(config)
    check_message(settings.addresses)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    def after(ended: Ended, night: NightSweeps) -> int:
        look = SecondLook(given, settings.again, night.run, night.tell) if settings.again else None
        return conclude(config, settings.addresses, ended, night.tell, look, night.log)

    try:
        code = run_night(home_of(config), settings.schedule, given, say, after=after, if_due=if_due)
    except Interrupted as interruption:
        raise SystemExit(interruption.exit_code) from None
    raise SystemExit(code)


@app.command(context_settings=FREE)
def install(
    overrides: Overrides = None,
    with_: Annotated[str, typer.Option("--with", help="systemd, cron, or auto: whichever is there.")] = "auto",
    show: Annotated[bool, typer.Option("--print", help="Only show what would be written.")] = False,
) -> None:
    """Start a night every night at nightly.at, by a timer of systemd or by cron."""
    from sweep.errors import SweepError
    from sweep.flow import make_console
    from sweep.nightly import timers
    from sweep.nightly.night import begin_with, refuse_verbs
    from sweep.redaction import redacted

    given, console = list(overrides or []), make_console()
    refuse_verbs(given)
    if with_ not in {"auto", timers.SYSTEMD, timers.CRON}:
        raise SweepError(f"--with {with_} is unknown. Choices: auto, systemd, cron.")
    job = _job(given)
    kind = timers.available() if with_ == "auto" else with_
    if show:
        shown = (
            f"# in the crontab\n{timers.cron_line(job)}\n"
            if kind == timers.CRON
            else "\n".join(f"# {path}\n{text}" for path, text in timers.files_of(job).items())
        )
        typer.echo(shown)
        return
    begin_with(job.home, job.schedule, datetime.now(UTC))
    timers.install(job, kind)
    console.print(f"{job.words()}, by {kind}: {redacted(job.command)}", markup=False, soft_wrap=True)


@app.command(context_settings=FREE)
def status(overrides: Overrides = None) -> None:
    """Show what starts the nights of this home, and how the last one ended."""
    from sweep.flow import make_console
    from sweep.nightly import timers
    from sweep.nightly.night import last_night, runs_now

    job, console = _job(list(overrides or [])), make_console()
    by = timers.installed(job.home)
    words = timers.words_of(job.home) or job.words()
    lines = [
        f"{words}, by {' and '.join(by)} ({job.name})."
        if by
        else "Nothing starts a night in this home: python -m sweep nightly install"
    ]
    last = last_night(job.home)
    if runs_now(job.home) and last is not None:
        lines.append(f"A night is under way since {last.began} UTC. Its log: {last.log}")
    elif last is None or not last.log:
        lines.append("There was no night yet.")
    elif last.ended is None:
        lines.append(f"The last night began at {last.began} UTC and was cut short. Its log: {last.log}")
    else:
        over = ", stopped at its end" if last.over else ""
        lines.append(
            f"The last night: {last.began} to {last.ended} UTC, exit code {last.exit_code}{over}. Its log: {last.log}"
        )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


@app.command(context_settings=FREE)
def history(
    overrides: Overrides = None,
    sweep: Annotated[str, typer.Option(help="A nightly sweep's id, or `latest`.")] = "latest",
) -> None:
    """Write the history page of the cells of a night anew: their trend over all nights."""
    from sweep.config import read_settings
    from sweep.flow import make_console
    from sweep.nightly.history import last_judged, update_history
    from sweep.nightly.settings import composed
    from sweep.tracking.read import LATEST, sweep_run
    from sweep.tracking.store import open_store

    settings = read_settings(composed(list(overrides or [])))
    store = open_store(settings.home, settings.experiment, settings.tracking_uri)
    run = last_judged(store) if sweep == LATEST else None
    page = update_history(store, run or sweep_run(store, sweep))
    make_console().print(f"History: {page}", markup=False, soft_wrap=True)


@app.command(context_settings=FREE)
def remove(overrides: Overrides = None) -> None:
    """Start no more nights in this home. What they have left stays."""
    from sweep.flow import make_console
    from sweep.nightly import timers

    found = timers.remove(_job(list(overrides or [])).home)
    make_console().print(f"Removed from {' and '.join(found)}." if found else "There was nothing to remove.")


def _job(overrides: list[str]) -> Job:
    """The nightly job of this folder."""
    from pathlib import Path

    from sweep.config import home_of
    from sweep.nightly.message import check_message
    from sweep.nightly.settings import composed, read_nightly
    from sweep.nightly.timers import Job

    config = composed(overrides)
    settings = read_nightly(config)
    check_message(settings.addresses)
    return Job(home_of(config), Path.cwd(), settings.schedule, tuple(overrides))
