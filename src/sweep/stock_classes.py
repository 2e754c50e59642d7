"""Which classes the installed torch, torchvision and Ultralytics define, read from their source, not imported."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path

CLASS = re.compile(r"^class ([A-Za-z]\w*)\b", re.MULTILINE)
"""A public class at the left edge of a file; names that begin with `_` are the libraries' own business."""


def is_defined(module: str, name: str) -> bool:
    """Whether a module, or a file of a package, defines a public class of that name.

    What a module merely imports does not count: `torch.nn.modules.module` also knows a name `functools`.

    Args:
        module: A dotted name such as `torch.nn.modules.conv`, or a package such as `torch.nn.modules`.
        name: The name of the class.
    """
    return name in _classes(module)


@lru_cache(maxsize=256)
def _classes(module: str) -> frozenset[str]:
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None or not all(part.isidentifier() for part in rest):
        return frozenset()
    place = Path(spec.origin).parent.joinpath(*rest)
    files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return frozenset(name for file in files if file.is_file() for name in CLASS.findall(file.read_text("utf-8")))
