"""Read a sweep from MLflow as its report needs it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sweep.report.axes import plain, word
from sweep.report.compare import FINISHED
from sweep.report.data import CellData, SweepData
from sweep.report.measurements import facts_of_rows, trusted
from sweep.report.recommend import qualifying
from sweep.report.study import Study, parse_study
from sweep.report_settings import ReportSettings, settings_of
from sweep.tracking import names
from sweep.tracking.links import compare_link, run_link
from sweep.tracking.read import RunInfo, curves, read_json, runs_by_id, sweep_cells
from sweep.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from sweep.statistics.images import ImageStatistics

# Cells whose curves, per-image statistics and studies are read: the best ones. Curves take about 25 ms a cell.
IN_DETAIL: Final = 20
MAX_FOLDER: Final = 80


def read_sweep(
    store: Store, run: RunInfo, *, settings: ReportSettings | None = None, baseline: RunInfo | None = None
) -> SweepData:
    """Return a sweep with its cells: of the best `IN_DETAIL` finished ones curves, image statistics and studies, too.

    Of unfinished ones there are curves of the first `IN_DETAIL`.

    Args:
        store: The opened store; nothing is read from anywhere else.
        run: The sweep's run.
        settings: Languages and rules; None: as the sweep's own tag has them.
        baseline: The run of a sweep to compare with.
    """
    chosen = settings or settings_of(run.tags.get(names.REPORT_SETTINGS))
    frame = trusted(sweep_cells(store, run.run_id))
    rows = [{str(key): plain(value) for key, value in row.items()} for row in frame.to_dict("records")]
    runs = runs_by_id(store, [str(row["run_id"]) for row in rows if row.get("run_id")])
    cells = [
        _cell(store, row, runs.get(str(row.get("run_id"))), facts, folder)
        for row, facts, folder in zip(rows, facts_of_rows(frame), folders_of(rows), strict=True)
    ]
    best = _best(cells, chosen)
    detailed = {*best, *_unfinished(cells)}
    cells = [_in_detail(store, cell, runs) if index in detailed else cell for index, cell in enumerate(cells)]
    started = [cell.run_id for cell in cells if cell.run_id and cell.run_id in runs]
    return SweepData(
        id=str(run.sweep_id or run.run_id),
        run_id=run.run_id,
        name=run.name,
        command=run.tags.get(names.SWEEP_COMMAND, ""),
        tags=run.tags,
        started=_time(run.start_ms),
        ended=_time(run.end_ms),
        cells=tuple(cells),
        frame=frame,
        settings=chosen,
        link=compare_link(store, started) if started else None,
        baseline=None if baseline is None else read_sweep(store, baseline, settings=chosen),
        left_out=sum(cell.finished for cell in cells) - len(best),
    )


def _cell(store: Store, row: Mapping[str, Any], run: RunInfo | None, facts: Mapping[str, Any], folder: str) -> CellData:
    return CellData(
        name=word(row.get("cell")) or word(row.get("run_id")) or "?",
        folder=folder,
        run_id=row.get("run_id"),
        status=str(row.get("status")),
        reason=row.get("reason"),
        values={name: value for name, value in row.items() if value is not None},
        facts=facts,
        tags=run.tags if run else {},
        started=_time(run.start_ms) if run else None,
        ended=_time(run.end_ms) if run else None,
        link=run_link(store, run.run_id) if run else None,
        artifact_uri=run.artifact_uri if run else None,
    )


def _best(cells: Sequence[CellData], settings: ReportSettings) -> list[int]:
    """The finished cells that are shown in detail: the best of all, and the best of those that meet the requirements.

    Cells without the ranking metric come last, equal ones in grid order.
    """
    place = {id(cell): index for index, cell in enumerate(cells)}
    finished = [cell for cell in cells if cell.status == FINISHED]
    finished.sort(key=lambda cell: -(cell.number(settings.ranked_by) or 0.0))
    meeting = qualifying(finished, settings)
    return list(dict.fromkeys(place[id(cell)] for cell in [*finished[:IN_DETAIL], *meeting[:IN_DETAIL]]))


def _unfinished(cells: Sequence[CellData]) -> list[int]:
    """The first cells that did not come to their end: how far they came is told, too."""
    return [index for index, cell in enumerate(cells) if cell.status != FINISHED and cell.run_id][:IN_DETAIL]


def _in_detail(store: Store, cell: CellData, runs: Mapping[str, RunInfo]) -> CellData:
    run = runs.get(cell.run_id or "")
    if run is None:
        return cell
    return replace(cell, curves=_curves(store, run), statistics=read_statistics(store, run), study=_study(store, run))


def _curves(store: Store, run: RunInfo) -> pd.DataFrame | None:
    frame = curves(store, run.run_id, [name for name in names.EPOCH_METRICS if name in run.metrics])
    return frame if len(frame) else None


def read_statistics(store: Store, run: RunInfo) -> ImageStatistics | None:
    """The per-image statistics of a cell; None where it has none, or where they cannot be read."""
    from sweep.statistics.images import load_statistics
    from sweep.tracking.artifacts import open_artifact

    if not any(end in run.metrics for end in names.INTERVAL_METRICS):  # no artifact is looked for in vain
        return None
    with open_artifact(store, run.run_id, run.artifact_uri, names.STATISTICS) as path:
        try:
            return None if path is None else load_statistics(path)
        except ValueError:
            return None


def _study(store: Store, run: RunInfo) -> Study | None:
    """The study of a tuned cell; None where it has none, or where it cannot be read."""
    if not any(metric in run.metrics for metric in names.TUNE_METRICS):  # no artifact is looked for in vain
        return None
    try:
        return parse_study(read_json(store, run, names.TUNE_STUDY_JSON))
    except Exception:  # no JSON, or nothing that can be opened: the report is written without it
        return None


def folders_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A folder name for each cell; a name that is no plain file name, or that another cell has, gets a digest."""
    names_so_far: set[str] = set()
    folders = []
    for index, row in enumerate(rows):
        name = word(row.get("cell"))
        safe = re.sub(r"[^\w.+-]", "_", name)[:MAX_FOLDER].strip(".") or "cell"
        if safe != name or safe.lower() in names_so_far:
            told = f"{name}\n{row.get('run_id') or index}"
            safe = f"{safe}-{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        names_so_far.add(safe.lower())
        folders.append(safe)
    return folders


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
