"""Placement, cost and INT8 accuracy in the tables: which figures, what they are, and why some are missing."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.report.columns import metric_column
from sweep.report.compare import Table
from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import make_tables
from sweep.report.terminal import print_tables
from sweep.tracking import names
from sweep.tracking.measured import tag_of, tag_text

INSTALL = "The compiler of rk3588 is not installed. Install it: python -m sweep npu setup rknn"
AXES = {"base": "yolo11n", "seed": "0", "recipe": "quick", "data": "signs", "recipe.lr0": "0.01"}
INT8_FACTS = {"state": "measured", "reason": None, "quantizer": "onnxruntime 1.32.0", "scheme": {"per_channel": True}}
INT8_FACTS |= {"imgsz": 96, "decode": True, "calibration_images": 64, "runs": 50, "threads": 1}


def facts(compiler: str = "Vela 5.2.0", **more: Any) -> dict[str, Any]:
    kinds = {"latency_ms": "estimate", "sram_kb": "estimate", "op_pct": "count"}
    content = {"state": "measured", "reason": None, "compiler": compiler, "title": "Arm Ethos-U55-256", "kinds": kinds}
    return content | {"options": {"accelerator": "ethos-u55-256"}, "imgsz": 96, "decode": False, "cached": True} | more


def cell(level: int = 2, act: str = "relu", **more: Any) -> dict[str, Any]:
    run = {"run_id": f"{level}{act}", "cell": f"l{level}-{act}", "status": "finished", "reason": None}
    return run | AXES | {"level": str(level), "act": act, "best/mAP50": 0.91, "best/mAP50-95": 0.62} | more


def measured(level: int = 2, act: str = "relu", latency: float = 1.5, **more: Any) -> dict[str, Any]:
    figures = {"npu/onnx.rk3588/op_pct": 99.0, "npu/onnx.rk3588/mac_pct": 99.5, "npu/ethos_u55/op_pct": 100.0}
    figures |= {"npu/ethos_u55/latency_ms": latency, "npu/ethos_u55/sram_kb": 700.0}
    figures |= {"int8/mAP50": 0.89, "int8/mAP50-95": 0.61, "int8/size_mb": 2.5, "int8/latency_ms": 3.0}
    figures |= {"fp32/mAP50": 0.9, "fp32/mAP50-95": 0.6}
    figures |= {"int8/latency_iqr_ms": 0.1, "fp32/size_mb": 7.0, "fp32/latency_ms": 9.0, "fp32/latency_iqr_ms": 0.2}
    tags = {tag_of("ethos_u55"): tag_text(facts()), tag_of("int8"): tag_text(INT8_FACTS)}
    tags[tag_of("onnx")] = tag_text(facts("onnx 1.19", kinds={"op_pct": "count", "mac_pct": "count"}, options={}))
    return cell(level, act) | figures | tags | more


def tables(*rows: dict[str, Any]) -> dict[str, Table]:
    return {table.name: table for table in make_tables(pd.DataFrame(list(rows)))}


def headings(table: Table) -> dict[str, str]:
    return {column.name: column.heading for column in table.columns}


def column_names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def read_csv(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def values(table: Table, column: str) -> list[Any]:
    return [row.values[column] for group in table.groups for row in group.rows]


def test_readiness_holds_each_figure_with_unit_and_kind() -> None:
    table = tables(measured())["npu"]
    assert headings(table) == {
        "level": "Level",
        "act": "Activation",
        "npu/onnx.rk3588/op_pct": "RK3588 profile ops (%)",
        "npu/ethos_u55/op_pct": "Ethos-U55 ops (%)",
        "npu/onnx.rk3588/mac_pct": "RK3588 profile MACs (%)",
        "npu/ethos_u55/latency_ms": "Ethos-U55 latency (ms, est.)",
        "npu/ethos_u55/sram_kb": "Ethos-U55 SRAM (KiB, est.)",
        "int8/mAP50": "INT8 mAP50",
        "fp32/mAP50": "FP32 ONNX mAP50",
        "fp32/mAP50-95": "FP32 ONNX mAP50-95",
        "int8/mAP50_drop": "INT8 mAP50 drop",
        "int8/mAP50-95": "INT8 mAP50-95",
        "int8/mAP50-95_drop": "INT8 mAP50-95 drop",
        "fp32/size_mb": "FP32 size (MB)",
        "int8/size_mb": "INT8 size (MB)",
        "fp32/latency_ms": "Host FP32 latency (ms)",
        "fp32/latency_iqr_ms": "Host FP32 latency IQR (ms)",
        "int8/latency_ms": "Host INT8 latency (ms)",
        "int8/latency_iqr_ms": "Host INT8 latency IQR (ms)",
    }


def test_drop_is_fp32_less_int8_with_its_sign() -> None:
    table = tables(measured())["npu"]
    assert read_csv(table)[0]["int8/mAP50_drop"] == repr(0.9 - 0.89)
    assert "| +0.0100 |" in to_markdown(table)
    assert "| −0.0100 |" in to_markdown(table)
    assert r"& \textminus{}0.0100 &" in to_latex(table)


def test_best_is_marked_in_its_direction() -> None:
    table = tables(measured(2, latency=1.5), measured(4, latency=1.2, **{"int8/mAP50": 0.9}))["npu"]
    first, second = (row.best_in for group in table.groups for row in group.rows)
    assert {"int8/latency_iqr_ms"}.isdisjoint(first + second)
    assert {"npu/ethos_u55/latency_ms", "int8/mAP50", "int8/mAP50_drop"} <= set(second) - set(first)
    assert {"npu/ethos_u55/op_pct", "npu/ethos_u55/sram_kb", "int8/size_mb"} <= set(first) & set(second)


def test_levels_and_activations_share_a_group_and_seeds_do_not() -> None:
    rows = [measured(4), measured(2, "relu6"), measured(2), measured(2, seed="1")]
    table = tables(*rows)["npu"]
    assert [[row.values["level"] for row in group.rows] for group in table.groups] == [["2", "2", "4"], ["2"]]


def test_a_missing_compiler_is_told_with_the_line_that_installs_it_and_is_never_a_zero() -> None:
    missing = {tag_of("rk3588"): tag_text({"state": "missing", "reason": INSTALL, "title": "RK3588", "imgsz": 96})}
    table = tables(measured(2, **missing), measured(4, **missing))["npu"]
    assert [row["npu/rk3588/op_pct"] for row in read_csv(table)] == ["not measured"] * 2
    assert f"RK3588 (rk3588): not measured: {INSTALL}" in table.notes
    assert f"- RK3588 (rk3588): not measured: {INSTALL}" in to_markdown(table)
    assert f"% RK3588 (rk3588): not measured: {INSTALL}" in to_latex(table)


def test_a_target_that_failed_in_one_cell_says_which_and_why() -> None:
    failed = {"npu/ethos_u55/op_pct": math.nan, "npu/ethos_u55/latency_ms": None, "npu/ethos_u55/sram_kb": None}
    failed[tag_of("ethos_u55")] = tag_text({"state": "failed", "reason": "Vela ended with code 1: a | b"})
    table = tables(measured(2), measured(3), measured(4, **failed))["npu"]
    assert read_csv(table)[2]["npu/ethos_u55/latency_ms"] == "not measured"
    assert "Ethos-U55 (ethos_u55), in l4-relu: not measured: Vela ended with code 1: a | b" in table.notes
    assert any(note.startswith("Ethos-U55 (ethos_u55), in l2-relu, l3-relu: Vela 5.2.0; ") for note in table.notes)


def test_figures_that_an_earlier_measurement_left_behind_do_not_count() -> None:
    stale = {tag_of("ethos_u55"): tag_text({"state": "failed", "reason": "boom"})}
    stale[tag_of("int8")] = tag_text({"state": "failed", "reason": "boom"})
    for name, table in tables(measured(2), measured(4, **stale)).items():
        for column in set(column_names(table)) & {"npu/ethos_u55/latency_ms", "int8/mAP50", "fp32/latency_ms"}:
            assert values(table, column)[-1] is None, name


def test_a_cell_that_lacks_a_figure_or_was_never_asked_says_so() -> None:
    lacks = cell(4) | {tag_of("onnx"): tag_text(facts("onnx 1.19"))}
    table = tables(measured(2), lacks)["npu"]
    assert set(read_csv(table)[1].values()) == {"4", "relu", "not measured", ""}
    command = "python -m sweep npu measure"
    assert (
        f"Ethos-U55 (ethos_u55), in l4-relu: not measured yet. Measure it: {command} --target ethos_u55" in table.notes
    )
    assert f"INT8 and host latency, in l4-relu: not measured yet. Measure it: {command}" in table.notes


def test_failed_cells_say_failed_and_have_no_notes() -> None:
    failed = {
        "run_id": "x",
        "cell": "dead",
        "status": "failed",
        "reason": "E: boom",
        "level": "4",
        "act": "relu",
    } | AXES
    table = tables(measured(2), measured(3), failed)["npu"]
    assert set(read_csv(table)[2].values()) == {"4", "relu", "failed", ""}
    assert not any("dead" in note for note in table.notes)


def test_notes_say_what_each_figure_is() -> None:
    notes = tables(measured(2), measured(4))["npu"].notes
    assert notes == (
        "Profiles: onnx 1.19; ops, MACs: count; 96 px; decode not in the graph",
        "Ethos-U55 (ethos_u55): Vela 5.2.0; Arm Ethos-U55-256; ops: count; latency, SRAM: estimate; "
        "accelerator=ethos-u55-256; 96 px; decode not in the graph",
        "INT8 and host latency: onnxruntime 1.32.0; per_channel=true; calibrated on 64 training images; 96 px; "
        "decode in the graph; host latency: median of 50 runs of one image (FP32 and INT8), threads: 1",
        "Drop: FP32 less INT8, both as ONNX files on the same square pictures, in the unit of mAP; above 0, "
        "INT8 is worse.",
    )


@pytest.mark.parametrize("other", [{"imgsz": 640}, {"compiler": "Vela 5.3.0"}, {"options": {"a": 1}}, {"decode": True}])
def test_cells_measured_in_different_ways_are_listed_each(other: dict[str, Any]) -> None:
    changed = {tag_of("ethos_u55"): tag_text(facts() | other)}
    notes = tables(measured(2), measured(3, **changed), measured(4))["npu"].notes
    about = [note for note in notes if note.startswith("Ethos-U55")]
    assert [note.split(":")[0] for note in about] == [
        "Ethos-U55 (ethos_u55), in l2-relu, l4-relu",
        "Ethos-U55 (ethos_u55), in l3-relu",
    ]


def test_many_cells_and_many_ways_stay_readable() -> None:
    ways = [measured(n, **{tag_of("ethos_u55"): tag_text(facts(f"Vela {n}"))}) for n in range(50)]
    assert len([note for note in tables(*ways)["npu"].notes if note.startswith("Ethos-U55")]) == 7
    cells = [measured(n) for n in range(50)] + [cell(99)]
    assert any("l9-relu and 40 more: Vela 5.2.0" in note for note in tables(*cells)["npu"].notes)


def test_figures_without_facts_are_shown_and_said_to_be_unexplained() -> None:
    table = tables(cell(2, **{"npu/ethos_u55/latency_ms": 1.5}))["npu"]
    assert headings(table)["npu/ethos_u55/latency_ms"] == "Ethos-U55 latency (ms)"
    assert table.notes == ("Ethos-U55 (ethos_u55): measured, but the run does not say how",)


@pytest.mark.parametrize("name", ["my chip", "표지판", "a.b", "x-1", "ethos_u55.2", "val"])
def test_targets_of_users_go_by_their_title(name: str) -> None:
    own = {tag_of(name): tag_text(facts(title="My chip 2")), f"npu/{name}/op_pct": 80.0, f"npu/{name}/joules": 2.0}
    table = tables(measured(**own))["npu"]
    assert headings(table)[f"npu/{name}/op_pct"] == "My chip 2 ops (%)"
    assert headings(table)[f"npu/{name}/joules"] == "My chip 2 joules"
    assert any(note.startswith(f"My chip 2 ({name}): Vela 5.2.0") for note in table.notes)


def test_two_targets_with_one_title_are_told_apart() -> None:
    own = {tag_of(name): tag_text(facts(title="Chip")) for name in ("a", "b")} | {
        "npu/a/op_pct": 1.0,
        "npu/b/op_pct": 2.0,
    }
    table = tables(measured(**own))["npu"]
    assert headings(table)["npu/a/op_pct"] == "Chip ops (%) [npu/a/op_pct]"
    assert len(set(headings(table).values())) == len(table.columns)


def test_series_and_activations_gain_the_few_figures_that_decide() -> None:
    made = tables(measured(2), measured(4))
    gained = ["int8/mAP50", "npu/ethos_u55/op_pct", "npu/ethos_u55/latency_ms"]
    for name in ("series", "activations"):
        assert column_names(made[name])[-3:] == gained
        assert [note.split(":")[0] for note in made[name].notes] == ["Ethos-U55 (ethos_u55)", "INT8 and host latency"]
    several = {"npu/ethos_u85/op_pct": 100.0, "npu/ethos_u85/latency_ms": 1.0, "npu/qnn_htp/op_pct": 100.0}
    assert column_names(tables(measured(2, **several))["series"])[-4:] == [
        "int8/mAP50",
        "npu/ethos_u55/latency_ms",
        "npu/ethos_u85/latency_ms",
        "npu/qnn_htp/op_pct",
    ]


def test_all_cells_lists_measured_figures_in_contract_order() -> None:
    row = measured(**{"transfer/carried_pct": 84.9, "a/unknown": 1.0})
    table = tables(dict(sorted(row.items(), reverse=True)))["cells"]
    metrics = [column.name for column in table.columns if column.is_number]
    assert metrics == names.in_contract_order(metrics)
    assert metrics[-2:] == ["transfer/carried_pct", "a/unknown"]
    assert not [name for name in metrics if name.endswith("_drop")]


def test_without_a_measurement_nothing_changes() -> None:
    made = tables(cell(2), cell(4))
    assert list(made) == ["series", "activations", "cells"]
    assert column_names(made["cells"])[3:-1] == list(names.SUMMARY_METRICS)
    assert not any(table.notes for table in made.values())


@pytest.mark.parametrize(
    ("metric", "digits"),
    [
        ("npu/x/op_pct", 2),
        ("npu/x/latency_ms", 2),
        ("npu/x/sram_kb", 0),
        ("npu/x/conv_cycles", 0),
        ("int8/size_mb", 2),
        ("int8/mAP50_drop", 4),
        ("best/mAP50", 4),
    ],
)
def test_digits(metric: str, digits: int) -> None:
    assert metric_column(metric).digits == digits


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_a_terminal_cuts_no_number_however_many_targets(width: int) -> None:
    from rich.console import Console

    names_of = [f"npu/{target}/{figure}" for target in "abcdef" for figure in ("op_pct", "latency_ms", "flash_kb")]
    out = io.StringIO()
    frame = pd.DataFrame([measured(2, **{name: 7000.0 + place for place, name in enumerate(names_of)})])
    print_tables(make_tables(frame), Console(file=out, width=width, force_terminal=False))
    printed = out.getvalue()
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= width
    readiness = printed[printed.index("NPU readiness") :]
    for place, name in enumerate(names_of):
        if not name.endswith("flash_kb"):
            assert f"{7000 + place}.00" in readiness


NUMBERS = st.one_of(st.none(), st.floats(0, 1e9), st.just(math.nan), st.just(math.inf))
FIGURES = ("npu/ethos_u55/op_pct", "npu/ethos_u55/latency_ms", "npu/rk3588/conv_cycles", "int8/mAP50", "fp32/mAP50")
DENIED = [tag_text({"state": "failed", "reason": "x"}), tag_text({"state": "missing"})]
STATES = st.sampled_from([None, "broken", tag_text({"state": "measured"}), *DENIED])
ROWS = st.tuples(st.fixed_dictionaries(dict.fromkeys(FIGURES, NUMBERS)), STATES, STATES)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_whatever_is_missing_the_tables_stay_whole(rows: list[tuple[dict[str, Any], str | None, str | None]]) -> None:
    cells = [
        cell(level) | figures | {tag_of("ethos_u55"): ethos, tag_of("int8"): int8}
        for level, (figures, ethos, int8) in enumerate(rows)
    ]
    made = tables(*cells)
    for table in made.values():
        for text in (to_csv(table), to_markdown(table), to_latex(table)):
            assert not re.search(r"\b(nan|None|NaT)\b", text, re.IGNORECASE)
    for read in read_csv(made["npu"]) if "npu" in made else []:
        figures, ethos, int8 = rows[int(read["level"])]
        for name in set(FIGURES) & set(read):
            denied = (ethos if "ethos_u55" in name else int8 if name.startswith(("int8/", "fp32/")) else None) in DENIED
            if denied or figures[name] is None or math.isnan(figures[name]):
                assert read[name] == "not measured"
            else:
                assert float(read[name]) == figures[name]
