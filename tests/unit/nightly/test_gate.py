"""The regression gate: what it calls worse, and what it does not."""

from __future__ import annotations

from random import Random

import pytest

from sweep.nightly.gate import Finding, Limits, Series, regressions, rule_of, suspected

MAP = "best/mAP50"


def nights(random: Random, count: int, around: float = 0.7, noise: float = 0.005) -> tuple[float, ...]:
    return tuple(random.gauss(around, noise) for _ in range(count))


def judged(random: Random, fall: float, count: int = 21) -> list[Finding]:
    """Six cells, the first of which has fallen tonight."""
    series = [Series(f"c{number}", MAP, nights(random, count), nights(random, 1)) for number in range(6)]
    first = series[0]
    return regressions([Series(first.cell, MAP, first.earlier, (0.7 - fall,)), *series[1:]])


def test_a_large_fall_is_found_the_same_night() -> None:
    random = Random(1)
    for _ in range(200):
        (finding, *others) = judged(random, 0.05)
        assert (finding.cell, finding.metric, finding.trainings) == ("c0", MAP, 1)
        assert not others
        assert finding.usual == pytest.approx(0.7, abs=0.01)
        assert finding.spread == pytest.approx(0.005, rel=0.5)


def second_look(random: Random, series: list[Series], fall: float = 0.0) -> list[Series]:
    """Two trainings more for each suspected cell; the first cell has fallen."""
    doubtful = suspected(series)
    return [
        Series(one.cell, MAP, one.earlier, one.now + nights(random, 2, 0.7 - (fall if one.cell == "0" else 0.0)))
        if one.cell in doubtful
        else one
        for one in series
    ]


def test_thirty_nights_without_a_fall_show_none() -> None:
    random, alarms = Random(2), 0
    for _ in range(40):
        cells = [nights(random, 51) for _ in range(6)]
        for night in range(21, 51):
            series = [Series(str(n), MAP, each[:night], each[night : night + 1]) for n, each in enumerate(cells)]
            alarms += len(regressions(second_look(random, series)))
    assert alarms <= 2, "in 1.3 % of thirty nights there is one with two trainings more (benchmarks/nights.py)"


def test_a_fall_of_two_points_is_found_within_two_nights() -> None:
    random, missed = Random(3), 0
    for _ in range(100):
        cells = [nights(random, 21) + nights(random, 2, 0.68 if n == 0 else 0.7) for n in range(6)]
        found = []
        for night in (21, 22):
            series = [Series(str(n), MAP, each[:night], each[night : night + 1]) for n, each in enumerate(cells)]
            found += [finding.cell for finding in regressions(second_look(random, series, fall=0.02))]
        missed += "0" not in found
    assert missed <= 2, "0.6 % are (benchmarks/nights.py)"


def test_who_is_suspected() -> None:
    earlier = tuple(0.7 + step / 1000 for step in (-6, 6, -4, 4, -2, 2, 0, 0, -5, 5, -3, 3))  # a spread of 0.005
    now = {"as ever": 0.7, "a little worse": 0.692, "doubtful": 0.685, "certain": 0.65, "better": 0.75}
    assert suspected([Series(cell, MAP, earlier, (value,)) for cell, value in now.items()]) == ["doubtful"]
    both = [Series("c", MAP, earlier, (0.685,)), Series("c", "best/mAP50-95", earlier, (0.6,))]
    assert suspected(both) == [], "it is certain that the cell is worse"
    assert suspected([Series("c", MAP, earlier[:4], (0.685,))]) == []


def test_more_trainings_decide() -> None:
    earlier = tuple(0.7 + step / 1000 for step in (-6, 6, -4, 4, -2, 2, 0, 0, -5, 5, -3, 3))
    assert not regressions([Series("c", MAP, earlier, (0.678,))])
    (finding,) = regressions([Series("c", MAP, earlier, (0.678, 0.674, 0.678))])
    assert (finding.trainings, finding.now) == (3, pytest.approx(0.67667, abs=1e-5))
    assert not regressions([Series("c", MAP, earlier, (0.678, 0.702, 0.699))])


def test_a_spread_that_is_not_known() -> None:
    """Where trainings repeat themselves the least spread is taken, and that is told."""
    (finding,) = regressions([Series("c", MAP, (0.7,) * 8, (0.6,))])
    assert (finding.spread, finding.spread_known) == (0.003, False)
    (finding,) = judged(Random(1), 0.05)
    assert finding.spread_known


@pytest.mark.parametrize(
    ("metric", "earlier", "now", "worse"),
    [
        ("npu/ethos_u55/latency_ms", 4.0, 4.2, True),
        ("npu/ethos_u55/latency_ms", 4.0, 3.0, False),
        ("npu/ethos_u55/latency_ms", 4.0, 4.01, False),
        ("npu/onnx.generic_int8/op_pct", 99.0, 97.0, True),
        ("npu/onnx.generic_int8/op_pct", 97.0, 99.0, False),
        ("int8/size_mb", 2.9, 3.1, True),
        ("time/train_s", 60.0, 120.0, True),
        ("time/train_s", 60.0, 75.0, False),
        ("best/mAP50-95", 0.5, 0.48, True),
        ("best/mAP50-95", 0.5, 0.51, False),
        ("best/epoch", 10.0, 1.0, False),
    ],
)
def test_what_is_worse(metric: str, earlier: float, now: float, worse: bool) -> None:
    """Figures that were always the same: the least spread decides."""
    assert bool(regressions([Series("c", metric, (earlier,) * 8, (now,))])) == worse


def test_too_little_history_judges_nothing() -> None:
    assert not regressions([Series("c", MAP, (0.7,) * 4, (0.1,))])
    assert regressions([Series("c", MAP, (0.7,) * 5, (0.1,))])
    assert regressions([Series("c", MAP, (0.7,) * 4, (0.1,))], Limits(least=4))


def test_only_the_window_counts() -> None:
    """What was long ago is forgotten: a fall that has stayed is the usual value one day."""
    assert not regressions([Series("c", MAP, (0.9,) * 30 + (0.7,) * 22, (0.7,))])


def test_what_is_not_judged() -> None:
    assert rule_of("best/epoch") is None
    assert rule_of("metrics/mAP50") is None
    assert rule_of("npu/ethos_u55/conv_cycles") is None


def test_what_further_trainings_tell_nothing_of() -> None:
    """A size, or an NPU's latency, is the same whatever the seed: that it is the same thrice proves nothing."""
    metric = "npu/ethos_u55/op_pct"
    assert not regressions([Series("c", metric, (97.0,) * 10, (96.55,))])
    assert not regressions([Series("c", metric, (97.0,) * 10, (96.55, 96.55, 96.55))])
    assert suspected([Series("c", metric, (97.0,) * 10, (96.55,))]) == []


def test_cells_that_were_not_trained_tell_how_much_trainings_differ() -> None:
    random = Random(4)
    alone = Series("canary", MAP, nights(random, 6), (0.66,))
    others = [Series(str(number), MAP, nights(random, 21), ()) for number in range(5)]
    (finding,) = regressions([alone, *others])
    assert finding.spread == pytest.approx(0.005, rel=0.3)
    assert {one.cell for one in regressions(others)} == set()


def test_what_is_no_number() -> None:
    nan, inf = float("nan"), float("inf")
    assert not regressions([Series("c", MAP, (nan, inf, *(0.7,) * 4), (0.1,))]), "too few that are numbers"
    assert regressions([Series("c", MAP, (nan, *(0.7,) * 8), (0.1,))])
    assert not regressions([Series("c", MAP, (0.7,) * 8, (nan,))])
