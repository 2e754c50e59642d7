"""Check an Ultralytics detection data set before anything is trained on it: every problem at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from sweep.data.dataset import Dataset
from sweep.data.description import Description, describe, read_yaml
from sweep.data.digest import EMPTY_SHA, Entry, data_digest, is_generated
from sweep.data.facts import FactsCache
from sweep.data.inspection import Picture, inspect
from sweep.data.listing import IMAGE_FORMATS, list_images
from sweep.data.problems import Problems

CACHE_VERSION = 2
"""Raise it when facts about files are taken in another way."""


def check_dataset(
    yaml: Path,
    home: Path,
    *,
    name: str | None = None,
    allow_download: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Dataset:
    """Read a data.yaml, every picture and every label of it.

    Nothing is written into the data set's folder. What is found out about a file is kept in home under
    `datasets/cache` and used again while the file stays as it is.

    Args:
        yaml: The data.yaml.
        home: The folder that holds all state.
        name: What tables call the data set; by default the name of its folder.
        allow_download: Let Ultralytics execute the file's `download:` entry where pictures are missing.
        progress: Told "checking images 400/877" about once a second.

    Raises:
        SweepError: With all problems at once; of each kind the first five and the number.
    """
    file = Path(os.path.abspath(yaml.expanduser()))  # noqa: PTH100 - links stay as they are
    problems = Problems()
    description = _describe(file, home, allow_download, problems)
    for sentence in (s for missing in description.missing.values() for s in missing):
        problems.add("missing paths", sentence)
    listed = {split: list_images(sources, file.parent, problems) for split, sources in description.sources.items()}

    generated = is_generated(file.parent)
    key = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:32]
    cache = FactsCache(home / "datasets" / "cache" / f"{key}.json", {"version": CACHE_VERSION, "pixels": generated})
    nc = len(description.names) or None
    splits = inspect(listed, nc=nc, pixels=generated, cache=cache, progress=progress)
    cache.save()

    for split, pictures in splits.items():
        _check_split(file, split, pictures, description, problems)
    problems.raise_if_any()
    return Dataset(
        name=name or (file.parent.name if file.stem in ("data", "dataset") else file.stem),
        yaml=file,
        digest=data_digest(description.names, _entries(splits)),
        names=description.names,
        **{split: tuple(Path(p.path) for p in splits.get(split, ())) for split in ("train", "val", "test")},
        warnings=(*description.warnings, *_outside(description.roots, splits), *_warnings(splits)),
    )


def _describe(file: Path, home: Path, allow_download: bool, problems: Problems) -> Description:
    """The description of the data set, after a download where one is wanted, allowed and needed."""
    content = read_yaml(file)
    wants_download = content.get("download") not in (None, "")
    if wants_download and not allow_download:
        problems.add(
            "keys",
            f"{file} has a `download:` entry, a command that Ultralytics would execute: remove it, or allow "
            "it with data.allow_download=true.",
        )
    description = describe(file, content, problems)
    if wants_download and allow_download and any(description.missing.values()):
        from sweep.data.download import download

        content = content | download(file, home)
        description = describe(file, content, Problems())  # keys other than paths were held against it above
    return description


def _check_split(file: Path, split: str, pictures: list[Picture], description: Description, problems: Problems) -> None:
    if not pictures:
        if not description.missing.get(split):
            places = " and ".join(map(str, description.sources[split]))
            problems.add(
                "empty splits",
                f"{file}: `{split}`: no picture: looked in {places} for {', '.join(sorted(IMAGE_FORMATS))}.",
            )
        return
    seen: set[str] = set()
    for picture in pictures:
        if picture.image["flaw"]:
            problems.add("unreadable pictures", f"{picture.path} {picture.image['flaw']}.")
        if picture.label is not None and picture.label_file not in seen:
            seen.add(picture.label_file)
            for kind, line, text in picture.label["flaws"]:
                place = f"{picture.label_file}, line {line}" if line else picture.label_file
                problems.add(kind, f"{place}: {text}.")
    if split != "test" and not any(picture.label["lines"] for picture in pictures if picture.label):
        problems.add(
            "splits without boxes",
            f"{file}: none of the {len(pictures)} {split} pictures has a box. The labels of "
            f"{pictures[0].path} were looked for in {pictures[0].label_file}.",
        )


def _entries(splits: dict[str, list[Picture]]) -> list[Entry]:
    return [
        Entry(split, picture.name, picture.image["sha"], picture.label["sha"] if picture.label else EMPTY_SHA)
        for split, pictures in splits.items()
        for picture in pictures
    ]


def _outside(roots: tuple[Path, ...], splits: dict[str, list[Picture]]) -> list[str]:
    """What a data set uses of other folders than its own; links inside it are its own."""
    own = tuple({f"{place}{os.sep}" for root in roots for place in (os.path.abspath(root), os.path.realpath(root))})  # noqa: PTH100
    said = []
    for split, pictures in splits.items():
        elsewhere = [picture for picture in pictures if not picture.path.startswith(own)]
        if elsewhere:
            said.append(
                f"{len(elsewhere)} of {len(pictures)} {split} pictures lie outside {roots[-1]} (the first: "
                f"{elsewhere[0].path}): they are read like the others, and nothing is written there."
            )
    return said


def _warnings(splits: dict[str, list[Picture]]) -> list[str]:
    """Oddities of a data set that can be used."""
    said: list[str] = []
    for split, pictures in splits.items():
        bare = [picture for picture in pictures if picture.label is None]
        if bare:
            said.append(
                f"{len(bare)} of {len(pictures)} {split} pictures have no label file and count as background "
                f"(the first: {bare[0].path})."
            )
    trained = {picture.image["sha"]: picture.path for picture in splits["train"]}
    for split in ("val", "test"):
        both = [picture for picture in splits.get(split, ()) if picture.image["sha"] in trained]
        if both:
            verb = "picture is" if len(both) == 1 else "pictures are"
            said.append(
                f"{len(both)} {verb} in both train and {split}, which flatters the metrics "
                f"(the first: {both[0].path} is {trained[both[0].image['sha']]})."
            )
    every = {picture.path: picture for pictures in splits.values() for picture in pictures}.values()
    for what, key in (
        ("repeated label lines, which Ultralytics drops", "repeated"),
        ("boxes without area", "flat"),
    ):
        odd = [picture for picture in every if picture.label and picture.label[key]]
        if odd:
            count = sum(picture.label[key] for picture in odd if picture.label)
            said.append(f"{count} {what} (the first in {odd[0].label_file}).")
    ends = [picture for picture in every if picture.image["open_end"]]
    if ends:
        said.append(
            f"{len(ends)} JPEG files lack the end marker (the first: {ends[0].path}): training reads "
            "completed copies in home, because Ultralytics would rewrite the originals."
        )
    return said
