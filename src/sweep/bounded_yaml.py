"""YAML files that others wrote, read within bounds: plain values only, of a size that memory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 8 * 2**20
"""The largest YAML file that is read; a data.yaml with the names of 20,000 classes takes half a megabyte."""
MOST_VALUES = 1_000_000
"""The most values that a file may stand for, with every alias written out: ten lines of aliases of aliases can stand
for a thousand million ("billion laughs")."""


def read_yaml(path: Path, encoding: str = "utf-8") -> Any:
    """The content of a YAML file. Tags that make Python objects are refused.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is not text in that encoding.
        yaml.YAMLError: It is not valid YAML, or too much.
    """
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise yaml.YAMLError(f"the file has more than {MOST_BYTES // 2**20} MB")
    return parse_yaml(content.decode(encoding))


def parse_yaml(text: str) -> Any:
    """The content of YAML text, as `read_yaml` gives it.

    Raises:
        yaml.YAMLError: It is not valid YAML, or too much.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {}, set())
        return loader.construct_document(node)
    except yaml.YAMLError:
        raise
    except RecursionError:
        raise yaml.YAMLError("its values are nested too deeply") from None
    except Exception as error:  # a date that is none, a number of too many digits, a key that is a mapping
        raise yaml.YAMLError(f"a value cannot be read: {error}") from None
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], open_: set[int]) -> int:
    """How many values a node stands for; of one that aliases name again it is known already.

    Raises:
        yaml.YAMLError: They are too many, or a node contains itself.
    """
    if id(node) in known:
        return known[id(node)]
    if id(node) in open_:
        raise yaml.YAMLError("a value contains itself")
    open_.add(id(node))
    total = 1
    for child in _children(node):
        total += _count(child, known, open_)
        if total > MOST_VALUES:
            raise yaml.YAMLError(f"its aliases stand for more than {MOST_VALUES:,} values")
    open_.discard(id(node))
    known[id(node)] = total
    return total


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
