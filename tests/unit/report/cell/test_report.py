"""A cell's report is whole whatever the cell has, lacks, or is called."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator

import pytest

from sweep.report.cell import cell_report
from sweep.report.data import CellData, SweepData
from sweep.report.render import fenced
from sweep.report.texts import load_texts, speaking
from sweep.tracking import names
from sweep.tracking.measured import tag_of

MakeCell = Callable[..., CellData]
MakeSweep = Callable[..., SweepData]

HOSTILE = "<script>alert(1)</script> | a|b =cmd()|' ![x](y) ``` **b** 표지판 🚦\n# head\n" + "x" * 200
NAN_CURVES = {"metrics/mAP50": [0.0, 0.0], "train/box_loss": [2.5, math.nan], "val/box_loss": [math.nan, math.nan]}
BASE = {"layers": 24, "backbone": 11, "blocks": {"C3k2": 8}, "attention": 1, "reg_max": 16, "activation": "SiLU()"}
CHANGES = [
    ("forbid", {"attention": True}, []),
    ("replace", {"module": "C3k2", "by": "C2f", "where": "backbone"}, [2, 4]),
    ("remove", {"module": "A2C2f"}, []),
    ("users|own", {"a": [1, 2]}, [3]),
]
SUMMARY = {
    "format": 1,
    "before": BASE,
    "after": {**BASE, "layers": 23, "blocks": {"C2f": 8}, "attention": 0, "reg_max": 8, "activation": "ReLU()"},
    "changes": [
        {"transform": name, "parameters": parameters, "layers": layers, "count": len(layers), "blocks": {}}
        for name, parameters, layers in CHANGES
    ],
    "left_out": 0,
}

LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])


def report(sweep: SweepData, language: str = "en", cell: CellData | None = None, **figures: str) -> str:
    with speaking(language):
        return cell_report(
            sweep, cell or sweep.cells[0], {f"figures/{n}.{language}.png": c for n, c in figures.items()}
        )


def headings(text: str) -> list[str]:
    return [line for line in outside_fences(text) if re.match(r"#{1,6} ", line)]


def outside_fences(text: str) -> Iterator[str]:
    fence = ""
    for line in text.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = re.match("`+", line)[0]  # type: ignore[index]
        else:
            yield line
    assert not fence


def columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def assert_tables_whole(text: str) -> None:
    table = 0
    for line in outside_fences(text):
        if line.startswith("|"):
            table = table or columns(line)
            assert columns(line) == table, line
        else:
            table = 0


def full(make_cell: MakeCell, name: str = "yolo11n-l4-relu-s0", **axes: str) -> CellData:
    detection = {f"{kind}/{metric}": 0.8 for kind in ("best", "final") for metric in names.DETECTION}
    facts = {
        "state": "measured",
        "compiler": name,
        "kinds": {"latency_ms": "estimate"},
        "fallbacks": [name],
        "title": name,
    }
    values = {
        **detection,
        **dict.fromkeys(names.INTERVAL_METRICS, 0.75),
        **dict.fromkeys(names.FINAL_LOSSES, 1.0),
        **dict.fromkeys((*names.INT8_METRICS, *names.FP32_METRICS), 0.5),
        "npu/own/op_pct": 96.2,
        "npu/own/latency_ms": 10.0,
        "npu/own/sram_kb": 100.0,
        tag_of("own"): json.dumps(facts),
        "recipe.lr0": "0.01",
        "recipe.lrf": "0.01",
        "recipe.epochs": "2",
        "recipe.own": name,
        "level_title": name,
        names.WEIGHTS: name,
        **axes,
    }  # fmt: skip
    curves = {"metrics/mAP50": [0.1, 0.8], **{loss: [2.0, 1.0] for loss in names.LOSSES}}
    tags = {names.ARCHITECTURE: json.dumps(SUMMARY), names.HOST: name, names.GIT_COMMIT: name}
    return make_cell(name, values, curves=curves, tags=tags, link="http://x/(1)/#/experiments/1/runs/2")


@LANGUAGES
def test_the_sections_are_there_in_their_order(make_cell: MakeCell, make_sweep: MakeSweep, language: str) -> None:
    text = report(make_sweep(full(make_cell)), language)
    with speaking(language):
        sections = load_texts("cell")["sections"]
    order = ["final", "setup", "training", "comparison", "findings", "classes", "deployment", "metadata", "conclusion"]
    places = [text.index(f"## {sections[name]}\n") for name in order]
    assert places == sorted(places)
    assert_tables_whole(text)


@LANGUAGES
@pytest.mark.parametrize("status", ["finished", "failed"])
def test_hostile_names_break_nothing(make_cell: MakeCell, make_sweep: MakeSweep, language: str, status: str) -> None:
    tame, wild = full(make_cell, "tame"), full(make_cell, HOSTILE, level=HOSTILE, act=HOSTILE, data=HOSTILE)
    others = [full(make_cell, "other", level="2"), full(make_cell, HOSTILE, level="2", act=HOSTILE, data=HOSTILE)]
    if status == "failed":
        tame, wild = (make_cell(it.name, {}, status=status, reason=HOSTILE) for it in (tame, wild))
    quiet = report(make_sweep(tame, others[0]), language, curves="c", pr="p")
    sweep = make_sweep(wild, others[1], command=HOSTILE)
    text = report(sweep, language, curves=HOSTILE, pr=HOSTILE)
    assert_tables_whole(text)
    assert len(headings(text)) == len(headings(quiet))
    assert "<script" not in "\n".join(outside_fences(text))
    assert "\n# head" not in "\n".join(outside_fences(text))


def test_a_fence_is_longer_than_what_is_inside() -> None:
    text = fenced("a\n````\nb\x1b[0m")
    assert text.split("\n")[0] == text.split("\n")[-1] == "`" * 5
    assert "\x1b" not in text


@LANGUAGES
@pytest.mark.parametrize("status", ["failed", "killed", "skipped", "running", "scheduled", "missing", "odd"])
def test_a_cell_that_did_not_finish_says_why_and_what_to_do(
    make_cell: MakeCell, make_sweep: MakeSweep, language: str, status: str
) -> None:
    cell = make_cell(status=status, reason="RuntimeError: out of memory", values={"recipe.lr0": "0.01"}, ended=None)
    text = report(make_sweep(cell), language)
    assert "RuntimeError: out of memory" in text
    assert "python -m sweep level=4" in text
    assert "0.01" in text
    assert_tables_whole(text)
    assert "nan" not in text.lower().replace("nanodet", "")


@LANGUAGES
@pytest.mark.parametrize("status", ["finished", "failed"])
def test_a_cell_without_anything_reads_well(
    make_cell: MakeCell, make_sweep: MakeSweep, language: str, status: str
) -> None:
    cell = make_cell("?", axes=False, status=status, run_id=None, ended=None)
    text = report(make_sweep(cell, command=""), language)
    with speaking(language):
        assert load_texts()["missing"]["not_measured" if status == "finished" else "failed"] in text
    assert_tables_whole(text)
    assert not re.search(r"\bnan\b|\bNone\b", text)
    assert "0.000" not in text


@LANGUAGES
def test_losses_that_are_no_numbers_say_so(make_cell: MakeCell, make_sweep: MakeSweep, language: str) -> None:
    text = report(make_sweep(make_cell(values={"final/mAP50": 0.0}, curves=NAN_CURVES)), language)
    with speaking(language):
        said = load_texts("cell")["no_number"]
    assert f"2.500 → {said}" in text
    assert not re.search(r"\bnan\b", text)
    assert_tables_whole(text)


@LANGUAGES
def test_one_epoch(make_cell: MakeCell, make_sweep: MakeSweep, language: str) -> None:
    text = report(make_sweep(make_cell(curves={"metrics/mAP50": [0.3], "train/box_loss": [1.0]})), language)
    with speaking(language):
        assert load_texts("cell")["progress"]["one_epoch"] in text


def test_zero_at_the_start_and_losses_that_rise(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    curves = {"metrics/mAP50": [0.0, 0.1, 0.5], "train/box_loss": [1.0, 1.2, 1.5], "train/cls_loss": [2.0, 2.0, 2.0]}
    text = report(make_sweep(make_cell(curves=curves)))
    assert "from 0, so there is no factor" in text
    assert "1.000 → 1.500 | 50% more" in text
    assert "2.000 → 2.000 | unchanged" in text


def test_what_the_level_changed(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    text = report(make_sweep(full(make_cell)))
    assert "1. **C3k2 becomes C2f** in the backbone. Layers: 2 (2, 4)" in text
    assert r"2. **users\|own** (a=1, 2). Layers: 1 (3)" in text
    assert "- Checked to be absent: attention" in text
    assert "remove (module=A2C2f)" in text
    assert "| DFL bins for each side | 16 | 8 | −8 |" in text
    assert "| `C3k2` | 8 | 0 | −8 |" in text


def test_an_optimizer_that_chooses_by_itself(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    values = {"recipe.optimizer": "auto", "recipe.lr0": "0.01", "recipe.lrf": "0.1", "recipe.momentum": "0.9"}
    text = report(make_sweep(make_cell(values=values)))
    ignored = [line for line in text.split("\n") if "ignored" in line]
    assert [line.split("|")[1].strip() for line in ignored] == ["**Learning rate (initial)**", "**Momentum**"]
    assert "0.1 × initial" in text


def test_figures_stand_where_they_belong(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    text = report(make_sweep(full(make_cell)), curves="Curves", losses="Losses!", pr="PR", latency="Fast", own="Own")
    order = ["## How the training", "[Curves]", "[Losses!]", "## Average precision", "[PR]", "[Own]", "## Deployment"]
    places = [text.index(part) for part in [*order, "![Fast](figures/latency.en.png)", "## Training metadata"]]
    assert places == sorted(places)


def test_a_target_that_was_not_measured_says_why(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    missing = {"state": "missing", "reason": "Install it: pip install compiler"}
    bare = make_cell("bare", {"best/mAP50": 0.5, tag_of("rk3588"): json.dumps(missing)})
    sweep = make_sweep(bare, full(make_cell, "measured", level="2"))
    text = report(sweep)
    assert "not measured: Install it: pip install compiler" in text
    assert "not measured yet. Measure it: python -m sweep npu measure --target own" in text
    assert "| RK3588 | not measured |" in text


def test_the_same_sweep_gives_the_same_bytes(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    assert report(make_sweep(full(make_cell))) == report(make_sweep(full(make_cell)))
