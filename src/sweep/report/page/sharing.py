"""Figures as JSON in which whatever is the same stands once: languages share their arrays, figures their layout."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

REFERENCE: Final = "$"  # no attribute of Plotly's is called so
_WORTH_SHARING: Final = 48  # characters of JSON; a reference takes about ten
# Plotly reads a little HTML in its labels, and links among it; no label of a figure is one.
_LINK: Final = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)


class Pool:
    """Values that stand once: put figures in, take `json()` out.

    `{"$": 7}` in it stands for the eighth value. A value only refers to values before itself.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def put(self, figure: Mapping[str, Any]) -> int:
        """Return the number of a figure's value. Equal figures have one number."""
        return self._number(_json(self._shared(figure)))

    def json(self) -> str:
        """Return the values as a JSON array that can stand inside a script element."""
        return f"[{','.join(self._numbers)}]"

    def _shared(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._reference({str(key): self._shared(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return self._reference([self._shared(item) for item in value])
        if isinstance(value, float) and not math.isfinite(value):
            return None  # a gap; JSON has no word for it
        return _LINK.sub("&lt;", value) if isinstance(value, str) else value

    def _reference(self, value: Any) -> Any:
        text = _json(value)
        return value if len(text) < _WORTH_SHARING else {REFERENCE: self._number(text)}

    def _number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: it holds no `<`, so no `</script>` and no `<!--`."""
    return _json(value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
