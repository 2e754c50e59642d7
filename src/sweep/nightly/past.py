"""What a night's cells are compared with: earlier trainings of the same cells, and what has changed since then."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.nightly.gate import Series, rule_of
from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

SAME: Final = ("base", "level", "act", "seed", "data", "recipe", "recipe.epochs", "recipe.imgsz", "recipe.batch")
CODE: Final = {
    names.DATA_DIGEST: "data set",
    names.GIT_COMMIT: "commit",
    names.WEIGHTS_DIGEST: "initial weights",
    names.DEVICE: "device",
    names.HOST: "host",
}
SHORT: Final = 12  # characters of a digest that are told


@dataclass(frozen=True)
class Trained:
    """A cell that was trained in a night, its earlier trainings, oldest first, and those of the night's second look."""

    run: RunInfo
    earlier: tuple[RunInfo, ...]
    again: tuple[RunInfo, ...] = ()

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.run.cell or self.run.name

    def series(self) -> Iterator[Series]:
        """Its metrics that can be judged."""
        for metric, now in self.run.metrics.items():
            if rule_of(metric) is not None:
                earlier, again = (
                    tuple(run.metrics[metric] for run in runs if metric in run.metrics)
                    for runs in (self.earlier, self.again)
                )
                yield Series(self.name, metric, earlier, (now, *again))

    def suspects(self, worse: Collection[tuple[str, str]]) -> list[str]:
        """What is other than at its last training that was as usual, in words: what may have made it worse.

        Args:
            worse: Which trainings were called a regression: the run of their night, and the cell.
        """
        good = [run for run in self.earlier if (str(run.parent_run_id), str(run.cell)) not in worse]
        return changes(good[-1], self.run) if good else []


def changes(last: RunInfo, run: RunInfo) -> list[str]:
    """What is other at a training than at the one before it: data set, code, versions, machine, parameters."""
    versions = sorted(tag for tag in {*last.tags, *run.tags} if tag.startswith(names.VERSION_PREFIX))
    words = CODE | {tag: tag.removeprefix(names.VERSION_PREFIX) for tag in versions}
    pairs = [(word, last.tags.get(tag), run.tags.get(tag)) for tag, word in words.items()]
    pairs += [(param, last.params.get(param), run.params.get(param)) for param in sorted({*last.params, *run.params})]
    return [f"{word}: {_short(before)} → {_short(now)}" for word, before, now in pairs if before != now]


def called_worse(store: Store, runs: Iterable[RunInfo]) -> dict[tuple[str, str], set[str]]:
    """What the nights of some runs have called a regression: metrics by the night's run and the cell."""
    from sweep.tracking.read import runs_by_id

    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    nights = runs_by_id(store, sorted({run.parent_run_id for run in runs if run.parent_run_id}))
    for night in nights.values():
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


def trained_in(store: Store, sweep: RunInfo, window: int) -> list[Trained]:
    """The cells that a sweep has trained to their end, each with its last earlier trainings, at most a window of them.

    Those that it took over are not among them.
    """
    from sweep.tracking.read import cells_under

    return with_earlier(store, [run for run in cells_under(store, sweep.run_id) if run.status == "finished"], window)


def with_earlier(store: Store, runs: Sequence[RunInfo], most: int) -> list[Trained]:
    """The cells of a sweep, each with its last earlier trainings, at most so many."""
    alike = Counter(_identity(run) for run in runs)
    return [Trained(run, _earlier(store, run, most, whole_recipe=alike[_identity(run)] > 1)) for run in runs]


def _earlier(store: Store, run: RunInfo, most: int, *, whole_recipe: bool) -> tuple[RunInfo, ...]:
    """The last trainings of the same cell before a run, oldest first."""
    from sweep.tracking.read import FINISHED_CELLS, param_is, sayable, search

    said = {param: run.params[param] for param in SAME if param in run.params and sayable(run.params[param])}
    same = [param_is(param, value) for param, value in said.items()]
    found = [
        other
        for other in search(store, " AND ".join([FINISHED_CELLS, *same]), limit=4 * most)
        if other.parent_run_id != run.parent_run_id
        and other.start_ms < run.start_ms
        and names.IMPORTED not in other.tags
        and (not whole_recipe or _recipe(other) == _recipe(run))
    ]
    return tuple(reversed(found[:most]))


def _identity(run: RunInfo) -> tuple[str | None, ...]:
    return tuple(run.params.get(param) for param in SAME)


def _recipe(run: RunInfo) -> dict[str, str]:
    """The whole recipe: what tells cells apart where more than the usual axes are swept."""
    return {name: value for name, value in run.params.items() if name.startswith(names.RECIPE_PREFIX)}
