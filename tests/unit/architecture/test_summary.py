"""What a level changed fits a tag, says what the networks say, and is read again without complaint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweep.architecture.layers import Network
from sweep.architecture.resolve import resolve_model
from sweep.architecture.summary import (
    MAX_TEXT,
    NetworkFacts,
    Summary,
    TransformFacts,
    read_summary,
    summarize,
    summary_text,
)
from sweep.tracking.write import cut_tag

CONF = Path(__file__).parents[3] / "conf"
LEAKY = {"name": "leakyrelu", "module": "LeakyReLU", "arguments": {"negative_slope": 0.1}}
BASES = {"yolo11n": "yolo11.yaml", "yolo12n": "yolo12.yaml", "yolov8n": "yolov8.yaml"}


def of(base: str, level: str, **changed: Any) -> Summary:
    content = yaml.safe_load((CONF / "levels" / f"{level}.yaml").read_text("utf-8"))
    model = {"name": base, "model": BASES.get(base, base), "scale": "n"} | changed
    return summarize(resolve_model(model, content, LEAKY, nc=6))


def test_level_4_of_yolo11_reads_as_the_network_it_made() -> None:
    summary = of("yolo11n", "4")
    assert summary.before == NetworkFacts(
        layers=24,
        backbone=11,
        blocks={"Conv": 7, "C3k2": 8, "SPPF": 1, "C2PSA": 1, "nn.Upsample": 2, "Concat": 4, "Detect": 1},
        attention=1,
        reg_max=16,
        activation="SiLU()",
    )
    assert summary.after.blocks == {"Conv": 7, "C2f": 7, "SPPF": 1, "nn.Upsample": 2, "Concat": 3, "Detect": 1}
    assert (summary.after.layers, summary.after.reg_max, summary.after.attention) == (21, 8, 0)
    assert summary.after.activation == "LeakyReLU(negative_slope=0.1)"
    by_layers = {change.layers: change for change in summary.changes}
    assert by_layers[2, 4, 6, 8].parameters == {"module": "C3k2", "by": "C2f", "where": "backbone"}
    assert by_layers[2, 4, 6, 8].blocks == {"C3k2": -4, "C2f": 4}
    assert [change.transform for change in summary.changes].count("forbid") == 2


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("level", ["0", "2", "3", "4"])
def test_the_transforms_add_up_to_the_difference_and_the_text_is_read_again(base: str, level: str) -> None:
    summary = of(base, level)
    total = dict(summary.before.blocks)
    for change in summary.changes:
        assert change.count == len(change.layers)
        for module, count in change.blocks.items():
            total[module] = total.get(module, 0) + count
    assert {module: count for module, count in total.items() if count} == summary.after.blocks
    text = summary_text(summary)
    assert read_summary(text) == summary
    assert cut_tag(text) == text


def test_a_base_keeps_its_own_activation_in_the_summary(tmp_path: Path) -> None:
    model = {
        "nc": 6,
        "activation": "nn.Hardswish()",
        "backbone": [[-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]]],
        "head": [[[1], 1, "Detect", ["nc"]]],
    }
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(model), "utf-8")
    summary = of(str(file), "0", scale=None)
    assert (summary.before.activation, summary.after.activation) == ("Hardswish()", "LeakyReLU(negative_slope=0.1)")


def test_a_giant_network_keeps_its_totals() -> None:
    blocks = {f"torch.nn.Module{number}": number + 1 for number in range(300)}
    facts = NetworkFacts(5000, 2500, blocks, 7, 16, "ReLU()")
    many = TransformFacts("replace", {"module": "C3k2", "by": "C2f"}, tuple(range(900)), 900, {"C3k2": -900})
    summary = Summary(facts, facts, (many,) * 60)
    text = summary_text(summary)
    read = read_summary(text)
    assert len(text) <= MAX_TEXT
    assert read is not None
    assert (read.before.layers, read.after.attention) == (5000, 7)
    assert read.before.blocks["torch.nn.Module299"] == 300, "the frequent ones stay"
    assert len(read.changes) + read.left_out == 60
    assert {change.count for change in read.changes} == {900}


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "null", "[]", "3", '"x"', "{}", "[" * 100_000, '{"format": 99}', '{"format": "1"}', "NaN"],
)
def test_what_is_no_summary_reads_as_none(text: str | None) -> None:
    assert read_summary(text) is None


WHOLE = summary_text(of("yolo11n", "4"))
VALUES = (
    st.none() | st.text() | st.integers() | st.floats() | st.lists(st.none()) | st.dictionaries(st.text(), st.none())
)


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_cut_text_reads_as_none(cut: int) -> None:
    assert read_summary(WHOLE[:cut]) is None


@given(key=st.sampled_from(["format", "before", "after", "changes", "left_out"]), value=VALUES)
def test_a_damaged_text_never_raises(key: str, value: object) -> None:
    damaged = json.dumps(json.loads(WHOLE) | {key: value})
    read = read_summary(damaged)
    assert read is None or isinstance(read, Summary)


def test_networks_are_left_as_they_are() -> None:
    content = yaml.safe_load((CONF / "levels" / "4.yaml").read_text("utf-8"))
    resolved = resolve_model({"name": "b", "model": "yolo11.yaml", "scale": "n"}, content, LEAKY, nc=6)
    before = resolved.base
    summarize(resolved)
    assert resolved.base is before
    assert Network.from_yaml(resolved.yaml) != before
