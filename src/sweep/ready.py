"""What has to be there before a sweep starts: room on the disk, and the storages of its studies."""

from __future__ import annotations

from sweep.disk import check_space
from sweep.plan import Plan


def check_disk(plan: Plan, needed_mb: float) -> None:
    """Refuse a sweep whose cells would fill the disk.

    Args:
        plan: With its states.
        needed_mb: What the forecast says that it will take.

    Raises:
        SweepError: They would.
    """
    if plan.to_train:
        check_space(plan.settings.home, needed_mb, len(plan.to_train))


def open_storages(plan: Plan) -> None:
    """Open the storage of the studies once, so that it is there for all workers, and a wrong one is found now.

    Raises:
        SweepError: It cannot be opened.
    """
    storages = {planned.config.tune.storage for planned in plan.to_train if planned.config.tune is not None}
    for storage in storages:
        from sweep.tuning.storage import open_storage

        open_storage(storage, plan.settings.home)
