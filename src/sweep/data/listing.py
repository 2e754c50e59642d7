"""Find the pictures of a split, as Ultralytics finds them."""

from __future__ import annotations

import os
from pathlib import Path

from sweep.data.problems import Problems
from sweep.files import is_file, is_folder

IMAGE_FORMATS = frozenset(
    ("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp")
)
"""Extensions that Ultralytics 8.4 takes for pictures (`ultralytics.data.utils.IMG_FORMATS`)."""

MOST_LIST_BYTES = 256 * 2**20
"""The largest list of pictures that is read: some millions of lines."""


def is_image(name: str) -> bool:
    """Whether a file name has the extension of a picture."""
    return name.rpartition(".")[2].lower() in IMAGE_FORMATS and "." in name


def list_images(sources: tuple[Path, ...], root: Path, problems: Problems) -> list[tuple[str, str]]:
    """The pictures of a split.

    Args:
        sources: Folders (searched with all their folders) and text files with a path a line.
        root: Folder of the data.yaml: a place for relative lines of a text file.
        problems: Where problems are collected.

    Returns:
        Absolute path, and name relative to the folder or the list; in the order of the paths.
    """
    found: list[tuple[str, str]] = []
    for source in sources:
        try:
            found += _in_folder(str(source)) if is_folder(source) else _in_list(source, root, problems)
        except (OSError, UnicodeDecodeError) as error:
            problems.add("unreadable sources", f"{source}: cannot be read as a folder or list of pictures: {error}.")
    good = []
    for path, name in sorted(found):
        if len(path.splitlines()) != 1 or not is_text(path):
            problems.add("file names", f"{path!r}: rename this picture: its name has a line break or is not UTF-8.")
        else:
            good.append((path, name))
    return good


def is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_folder(folder: str) -> list[tuple[str, str]]:
    """Pictures below a folder; hidden files and folders are passed over, links to folders followed."""
    found: list[tuple[str, str]] = []
    entered: set[str] = set()
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        real = os.path.realpath(place)
        if real in entered:
            continue
        entered.add(real)
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
                elif is_image(entry.name) and entry.is_file():
                    found.append((entry.path, prefix + entry.name))
    return found


def _in_list(file: Path, root: Path, problems: Problems) -> list[tuple[str, str]]:
    """Pictures named in a text file: absolute, or from the file's folder, the root, the working directory."""
    if not is_file(file):
        raise OSError("it is neither a folder nor a file")
    if file.stat().st_size > MOST_LIST_BYTES:
        raise OSError(f"it has more than {MOST_LIST_BYTES // 2**20} MB")
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    found: list[tuple[str, str]] = []
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not is_image(entry) or "\0" in entry:
            continue
        places = [os.path.normpath(base / entry) for base in (file.parent, root, Path.cwd())]
        path = next((place for place in places if is_file(Path(place))), None)
        if path is None:
            looked = " and ".join(dict.fromkeys(places))
            problems.add("missing pictures", f"{file}, line {number}: this picture does not exist: looked at {looked}.")
        else:
            inside = Path(path).is_relative_to(file.parent)
            found.append((path, Path(path).relative_to(file.parent).as_posix() if inside else Path(path).name))
    return found
