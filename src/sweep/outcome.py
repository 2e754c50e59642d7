"""How each cell of a launch ended, from what its job returned and from what it wrote before it died."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.disk_full import refusal
from sweep.grid import Cell
from sweep.progress import progress_file, read_progress
from sweep.redaction import redacted
from sweep.stopping import STOPPED

if TYPE_CHECKING:
    from sweep.plan import PlannedCell
    from sweep.tracking.store import Store

ENDED = {"failed": "FAILED", "killed": "KILLED"}  # state -> MLflow status of a run that its own process left open
ATTENTION = "stopped, because another cell failed"
DEATH = "its process was ended by"
OPEN_TRIALS = "its trials did not come to an end"
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "memoryerror",
    "alloc_failed",
    "nvml_success == r internal assert",  # torch's allocator, where it cannot even ask how much there is
)
# What CUDA says when a neighbour has taken its memory, or the card has failed. A failed assertion would come again.
GPU_FAULT = re.compile(r"cuda error(?!.*device-side assert)|cudnn_status|cublas_status|unable to find an engine", re.I)
BEST_FIRST = ("finished", "failed", "killed", "skipped")  # of several workers on a cell, whose word counts


@dataclass(frozen=True)
class Outcome:
    """The end of a cell: finished, failed, killed (the sweep was stopped) or skipped (never started)."""

    state: str
    run_id: str | None = None
    reason: str | None = None
    reused: bool = False
    open: bool = False
    """Whether its run is still open, because its process could not end it."""
    lost: bool = False
    """Whether a worker died, or left trials to one that died: the study of a tuned cell can go on."""

    @property
    def out_of_memory(self) -> bool:
        """Whether it failed for want of memory, of the machine or of a GPU, as torch, Python or CUDA say it."""
        return self.state == "failed" and any(text in (self.reason or "").lower() for text in OUT_OF_MEMORY)

    @property
    def gpu_failed(self) -> bool:
        """Whether it was the GPU that failed, as it may when its memory is used up: CUDA does not always say why."""
        return self.state == "failed" and GPU_FAULT.search(self.reason or "") is not None

    @property
    def worth_another_try(self) -> bool:
        """Whether it may end better the next time: an error of its own comes again, death or want of memory may not."""
        return self.state == "failed" and (self.lost or self.out_of_memory or self.gpu_failed)

    def stopped(self, reason: str) -> Outcome:
        """The same in a sweep that was asked to stop for that reason; the signal may have reached its workers, too."""
        if self.state == "failed" and self.lost:
            return replace(self, state="killed", reason=reason)
        return replace(self, reason=reason) if self.reason == STOPPED else self

    def as_listed(self, cell: Cell, params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The cell's entry in `cells.json`; `params` are its axes, which a cell that never started has nowhere else."""
        return {
            "cell": cell.name,
            "key": cell.key,
            "run_id": self.run_id,
            "state": self.state,
            "reused": self.reused,
            "reason": self.reason,
            "params": dict(params or {}),
        }

    @classmethod
    def cut_short(cls, home: Path, sweep_id: str, index: int, reason: str | None, begin: int = 0) -> Outcome:
        """The outcome of a cell whose job gave no word, from what its progress file holds from byte `begin` on."""
        events, _ = read_progress(progress_file(home, sweep_id, index), begin)
        if not events:
            return cls("skipped", reason=reason or "not started")
        last = events[-1]
        run_id = next((event["run_id"] for event in reversed(events) if event.get("run_id")), None)
        if last["event"] == "finished":
            return cls("finished", run_id, reused=bool(last.get("reused")))
        kinds = {event["event"] for event in events}
        if kinds & {"trained", "measuring"}:  # its run is finished: only its measuring was cut short
            return cls("finished", run_id, reused="trained" not in kinds)
        if last["event"] == "failed":
            return cls("failed", run_id, last.get("reason"))
        return cls("killed", run_id, reason or "stopped", open=run_id is not None)


def collect(
    home: Path, sweep_id: str, cells: Sequence[PlannedCell], returns: Sequence[Any], begins: Mapping[int, int]
) -> dict[int, Outcome]:
    """The outcome of every launched cell by its index.

    Args:
        home: The sweep's home.
        sweep_id: The sweep.
        cells: The cells of the launched jobs; one that several workers tune is there several times.
        returns: For each a Hydra JobReturn, or the exception with which the launcher lost it.
        begins: Where this launch begins in the progress file of each cell, by its index; earlier attempts do not count.
    """
    outcomes: dict[int, list[Outcome]] = {}
    for planned, returned in zip(cells, returns, strict=True):
        index = planned.cell.index
        outcomes.setdefault(index, []).append(_outcome(home, sweep_id, index, returned, begins.get(index, 0)))
    return {index: min(found, key=_weight) for index, found in outcomes.items()}


def _weight(outcome: Outcome) -> tuple[int, bool]:
    """Which of the outcomes of a cell's workers is the cell's: the best, and of failures the one that is no death.

    A worker that has left its trials to others knows least of how it ended.
    """
    state = "killed" if outcome.reason == OPEN_TRIALS else outcome.state
    return BEST_FIRST.index(state), outcome.lost


def mark_ended(store: Store, outcomes: Iterable[Outcome]) -> None:
    """End the runs of cells whose own process could not."""
    from sweep.tracking.spool.pending import pending_folder
    from sweep.tracking.spool.replay import replay
    from sweep.tracking.spool.run import SpooledRun

    for outcome in outcomes:
        folder = pending_folder(store.home, outcome.run_id) if outcome.open and outcome.run_id else None
        run = None if folder is None else replay(store, folder)
        if folder is not None and run is not None and run.status == "running":  # or it ended well and could not say so
            SpooledRun(store, folder).finish(ENDED[outcome.state], outcome.reason)  # type: ignore[arg-type]


def _outcome(home: Path, sweep_id: str, index: int, returned: Any, begin: int) -> Outcome:
    from hydra.core.utils import JobReturn, JobStatus

    error = returned
    if isinstance(returned, JobReturn):
        value = returned._return_value  # the property raises, and prints, for a failed job
        if returned.status == JobStatus.COMPLETED:
            at_rest = Outcome.cut_short(home, sweep_id, index, STOPPED, begin) if value.get("stopped") else None
            return at_rest or _completed(value)
        error = value
    refused = refusal(error, home) if isinstance(error, Exception) else None
    reason = redacted(" ".join(str(refused or error).split()) or type(error).__name__)
    seen = Outcome.cut_short(home, sweep_id, index, reason, begin)
    if seen.state == "finished":
        return seen
    if seen.state == "killed":
        stopped = ATTENTION in reason or STOPPED in reason
        lost = not stopped and _died(returned, error)
        return Outcome("killed" if stopped else "failed", seen.run_id, reason, open=True, lost=lost)
    if seen.state == "skipped" and (ATTENTION in reason or STOPPED in reason):
        return Outcome("skipped", reason=reason)
    if seen.state == "failed" and DEATH in reason:  # it had told why before its process went
        return seen
    return Outcome("failed", seen.run_id, reason, lost=seen.state == "skipped" and _died(returned, error))


def _completed(value: Mapping[str, Any]) -> Outcome:
    if not value.get("finished", True):
        return Outcome("failed", value["run_id"], OPEN_TRIALS, open=True, lost=True)
    return Outcome("finished", value["run_id"], reused=value["reused"])


def _died(returned: object, error: object) -> bool:
    """Whether a job ended by the death of its process, or with its whole batch, and not by an error or a time limit."""
    from hydra.core.utils import JobReturn

    return not isinstance(returned, JobReturn) or DEATH in str(error)
