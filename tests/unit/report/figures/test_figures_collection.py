"""Which figures there are, and what they hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sweep.report.data import SweepData
from sweep.report.figures import Figure, cell_figures, sweep_figures
from sweep.report.figures.cells import shown_cells
from sweep.report.figures.figure import Bars, Heat, Line, Points, legend
from sweep.report.texts import speaking
from sweep.statistics.ap import average_precision
from unit.report.figures.evaluations import cell, curves, evaluation, sweep


def named(figures: list[Figure]) -> dict[str, Figure]:
    assert len({figure.name for figure in figures}) == len(figures)
    return {figure.name: figure for figure in figures}


def grid(count: int, detailed: int = 20) -> SweepData:
    return sweep(
        *(
            cell(
                f"cell-{index:02}",
                0.4 + 0.5 * ((index * 7) % count) / count,
                curves=curves(0.6, 12, index) if index < detailed else None,
                statistics=evaluation(index, images=12) if index < detailed else None,
            )
            for index in range(count)
        ),
        left_out=max(count - detailed, 0),
    )


def test_a_sweep_has_every_figure_that_it_has_data_for() -> None:
    assert list(named(sweep_figures(grid(3)))) == ["pareto", "curves", "losses", "pr", "int8_drop", "latency"]


def test_a_cell_has_every_figure_that_it_has_data_for() -> None:
    full = cell("a", curves=curves(), statistics=evaluation())
    assert list(named(cell_figures(full))) == ["curves", "losses", "pr", "ap", "confusion"]
    assert list(named(cell_figures(replace(full, statistics=None)))) == ["curves", "losses"]
    uncounted = replace(evaluation(), confusion=None)
    assert list(named(cell_figures(replace(full, curves=None, statistics=uncounted)))) == ["pr", "ap"]


def test_what_was_never_measured_has_no_figure() -> None:
    bare = replace(cell("bare"), values={"best/mAP50": 0.5})
    assert sweep_figures(sweep(bare, cell("dead", status="failed"))) == []
    assert sweep_figures(sweep(cell("dead", status="failed"))) == []
    assert cell_figures(cell("dead", status="failed")) == []


def test_a_sweep_of_one_cell_has_curves_and_no_trade_off() -> None:
    figures = named(sweep_figures(sweep(cell("only", curves=curves()))))
    assert "pareto" not in figures and {"curves", "losses", "int8_drop", "latency"} <= set(figures)


def test_failed_cells_are_in_no_figure() -> None:
    data = sweep(cell("a", curves=curves()), cell("b", 0.7, curves=curves()), cell("dead", status="failed"))
    for figure in sweep_figures(data):
        labels = [*legend(figure), *(label for panel in figure.panels for label in panel.y.labels)]
        assert "dead" not in labels


def test_of_many_cells_the_best_are_shown_by_name_and_the_caption_says_so() -> None:
    data = grid(30)
    assert len(shown_cells(data)) == 20
    assert len({(it.look.color, it.look.dash) for it in shown_cells(data)}) == 20
    with speaking("ko"):
        figures = named(sweep_figures(data))
    assert figures["curves"].title.endswith("(전체 30개 셀 중 상위 20개)")
    assert figures["latency"].title.endswith("(전체 30개 셀 중 상위 20개)")
    assert "30" not in figures["pareto"].title  # all of them are points


def test_a_cell_looks_the_same_in_every_figure() -> None:
    looks: dict[str, set[str]] = {}
    for figure in sweep_figures(grid(8)):
        for name, marks in legend(figure).items():
            looks.setdefault(name, set()).update(mark.look.color for mark in marks)
    assert all(len(looks[f"cell-{index:02}"]) == 1 for index in range(8))


def test_gaps_stay_gaps() -> None:
    broken = curves(epochs=6)
    broken.loc[2, "metrics/mAP50"] = math.nan
    broken.loc[3, "train/box_loss"] = math.inf
    broken["val/dfl_loss"] = math.nan
    figures = named(cell_figures(cell("a", curves=broken)))
    accuracy = figures["curves"].panels[0].marks[0]
    box, _, dfl = (panel.marks for panel in figures["losses"].panels)
    assert isinstance(accuracy, Line) and accuracy.y[1] is None and accuracy.y[0] is not None
    assert isinstance(box[0], Line) and box[0].y[2] is None
    assert len(dfl) == 1  # a loss that never was a number is not drawn
    assert all(math.isfinite(end) for panel in figures["losses"].panels for end in panel.y.range)


def test_nothing_but_gaps_is_no_figure() -> None:
    assert cell_figures(cell("a", curves=curves() * math.nan)) == []


@pytest.mark.parametrize("epochs", [1, 2])
def test_few_epochs_are_points(epochs: int) -> None:
    for figure in cell_figures(cell("a", curves=curves(epochs=epochs), values={"best/epoch": 1.0})):
        for panel in figure.panels:
            assert all(line.markers for line in panel.marks if isinstance(line, Line) and line.look.dash != "dash")
            assert panel.x.range[0] < 1 < panel.x.range[1]


def test_long_trainings_are_thinned_and_keep_their_ends() -> None:
    line = named(cell_figures(cell("a", curves=curves(epochs=3000))))["curves"].panels[0].marks[0]
    assert isinstance(line, Line) and len(line.x) <= 400 and (line.x[0], line.x[-1]) == (1, 3000)


def test_the_front_is_ringed_and_intervals_have_whiskers() -> None:
    best = cell("best", 0.9, values={"int8/size_mb": 3.0, "best/mAP50_lo": 0.85, "best/mAP50_hi": 0.93})
    small = cell("small", 0.6, values={"int8/size_mb": 1.0, "best/mAP50_lo": None})
    worse = cell("worse", 0.5, values={"int8/size_mb": 2.0})
    panel = named(sweep_figures(sweep(best, small, worse)))["pareto"].panels[1]
    ring, *points = panel.marks
    assert isinstance(ring, Line) and ring.look.hollow
    assert list(zip(ring.x, ring.y, strict=True)) == [(1.0, 0.6), (3.0, 0.9)]
    whiskers = {mark.name: (mark.low, mark.high) for mark in points if isinstance(mark, Points)}
    assert whiskers["best"] == ((0.85,), (0.93,))
    assert whiskers["small"] == ((None,), (None,))


def test_a_share_of_the_npu_has_no_axis_beyond_100_percent() -> None:
    cells = (cell(name, best, values={"npu/ethos_u55/op_pct": 100.0}) for name, best in (("a", 0.5), ("b", 0.6)))
    panel = named(sweep_figures(sweep(*cells)))["pareto"].panels[2]
    assert panel.x.range[0] < 100 < panel.x.range[1] < 102


def test_infinite_figures_are_left_out() -> None:
    slow = cell("slow", values={"npu/ethos_u55/latency_ms": math.inf})
    figures = named(sweep_figures(sweep(slow, cell("a", 0.6), cell("b", 0.7))))
    for figure in figures.values():
        ends = [end for panel in figure.panels for axis in (panel.x, panel.y) for end in axis.range]
        assert all(map(math.isfinite, ends))


def test_the_drop_is_fp32_less_int8() -> None:
    data = sweep(cell("a", values={"fp32/mAP50": 0.8, "int8/mAP50": 0.75}), cell("b", values={"int8/mAP50": None}))
    figure = named(sweep_figures(data))["int8_drop"]
    drop = figure.panels[1].marks[0]
    assert isinstance(drop, Bars) and drop.x == (0.05,) and drop.written == ("+0.0500",)
    assert figure.panels[0].y.labels == ("a",)


def test_latency_has_a_panel_for_each_target_that_states_it_and_one_for_the_host() -> None:
    data = sweep(cell("a", values={"npu/ethos_u85/latency_ms": 4.0}), cell("b", 0.7, values={"int8/latency_ms": None}))
    figure = named(sweep_figures(data))["latency"]
    assert [panel.x.title for panel in figure.panels] == [
        "Ethos-U55 latency (ms)",
        "Ethos-U85 latency (ms)",
        "Host, one image (ms)",
    ]
    assert [mark.x for mark in figure.panels[1].marks if isinstance(mark, Bars)] == [(4, None)]


def test_classes_stand_with_their_own_average_precision() -> None:
    statistics = evaluation(3)
    found = average_precision(statistics)
    figure = named(cell_figures(cell("a", statistics=statistics)))["ap"]
    bars = figure.panels[0].marks[0]
    assert isinstance(bars, Bars)
    shown = dict(zip(figure.panels[0].y.labels, bars.x, strict=True))
    truth = {statistics.classes[int(one)]: ap[0] for one, ap in zip(found.classes, found.per_class, strict=True)}
    assert shown == pytest.approx(truth, abs=1e-5)
    assert list(bars.x) == sorted(bars.x, reverse=True)  # type: ignore[type-var]


def test_confusion_is_normalised_by_true_class_and_names_the_background() -> None:
    statistics = evaluation()
    with speaking("ko"):
        panel = named(cell_figures(cell("a", statistics=statistics)))["confusion"].panels[0]
    heat = panel.marks[0]
    assert isinstance(heat, Heat) and panel.x.labels[-1] == panel.y.labels[-1] == "배경"
    shares = np.array([[value or 0 for value in row] for row in heat.values])
    assert shares.sum(axis=0) == pytest.approx(1, abs=0.01)
    assert statistics.confusion is not None
    assert heat.written[0][0] == str(statistics.confusion[0, 0])


@pytest.mark.parametrize(("classes", "bars"), [(80, 80), (200, 40)])
def test_many_classes_stay_readable(classes: int, bars: int) -> None:
    statistics = evaluation(1, [f"class {index}" for index in range(classes)], images=classes * 3)
    figures = named(cell_figures(cell("a", statistics=statistics)))
    assert len(legend(figures["pr"])) == 12  # five best, five worst, the others, the mean
    assert len(figures["ap"].panels[0].y.labels) == bars
    assert figures["ap"].panel_height >= 15 * bars
    if classes == 80:
        heat = figures["confusion"].panels[0].marks[0]
        assert isinstance(heat, Heat) and heat.written == ()


def test_an_evaluation_without_objects_or_detections_is_no_failure() -> None:
    statistics = evaluation()
    none = np.zeros(0, dtype=np.int32)
    without = replace(statistics, object_image=none, object_category=none, confusion=None)
    assert cell_figures(cell("a", statistics=without)) == []
    blind = replace(
        statistics, image=none, category=none, confidence=none.astype(np.float32), correct=np.zeros((0, 10), dtype=bool)
    )
    assert list(named(cell_figures(cell("a", statistics=blind)))) == ["pr", "ap", "confusion"]
