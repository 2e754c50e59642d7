"""A disk that takes no more is told as such, whoever has noticed it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from sweep.disk_full import DiskRefused, refusal
from sweep.files import replacing

DEVICE_FULL = Path("/dev/full")  # every write to it fails as on a full disk
pytestmark = pytest.mark.skipif(not DEVICE_FULL.exists(), reason="only Linux has /dev/full")


def full() -> OSError:
    """The error of a real write to a full device."""
    with pytest.raises(OSError, match="No space left") as caught, DEVICE_FULL.open("wb", buffering=0) as stream:
        stream.write(b"x")
    return caught.value


def test_a_full_disk_says_where_how_much_is_free_and_what_to_do(tmp_path: Path) -> None:
    found = refusal(full(), tmp_path / "state.pt")
    assert isinstance(found, DiskRefused)
    assert found.errno == errno.ENOSPC
    assert str(found).startswith(f"The disk is full at {tmp_path / 'state.pt'} (")
    assert "MB free). Free some (python -m sweep clean " in str(found)


def test_it_is_found_behind_the_error_of_a_library() -> None:
    try:
        try:
            raise full()
        except OSError as error:
            raise RuntimeError("unexpected pos 3601216 vs 3601168") from error
    except RuntimeError as error:
        found = refusal(error)
    assert found is not None
    assert "The disk is full" in str(found)


def test_a_database_that_has_no_room_or_may_not_be_written(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table t (x)")
        database.execute("pragma max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as caught:
            database.execute("insert into t values (zeroblob(100000))")
    database.close()
    found = refusal(caught.value)
    assert found is not None
    assert "The disk is full" in str(found)

    database = sqlite3.connect(f"file:{tmp_path / 'a.db'}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.execute("insert into t values (1)")
    database.close()
    found = refusal(caught.value)
    assert found is not None
    assert "read-only" in str(found)


def test_quota_and_read_only_file_systems_are_told_as_such() -> None:
    assert "quota" in str(refusal(OSError(errno.EDQUOT, "Disk quota exceeded"), Path("/home/x")))
    read_only = str(refusal(OSError(errno.EROFS, "Read-only file system", "/home/x/y")))
    assert read_only.startswith("The disk is read-only at /home/x/y. ")


def test_other_errors_are_none() -> None:
    assert refusal(ValueError("no")) is None
    assert refusal(PermissionError(errno.EACCES, "Permission denied", "/x")) is None


def test_a_file_that_does_not_fit_leaves_the_old_one_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_text("old")
    with pytest.raises(DiskRefused, match="python -m sweep clean"), replacing(path) as part:
        part.symlink_to(DEVICE_FULL)
        raise RuntimeError("unexpected pos 704 vs 598")  # what torch says
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]
    assert path.read_text() == "old"


def test_an_error_of_another_kind_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="other"), replacing(tmp_path / "state.pt") as part:
        part.write_text("half")
        raise RuntimeError("other")
    assert list(tmp_path.iterdir()) == []
