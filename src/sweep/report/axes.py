"""What tells two cells of a sweep apart, and how their values read as words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

SHORT_DIGEST = 8
TUNED = "tuned"  # a column that `with_tuned` adds


def axes_of(cells: pd.DataFrame) -> list[str]:
    """Return what can tell two cells apart: axes, initial weights, whether tuned, recipe, the data's digest."""
    recipe = sorted(name for name in map(str, cells.columns) if name.startswith(names.RECIPE_PREFIX))
    return [name for name in (*names.AXES, names.WEIGHTS, TUNED, "data_digest", *recipe) if name in cells]


def worth_showing(cells: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """Return the axes that vary in this sweep, less those that follow from others (lr0 from the recipe)."""
    shown: list[str] = []
    words = {axis: [word(plain(value)) for value in cells[axis]] for axis in axes}
    for axis in axes:
        known = {text for text in words[axis] if text}
        if len(known) < 2:
            continue
        seen = {
            (*(words[other][row] for other in shown), words[axis][row]) for row in range(len(cells)) if words[axis][row]
        }
        if not shown or len(seen) > len({entry[:-1] for entry in seen}):
            shown.append(axis)
    return shown


def with_weights(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with one word for the weights that each began with, where any began with some.

    The same file is the same weights whatever its name; of different files with one name the digest is told, too.
    A run without the parameter began with none. A cell that never ran may tell nothing: it keeps its gap.
    """
    rows = cells.to_dict("records")
    digests = [word(plain(row.get("weights_digest"))) for row in rows]
    told = [word(plain(row.get(names.WEIGHTS))) for row in rows]
    if not any(digests) and not any(name not in ("", "None") for name in told):
        return cells.drop(columns=names.WEIGHTS, errors="ignore")
    name_of: dict[str, str] = {}
    for digest, name in zip(digests, told, strict=True):
        if digest:
            name_of.setdefault(digest, name or digest[:SHORT_DIGEST])
    files = list(name_of.values())
    ran = [bool(plain(row.get("run_id"))) and row.get("status") != "missing" for row in rows]
    words = []
    for digest, name, has_run in zip(digests, told, ran, strict=True):
        if digest and files.count(name_of[digest]) > 1:
            words.append(f"{name_of[digest]} {digest[:SHORT_DIGEST]}")
        elif digest:
            words.append(name_of[digest])
        else:
            words.append(str(load_texts()["no_weights"]) if name == "None" or (has_run and not name) else name)
    frame = cells.copy()
    frame[names.WEIGHTS] = [text or None for text in words]
    return frame


def with_tuned(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with a word for whether each was tuned, where some finished ones were and others not."""
    rows = cells.to_dict("records")
    tuned = [any(plain(row.get(metric)) is not None for metric in names.TUNE_METRICS) for row in rows]
    finished = [row.get("status") == "finished" for row in rows]
    if len({own for own, ended in zip(tuned, finished, strict=True) if ended}) < 2:
        return cells
    words: dict[str, str] = load_texts()["tuned"]
    told = [
        words["tuned"] if own else words["untuned"] if ended else None
        for own, ended in zip(tuned, finished, strict=True)
    ]
    frame = cells.copy()
    frame[TUNED] = told
    return frame


def with_level_titles(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the title of each one's level: as a run of that level tells it, or as the texts name it."""
    frame = cells.copy()
    levels = [word(plain(value)) for value in frame["level"]] if "level" in frame else [""] * len(frame)
    told = [plain(title) for title in frame["level_title"]] if "level_title" in frame else [None] * len(frame)
    spoken: dict[str, str] = load_texts()["level_titles"]
    told = [spoken.get(str(title), title) for title in told]
    titles: dict[str, str] = dict(load_texts()["levels"])
    titles.update((level, title) for level, title in zip(levels, told, strict=True) if title)
    frame["level_title"] = [title or titles.get(level) for title, level in zip(told, levels, strict=True)]
    return frame


def plain(value: Any) -> Any:
    """Return Python's own value: None for NaN, NA and NaT; int, float, str and bool for NumPy's."""
    if hasattr(value, "item"):
        value = value.item()
    return None if value is None or value != value or type(value).__name__ in ("NAType", "NaTType") else value  # noqa: PLR0124


def word(value: Any) -> str:
    """Return a value of an axis as text: `4` for 4.0, nothing for None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts level 10 after level 4, and names after numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]
