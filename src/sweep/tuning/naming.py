"""Which study is a cell's: a storage may be shared by homes and experiments that know nothing of each other."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from sweep.tuning.claims import close_dead
from sweep.tuning.lease import Watch

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

BEGAN_BY: Final = "began_by"  # the user attribute of a study: the MLflow run of the cell that began it


def resolve(storage: BaseStorage, name: str, run_ids: Collection[str], *, again: bool) -> tuple[str, bool]:
    """The name of the study that a new run of a cell works on, and whether it goes on with it.

    A study that other runs began is left alone: this cell's gets a number. One that is to be run again is put aside,
    so that the new one has its name, and with it the same brackets of Hyperband.

    Args:
        storage: Where the studies are.
        name: The study's name where it is free.
        run_ids: The earlier runs of the cell.
        again: Whether a new study is asked for.
    """
    import optuna

    known = set(optuna.get_all_study_names(storage))
    numbered = [name, *(f"{name} ({number})" for number in range(2, len(known) + 3))]
    free = next(each for each in numbered if each not in known)
    own = next((each for each in numbered if each in known and _began_by(storage, each) in run_ids), None)
    if own is None:
        return free, False
    if again:
        _put_aside(storage, own, known)
    return own, not again


def _began_by(storage: BaseStorage, name: str) -> str | None:
    import optuna

    return optuna.load_study(study_name=name, storage=storage).user_attrs.get(BEGAN_BY)


def _put_aside(storage: BaseStorage, name: str, known: Collection[str]) -> None:
    """Give a study another name; trials of dead workers are closed in it."""
    import optuna

    close_dead(optuna.load_study(study_name=name, storage=storage), storage, Watch(), lambda trial: None)
    aside = next(
        each for each in (f"{name} (before {number})" for number in range(1, len(known) + 2)) if each not in known
    )
    optuna.copy_study(from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=aside)
    optuna.delete_study(study_name=name, storage=storage)
