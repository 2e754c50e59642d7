"""What has to be there before a sweep starts: room on the disk, and the storages of its studies."""

from __future__ import annotations

from sweep.devices import cores
from sweep.disk import check_space, needed_mb
from sweep.plan import Plan


def check_disk(plan: Plan) -> None:
    """Refuse a sweep whose cells would fill the disk.

    Raises:
        SweepError: They would.
    """
    trained = [planned.config for planned in plan.to_train]
    cells = [(config.base, 0 if config.tune is None else config.tune.trials) for config in trained]
    if cells:
        check_space(plan.settings.home, needed_mb(cells, plan.settings.workers or cores()), len(cells))


def open_storages(plan: Plan) -> None:
    """Open the storage of the studies once, so that it is there for all workers, and a wrong one is found now.

    Raises:
        SweepError: It cannot be opened.
    """
    storages = {planned.config.tune.storage for planned in plan.to_train if planned.config.tune is not None}
    for storage in storages:
        from sweep.tuning.storage import open_storage

        open_storage(storage, plan.settings.home)
