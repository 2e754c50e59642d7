"""Where the figures of a cell belong in its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from sweep.report.render import Markdown, as_markdown

# By the name of the figure, the part of its file's name before the first dot. Others come with the classes.
PLACES: Final = {
    "curves": "progress",
    "losses": "losses",
    "study": "tuning",
    "importance": "tuning",
    "pr": "classes",
    "confusion": "classes",
    "ap": "classes",
    "int8": "deployment",
    "int8_drop": "deployment",
    "latency": "deployment",
}
ELSEWHERE: Final = "classes"


def placed(figures: Mapping[str, str]) -> dict[str, list[Markdown]]:
    """Return the figures as Markdown images by the place where they belong, in the given order.

    Args:
        figures: captions by path relative to the report (`figures/curves.ko.png`).
    """
    places: dict[str, list[Markdown]] = {place: [] for place in PLACES.values()}
    for path, caption in figures.items():
        stem = PurePosixPath(path).name.split(".")[0]
        image = Markdown(f"![{as_markdown(caption)}]({quote(path, safe='/-_.~')})")
        places[PLACES.get(stem, ELSEWHERE)].append(image)
    return places
