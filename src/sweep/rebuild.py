"""Build the report of a sweep, and say where it is: at its end, and whenever it is asked for again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.paths import inside
from sweep.report_settings import ReportSettings, read_report_settings, settings_of

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.report.data import SweepData
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store


def report_folder(home: Path, sweep_id: str) -> Path:
    """Where the report of a sweep is written, beside MLflow's copy."""
    return inside(home / "sweeps", sweep_id) / "report"


def rebuild_report(
    store: Store,
    run: RunInfo,
    console: Console,
    *,
    baseline: RunInfo | None = None,
    languages: Sequence[str] | None = None,
    out: Path | None = None,
) -> SweepData:
    """Write the report of a sweep. As the sweep itself has asked for it, it is logged to the sweep's run, too.

    Args:
        store: The opened store.
        run: The sweep's run.
        console: Where to print the tables, and where the report is.
        baseline: The run of a sweep to compare with. Such a report is not logged, nor is one in other languages.
        languages: Those of the report; None: the sweep's own.
        out: The folder, in which files of other names stay; None: the sweep's in home, which is replaced.

    Returns:
        What the report was made from.

    Raises:
        SweepError: A language has no texts. Nothing was written.
    """
    from sweep.report.build import build_report

    settings = _settings(run, languages)
    os.environ.setdefault("MPLCONFIGDIR", str(store.home / "matplotlib"))  # matplotlib's list of fonts
    folder = (out.expanduser() if out else report_folder(store.home, str(run.sweep_id))).absolute()
    draft = folder if out else folder.with_name(f"{folder.name}.new")
    if not out:
        shutil.rmtree(draft, ignore_errors=True)
    with console.status("report") as status:
        sweep = build_report(
            store,
            run,
            draft,
            settings=settings,
            baseline=baseline,
            console=console,
            say=lambda text: status.update(f"report: {text}"),
            log=baseline is None and not languages,
        )
    if not out:
        shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True, markup=False)
    return sweep


def _settings(run: RunInfo, languages: Sequence[str] | None) -> ReportSettings:
    from sweep.tracking import names

    settings = settings_of(run.tags.get(names.REPORT_SETTINGS))
    if not languages:
        return settings
    return replace(settings, lang=read_report_settings({"lang": list(languages)}).lang)


def register_recommended(
    store: Store, sweep: SweepData, name: str, console: Console, *, whatever: bool = False
) -> None:
    """Make the recommended cell of a sweep the champion of a model in MLflow's registry, and say so.

    A champion that is there stays, unless the cell is significantly better on the same images.

    Args:
        store: The opened store.
        sweep: The sweep; it has ended.
        name: The model's name.
        console: Where to say it.
        whatever: Whether the champion makes way in any case: somebody has asked for it.

    Raises:
        SweepError: The recommended cell's run holds no model.
    """
    from sweep.champion import challenge
    from sweep.report.recommend import recommend
    from sweep.tracking.registry import register_champion

    cell = recommend(sweep).cell
    if cell is None or cell.run_id is None:
        console.print(f"Model {name}: no cell is recommended, so its champion stays.", style="yellow", markup=False)
        return
    if not whatever and not (found := challenge(store, sweep, cell.run_id, name)).won:
        champion = found.champion
        told = "another cell" if champion is None else f"{champion.cell or champion.name} (sweep {champion.sweep_id})"
        console.print(f"Model {name}: its champion stays {told}: {found.reason()}.", soft_wrap=True, markup=False)
        again = f"python -m sweep report --sweep {sweep.id} --register {name}"
        console.print(f"To move it to {cell.name} all the same: {again}", soft_wrap=True, markup=False)
        return
    version = register_champion(store, cell.run_id, name)
    console.print(f"Model {name}: {cell.name} is version {version} and the champion.", soft_wrap=True, markup=False)
