"""A training that is cut short goes on from its last finished epoch, and comes to the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

pytestmark = pytest.mark.slow
CONF = Path(__file__).parents[3] / "conf"
QUICK = {
    key: value for key, value in yaml.safe_load((CONF / "recipe" / "quick.yaml").read_text("utf-8")).items()
    if key != "name"
} | {"imgsz": 32, "fraction": 0.15, "epochs": 4, "batch": 8, "nbs": 8}  # fmt: skip
# An optimizer step takes three batches, and an epoch has five: gradients wait at its end. Warm-up ends in the third.
PENDING = {"nbs": 24, "warmup_epochs": 2.4, "cos_lr": True}
# Mosaics, whose pictures come from a buffer, until the last epoch; and whatever else draws random numbers.
DRAWING = {"cache": False, "mosaic": 0.8, "mixup": 0.3, "close_mosaic": 1, "multi_scale": 0.25, "optimizer": "SGD"}


class Cut(Exception):
    """What stops a training in these tests."""


@dataclass
class Trainer:
    """Trains one cell in folders of its own, and can be cut short."""

    home: Path
    root: Path
    base: str = "yolo11n"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    def train(self, folder: str, cut_after: int | None = None) -> Any:
        from sweep.architecture.resolve import resolve_model
        from sweep.data.ultralytics_yaml import write_view
        from sweep.identity import load_data
        from sweep.training.environment import prepare_ultralytics
        from sweep.training.train import train

        def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
            self.seen.append(epoch)
            if epoch == cut_after:
                raise Cut

        prepare_ultralytics(self.home)
        data = load_data({"name": "signs"}, self.home)
        read = (yaml.safe_load((CONF / path).read_text()) for path in (f"base/{self.base}.yaml", "levels/0.yaml"))
        model = resolve_model(*read, {"name": "relu", "module": "ReLU"}, data.nc)
        return train(
            model.yaml,
            {**QUICK, **self.recipe},
            view=write_view(data, self.home),
            seed=3,
            device="cpu",
            folder=self.root / folder,
            weights=None,
            on_epoch=on_epoch,
            state=self.root / folder / "state.pt",
        )


def figures(trained: Any) -> dict[int, dict[str, float]]:
    """The metrics of each epoch but its time."""
    return {
        epoch: {name: value for name, value in metrics.items() if not name.startswith("time/")}
        for epoch, metrics in trained.curves.items()
    }


def weights(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=False)["model"].state_dict()
    return state


def check_same(trained: Any, whole: Any) -> None:
    assert figures(trained) == figures(whole)
    assert trained.best_epoch == whole.best_epoch
    for ours, theirs in ((trained.best, whole.best), (trained.last, whole.last)):
        one, other = weights(ours), weights(theirs)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    csv, other_csv = (one.results_csv.read_text().splitlines() for one in (trained, whole))
    assert [line.split(",")[0] for line in csv] == [line.split(",")[0] for line in other_csv]


@pytest.mark.parametrize(
    ("base", "recipe"),
    [("yolo11n", {}), ("yolo11n", PENDING), ("yolo11n", DRAWING), ("yolo26n", PENDING | {"optimizer": "MuSGD"})],
    ids=["quick", "gradients that wait", "random numbers", "end to end"],
)
def test_a_training_that_was_cut_comes_to_the_same_bits(
    home: Path, tmp_path: Path, base: str, recipe: Mapping[str, Any]
) -> None:
    trainer = Trainer(home, tmp_path, base, recipe)
    whole = trainer.train("whole")
    trainer.seen.clear()
    for cut in (1, 3):
        with pytest.raises(Cut):
            trainer.train("cut", cut_after=cut)
    trained = trainer.train("cut")

    assert trainer.seen == [1, 1, 2, 3, 1, 2, 3, 4]
    check_same(trained, whole)


def test_a_training_that_was_cut_after_its_last_epoch_is_only_finished(home: Path, tmp_path: Path) -> None:
    trainer = Trainer(home, tmp_path)
    whole = trainer.train("whole")
    with pytest.raises(Cut):
        trainer.train("cut", cut_after=4)
    (tmp_path / "cut" / "weights" / "last.pt").unlink()  # it dies between its state and its checkpoint
    times = torch.load(tmp_path / "cut" / "state.pt")["course"]["curves"]
    trained = trainer.train("cut")

    check_same(trained, whole)
    assert trained.curves == times, "nothing was trained again"


def test_early_stopping_goes_on_counting(home: Path, tmp_path: Path) -> None:
    learning = {"imgsz": 64, "fraction": 0.4, "batch": 16, "nbs": 16, "lr0": 0.004}
    trainer = Trainer(home, tmp_path, recipe=learning | {"epochs": 30, "patience": 1})
    whole = trainer.train("whole")
    ended = max(whole.curves)
    assert ended < 30
    with pytest.raises(Cut):
        trainer.train("cut", cut_after=ended - 1)
    check_same(trainer.train("cut"), whole)


def test_a_state_that_cannot_be_read_is_no_state(home: Path, tmp_path: Path) -> None:
    trainer = Trainer(home, tmp_path, recipe={"epochs": 2})
    whole = trainer.train("whole")
    with pytest.raises(Cut):
        trainer.train("cut", cut_after=1)
    state = tmp_path / "cut" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    trainer.seen.clear()
    check_same(trainer.train("cut"), whole)
    assert trainer.seen == [1, 2]


def test_losses_that_are_no_numbers_stop_a_training(home: Path, tmp_path: Path) -> None:
    from sweep.training.trainer import Diverged

    trainer = Trainer(home, tmp_path, recipe={"epochs": 30, "box": 1e39})  # more than single precision holds
    with pytest.raises(Diverged, match=r"3 epochs in a row were NaN or infinite \(nan_patience=3\)"):
        trainer.train("cell")
    assert len(trainer.seen) < 4
