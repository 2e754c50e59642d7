"""Where a sweep comes from, and how to make it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

from sweep.report.data import SweepData
from sweep.report.render import Markdown, fenced
from sweep.report.sweep.wording import link
from sweep.report.texts import load_texts
from sweep.tracking import names

_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Provenance:
    """Where a sweep comes from. What its runs do not say is None or empty.

    Attributes:
        command: what the user typed, as a block of code.
        report: the command that writes this report again, as a block of code.
        versions: of the libraries: name and version.
        commit: of the program's source. `dirty`: whether it had changes beyond that.
        data: the digests of the data, each with the names that the data goes by.
        hosts: the machines. `devices`: what the cells were trained on.
        link: to the comparison of the runs in MLflow's UI. `local`: whether that runs on the reader's own machine.
    """

    command: Markdown | None
    report: Markdown
    versions: tuple[tuple[str, str], ...]
    commit: str | None
    dirty: bool
    data: tuple[tuple[str, str], ...]
    hosts: tuple[str, ...]
    devices: tuple[str, ...]
    link: Markdown | None
    local: bool


def provenance(sweep: SweepData) -> Provenance:
    """Return where a sweep comes from, by the tags of its own run and of its cells' runs."""
    again = f"python -m sweep report --sweep {shlex.quote(sweep.id)}"
    if sweep.baseline is not None:
        again += f" --baseline {shlex.quote(sweep.baseline.id)}"
    prefix = names.VERSION_PREFIX
    versions = sorted((tag.removeprefix(prefix), told) for tag, told in sweep.tags.items() if tag.startswith(prefix))
    compare = str(load_texts("sweep")["compare_runs"])
    return Provenance(
        command=fenced(sweep.command, "console") if sweep.command.strip() else None,
        report=fenced(again, "console"),
        versions=tuple(versions),
        commit=sweep.tags.get(names.GIT_COMMIT) or None,
        dirty=sweep.tags.get(names.GIT_DIRTY, "").lower() == "true",
        data=_data(sweep),
        hosts=_told(sweep, names.HOST),
        devices=_told(sweep, names.DEVICE),
        link=link(compare, sweep.link),
        local=urlsplit(sweep.link or "").hostname in _LOCAL if link(compare, sweep.link) else False,
    )


def _data(sweep: SweepData) -> tuple[tuple[str, str], ...]:
    """Each digest with the names of the data, in the order of the cells."""
    found: dict[str, dict[str, None]] = {}
    for cell in sweep.cells:
        digest = str(cell.values.get("data_digest") or "")
        if digest:
            found.setdefault(digest, {})[cell.text("data")] = None
    return tuple((digest, ", ".join(filter(None, named))) for digest, named in found.items())


def _told(sweep: SweepData, tag: str) -> tuple[str, ...]:
    """What the sweep and its cells say of themselves, each once."""
    told = [sweep.tags.get(tag), *(cell.tags.get(tag) for cell in sweep.cells)]
    return tuple(dict.fromkeys(value for value in told if value))
