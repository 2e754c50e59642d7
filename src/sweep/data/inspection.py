"""Look at every picture and label file of a data set, in threads, and only at those that changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from stat import S_ISREG

from sweep.data.facts import Facts, FactsCache, image_facts, label_facts, refuse_truncated
from sweep.data.labels import label_path

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Picture:
    """One picture of a split and what is known about it.

    Attributes:
        path: Absolute.
        name: Relative to the folder or list that names it.
        image: See `image_facts`.
        label_file: Where its labels are expected.
        label: See `label_facts`; None where there is no file.
    """

    path: str
    name: str
    image: Facts
    label_file: str
    label: Facts | None


def inspect(
    listed: dict[str, list[tuple[str, str]]],
    *,
    nc: int | None,
    pixels: bool,
    cache: FactsCache,
    progress: Progress | None = None,
) -> dict[str, list[Picture]]:
    """The pictures of each split with the facts about them.

    Args:
        listed: For each split the path and the name of its pictures (`list_images`).
        nc: Number of classes, None where unknown.
        pixels: Whether pictures are identified by their pixels (a generated set).
        cache: Facts known from before; what is new is put there.
        progress: Told "checking images 400/877" once a second.
    """
    images = list(dict.fromkeys(path for pairs in listed.values() for path, _ in pairs))
    labels = [label_path(path) for path in images]
    # Labels depend on the number of classes, so their facts carry it in their cache key
    found = _look(images, lambda path: image_facts(path, pixels), cache, "", progress)
    read = _look(dict.fromkeys(labels), lambda path: label_facts(path, nc), cache, f"nc {nc} ", None)
    where = dict(zip(images, labels, strict=True))
    gone: Facts = {"sha": "", "flaw": "cannot be read: it is gone", "open_end": False}
    return {
        split: [Picture(p, name, found.get(p, gone), where[p], read.get(where[p])) for p, name in pairs]
        for split, pairs in listed.items()
    }


def _look(
    paths: Iterable[str],
    facts_of: Callable[[str], Facts],
    cache: FactsCache,
    prefix: str,
    progress: Progress | None,
) -> dict[str, Facts]:
    """The facts about each file that exists, from the cache or from the file."""
    known: dict[str, Facts] = {}
    fresh: list[tuple[str, os.stat_result]] = []
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116 - a Path for each of thousands of files doubles the time
        except OSError:
            continue
        if not S_ISREG(stat.st_mode):  # reading a pipe or a device might never end
            continue
        facts = cache.get(prefix + path, stat)
        if facts is None:
            fresh.append((path, stat))
        else:
            known[path] = facts
    if not fresh:
        return known
    refuse_truncated()
    total, told = len(known) + len(fresh), time.monotonic()
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        results = pool.map(lambda item: facts_of(item[0]), fresh)
        for (path, stat), facts in zip(fresh, results, strict=True):
            known[path] = facts
            cache.put(prefix + path, stat, facts)
            if progress is not None and time.monotonic() - told > 1:
                told = time.monotonic()
                progress(f"checking images {len(known)}/{total}")
    return known
