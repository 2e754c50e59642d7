"""Which study is a cell's, in a storage that other homes write to as well."""

from __future__ import annotations

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage

from sweep.tuning.naming import BEGAN_BY, resolve

NAME = "yolo11n-l4-relu-s0-0123456789ab"


@pytest.fixture
def storage() -> BaseStorage:
    return InMemoryStorage()


def begin(storage: BaseStorage, name: str, run_id: str, trials: int = 1) -> optuna.Study:
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    study.set_user_attr(BEGAN_BY, run_id)
    for _ in range(trials):
        study.add_trial(optuna.trial.create_trial(value=0.5))
    return study


def test_the_first_study_has_the_name_itself(storage: BaseStorage) -> None:
    assert resolve(storage, NAME, [], again=False) == (NAME, False)


def test_the_study_of_an_earlier_run_is_gone_on_with(storage: BaseStorage) -> None:
    begin(storage, NAME, "mine")
    assert resolve(storage, NAME, ["newer", "mine"], again=False) == (NAME, True)


def test_the_study_of_another_home_is_left_alone(storage: BaseStorage) -> None:
    """Two people with the same cell and one database: neither goes on with the other's trials."""
    begin(storage, NAME, "theirs")
    assert resolve(storage, NAME, ["mine"], again=False) == (f"{NAME} (2)", False)
    begin(storage, f"{NAME} (2)", "mine")
    assert resolve(storage, NAME, ["mine"], again=False) == (f"{NAME} (2)", True)
    assert resolve(storage, NAME, [], again=False) == (f"{NAME} (3)", False)


def test_a_study_that_is_run_again_is_put_aside_with_its_trials(storage: BaseStorage) -> None:
    begin(storage, NAME, "mine", trials=3)
    for number in (1, 2):
        assert resolve(storage, NAME, ["mine"], again=True) == (NAME, False)
        aside = optuna.load_study(study_name=f"{NAME} (before {number})", storage=storage)
        assert len(aside.trials) == 3
        assert NAME not in optuna.get_all_study_names(storage)
        begin(storage, NAME, "mine", trials=3)


def test_running_again_leaves_the_study_of_another_home(storage: BaseStorage) -> None:
    begin(storage, NAME, "theirs")
    assert resolve(storage, NAME, ["mine"], again=True) == (f"{NAME} (2)", False)
    assert optuna.get_all_study_names(storage) == [NAME]
