"""Where a result comes from: code, versions, host and device, as tags."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sweep import __version__
from sweep.packages import installed_version
from sweep.tracking import names

PACKAGES = ("ultralytics", "torch", "mlflow", "optuna")
_GIT_TIMEOUT_S = 5.0


def provenance_tags(device: str | None = None, folder: Path | None = None) -> dict[str, str]:
    """Return the provenance tags of a run.

    Args:
        device: What the run trains on ("cpu", "cuda:0 NVIDIA H100"); no tag where it is not known yet.
        folder: The folder whose git repository is named; the current one by default. Outside a repository, or
        without
            git, the git tags are absent.
    """
    tags = dict(_git_tags(folder or Path.cwd()))
    tags |= _versions()
    tags[names.HOST] = platform.node()
    if device:
        tags[names.DEVICE] = device
    return tags


def code_tags() -> dict[str, str | None]:
    """Return the tags that tell which code trains a cell now: the folder's commit, and the version of npu-sweep."""
    now = provenance_tags()
    return {tag: now.get(tag) for tag in (names.GIT_COMMIT, f"{names.VERSION_PREFIX}sweep")}


def same_code(tags: Mapping[str, str], code: Mapping[str, str | None]) -> bool:
    """Return whether a run was trained by the same code as `code_tags` tells.

    A run without a commit was trained outside of a repository, or on a node without git: it is not known to be another.
    """
    return all(tags.get(tag, now) == now for tag, now in code.items())


@cache
def _versions() -> dict[str, str]:
    found = {
        f"{names.VERSION_PREFIX}sweep": __version__,
        f"{names.VERSION_PREFIX}python": platform.python_version(),
    }
    versions = {names.VERSION_PREFIX + package: installed_version(package) for package in PACKAGES}
    return found | {name: version for name, version in versions.items() if version is not None}


def _git_tags(folder: Path) -> dict[str, str]:
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    tags = {names.GIT_COMMIT: commit}
    if changes is not None:
        tags[names.GIT_DIRTY] = "true" if changes else "false"
    return tags


def _git(folder: Path, *arguments: str) -> str | None:
    command = [
        "git",
        "--no-optional-locks",
        "-C",
        str(folder),
        *arguments,
    ]  # Found on PATH, or not there at all.
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
