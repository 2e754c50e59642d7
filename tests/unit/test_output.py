"""A cell's log file takes all that is printed and logged, and a full disk does not end the cell."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from sweep.training.output import output_to


def test_what_is_printed_and_logged_goes_to_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run" / "train.log"
    path.parent.mkdir()
    path.write_text("before\n")
    with output_to(path):
        print("그림")
        print("warned", file=sys.stderr)
        logging.getLogger("a library").warning("logged")
        print("without an end", end="")
    assert path.read_text("utf-8") == "before\n그림\nwarned\nlogged\nwithout an end"
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_loses_the_log_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.log"
    path.symlink_to("/dev/full")
    with output_to(path):
        print("lost")
        sys.stdout.flush()
        logging.getLogger("ultralytics").error("lost")
    assert capfd.readouterr() == ("", "")


def test_a_log_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with output_to(tmp_path / "file" / "train.log"):
        print("lost")
