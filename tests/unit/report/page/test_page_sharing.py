"""Figures in the page's data: whole again when they are put together, and nothing twice."""

from __future__ import annotations

import json
import math
from typing import Any

from sweep.report.page.sharing import Pool, script_json

CURVE = [index / 7 for index in range(100)]


def whole(value: Any, values: list[Any]) -> Any:
    """What the page's script makes of a value."""
    if isinstance(value, dict):
        return whole(values[value["$"]], values) if "$" in value else {k: whole(v, values) for k, v in value.items()}
    return [whole(item, values) for item in value] if isinstance(value, list) else value


def figure(title: str) -> dict[str, Any]:
    return {"data": [{"x": list(range(100)), "y": CURVE, "name": title}], "layout": {"title": {"text": title}}}


def test_figures_come_back_whole() -> None:
    pool = Pool()
    figures = [figure("가"), figure("b"), {"data": [], "layout": {}}]
    numbers = [pool.put(item) for item in figures]
    values = json.loads(pool.json())
    assert [whole(values[number], values) for number in numbers] == figures


def test_what_is_the_same_stands_once() -> None:
    pool = Pool()
    assert pool.put(figure("가")) == pool.put(figure("가"))
    pool.put(figure("b"))
    assert pool.json().count(json.dumps(CURVE, separators=(",", ":"))) == 1


def test_values_that_json_lacks_are_gaps() -> None:
    pool = Pool()
    number = pool.put({"data": [{"y": (1.5, math.nan, math.inf, -math.inf)}]})
    values = json.loads(pool.json())
    assert whole(values[number], values) == {"data": [{"y": [1.5, None, None, None]}]}


def test_no_text_ends_the_script_or_links_away() -> None:
    pool = Pool()
    number = pool.put({"data": [{"name": "</script><!-- <A HREF='https://x.example'>a</a> <b>b</b>" * 2}]})
    assert "<" not in pool.json()
    values = json.loads(pool.json())
    name = whole(values[number], values)["data"][0]["name"]
    assert "<A" not in name
    assert "</a" not in name
    assert "<b>b</b>" in name
    assert script_json({"a": "</script>"}) == '{"a":"\\u003c/script>"}'
