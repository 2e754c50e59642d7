"""The recommendation in sentences: which of them apply, and the values that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sweep.report.cells import number
from sweep.report.columns import target_title
from sweep.report.data import CellData, SweepData
from sweep.report.measurements import facts_by_target
from sweep.report.pareto import objectives
from sweep.report.ranking import Standing
from sweep.report.recommendation import Change, Excluded, Heavier, Miss, Recommendation
from sweep.report.render import Markdown, sentence
from sweep.report.sweep.wording import Wording
from sweep.report.texts import load_texts
from sweep.tracking import names

# What is told of the recommended cell.
FIGURES: Final = ("best/mAP50", "best/mAP50-95", "int8/mAP50", names.PARAMS, names.GFLOPS)
SHOWN: Final = 5  # of the cells that are tied with it


@dataclass(frozen=True)
class Advice:
    """What the report says of the recommendation.

    Attributes:
        verdict: which cell it is, or that there is none.
        figures: of the recommended cell: heading, value, what is required of it (empty: nothing).
        why: what led to it, a sentence each.
        out: the cells that do not qualify, each with its reasons.
        changes: what would change it, a sentence each.
        has_test: whether the recommended cell was evaluated on a test split.
    """

    verdict: Markdown
    figures: tuple[tuple[str, str, str], ...]
    why: tuple[Markdown, ...]
    out: tuple[tuple[CellData, Markdown], ...]
    changes: tuple[Markdown, ...]
    has_test: bool


def advice(sweep: SweepData, found: Recommendation) -> Advice:
    """Return what the report says of the recommendation, in the language that is spoken."""
    return _Speaker(sweep, found).advice()


class _Speaker:
    """Finds the sentences. What they have in common (the texts, the wording of figures) is held here."""

    def __init__(self, sweep: SweepData, found: Recommendation) -> None:
        facts = facts_by_target(sweep.frame)
        self._sweep, self._found = sweep, found
        self._w = Wording(facts)
        self._texts = load_texts("sweep")["recommendation"]
        self._target = target_title(found.target, facts) if found.target else str(self._texts["no_target"])
        self._metric = self._w.heading(found.metric)

    def advice(self) -> Advice:
        found = self._found
        return Advice(
            self._verdict(),
            self._figures(),
            (*self._asked(), *self._accuracy(), *map(self._heavier, found.heavier[:SHOWN]), *self._more_heavier()),
            tuple((entry.cell, self._out(entry)) for entry in found.excluded),
            tuple(map(self._change, found.changes)) or (self._say("changes.nothing"),),
            found.cell is not None and any(found.cell.number(metric) is not None for metric in names.TEST),
        )

    def _say(self, name: str, **values: Any) -> Markdown:
        return sentence(self._texts, name, **values)

    def _verdict(self) -> Markdown:
        found = self._found
        if found.cell is not None:
            return self._say("chosen", cell=self._w.cell(found.cell))
        if not self._sweep.finished:
            return self._say("none_finished")
        if not found.requirements():
            return self._say("none_measured", metric=self._metric)
        return self._say("none_qualifies", count=len(found.excluded))

    def _figures(self) -> tuple[tuple[str, str, str], ...]:
        cell = self._found.cell
        if cell is None:
            return ()
        limits = {metric: self._limit(rule, limit) for rule, metric, limit in self._found.requirements() if metric}
        wanted = [*FIGURES[:2], *(name for name in names.TEST if cell.number(name) is not None), FIGURES[2]]
        wanted += [*objectives(self._sweep).values(), *FIGURES[3:], *limits]
        return tuple(
            (self._w.heading(metric), self._w.figure(cell, metric), limits.get(metric, ""))
            for metric in dict.fromkeys(wanted)
            if metric in limits or cell.number(metric) is not None or metric == self._found.metric
        )

    def _limit(self, rule: str, limit: float) -> str:
        return str(self._texts["limits"][rule]).format(limit=_plain(limit))

    def _asked(self) -> list[Markdown]:
        asked = self._found.requirements()
        if not asked:
            return [self._say("asked_nothing")]
        what = [self._rule(rule, limit) for rule, _, limit in asked]
        left = len(self._found.standings)
        return [self._say("asked", rules=Markdown("; ".join(what)), left=left, all=len(self._sweep.finished))]

    def _rule(self, rule: str, limit: float) -> Markdown:
        return self._say(f"rules.{rule}", target=self._target, limit=_plain(limit))

    def _accuracy(self) -> list[Markdown]:
        """How the recommended cell stands in the metric that ranks, among the cells that qualify."""
        found = self._found
        if found.cell is None or found.standing is None:
            return []
        leader, *others = found.standings
        own = {"metric": self._metric, "value": self._w.figure(leader.cell, found.metric)}
        if not others:
            return [self._say("accuracy.only", **own)]
        if found.standing is not leader:
            first = self._say("accuracy.behind", cell=self._w.cell(leader.cell), **own)
            equal = found.standing.value == leader.value and not found.standing.compared
            return [first, self._say("accuracy.equal") if equal else self._test("accuracy.within", found.standing)]
        said = [self._say("accuracy.leads", **own)]
        following = next((entry for entry in others if entry.rank > 1), None)
        if following is not None:
            name = "accuracy.untested" if following.tied is None else "accuracy.better"
            said.append(self._test(name, following))
        return said

    def _test(self, name: str, entry: Standing) -> Markdown:
        """A sentence on the distance of a cell to the leader."""
        return self._say(
            name,
            cell=self._w.cell(entry.cell),
            metric=self._metric,
            value=self._w.value(self._found.metric, entry.value),
            difference=self._difference(entry.difference, entry.diff_lo, entry.diff_hi),
            p="" if entry.p is None else self._w.p(entry.p),
        )

    def _difference(self, value: float | None, low: float | None, high: float | None) -> str:
        return "" if value is None else self._w.change(self._found.metric, value, low, high)

    def _heavier(self, entry: Heavier) -> Markdown:
        cell = self._w.cell(entry.cell)
        if entry.metric is None:
            return self._say("heavier.same", cell=cell)
        own, other = (self._w.value(entry.metric, value) for value in (entry.own, entry.other))
        return self._say("heavier.lighter", cell=cell, figure=self._w.heading(entry.metric), own=own, other=other)

    def _more_heavier(self) -> list[Markdown]:
        rest = len(self._found.heavier) - SHOWN
        return [self._say("heavier.more", count=rest)] if rest > 0 else []

    def _out(self, entry: Excluded) -> Markdown:
        return Markdown("; ".join(map(self._miss, entry.misses)))

    def _miss(self, miss: Miss) -> Markdown:
        if miss.rule == "metric" or miss.limit is None:
            return self._say("misses.metric", metric=self._metric)
        name = "misses.unmeasured" if miss.value is None or miss.metric is None else f"misses.{miss.rule}"
        figure = self._w.value(miss.metric, miss.value) if miss.metric else ""
        what = self._w.heading(miss.metric) if miss.metric else str(self._texts["unmeasured"][miss.rule])
        return self._say(name, figure=what, target=self._target, value=figure, limit=_plain(miss.limit))

    def _change(self, change: Change) -> Markdown:
        rule = "" if change.rule is None or change.limit is None else self._rule(change.rule, change.limit)
        metric = self._w.heading(change.metric) if change.metric else ""
        cell = "" if change.cell is None else self._w.cell(change.cell)
        gained = change.metric if change.sort == "metric" and change.metric else self._found.metric
        value = self._w.value(change.metric, change.value) if change.metric and change.value is not None else ""
        name = f"changes.{change.sort}"
        if change.sort == "nobody" and change.value is None:
            name = "changes.never_measured"
        said = self._say(name, rule=rule, metric=metric, cell=cell, value=value)
        if change.gain is None:
            return said
        gain = self._w.change(gained, change.gain, change.lo, change.hi)
        return Markdown(f"{said} {self._say('changes.gain', metric=self._w.heading(gained), gain=gain)}")


def _plain(limit: float) -> str:
    """A limit as the user wrote it: no digits that nobody asked for."""
    return number(limit, 0) if limit == int(limit) else repr(limit)
