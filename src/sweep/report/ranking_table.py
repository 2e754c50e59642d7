"""The table of ranks: every finished cell, its distance to the leader, what it costs, and the baseline beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sweep.report.baseline import Match, compared_metrics, matches
from sweep.report.columns import Column, interval_name, metric_column, metric_columns, text_column, with_intervals
from sweep.report.compare import FINISHED, PLACE, Group, Table, mark_best
from sweep.report.data import CellData, SweepData
from sweep.report.measurements import facts_by_target
from sweep.report.notes import notes_on
from sweep.report.pareto import fronts, objectives
from sweep.report.ranking import Standing, rank
from sweep.report.texts import load_texts
from sweep.report.ties import marks_of, ties_of
from sweep.report_settings import METRICS

RANK: Final = "rank"
DIFFERENCE: Final = "leader/difference"
DIFFERENCE_ENDS: Final = ("leader/difference_lo", "leader/difference_hi")
P: Final = "leader/p_holm"
VERDICT: Final = "leader/verdict"
PARETO: Final = "pareto"
BASELINE: Final = "baseline"  # every column of the comparison with the baseline begins so
_P_DIGITS: Final = 4


def ranking_table(sweep: SweepData) -> Table:
    """Return the finished cells by rank; those without the ranking metric come last."""
    standings = {entry.cell: entry for entry in rank(sweep)}
    ordered = [*standings, *(cell for cell in sweep.finished if cell not in standings)]
    measured = list(dict.fromkeys(objectives(sweep).values()))
    own = [sweep.settings.ranked_by, *(f"best/{name}" for name in METRICS if name != sweep.settings.metric)]
    accuracy = with_intervals(list(map(metric_column, own)), set(map(str, sweep.frame.columns)))
    costs = metric_columns(measured, facts_by_target(sweep.frame))
    rank_column = replace(text_column(RANK), absent=_word("none"), right=True)  # words: a terminal then puts it first
    columns = [rank_column, text_column("cell"), *accuracy, *_leader_columns(sweep), *costs]
    columns += [replace(text_column(PARETO), absent=_word("none"))] if measured else []
    columns += baseline_columns(sweep)
    rows = _rows(sweep, ordered, standings, [*accuracy, *costs])
    made = mark_best(rows, [*accuracy, *costs], columns, ties_of(sweep))
    groups = (Group((), made),) if made else ()
    brief = (RANK, "cell", own[0], interval_name(own[0]), DIFFERENCE, VERDICT, *measured)
    marks = (*marks_of(groups, sweep, every=True), *_marks(sweep, columns))
    title = str(load_texts()["titles"]["ranking"])
    return Table("ranking", title, tuple(columns), groups, brief, notes_on(sweep.frame, measured), marks)


def baseline_columns(sweep: SweepData) -> list[Column]:
    """Return the columns of the comparison with the sweep's baseline; none without one."""
    if sweep.baseline is None:
        return []
    facts = facts_by_target(sweep.frame)
    none = _word("none")
    found = [replace(text_column(BASELINE), absent=_word("unmatched"))]
    for metric in compared_metrics(sweep):
        known = metric_columns([metric], facts)[0]
        heading = load_texts()["difference"].format(name=known.heading)
        found.append(Column(f"{BASELINE}/{metric}", heading, digits=known.digits, signed=True, absent=none))
        if metric == sweep.settings.ranked_by:
            found += _test_columns(f"{BASELINE}/{metric}", f"{BASELINE}/p_holm", f"{BASELINE}/verdict")
    return found


def _leader_columns(sweep: SweepData) -> list[Column]:
    """The columns of the distance to the leader; of the tests only where there are any."""
    difference = replace(_column(DIFFERENCE, 4), signed=True, absent=_word("none"))
    if not any(entry.compared for entry in rank(sweep)):
        return [difference]
    return [difference, *_test_columns(DIFFERENCE, P, VERDICT)]


def _test_columns(name: str, p: str, verdict: str) -> list[Column]:
    """The columns of a test: the interval of the difference, Holm's p, and what follows."""
    ends = (f"{name}_lo", f"{name}_hi")
    interval = replace(_column(f"{name}_ci", 4), signed=True, ends=ends, absent=_word("none"))
    return [
        interval,
        replace(_column(p, _P_DIGITS), absent=_word("none")),
        replace(text_column(verdict), absent=_word("none")),
    ]


def _rows(
    sweep: SweepData, cells: list[CellData], standings: Mapping[CellData, Standing], metrics: list[Column]
) -> list[dict[str, Any]]:
    place = {cell: index for index, cell in enumerate(sweep.cells)}
    before = {match.cell: match for match in matches(sweep)}
    on_front: dict[CellData, list[str]] = {}
    for found in fronts(sweep):
        for cell in found.members if found.only is None else ():
            on_front.setdefault(cell, []).append(str(load_texts()["against"][found.against]))
    rows = []
    for cell in cells:
        row: dict[str, Any] = {"status": FINISHED, PLACE: place[cell], "cell": cell.name}
        row |= {name: cell.number(name) for column in metrics for name in column.ends or (column.name,)}
        row[PARETO] = ", ".join(on_front.get(cell, [])) or None
        row |= _standing(standings[cell]) if cell in standings else {}
        row |= _baseline(before[cell], sweep.settings.ranked_by) if cell in before else {}
        rows.append(row)
    return rows


def _standing(entry: Standing) -> dict[str, Any]:
    low, high = DIFFERENCE_ENDS
    told = {None: "untested", True: "tied", False: "worse"}[entry.tied]
    verdict = "leader" if entry.difference is None else told
    found = {RANK: entry.rank, DIFFERENCE: entry.difference, P: entry.p, VERDICT: _verdict(verdict)}
    return found | {low: entry.diff_lo, high: entry.diff_hi}


def _baseline(match: Match, ranked_by: str) -> dict[str, Any]:
    found: dict[str, Any] = {BASELINE: match.before.name if match.before else None, f"{BASELINE}/p_holm": match.p}
    for metric, difference in match.differences.items():
        found[f"{BASELINE}/{metric}"] = difference.value
    tested = match.differences.get(ranked_by)
    if tested is not None:
        found |= {f"{BASELINE}/{ranked_by}_lo": tested.lo, f"{BASELINE}/{ranked_by}_hi": tested.hi}
    return found | {f"{BASELINE}/verdict": _verdict(match.verdict) if match.verdict else None}


def _marks(sweep: SweepData, columns: list[Column]) -> tuple[str, ...]:
    """What the columns of this table mean."""
    texts: dict[str, str] = load_texts()["marks"]
    named = {column.name for column in columns}
    told = [
        name for name, column in (("leader", VERDICT), ("pareto", PARETO), ("baseline", BASELINE)) if column in named
    ]
    return tuple(texts[name] for name in told)


def _column(name: str, digits: int) -> Column:
    return replace(text_column(name), digits=digits)


def _word(name: str) -> str:
    return str(load_texts()["missing"][name])


def _verdict(name: str) -> str:
    return str(load_texts()["verdicts"][name])
