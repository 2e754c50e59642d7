"""What a night's cells are compared with: earlier trainings of the same cells, and what has changed since then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.nightly.gate import Limits, Series, rule_of
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
    """A cell that was trained in a night, and its earlier trainings, oldest first."""

    run: RunInfo
    earlier: tuple[RunInfo, ...]

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.run.cell or self.run.name

    def series(self) -> Iterator[Series]:
        """Its metrics that can be judged."""
        for metric, now in self.run.metrics.items():
            if rule_of(metric) is not None:
                values = tuple(run.metrics[metric] for run in self.earlier if metric in run.metrics)
                yield Series(self.name, metric, values, now)

    def suspects(self) -> list[str]:
        """What is other than at its last training, in words: what may have made it worse."""
        if not self.earlier:
            return []
        last, found = self.earlier[-1], []
        versions = sorted(tag for tag in {*last.tags, *self.run.tags} if tag.startswith(names.VERSION_PREFIX))
        words = CODE | {tag: tag.removeprefix(names.VERSION_PREFIX) for tag in versions}
        for tag, word in words.items():
            before, now = last.tags.get(tag), self.run.tags.get(tag)
            if before != now:
                found.append(f"{word}: {_short(before)} → {_short(now)}")
        for param in sorted({*last.params, *self.run.params}):
            before, now = last.params.get(param), self.run.params.get(param)
            if before != now:
                found.append(f"{param}: {_short(before)} → {_short(now)}")
        return found


def _short(text: str | None) -> str:
    return "none" if text is None else text[:SHORT]


def trained_in(store: Store, sweep: RunInfo, limits: Limits) -> list[Trained]:
    """The cells that a sweep has trained to their end, with their earlier trainings; not those that it took over."""
    from sweep.tracking.read import search

    finished = f"tags.`{names.KIND}` = '{names.KIND_CELL}' AND attributes.status = 'FINISHED'"
    runs = list(search(store, f"{finished} AND tags.`{names.PARENT}` = '{sweep.run_id}'"))
    runs.sort(key=lambda run: (run.start_ms, run.cell or ""))
    alike = Counter(_identity(run) for run in runs)
    found = []
    for run in runs:
        same = "".join(
            f" AND params.`{param}` = '{run.params[param]}'"
            for param in SAME
            if param in run.params and "'" not in run.params[param]
        )
        earlier = [
            other
            for other in search(store, finished + same, limit=4 * limits.window)
            if other.parent_run_id != sweep.run_id
            and other.start_ms < run.start_ms
            and names.IMPORTED not in other.tags
            and (alike[_identity(run)] == 1 or _recipe(other) == _recipe(run))
        ]
        found.append(Trained(run, tuple(reversed(earlier[: limits.window + 1]))))
    return found


def _identity(run: RunInfo) -> tuple[str | None, ...]:
    return tuple(run.params.get(param) for param in SAME)


def _recipe(run: RunInfo) -> dict[str, str]:
    """The whole recipe: what tells cells apart where more than the usual axes are swept."""
    return {name: value for name, value in run.params.items() if name.startswith(names.RECIPE_PREFIX)}
