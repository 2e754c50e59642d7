"""The `nightly` node of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from sweep.errors import SweepError
from sweep.nightly.times import Schedule, parse_clock

NAMED = "sweeps=nightly"


@dataclass(frozen=True)
class NightlySettings:
    """What the `nightly` node says.

    Attributes:
        schedule: when nights are.
        addresses: who hears of a regression or a failure: addresses of Apprise.
        again: how many trainings more a cell gets that looks worse than usual.
    """

    schedule: Schedule
    addresses: tuple[str, ...]
    again: int


def read_nightly(config: Mapping[str, Any]) -> NightlySettings:
    """The nightly settings of a config.

    Raises:
        SweepError: With every problem found.
    """
    node = config["nightly"]
    clocks = {name: _clock(node[name]) for name in ("at", "until")}
    problems = [
        f"nightly.{name}={node[name]} must be a time of day in UTC, such as nightly.{name}=06:00."
        for name, clock in clocks.items()
        if clock is None and node[name] is not None
    ]
    at, again = clocks["at"], node["again"]
    if node["at"] is None:
        problems.append("nightly.at= must be a time of day in UTC, such as nightly.at=01:00.")
    given = node["notify"] or []
    addresses = [given] if isinstance(given, str) else given
    if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
        problems.append("nightly.notify= must be a list of addresses, such as [mailto://user:password@host].")
    if not isinstance(again, int) or isinstance(again, bool) or again < 0:
        problems.append(f"nightly.again={again} must be a whole number: 0 judges each cell by one training.")
    if problems or at is None:
        raise SweepError(*problems)
    return NightlySettings(Schedule(at, clocks["until"]), tuple(addresses), again)


def _clock(value: object) -> time | None:
    """A time of day. YAML 1.1 reads 22:30 as a number to the base of 60."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(*divmod(value, 60))
    return None if value is None else parse_clock(str(value))


def with_sweep(overrides: Sequence[str]) -> list[str]:
    """The overrides of a night: of the named sweep `nightly`, where no other one is named."""
    named = any(text.startswith("sweeps=") for text in overrides)
    return list(overrides) if named else [NAMED, *overrides]


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """The config of the first cell of a nightly sweep with these overrides.

    Raises:
        SweepError: They cannot be composed.
    """
    from sweep.arguments import override_key, prepare
    from sweep.compose import Composer, first_cell, hydra_app, is_of_hydra
    from sweep.config import sweep_wide_axes
    from sweep.overrides import check_overrides, parse

    prepared = prepare(with_sweep(overrides))
    check_overrides(prepared)
    ours = [text for text in prepared if text.startswith("nightly.")]
    swept = sweep_wide_axes([override_key(text) for text in ours if parse(text).is_sweep_override()])
    if swept:
        raise SweepError(*swept)
    chosen = [text for text in first_cell(prepared) if not is_of_hydra(text)]
    return Composer(hydra_app().config_loader).compose(chosen)
