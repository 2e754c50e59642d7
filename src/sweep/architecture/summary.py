"""What a level changed in its base, short enough for a tag of the cell's run: the report says it from there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sweep.architecture.blocks import has_attention
from sweep.architecture.layers import Network
from sweep.architecture.transforms import TRANSFORMS

if TYPE_CHECKING:
    from sweep.architecture.resolve import ResolvedModel

FORMAT: Final = 1
MAX_TEXT: Final = 3700  # characters; `tracking.write.cut_tag` would cut the middle out of a text a little longer
MAX_LAYERS: Final = 24  # positions named for one transform where the text is too long with all of them
MAX_KINDS: Final = 24  # and kinds of blocks counted


@dataclass(frozen=True)
class NetworkFacts:
    """A network in figures.

    Attributes:
        layers: rows of its model YAML, backbone and head together, a block with repeats being one.
        backbone: how many of them are its backbone.
        blocks: how many of them each module is, by name, in the order of their first appearance.
        attention: how many of them compute attention.
        reg_max: bins of its head for each side of a box (DFL).
        activation: as `ReLU()` or `LeakyReLU(negative_slope=0.1)`, a class of torch.nn.
    """

    layers: int
    backbone: int
    blocks: Mapping[str, int]
    attention: int
    reg_max: int
    activation: str


@dataclass(frozen=True)
class TransformFacts:
    """What a transform of the level did.

    Attributes:
        transform: its name.
        parameters: as the level's YAML gives them.
        layers: positions, in the network that it was given, of the layers it changed: the first `MAX_LAYERS` of them
            where there are too many to keep.
        count: how many layers it changed.
        blocks: what it changed in the counts of blocks, by module (`{"C3k2": -4, "C2f": 4}`).
    """

    transform: str
    parameters: Mapping[str, Any]
    layers: tuple[int, ...]
    count: int
    blocks: Mapping[str, int]


@dataclass(frozen=True)
class Summary:
    """The base, what it became, and how.

    Attributes:
        before: the base, with its own activation.
        after: the cell's network.
        changes: the transforms in order, those that changed nothing included.
        left_out: how many transforms stand behind `changes` and were too many to keep.
    """

    before: NetworkFacts
    after: NetworkFacts
    changes: tuple[TransformFacts, ...]
    left_out: int = 0


def summarize(model: ResolvedModel) -> Summary:
    """Return what the level changed in its base."""
    network, changes = model.base, []
    for change in model.changes:
        given = Counter(_blocks(network))
        network, _ = TRANSFORMS[change.transform](network, **change.parameters)
        given.subtract(_blocks(network))
        blocks = {module: -count for module, count in given.items() if count}
        changes.append(
            TransformFacts(change.transform, dict(change.parameters), change.layers, len(change.layers), blocks)
        )
    after = Network.from_yaml(model.yaml)
    return Summary(_facts(model.base, model.base_activation), _facts(after, model.yaml["activation"]), tuple(changes))


def summary_text(summary: Summary) -> str:
    """Return the summary as compact JSON of at most `MAX_TEXT` characters, ASCII only.

    A network that has too much to say keeps its totals: long lists of layers lose their end, then rare blocks and
    the last transforms go.
    """
    text = _text(summary)
    if len(text) > MAX_TEXT:
        shorter = tuple(replace(change, layers=change.layers[:MAX_LAYERS]) for change in summary.changes)
        summary = replace(summary, changes=shorter)
        text = _text(summary)
    if len(text) > MAX_TEXT:
        summary = replace(summary, before=_frequent(summary.before), after=_frequent(summary.after))
        text = _text(summary)
    while len(text) > MAX_TEXT and summary.changes:
        summary = replace(summary, changes=summary.changes[:-1], left_out=summary.left_out + 1)
        text = _text(summary)
    return text


def read_summary(text: str | None) -> Summary | None:
    """Return the summary that a tag holds; None where there is none, or one that is damaged or of a later format."""
    try:
        content = json.loads(text or "")
        if content["format"] > FORMAT:
            return None
        changes = tuple(_read_change(change) for change in content["changes"])
        return Summary(_read_facts(content["before"]), _read_facts(content["after"]), changes, int(content["left_out"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _facts(network: Network, activation: str) -> NetworkFacts:
    return NetworkFacts(
        layers=len(network.layers),
        backbone=network.backbone,
        blocks=_blocks(network),
        attention=sum(has_attention(layer) for layer in network.layers),
        reg_max=network.reg_max,
        activation=activation.removeprefix("torch.").removeprefix("nn."),
    )


def _blocks(network: Network) -> dict[str, int]:
    return dict(Counter(layer.module for layer in network.layers))


def _frequent(facts: NetworkFacts) -> NetworkFacts:
    kept = {module for module, _ in Counter(facts.blocks).most_common(MAX_KINDS)}
    return replace(facts, blocks={module: count for module, count in facts.blocks.items() if module in kept})


def _text(summary: Summary) -> str:
    content = {
        "format": FORMAT,
        "before": vars(summary.before),
        "after": vars(summary.after),
        "changes": [vars(change) for change in summary.changes],
        "left_out": summary.left_out,
    }
    return json.dumps(content, separators=(",", ":"), default=str)


def _read_facts(content: Mapping[str, Any]) -> NetworkFacts:
    return NetworkFacts(
        layers=int(content["layers"]),
        backbone=int(content["backbone"]),
        blocks=_read_counts(content["blocks"]),
        attention=int(content["attention"]),
        reg_max=int(content["reg_max"]),
        activation=str(content["activation"]),
    )


def _read_change(content: Mapping[str, Any]) -> TransformFacts:
    return TransformFacts(
        transform=str(content["transform"]),
        parameters={str(name): value for name, value in content["parameters"].items()},
        layers=tuple(int(layer) for layer in content["layers"]),
        count=int(content["count"]),
        blocks=_read_counts(content["blocks"]),
    )


def _read_counts(content: Mapping[str, Any]) -> dict[str, int]:
    return {str(module): int(count) for module, count in content.items()}
