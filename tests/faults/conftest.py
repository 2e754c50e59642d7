"""The fault suite: `make faults`. Every fault is a real one; at the end a table says what came of each.

A test adds its line to the table with `tell`; one that fails or is skipped is in it by itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Desk, desk, make_desk, signs
from faults.outcome import Undisturbed, undisturbed_by
from faults.table import Row, markdown

__all__ = ["desk", "signs"]

ROWS = pytest.StashKey[list[Row]]()
TOLD = pytest.StashKey[bool]()
Tell = Callable[[str, int | str, str, str], None]
RunUndisturbed = Callable[..., Undisturbed]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture(scope="session")
def kills() -> int:
    """How often a process of each kind is killed."""
    return int(os.environ.get("KILLS", "3"))


@pytest.fixture(scope="session")
def draw() -> int:
    """The number from which all random moments follow; another one for each run, unless it is given."""
    number = int(os.environ.get("FAULTS_SEED", "0")) or int.from_bytes(os.urandom(3), "big")
    print(f"FAULTS_SEED={number}", file=sys.__stdout__)
    return number


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """`tell(fault, times, what was found, how it ended)`: a line of the table."""

    def add(fault: str, times: int | str, found: str, ended: str) -> None:
        request.node.stash[TOLD] = True
        request.config.stash[ROWS].append(Row(fault, str(times), found, ended))

    return add


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, signs: Path) -> Iterator[RunUndisturbed]:
    """`undisturbed(*command)`: what a sweep leaves that nothing happens to; run once for each command."""
    known: dict[tuple[str, ...], Undisturbed] = {}

    def run(*command: str) -> Undisturbed:
        if command not in known:
            known[command] = undisturbed_by(make_desk(tmp_path_factory.mktemp("undisturbed"), signs), command)
        return known[command]

    yield run


@pytest.fixture
def new_desk(tmp_path: Path, signs: Path) -> Iterator[Callable[[], Desk]]:
    """`new_desk()`: as many fresh folders as a test needs, one after the other."""
    from e2e.conftest import close_desk

    made: list[Desk] = []

    def make() -> Desk:
        folder = tmp_path / f"desk{len(made)}"
        folder.mkdir()
        made.append(make_desk(folder, signs))
        return made[-1]

    yield make
    for each in made:
        close_desk(each)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.skipped:
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "skipped"
        item.config.stash[ROWS].append(Row(item.name, "0", "", reason))
    elif report.failed:
        said = str(call.excinfo.value).splitlines() if call.excinfo is not None else []
        item.config.stash[ROWS].append(Row(item.name, "", (said or ["?"])[0][:200], f"FAILED while {report.when}"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    table = markdown(config.stash[ROWS])
    terminalreporter.section("faults")
    terminalreporter.write(table)
    if path := os.environ.get("FAULTS_TABLE"):
        Path(path).write_text(table, "utf-8")
