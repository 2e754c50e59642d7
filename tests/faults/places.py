"""File systems of their own for a home: a small one in memory, one on a file, one that is mounted read-only."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MB = 1_000_000


def mount(*arguments: object) -> None:
    """Call mount, or skip the test where that is not allowed."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")


def unmount(place: Path) -> None:
    """Unmount a file system; this process lets go of the databases that it has open there."""
    from sweep.tracking.client import _clients, close

    for client in _clients.values():
        close(client)
    _clients.clear()
    subprocess.run(["umount", str(place)], check=True)


@contextmanager
def in_memory(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size on a folder."""
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place)
    try:
        yield place
    finally:
        unmount(place)


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder that is mounted read-only."""
    mount("--bind", place, place)
    try:
        mount("-o", "remount,bind,ro", place)
        yield
    finally:
        unmount(place)


class Disk:
    """An ext4 file system in a file, which can be made to have an error as a broken disk makes it have one."""

    def __init__(self, image: Path, place: Path, megabytes: int) -> None:
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("there is no mkfs.ext4")
        self._image, self.place = image, place
        with image.open("wb") as stream:
            stream.truncate(megabytes * MB)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        place.mkdir()
        self.mount()

    def mount(self) -> None:
        mount("-o", "loop,errors=remount-ro", self._image, self.place)

    def unmount(self) -> None:
        unmount(self.place)

    def fail(self) -> None:
        """From now on it is read-only, for files that are open, too."""
        mount("-o", "remount,abort", self.place)

    def repair(self) -> None:
        """Check it, and mount it again."""
        self.unmount()
        done = subprocess.run(["e2fsck", "-p", str(self._image)], capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stdout
        self.mount()


def fill(place: Path, leave: int) -> Path:
    """A file that leaves so many bytes of a file system free, and in the end not more, while others write to it."""
    balloon = place / "balloon"
    with balloon.open("wb", buffering=0) as stream:
        while (room := shutil.disk_usage(place).free - leave) > 0:
            try:
                os.posix_fallocate(stream.fileno(), stream.seek(0, os.SEEK_END), room)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return balloon
