"""The `npu` node of the config, and the files of its targets in conf/npu/."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sweep.errors import SweepError
from sweep.paths import NAME, option_file, option_files, option_names

TARGET = re.compile(r"^\w[\w.-]*$", re.ASCII)  # becomes part of a metric's name


def read_npu_settings(chosen: object, problems: list[str]) -> Mapping[str, Mapping[str, Any]] | None:
    """The targets by name. `onnx` is measured whatever the list, `none` turns everything off.

    Args:
        chosen: The `npu` node of a composed config.
        problems: What is wrong with it is added here, a sentence each.
    """
    targets = dict(chosen) if isinstance(chosen, Mapping) else {}
    if "none" in targets:
        if len(targets) > 1:
            others = ", ".join(name for name in targets if name != "none")
            problems.append(f"npu=none measures nothing: leave out either none or {others}.")
        return None
    problems += _header_problems()
    problems += [
        f"The target {name} cannot be named so: MLflow takes letters, digits, `_`, `-` and `.`, and int8 is taken. "
        "Rename its file in conf/npu/."
        for name in targets
        if not TARGET.match(name) or name == "int8"
    ]
    problems += [
        f"The target {name} has no compiler. Add `compiler:` to its file in conf/npu/."
        for name, options in targets.items()
        if not isinstance(options, Mapping) or not options.get("compiler")
    ]
    return {"onnx": targets.pop("onnx", None) or target_options("onnx"), **targets}


def _header_problems() -> list[str]:
    """Targets whose file puts its options under another target's name, as a copied file does."""
    wrong = []
    for path in option_files("npu"):
        first = path.read_bytes().partition(b"\n")[0].decode("utf-8", "replace").split()
        if first != ["#", "@package", f"npu.{path.stem}"]:
            wrong.append(f"{path} must begin with the line `# @package npu.{path.stem}`.")
    return wrong


def target_names() -> list[str]:
    """The targets that there are files of, `none` not being one."""
    return [name for name in option_names("npu") if name != "none"]


def target_options(name: str) -> Mapping[str, Any]:
    """The content of `conf/npu/<name>.yaml`.

    Raises:
        SweepError: There is no such target, or its file cannot be read.
    """
    import yaml

    from sweep.bounded_yaml import read_yaml

    path = option_file("npu", name) if NAME.match(name) and name != "none" else None
    if path is None:
        from sweep.overrides import nearest

        known = target_names()
        raise SweepError(f"There is no target {name}.{nearest(name, known)} Choices: {', '.join(known)}.")
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise SweepError(f"Target {name} cannot be read: {path} is not valid YAML ({reason}).") from None
    if not isinstance(content, Mapping) or not content.get("compiler"):
        raise SweepError(f"Target {name} has no compiler. Add `compiler:` to {path}.")
    return content
