"""A file is there as a whole, or as it was before."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.files import PARTS, replacing

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from sweep.files import replacing
with replacing(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    for content in (b"one", b"two"):
        with replacing(path) as part:
            part.write_bytes(content)
            assert part.parent == path.parent
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(b"before")
    with pytest.raises(OSError, match="disk"), replacing(path) as part:
        part.write_bytes(b"half")
        raise OSError("no space left on the disk")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(b"before")
    process = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before"
    (left,) = tmp_path.glob(PARTS)
    assert left.read_bytes() == b"half"
    with replacing(path) as part:
        part.write_bytes(b"after")
    assert path.read_bytes() == b"after"
