"""The sweep that an imported cell goes into: a new one, or one that is there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sweep.errors import SweepError, in_one_line
from sweep.grid import cell_name
from sweep.importing.cell import ImportedCell
from sweep.tracking import names, write
from sweep.tracking.read import RunInfo, read_json, sweep_cells, sweep_run
from sweep.tracking.store import Store

NAME = "imported"


def open_parent(store: Store, which: str) -> RunInfo:
    """The run of a sweep that a cell can be added to.

    Raises:
        SweepError: There is no such sweep, or it is still running: it will write its list of cells when it ends.
    """
    from sweep.tracking.runs import close_dead_sweeps

    parent = sweep_run(store, which)
    if parent.status == "running":
        close_dead_sweeps(store)
        parent = sweep_run(store, parent.run_id)
    if parent.status == "running":
        raise SweepError(f"--sweep {which}: the sweep {parent.sweep_id} is still running. Import when it has ended.")
    return parent


@contextmanager
def new_parent(store: Store, command: str, report_settings: str) -> Iterator[RunInfo]:
    """A sweep of its own for imported cells, which ends with the block."""
    from sweep.locks import sweep_lock
    from sweep.tracking.provenance import provenance_tags

    sweep_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    tags = provenance_tags() | {names.REPORT_SETTINGS: report_settings}
    with sweep_lock(store.home, sweep_id):  # before its run is there to be seen by others
        run_id = write.start_sweep(store, sweep_id=sweep_id, name=NAME, command=command, tags=tags)
        try:
            yield sweep_run(store, run_id)
        except BaseException as error:
            status: write.Status = "FAILED" if isinstance(error, Exception) else "KILLED"
            write.finish(store, run_id, status, reason=in_one_line(error))
            raise
        write.finish(store, run_id, "FINISHED")


def listed(store: Store, parent: RunInfo) -> list[dict[str, Any]]:
    """The cells of a sweep as its cells.json lists them, or, where it has none, as its runs say."""
    content = read_json(store, parent, names.CELLS_JSON)
    if content is not None:
        return [dict(entry) for entry in content["cells"]]
    rows = sweep_cells(store, parent.run_id).to_dict("records")
    return [
        {
            "cell": row["cell"],
            "key": row["key"],
            "run_id": row["run_id"],
            "state": row["status"],
            "reused": bool(row["reused"]),
            "reason": row["reason"],
        }
        for row in rows
    ]


def name_in(cells: Sequence[Mapping[str, Any]], cell: ImportedCell) -> str:
    """What a sweep calls the cell: with a part of its key where another cell has the name."""
    axes = cell.axes
    taken = {entry["cell"] for entry in cells if entry["key"] not in (cell.key, cell.key_without_data)}
    plain = cell_name(axes["base"], axes["level"], axes["act"], cell.seed, cell.key)
    return (
        plain
        if plain not in taken
        else cell_name(axes["base"], axes["level"], axes["act"], cell.seed, cell.key, swept=("imported",))
    )


def add(
    store: Store, parent: RunInfo, cells: Sequence[Mapping[str, Any]], cell: ImportedCell, run: RunInfo, *, reused: bool
) -> None:
    """List a cell in its sweep: in the place of the same folder without its data, or of a run that is deleted.

    Args:
        store: The opened store.
        parent: The sweep's run. The caller holds its lock.
        cells: What the sweep lists so far.
        cell: The cell.
        run: Its run.
        reused: Whether the run belongs to another sweep.
    """
    entry = {
        "cell": run.cell,
        "key": cell.key,
        "run_id": run.run_id,
        "state": "finished",
        "reused": reused,
        "reason": None,
        "params": cell.axes,
    }
    same = [index for index, each in enumerate(cells) if each["key"] in (cell.key, cell.key_without_data)]
    place = same[0] if same else len(cells)
    after = [*cells[:place], entry, *cells[place + 1 :]]
    write.log_cells(store, parent.run_id, sweep_id=str(parent.sweep_id), cells=after)
