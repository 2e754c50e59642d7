"""A checkpoint that names, or calls, what no detector needs is refused before it is opened, in every way there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.hostile import calls_of_a_model, pickles, write_detector, write_old, write_zip
from sweep.architecture.checkpoint import read_checkpoint
from sweep.errors import SweepError
from sweep.training.environment import prepare_ultralytics
from sweep.weights import check_checkpoint, weights_problem

NAMES = [name for name, _ in pickles("")]
MODEL_NAMES = [name for name, _ in calls_of_a_model("")]
FORMATS = {"zip": write_zip, "old": write_old}


def made(name: str, form: str, folder: Path, canary: Path) -> Path:
    """The checkpoint of that name in that format; opened without a guard it writes the canary."""
    command = f"touch {canary}"
    found = dict(pickles(command)) | dict(calls_of_a_model(command))
    return FORMATS[form](folder / "evil.pt", found[name])


def refusal(path: Path) -> str:
    with pytest.raises(SweepError) as raised:
        check_checkpoint(path)
    (problem,) = raised.value.problems
    assert str(path) in problem
    return problem


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_what_runs_a_command_is_named_with_the_way_to_trust_it(
    name: str, form: str, tmp_path: Path, canary: Path
) -> None:
    path = made(name, form, tmp_path, canary)
    assert "model.trust=true" in refusal(path)
    assert "it names" in refusal(path)
    assert weights_problem(path) is not None


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_class_that_may_be_rebuilt_may_not_be_called_or_changed(name: str, tmp_path: Path, canary: Path) -> None:
    path = made(name, "zip", tmp_path, canary)
    assert "DetectionModel" in refusal(path) or "cannot be read" in refusal(path)
    with pytest.raises(SweepError):
        read_checkpoint(path)


def test_the_corpus_is_live(tmp_path: Path) -> None:
    """Without a guard each of them runs its command: otherwise the tests above would show nothing."""
    script = (
        "import pathlib, sys, torch\n"
        "for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        torch.load(folder / 'evil.pt', weights_only=False)\n"
        "    except Exception:\n"
        "        pass\n"
    )
    places = {}
    for name in [*NAMES, "reduce of a model"]:
        for form in FORMATS:
            folder = tmp_path / "all" / f"{name}-{form}".replace(" ", "-")
            folder.mkdir(parents=True)
            places[name, form] = folder / "canary"
            made(name, form, folder, places[name, form])
    environment = os.environ | {"ULTRALYTICS_SAFE_LOAD": "false"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "all")], env=environment, check=True)
    assert [place for place, file in places.items() if not file.exists()] == []


def test_the_first_of_two_descriptions_does_not_hide_the_second(tmp_path: Path, canary: Path) -> None:
    evil, good = dict(pickles(f"touch {canary}"))["reduce"], b"\x80\x02cultralytics.nn.tasks\nDetectionModel\n."
    for order in ((evil, good), (good, evil)):
        assert "no PyTorch checkpoint" in refusal(write_zip(tmp_path / "two.pt", *order))
    both = tmp_path / "both.pt"  # PyTorch looks at the first bytes, and takes this for its old format
    both.write_bytes(write_old(tmp_path / "a.pt", evil).read_bytes() + write_zip(tmp_path / "b.pt", good).read_bytes())
    assert "system" in refusal(both)


def test_stock_checkpoints_are_opened(tmp_path: Path) -> None:
    from ultralytics import YOLO

    prepare_ultralytics(tmp_path / "home")
    YOLO("yolo11n.yaml", task="detect").save(str(tmp_path / "stock.pt"))
    for path in (tmp_path / "stock.pt", write_detector(tmp_path / "small.pt")):
        assert weights_problem(path) is None
        assert read_checkpoint(path).names


def test_an_interrupted_training_is_opened_with_its_loss_and_optimizer(tmp_path: Path) -> None:
    import numpy
    import torch
    from ultralytics.utils import IterableSimpleNamespace
    from ultralytics.utils.loss import v8DetectionLoss

    path = write_detector(tmp_path / "last.pt")
    content = torch.load(path, weights_only=False)
    model = content["model"].float()
    model.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5, overlap_mask=True)
    model.criterion = v8DetectionLoss(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    more = {"ema": model, "optimizer": optimizer.state_dict(), "fitness": numpy.float64(0.5), "save_dir": tmp_path}
    torch.save(content | more, path)
    assert weights_problem(path) is None
    assert read_checkpoint(path).names


def test_behind_the_look_ultralytics_opens_with_an_allow_list(tmp_path: Path, canary: Path) -> None:
    from ultralytics.nn.tasks import load_checkpoint

    prepare_ultralytics(tmp_path / "home")
    for name in (*NAMES, *MODEL_NAMES):
        with pytest.raises(Exception, match=r".+"):
            load_checkpoint(str(made(name, "zip", tmp_path, canary)))
        assert not canary.exists(), name


def test_a_trusted_checkpoint_runs_what_it_names(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    path = made("reduce", "zip", tmp_path, ran)
    assert weights_problem(path, trust=True) is None
    prepare_ultralytics(tmp_path / "home", trust=True)
    try:
        with pytest.raises(SweepError, match="cannot be read"):  # it holds no model
            read_checkpoint(path)
    finally:
        prepare_ultralytics(tmp_path / "home")
    assert ran.exists()
    ran.unlink()
    with pytest.raises(SweepError, match="could run code"):
        read_checkpoint(path)
    assert not ran.exists()


@pytest.mark.parametrize("arguments", [("plan", "model.weights={}"), ("npu", "assess", "{}"), ("model.weights={}",)])
def test_the_command_line_refuses_it(
    arguments: tuple[str, ...], sweep: Callable[..., Ended], signs_home: Path, tmp_path: Path, canary: Path
) -> None:
    path = made("reduce", "zip", tmp_path, canary)
    place = ["--home", str(signs_home)] if "npu" in arguments else [f"home={signs_home}"]
    ended = sweep(*(text.format(path) for text in arguments), *place)
    assert ended.returncode == 2, ended.stderr
    (problem,) = ended.problems
    assert str(path) in problem
    assert ".system" in problem
    assert "model.trust=true" in problem


def test_trust_is_no_part_of_the_key(signs_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweep.compose import hydra_app
    from sweep.plan import make_plan

    monkeypatch.chdir(tmp_path)
    path = write_detector(tmp_path / "small.pt")
    keys = set()
    for trust in ("true", "false"):
        loader = hydra_app().config_loader
        overrides = [f"home='{signs_home}'", f"model.weights='{path}'", f"model.trust={trust}"]
        keys |= {planned.cell.key for planned in make_plan(loader, {}, overrides, draw=False).cells}
    assert len(keys) == 1


def test_a_run_folder_with_one_is_not_imported(
    sweep: Callable[..., Ended], signs_home: Path, tmp_path: Path, canary: Path
) -> None:
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    made("reduce", "zip", tmp_path, canary).rename(run / "weights" / "best.pt")
    (run / "args.yaml").write_text("task: detect\nmode: train\nimgsz: 32\nbatch: 2\nepochs: 1\n", "utf-8")
    (run / "results.csv").write_text("epoch,metrics/mAP50(B)\n1,0.5\n", "utf-8")
    ended = sweep("import", str(run), "level=4", "act=relu", "--home", str(signs_home))
    assert ended.returncode == 2, ended.stderr
    assert any("weights/best.pt could run code" in problem for problem in ended.problems), ended.problems


def test_one_that_was_put_into_a_store_is_not_measured(tmp_path: Path, canary: Path) -> None:
    from support.sweeps import store_cell, store_sweep
    from sweep.measuring import measure_run
    from sweep.tracking import write
    from sweep.tracking.read import runs_by_id
    from sweep.tracking.store import open_store

    store = open_store(tmp_path / "home", "x")
    run_id = store_cell(store, store_sweep(store), "cell")["run_id"]
    write.log_files(store, run_id, {"weights/best.pt": made("reduce", "zip", tmp_path, canary)})
    run = runs_by_id(store, [run_id])[run_id]
    reasons = measure_run(store, run, ["int8"], lambda: None)  # type: ignore[arg-type, return-value]
    assert "could run code" in reasons["int8"]
