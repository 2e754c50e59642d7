"""What is known about each file of a data set, remembered in home: unchanged files are not read again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from sweep.data.digest import pixels_sha
from sweep.data.labels import decode_labels
from sweep.data.listing import IMAGE_FORMATS

Facts = dict[str, Any]
"""JSON-able facts about one file: see `image_facts` and `label_facts`."""

RACY_NS = 50_000_000
"""A file that changed so shortly before could change again without a new time stamp: it is not remembered."""

MIN_SIDE = 10
"""Ultralytics drops smaller pictures."""

MOST_PIXELS = 89_478_485
"""The largest picture that is decoded: what Pillow holds for safe (`PIL.Image.MAX_IMAGE_PIXELS`), 256 MB as RGB."""
MOST_PICTURE_BYTES = 512 * 2**20
"""The largest file that is read as a picture."""
MOST_LABEL_BYTES = 16 * 2**20
"""The largest label file that is read: over 300,000 boxes in one picture."""


def image_facts(path: str, pixels: bool) -> Facts:
    """Decode a picture completely, if its header says that it is of a kind and size that can be.

    Args:
        path: The file.
        pixels: Take the SHA-256 over the decoded pixels, not over the file.

    Returns:
        `sha` (str); `flaw` (str or None): why it cannot be used; `open_end` (bool): a JPEG without end
        marker, which Ultralytics would rewrite where it lies.
    """
    try:
        content = _read(path, MOST_PICTURE_BYTES)
    except OSError as error:
        return {"sha": "", "flaw": f"cannot be read: {error.strerror}", "open_end": False}
    if content is None:
        size = MOST_PICTURE_BYTES // 2**20
        return {"sha": "", "flaw": f"has more than {size} MB, too much for a picture", "open_end": False}
    sha = hashlib.sha256(content).hexdigest()
    flaw, open_end = None, False
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, (width, height) = str(image.format).lower(), image.size
            flaw = _header_flaw(kind, width, height)
            if flaw is None:
                image.verify()
        if flaw is None:
            with Image.open(io.BytesIO(content)) as image:
                if kind == "jpeg" and not pixels:
                    # An eighth of the size takes a third of the time, and still reads every byte
                    image.draft(image.mode, (max(width // 8, 1), max(height // 8, 1)))
                    open_end = not content.endswith(b"\xff\xd9")
                image.load()
                if pixels:
                    sha = pixels_sha(image)
    except Image.DecompressionBombError:  # Pillow's own limit is twice ours
        flaw = _too_large("it")
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them
        # Ultralytics, where it is imported, tries HEIC after Pillow, and fails without its reader
        unknown = isinstance(error, UnidentifiedImageError) or isinstance(error.__context__, UnidentifiedImageError)
        flaw = f"cannot be decoded: {'no picture that Pillow knows' if unknown else error}"
    return {"sha": sha, "flaw": flaw, "open_end": open_end}


def _header_flaw(kind: str, width: int, height: int) -> str | None:
    """Why a picture is not to be decoded, from what its header says. Pillow would run Ghostscript for some kinds."""
    if kind not in IMAGE_FORMATS | {"jpeg2000"}:
        return f"is a {kind.upper()} file, which Ultralytics does not read; save it as PNG or JPEG"
    if min(width, height) < MIN_SIDE:
        return f"is only {width}x{height} pixels; Ultralytics drops pictures below {MIN_SIDE} pixels"
    return _too_large(f"{width}x{height}") if width * height > MOST_PIXELS else None


def _too_large(size: str) -> str:
    return f"is too large to be decoded: {size} is more than {MOST_PIXELS:,} pixels; cut it into tiles or scale it down"


def _read(path: str, most: int) -> bytes | None:
    """The bytes of a file; None where there are more than `most`."""
    with Path(path).open("rb") as stream:
        content = stream.read(most + 1)
    return content if len(content) <= most else None


def label_facts(path: str, nc: int | None) -> Facts:
    """Read a label file.

    Returns:
        `sha` (str), `lines`, `repeated`, `flat` (int: see `Labels`), `flaws` (list of [kind, line, text]).
    """
    try:
        content = _read(path, MOST_LABEL_BYTES)
        problem = None if content is not None else f"has more than {MOST_LABEL_BYTES // 2**20} MB, too much for labels"
    except OSError as error:
        content, problem = None, f"cannot be read: {error.strerror}"
    if content is None:
        flaws = [["broken label lines", 0, problem]]
        return {"sha": "", "lines": 1, "repeated": 0, "flat": 0, "flaws": flaws}
    labels = decode_labels(content, nc)
    return {
        "sha": hashlib.sha256(content).hexdigest(),
        "lines": labels.lines,
        "repeated": labels.repeated,
        "flat": labels.flat,
        "flaws": [[flaw.kind, flaw.line, flaw.text] for flaw in labels.flaws],
    }


class FactsCache:
    """Facts by path, valid while size and times of the file stay the same.

    Args:
        file: Where it is kept: a JSON file in home.
        header: What the facts depend on besides the files; another header makes them void.
    """

    def __init__(self, file: Path, header: Facts) -> None:
        self._file = file
        self._header = header
        self._old: dict[str, Any] = {}
        self._new: dict[str, Any] = {}
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["header"] == header:
                self._old = dict(content["files"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # Absent, or of another version: everything is read again

    def get(self, path: str, stat: os.stat_result) -> Facts | None:
        """The facts about a file that has not changed since, else None."""
        entry = self._old.get(path)
        if entry is None or entry[0] != _stamp(stat):
            return None
        self._new[path] = entry
        facts: Facts = entry[1]
        return facts

    def put(self, path: str, stat: os.stat_result, facts: Facts) -> None:
        """Remember facts. `stat` was taken before the file was read."""
        if abs(time.time_ns() - max(stat.st_ctime_ns, stat.st_mtime_ns)) > RACY_NS:
            self._new[path] = [_stamp(stat), facts]

    def save(self) -> None:
        """Write what was asked for or put since the start, if it is not what the file holds already."""
        if self._new == self._old:
            return
        write_atomically(self._file, json.dumps({"header": self._header, "files": self._new}).encode())


def _stamp(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def write_atomically(file: Path, content: bytes) -> None:
    """Put a whole file in place at once, also where several processes do so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f"{file.name[:40]}.", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(scratch).replace(file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def refuse_truncated() -> None:
    """Let Pillow report truncated pictures, whatever another library of this process has set.

    What it would warn of, a picture that is too large, is refused here.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    Image.init()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
