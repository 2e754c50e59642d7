"""Strengths and weaknesses follow from the figures, and from nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from sweep.report.cell.findings import findings
from sweep.report.data import CellData, SweepData
from sweep.report.texts import load_texts
from sweep.tracking.measured import tag_of

MakeCell = Callable[..., CellData]
MakeSweep = Callable[..., SweepData]


def found(sweep: SweepData, cell: CellData | None = None) -> dict[str, bool]:
    return {finding.key: finding.good for finding in findings(sweep, cell or sweep.cells[0])}


def rising(epochs: int, last: int) -> list[float]:
    """A curve that reaches its end in the epoch `last`."""
    return [0.9 * min(epoch / last, 1) for epoch in range(1, epochs + 1)]


def test_nothing_measured_nothing_found(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    assert found(make_sweep(make_cell())) == {}


def test_convergence(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    by_last = {last: found(make_sweep(make_cell(curves={"metrics/mAP50": rising(100, last)}))) for last in (50, 98)}
    assert by_last == {50: {"converged": True}, 98: {"not_converged": False}}
    steep = [*[0.1] * 9, 0.9]
    assert found(make_sweep(make_cell(curves={"metrics/mAP50": steep}))) == {"moving": False}


def test_all_epochs_or_not(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    curves = {"metrics/mAP50": [0.5] * 10}
    assert "completed" in found(make_sweep(make_cell(values={"recipe.epochs": "10"}, curves=curves)))
    assert "stopped" in found(make_sweep(make_cell(values={"recipe.epochs": "100"}, curves=curves)))


def test_balance(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    def of(precision: float, recall: float) -> set[str]:
        values = {"best/mAP50": 0.8, "best/precision": precision, "best/recall": recall}
        return set(found(make_sweep(make_cell(values=values))))

    assert of(0.854, 0.808) == {"balanced"}
    assert of(0.9, 0.8) == set()
    assert of(0.9, 0.7) == {"precise"}
    assert of(0.7, 0.9) == {"sensitive"}
    assert of(0.0, 0.0) == set()  # nothing detected is no balance


def test_int8(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    def of(after: float) -> set[str]:
        return set(found(make_sweep(make_cell(values={"fp32/mAP50": 0.80, "int8/mAP50": after}))))

    assert of(0.81) == of(0.795) == {"int8_keeps"}
    assert of(0.78) == set()
    assert of(0.70) == {"int8_loses"}


def test_losses_that_are_no_numbers(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    curves = {"train/box_loss": [2.0, math.nan], "train/cls_loss": [2.0, 1.0]}
    assert found(make_sweep(make_cell(curves=curves))) == {"nan_losses": False}
    assert found(make_sweep(make_cell(curves={"train/box_loss": [2.0, math.nan, 1.0]}))) == {}  # a gap


def test_a_validation_loss_that_rises_again(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    assert found(make_sweep(make_cell(curves={"val/cls_loss": [2.0, 1.0, 1.2]}))) == {"overfitted": False}
    assert found(make_sweep(make_cell(curves={"val/cls_loss": [2.0, 1.0, 1.05]}))) == {}


def test_an_end_below_the_best(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    assert found(make_sweep(make_cell(values={"best/mAP50": 0.8, "final/mAP50": 0.7}))) == {"fell_at_end": False}


def test_placement(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    values = {"npu/ethos_u55/op_pct": 100.0, "npu/rk3588/op_pct": 60.0, "npu/onnx.generic_int8/op_pct": 95.0}
    assert found(make_sweep(make_cell(values=values))) == {"all_on_npu": True, "low_placement": False}


def test_a_wide_interval_and_the_test_split(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    values = {"best/mAP50": 0.8, "best/mAP50_lo": 0.7, "best/mAP50_hi": 0.9}
    assert found(make_sweep(make_cell(values=values | {"test/mAP50": 0.75}))) == {
        "wide_interval": False,
        "test_holds": True,
    }
    assert found(make_sweep(make_cell(values=values | {"test/mAP50": 0.6})))["test_below"] is False


def test_the_best_of_a_series_is_only_said_to_be_better_where_that_was_tested(
    make_cell: MakeCell, make_sweep: MakeSweep
) -> None:
    four = make_cell("four", {"best/mAP50": 0.9, "model/params_m": 2.0})
    two = make_cell("two", {"best/mAP50": 0.8, "model/params_m": 3.0, "level": "2"})
    leaky = make_cell("leaky", {"best/mAP50": 0.95, "act": "leakyrelu", "model/params_m": 2.0})
    sweep = make_sweep(four, two, leaky)
    assert found(sweep) == {"top_level_untested": True, "first_of_series": True}
    assert found(sweep, two) == {}
    assert found(sweep, leaky) == {"top_act_untested": True}


def test_equal_cells_have_no_winner(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    values = {"best/mAP50": 0.9, "model/params_m": 2.0}
    assert found(make_sweep(make_cell("a", values), make_cell("b", values | {"level": "2"}))) == {}


def test_every_finding_has_a_text(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    facts = json.dumps({"state": "measured", "title": "t"})
    cell = make_cell(
        values={"npu/x/op_pct": 10.0, "best/mAP50": 0.01, tag_of("x"): facts}, curves={"metrics/mAP50": [0.0, 0.01]}
    )
    told = findings(make_sweep(cell), cell)
    assert {finding.key for finding in told} <= set(load_texts("cell")["findings"])
    assert all(finding.sentence() for finding in told)
