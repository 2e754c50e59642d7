"""Plans that are made in the test's own process."""

from __future__ import annotations

from sweep.arguments import prepare
from sweep.compose import hydra_app
from sweep.plan import Plan, make_plan


def made(*arguments: str) -> Plan:
    """The plan of a sweep; its cells are all new."""
    from hydra.core.global_hydra import GlobalHydra

    plan = make_plan(hydra_app().config_loader, {}, prepare(arguments))
    GlobalHydra.instance().clear()
    return plan
