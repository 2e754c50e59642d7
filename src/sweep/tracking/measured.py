"""What the measured figures of a run are: a tag for each target, and one for INT8, holding JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sweep.tracking import names
from sweep.tracking.write import cut_tag

# The states of a target. UNREADABLE is never written: it is what damaged text is read as.
MEASURED: Final = "measured"
MISSING: Final = "missing"
FAILED: Final = "failed"
UNREADABLE: Final = "unreadable"

_LONG_REASON = 200  # characters of a reason that are always kept
_OTHER_TEXT = 200  # of any other value, when nothing else helps


@dataclass(frozen=True)
class TargetFacts:
    """What is known of a target's figures, or of INT8.

    Attributes:
        state: measured, missing (its compiler is not installed), failed, or unreadable.
        reason: why it was not measured; for a missing compiler with the line that installs it.
        title: what the target calls itself (`Arm Ethos-U55-256`).
        compiler: name and version of the compiler, or of INT8's quantizer.
        options: what the compiler was told; for INT8 the scheme.
        kinds: what a figure is, by its last part: `{"latency_ms": "estimate"}`.
        imgsz: side of the input in pixels.
        decode: whether the measured graph holds the decoding of the boxes.
        fallbacks: operators that the NPU does not run.
        cached: whether the figures come from an earlier measurement of the same graph.
        calibration_images: INT8 only: how many training images it was calibrated on.
        runs: INT8 only: how many single-image runs the host latencies are the median of.
        threads: INT8 only: threads of these runs.
        fingerprint: of the target's options and compiler, which decide its figures beside the model.
    """

    state: str
    reason: str | None = None
    title: str | None = None
    compiler: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    imgsz: int | None = None
    decode: bool | None = None
    fallbacks: tuple[str, ...] = ()
    cached: bool = False
    calibration_images: int | None = None
    runs: int | None = None
    threads: int | None = None
    fingerprint: str | None = None


def tag_of(name: str) -> str:
    """Return the tag of a target's facts; of INT8's for `int8`."""
    return names.INT8_TAG if name == names.INT8 else names.npu_tag(name)


def is_facts_tag(tag: str) -> bool:
    """Whether a tag holds facts that `measured_facts` reads."""
    return tag == names.INT8_TAG or (tag.startswith(names.NPU_TAG_PREFIX) and tag != names.NPU_TAG_PREFIX)


def measured_facts(tags: Mapping[str, object]) -> dict[str, TargetFacts]:
    """Return the facts in a run's tags, by target, `int8` among them.

    Text that is no JSON, or was cut, gives the state `unreadable`; a value of the wrong type counts as absent.
    """
    found = {}
    for tag, text in tags.items():
        if is_facts_tag(tag) and isinstance(text, str):
            name = names.INT8 if tag == names.INT8_TAG else tag.removeprefix(names.NPU_TAG_PREFIX)
            found[name] = _facts(text)
    return found


def facts_owner(metric: str, targets: Iterable[str]) -> str | None:
    """Return which of these targets (`int8` among them) says what a metric is; None where none of them does.

    `npu/onnx.rk3588/op_pct` is a figure of `onnx`; the sizes and latencies under `fp32/` were measured with INT8's.
    """
    npu = names.npu_figure(metric)
    if npu is None:
        return names.INT8 if names.is_measured(metric) and names.INT8 in targets else None
    owners = [name for name in targets if npu[0] == name or npu[0].startswith(f"{name}.")]
    return max(owners, key=len, default=None)


def lacking(tags: Mapping[str, str], targets: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return which of these targets (`int8` among them) a run with these tags was not measured on, in their order.

    Args:
        tags: The run's tags.
        targets: By name the fingerprint of the target's options and compiler; None where any will do.
    """
    facts = measured_facts(tags)
    return tuple(
        name
        for name, fingerprint in targets.items()
        if name not in facts
        or facts[name].state != MEASURED
        or (fingerprint is not None and facts[name].fingerprint != fingerprint)
    )


def tag_text(facts: Mapping[str, Any]) -> str:
    """Return facts as compact JSON that a tag holds uncut: fallbacks are left out first, then the reason is cut."""
    content = dict(facts)
    while cut_tag(text := _json(content)) != text:
        content = _shorter(content)
    return text


def _json(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str, skipkeys=True)
    return text.encode("utf-8", "replace").decode("utf-8")


def _shorter(content: dict[str, Any]) -> dict[str, Any]:
    """The content with a little less: half of the fallbacks, a shorter reason, without its longest other value."""
    fallbacks, reason = content.get("fallbacks"), content.get("reason")
    if fallbacks:
        return content | {"fallbacks": list(fallbacks)[: len(fallbacks) // 2]}
    if isinstance(reason, str) and len(reason) > _LONG_REASON:
        kept = max(len(reason) // 2, _LONG_REASON - 1)
        return content | {"reason": f"{reason[: kept // 2]}…{reason[len(reason) - (kept - kept // 2 - 1) :]}"}
    longest = max(content, key=lambda name: len(_json({name: content[name]})))
    value = content[longest]
    if isinstance(value, Mapping) and value:
        entry = max(value, key=lambda name: len(_json({name: value[name]})))
        return content | {longest: {name: kept for name, kept in value.items() if name != entry}}
    if isinstance(value, str) and len(value) > _OTHER_TEXT:
        return content | {longest: value[: _OTHER_TEXT - 1] + "…"}
    return {name: kept for name, kept in content.items() if name != longest}


def _facts(text: str) -> TargetFacts:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return TargetFacts(UNREADABLE)
    if not isinstance(content, dict) or content.get("state") not in (MEASURED, MISSING, FAILED):
        return TargetFacts(UNREADABLE)
    return TargetFacts(
        state=content["state"],
        reason=_text(content.get("reason")),
        title=_text(content.get("title")),
        compiler=_text(content.get("compiler")) or _text(content.get("quantizer")),
        options=_mapping(content.get("options")) or _mapping(content.get("scheme")),
        kinds={name: str(kind) for name, kind in _mapping(content.get("kinds")).items()},
        imgsz=_count(content.get("imgsz")),
        decode=content["decode"] if isinstance(content.get("decode"), bool) else None,
        fallbacks=tuple(map(str, content["fallbacks"])) if isinstance(content.get("fallbacks"), list) else (),
        cached=content.get("cached") is True,
        calibration_images=_count(content.get("calibration_images")),
        runs=_count(content.get("runs")),
        threads=_count(content.get("threads")),
        fingerprint=_text(content.get("fingerprint")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
