"""What a run says of its measurements: names, tags that fit, and reading them back whatever became of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.tracking import names
from sweep.tracking.measured import facts_owner, is_facts_tag, lacking, measured_facts, tag_of, tag_text
from sweep.tracking.write import cut_tag

VELA: dict[str, Any] = {
    "state": "measured",
    "reason": None,
    "compiler": "Vela 5.2.0",
    "title": "Arm Ethos-U55-256",
    "options": {"accelerator": "ethos-u55-256"},
    "kinds": {"latency_ms": "estimate", "op_pct": "count"},
    "imgsz": 96,
    "decode": False,
    "fallbacks": ["MATMUL (model.10)"],
    "cached": True,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


def test_facts_come_back_as_they_were_written() -> None:
    facts = measured_facts({"sweep.npu.ethos_u55": tag_text(VELA), "sweep.kind": "cell"})
    assert list(facts) == ["ethos_u55"]
    vela = facts["ethos_u55"]
    assert (vela.state, vela.compiler, vela.imgsz, vela.decode, vela.cached) == (
        "measured",
        "Vela 5.2.0",
        96,
        False,
        True,
    )
    assert vela.options == {"accelerator": "ethos-u55-256"}
    assert vela.fallbacks == ("MATMUL (model.10)",)


def test_int8_says_its_quantizer_scheme_and_runs() -> None:
    content = {"state": "measured", "quantizer": "onnxruntime 1.32.0", "scheme": {"per_channel": True}}
    content |= {"calibration_images": 64, "runs": 50, "threads": 1, "imgsz": 96, "decode": True}
    int8 = measured_facts({"sweep.int8": tag_text(content)})["int8"]
    assert (int8.compiler, int8.options) == ("onnxruntime 1.32.0", {"per_channel": True})
    assert (int8.calibration_images, int8.runs, int8.threads) == (64, 50, 1)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '"measured"', "not JSON", json.dumps(VELA)[:-5], '{"state": "great"}', "[" * 100_000],
)
def test_damaged_text_is_a_target_that_was_not_measured(text: str) -> None:
    tags = {"sweep.npu.ethos_u55": text}
    assert measured_facts(tags)["ethos_u55"].state == "unreadable"
    assert lacking(tags, {"ethos_u55": None}) == ("ethos_u55",)


@given(st.dictionaries(st.sampled_from([*VELA, "scheme", "runs"]), JSON, max_size=12))
def test_values_of_the_wrong_type_count_as_absent(content: dict[str, Any]) -> None:
    facts = measured_facts({"sweep.npu.x": json.dumps(content | {"state": "measured"})})["x"]
    assert facts.state == "measured"
    assert facts.imgsz is None or isinstance(facts.imgsz, int)
    assert all(isinstance(kind, str) for kind in facts.kinds.values())
    assert all(isinstance(name, str) for name in facts.fallbacks)


@settings(deadline=None)  # a busy machine is no fault
@given(JSON.map(lambda value: value if isinstance(value, dict) else {"value": value}), st.text(), st.integers(0, 400))
def test_a_tag_is_never_cut(more: dict[str, Any], reason: str, fallbacks: int) -> None:
    content = VELA | {
        "reason": reason * 60,
        "fallbacks": [f"OP_{number} (model.{number})" for number in range(fallbacks)],
    }
    text = tag_text(content | {"more": more})
    assert cut_tag(text) == text
    assert measured_facts({"sweep.npu.x": text})["x"].state == "measured"


def test_fallbacks_go_before_the_reason_and_the_reason_keeps_its_end() -> None:
    reason = "x" * 3000 + " Install it: pip install y"
    content = VELA | {"state": "missing", "reason": reason, "fallbacks": ["MATMUL (model.10.attn)"] * 100}
    facts = measured_facts({"sweep.npu.x": tag_text(content)})["x"]
    assert facts.reason == reason
    assert len(facts.fallbacks) < 100
    longer = measured_facts({"sweep.npu.x": tag_text(content | {"reason": "x" * 9000 + reason})})["x"]
    assert longer.reason is not None
    assert longer.reason.endswith("Install it: pip install y")
    assert longer.compiler == "Vela 5.2.0"


def test_what_has_no_utf8_is_replaced() -> None:
    text = tag_text(VELA | {"reason": "/data/\udcff"})
    assert text.encode("utf-8")
    assert measured_facts({"sweep.npu.x": text})["x"].reason == "/data/?"


def test_lacking_names_what_was_never_tried_failed_or_is_missing_in_order() -> None:
    tags = {
        tag_of("onnx"): tag_text(VELA),
        tag_of("ethos_u55"): tag_text(VELA | {"state": "failed", "reason": "boom"}),
        tag_of("rk3588"): tag_text({"state": "missing", "reason": "Install it: …"}),
    }
    wanted = ["int8", "onnx", "rk3588", "ethos_u55", "qnn_htp"]
    assert lacking(tags, dict.fromkeys(wanted)) == ("int8", "rk3588", "ethos_u55", "qnn_htp")
    assert lacking(tags | {tag_of("int8"): tag_text(VELA)}, {"int8": None, "onnx": None}) == ()
    assert lacking({}, {}) == ()


@pytest.mark.parametrize(
    ("metric", "owner"),
    [
        ("npu/ethos_u55/latency_ms", "ethos_u55"),
        ("npu/onnx.ethos_u55/op_pct", "onnx"),
        ("npu/onnx.mine.2/op_pct", "onnx.mine"),
        ("int8/mAP50", "int8"),
        ("fp32/latency_ms", "int8"),
        ("npu/unknown/op_pct", None),
        ("best/mAP50", None),
    ],
)
def test_every_figure_has_the_facts_of_its_target(metric: str, owner: str | None) -> None:
    assert facts_owner(metric, ["int8", "onnx", "onnx.mine", "ethos_u55"]) == owner


def test_metric_and_tag_names() -> None:
    assert names.npu_metric("ethos_u55", "op_pct") == "npu/ethos_u55/op_pct"
    assert names.npu_figure("npu/onnx.rk3588/mac_pct") == ("onnx.rk3588", "mac_pct")
    assert names.npu_figure("int8/mAP50") is None
    assert tag_of("int8") == "sweep.int8"
    assert tag_of("ethos_u55") == "sweep.npu.ethos_u55"
    assert is_facts_tag("sweep.npu.표지") and is_facts_tag("sweep.int8")
    assert not is_facts_tag("sweep.npu.") and not is_facts_tag("sweep.kind")


@pytest.mark.parametrize("target", ["ethos_u55", "onnx.generic_int8", "val", "train", "metrics", "lr"])
def test_measured_metrics_are_logged_once_for_a_run(target: str) -> None:
    figures = [names.npu_metric(target, figure) for figure in names.NPU_FIGURES]
    assert all(map(names.is_summary, [*figures, *names.INT8_METRICS, *names.FP32_METRICS, names.CARRIED]))
    assert all(map(names.is_measured, [*figures, *names.INT8_METRICS, *names.FP32_METRICS]))
    assert not any(map(names.is_measured, [*names.SUMMARY_METRICS, *names.EPOCH_METRICS, names.CARRIED]))


@given(st.randoms())
def test_contract_order(random: Any) -> None:
    expected = [
        "best/mAP50",
        "model/nodes",
        "npu/onnx.rk3588/op_pct",
        "npu/onnx.rk3588/mac_pct",
        "npu/ethos_u55/op_pct",
        "npu/ethos_u55/latency_ms",
        "npu/ethos_u55/novel_figure",
        "npu/rk3588/conv_cycles",
        "int8/mAP50",
        "int8/latency_iqr_ms",
        "fp32/size_mb",
        "transfer/carried_pct",
        "a/unknown",
        "z/unknown",
    ]
    mixed = random.sample(expected, len(expected))
    assert names.in_contract_order(mixed) == expected


def test_a_target_with_other_options_is_lacking() -> None:
    tags = {tag_of("ethos_u55"): tag_text(VELA | {"state": "measured", "fingerprint": "0123"})}
    assert lacking(tags, {"ethos_u55": "0123"}) == ()
    assert lacking(tags, {"ethos_u55": "4567"}) == ("ethos_u55",)
    assert lacking(tags, {"ethos_u55": None}) == ()
