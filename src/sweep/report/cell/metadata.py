"""Where the result comes from, as YAML; and text in a fence that it cannot leave."""

from __future__ import annotations

import re
from typing import Any

from sweep.report.cell.facts import recipe, weights
from sweep.report.data import CellData, SweepData
from sweep.report.render import Markdown, fenced
from sweep.report.texts import load_texts
from sweep.tracking import names


def metadata(sweep: SweepData, cell: CellData) -> Markdown:
    """Return the origin of the cell as a YAML block; what its run does not say is left out."""
    import yaml

    keys: dict[str, str] = load_texts("cell")["metadata"]["keys"]
    content = {keys[key]: value for key, value in _content(sweep, cell).items() if value not in ("", None, {})}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000)
    return fenced(text, "yaml")


def _content(sweep: SweepData, cell: CellData) -> dict[str, Any]:
    tags = cell.tags
    versions = {
        name.removeprefix(names.VERSION_PREFIX): tags[name]
        for name in sorted(tags)
        if name.startswith(names.VERSION_PREFIX)
    }
    return {
        "model": cell.name,
        "run": cell.run_id,
        "key": cell.text("key"),
        "sweep": sweep.id,
        "data": cell.text("data"),
        "data_digest": cell.text("data_digest") or tags.get(names.DATA_DIGEST),
        "weights": str(weights(cell)) if cell.run_id else None,
        "weights_digest": cell.text("weights_digest") or tags.get(names.WEIGHTS_DIGEST),
        "optimizer": recipe(cell, "optimizer"),
        "seed": _count(cell.text("seed")),
        "device": tags.get(names.DEVICE),
        "host": tags.get(names.HOST),
        "workers": _count(recipe(cell, "workers")),
        "versions": versions,
        "commit": tags.get(names.GIT_COMMIT),
        "dirty": {"true": True, "false": False}.get(tags.get(names.GIT_DIRTY, "")),
        "command": sweep.command,
    }


def _count(text: str) -> int | str:
    return int(text) if re.fullmatch(r"\d{1,18}", text) else text
