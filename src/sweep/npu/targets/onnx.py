"""The exported graph itself, under declarative profiles: nodes by type, and what each profile places on the NPU."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from sweep import __version__
from sweep.errors import SweepError
from sweep.npu.operators import Operator, count_by_type, read_operators
from sweep.npu.profiles import Placement, Profile, Unsupported, load_profiles, placement, profile_files
from sweep.npu.targets.base import CompilerFailed, Measurement, Subject, Target

KNOWN = ("compiler", "title", "timeout_s", "profiles")


class OnnxTarget(Target):
    """Reads the FP32 export, decode included, and holds each operator against the profiles of `profiles:`.

    An operator that a profile says nothing about counts as unsupported and is listed as unknown besides.
    """

    weights_matter: ClassVar[bool] = False

    def problems(self) -> list[str]:
        """What is wrong with `profiles` and with the files that it names."""
        place = f"npu.{self.name}"
        found = super().problems()
        found += [f"{place}.{key} is unknown. Options: {', '.join(KNOWN)}." for key in self.options if key not in KNOWN]
        names = self.options.get("profiles")
        if not isinstance(names, Sequence) or isinstance(names, str) or not names or not all(map(_is_text, names)):
            return [*found, f"{place}.profiles={names} must be a list of profiles, such as [generic_int8]."]
        try:
            load_profiles(names)
        except SweepError as error:
            found += [f"{place}.profiles: {problem}" for problem in error.problems]
        return found

    def version(self) -> str:
        """The project's version and a digest of the profiles' files: a changed profile gives other figures."""
        digest = hashlib.sha256()
        for path in profile_files():
            if path.stem in self.options.get("profiles", ()):
                digest.update(path.read_bytes())
        return f"{__version__} ({digest.hexdigest()[:8]})"

    def measure(self, subject: Subject, folder: Path) -> Measurement:
        """Write `operators.csv`, a row for each node, and `operators.json`, types and what each profile leaves out.

        Raises:
            CompilerFailed: The graph has no fixed shapes.
        """
        profiles = load_profiles(list(self.options["profiles"]))
        try:
            operators = read_operators(subject.onnx)
        except ValueError as error:
            raise CompilerFailed(str(error)) from error
        placements = {profile.name: placement(operators, profile) for profile in profiles}
        table, summary = folder / "operators.csv", folder / "operators.json"
        _write_table(table, operators, placements)
        summary.write_text(json.dumps(_summary(operators, profiles, placements), indent=2, ensure_ascii=False), "utf-8")
        figures = {
            f"{self.name}.{name}/{kind}": value
            for name, placed in placements.items()
            for kind, value in (("op_pct", placed.op_pct), ("mac_pct", placed.mac_pct))
            if value is not None
        }
        return Measurement(
            figures=figures,
            kinds={"op_pct": "count", "mac_pct": "count"},
            compiler=f"npu-sweep profiles {self.version()}",
            options={"profiles": [profile.name for profile in profiles]},
            decode=True,
            fallbacks=tuple(_fallbacks(placements)),
            files={path.name: path for path in (table, summary)},
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _fallbacks(placements: Mapping[str, Placement]) -> dict[str, None]:
    """`rk3588: Transpose (model.23.dfl)`, each once and in order."""
    return dict.fromkeys(
        f"{name}: {left.operator.op} ({left.operator.layer or left.operator.name})"
        + (", unknown to the profile" if left.operator.op in placed.unknown else "")
        for name, placed in placements.items()
        for left in placed.unsupported
    )


def _write_table(path: Path, operators: Sequence[Operator], placements: Mapping[str, Placement]) -> None:
    """One row for each node; under a profile's name `yes`, or why not."""
    reasons = {
        name: {id(left.operator): left.reason for left in placed.unsupported} for name, placed in placements.items()
    }
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "op", "layer", "macs", *reasons])
        for operator in operators:
            placed = [because.get(id(operator), "yes") for because in reasons.values()]
            writer.writerow([operator.name, operator.op, operator.layer, operator.macs, *placed])


def _summary(
    operators: Sequence[Operator], profiles: Sequence[Profile], placements: Mapping[str, Placement]
) -> dict[str, Any]:
    return {
        "operators": len(operators),
        "macs": sum(operator.macs for operator in operators),
        "operators_by_type": count_by_type(operators),
        "profiles": {
            profile.name: {
                "title": profile.title,
                "sources": dict(profile.sources),
                "notes": profile.notes,
                "op_pct": placements[profile.name].op_pct,
                "mac_pct": placements[profile.name].mac_pct,
                "unsupported": [_left(left) for left in placements[profile.name].unsupported],
                "unknown": list(placements[profile.name].unknown),
            }
            for profile in profiles
        },
    }


def _left(left: Unsupported) -> dict[str, Any]:
    operator = left.operator
    return {
        "name": operator.name,
        "op": operator.op,
        "layer": operator.layer,
        "macs": operator.macs,
        "reason": left.reason,
    }
