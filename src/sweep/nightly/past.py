"""What a night's cells are compared with: earlier trainings of the same cells, and what has changed since then."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sweep.nightly.gate import Series, rule_of
from sweep.tracking import names
from sweep.tracking.expected import expected_of
from sweep.tracking.measured import measured_facts

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

SAME: Final = (*names.AXES, names.WEIGHTS, "recipe.epochs", "recipe.imgsz", "recipe.batch", "recipe.fraction")
CODE: Final = {
    names.DATA_DIGEST: "data set",
    names.GIT_COMMIT: "commit",
    names.GIT_DIRTY: "uncommitted changes",
    names.WEIGHTS_DIGEST: "initial weights",
    names.DEVICE: "device",
    names.HOST: "host",
}
SHORT: Final = 12  # characters of a digest that are told


@dataclass(frozen=True)
class Past:
    """A cell of a nightly sweep, and what it was before.

    Attributes:
        run: its run, finished.
        trained: whether the sweep has trained it; otherwise it has taken over a run of an earlier one.
        earlier: the finished trainings of the same cell before it, oldest first.
        alike: the ids of those that ran on the same machine beside as many others: their times can be compared.
        again: the trainings of the night's second look.
    """

    run: RunInfo
    trained: bool
    earlier: tuple[RunInfo, ...]
    alike: frozenset[str] = frozenset()
    again: tuple[RunInfo, ...] = ()

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.run.cell or self.run.name

    def series(self) -> Iterator[Series]:
        """Its metrics that can be judged; of a cell that was not trained they only tell how much trainings differ."""
        earlier, now = (self.earlier, (self.run, *self.again)) if self.trained else ((*self.earlier, self.run), ())
        for metric in self.run.metrics:
            rule = rule_of(metric)
            if rule is not None:
                before = [run for run in earlier if not rule.timed or run.run_id in self.alike]
                yield Series(self.name, metric, _values(before, metric), _values(now, metric))

    def suspects(self, worse: Collection[tuple[str, str]]) -> list[str]:
        """What is other than at its last training that was as usual, in words: what may have made it worse.

        Args:
            worse: Which trainings were called a regression: the run of their night, and the cell.
        """
        good = [run for run in self.earlier if (str(run.parent_run_id), str(run.cell)) not in worse]
        return changes(good[-1], self.run) if good else []


def _values(runs: Iterable[RunInfo], metric: str) -> tuple[float, ...]:
    return tuple(run.metrics[metric] for run in runs if metric in run.metrics)


def changes(last: RunInfo, run: RunInfo) -> list[str]:
    """What is other at a training than at the one before it: data set, code, versions, compilers, machine, params."""
    versions = sorted(tag for tag in {*last.tags, *run.tags} if tag.startswith(names.VERSION_PREFIX))
    words = CODE | {tag: tag.removeprefix(names.VERSION_PREFIX) for tag in versions}
    pairs = [(word, last.tags.get(tag), run.tags.get(tag)) for tag, word in words.items()]
    before, now = _compilers(last), _compilers(run)
    pairs += [(f"compiler of {name}", before[name], now[name]) for name in sorted({*before} & {*now})]
    pairs += [(param, last.params.get(param), run.params.get(param)) for param in sorted({*last.params, *run.params})]
    return [f"{word}: {_short(one)} → {_short(other)}" for word, one, other in pairs if one != other]


def _compilers(run: RunInfo) -> dict[str, str]:
    facts = measured_facts(run.tags)
    return {name: fact.compiler for name, fact in facts.items() if fact.compiler}


def cells_of(store: Store, sweep: RunInfo, most: int) -> list[Past]:
    """The cells of a sweep in grid order, each with its last earlier trainings; those without any are left out.

    In the place of one that did not come to its end is its last training that did.

    Args:
        store: The opened store.
        sweep: The sweep's run.
        most: How many earlier trainings at most.
    """
    from sweep.tracking.read import runs_by_id, sweep_cells

    rows: list[Any] = sweep_cells(store, sweep.run_id).to_dict("records")
    runs = runs_by_id(store, [str(row["run_id"]) for row in rows if row.get("run_id")])
    found = [(runs[str(row["run_id"])], not row["reused"]) for row in rows if str(row.get("run_id")) in runs]
    varied = _varied([run for run, _ in found])
    before = [_earlier(store, run, sweep, most, varied) for run, _ in found]
    sweeps = _sweeps_of(store, [*(run for runs in before for run in runs), *(run for run, _ in found)])
    sweeps[sweep.run_id] = sweep
    cells = []
    for (run, trained), runs_before in zip(found, before, strict=True):
        trainings = [one for one in runs_before if names.SECOND_LOOK not in _tags(sweeps, one)]
        trainings += [run] if run.status == "finished" else []
        if trainings:
            *earlier, last = trainings
            here = _circumstances(last, sweeps)
            alike = frozenset(one.run_id for one in trainings if _circumstances(one, sweeps) == here)
            cells.append(Past(last, trained and last is run, tuple(earlier), alike))
    return cells


def _varied(runs: Sequence[RunInfo]) -> list[str]:
    """The recipe's parameters in which the cells of a sweep differ: with the usual ones they tell cells apart."""
    names_ = {param for run in runs for param in run.params if param.startswith(names.RECIPE_PREFIX)}
    return sorted(param for param in names_ if len({run.params.get(param) for run in runs}) > 1)


def _earlier(store: Store, run: RunInfo, sweep: RunInfo, most: int, varied: Sequence[str]) -> list[RunInfo]:
    """The last trainings of the same cell before a run, oldest first."""
    from sweep.tracking.read import FINISHED_CELLS, param_is, sayable, search

    wanted = [param for param in dict.fromkeys((*SAME, *varied)) if sayable(run.params.get(param, "'\""))]
    same = [param_is(param, run.params[param]) for param in wanted]
    found = (
        other
        for other in search(store, " AND ".join([FINISHED_CELLS, *same]), page=4 * most)
        if other.parent_run_id not in (sweep.run_id, run.parent_run_id)
        and other.run_id != run.run_id
        and other.start_ms < run.start_ms
        and names.IMPORTED not in other.tags
        and (names.TUNE_STUDY in other.tags) == (names.TUNE_STUDY in run.tags)
    )
    return list(islice(found, most))[::-1]


def _sweeps_of(store: Store, runs: Iterable[RunInfo]) -> dict[str, RunInfo]:
    from sweep.tracking.read import runs_by_id

    return runs_by_id(store, sorted({run.parent_run_id for run in runs if run.parent_run_id}))


def _tags(sweeps: Mapping[str, RunInfo], run: RunInfo) -> Mapping[str, str]:
    sweep = sweeps.get(run.parent_run_id or "")
    return {} if sweep is None else sweep.tags


def _circumstances(run: RunInfo, sweeps: Mapping[str, RunInfo]) -> tuple[object, ...]:
    """On what a training ran, and how many beside it."""
    expected = expected_of(_tags(sweeps, run))
    return run.tags.get(names.HOST), run.tags.get(names.DEVICE), expected and expected.side_by_side


def called_worse(store: Store, runs: Iterable[RunInfo]) -> dict[tuple[str, str], set[str]]:
    """What the nights of some runs have called a regression: metrics by the night's run and the cell."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for night in _sweeps_of(store, runs).values():
        try:
            findings = json.loads(night.tags.get(names.REGRESSION, "[]"))
        except ValueError:
            continue
        for finding in findings if isinstance(findings, list) else ():
            if isinstance(finding, dict) and "metric" in finding:
                found[night.run_id, str(finding.get("cell"))].add(str(finding["metric"]))
    return found


def _short(text: str | None) -> str:
    return "none" if text is None else text[:SHORT]
