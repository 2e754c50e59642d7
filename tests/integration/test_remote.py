"""A cell on a machine that does not see the sweep's home, and cells of another home: without a training."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_plugins.npu_sweep.jobs import _composed
from support.plans import made
from support.spooled import begin_cell, begin_sweep, delivered
from sweep import remote
from sweep.arguments import prepare
from sweep.cell import _train_cell
from sweep.compose import hydra_app
from sweep.ending import CellFailed
from sweep.launch import Sweep, _overrides
from sweep.launching import Launching
from sweep.progress import ProgressWriter, read_progress
from sweep.stopping import stop_file
from sweep.tracking import names
from sweep.tracking.known import home_runs
from sweep.tracking.read import search
from sweep.tracking.spool.destination import sync_command
from sweep.tracking.store import Store, open_store, store_at
from sweep.tune_settings import read_tune_settings

TUNE = {
    "space": {"lr0": "interval(0.001, 0.01)"}, "trials": 2, "seed": 0, "objective": "metrics/mAP50",
    "sampler": "tpe", "pruner": "none", "warm_start": False, "refit": False,
}  # fmt: skip
SERVER = "http://h:5000"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "home", "e")


def test_a_job_elsewhere_is_told_its_home_experiment_and_server(tmp_path: Path, monkeypatch: Any) -> None:
    """There is no conf/local there, and another working directory."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "홈, (a)=1"
    home.mkdir()
    plan = made(f"home={home}", 'experiment="it\'s"', f"tracking.uri={SERVER}/a=b", "data=signs", "npu=none")
    plan = SimpleNamespace(**{**vars(plan), "launching": Launching("ray", elsewhere=True)})
    sweep: Any = Sweep("s", run=None, plan=plan, store=None, outcomes={})  # type: ignore[arg-type]
    told = _overrides(plan.cells[0], sweep, 0, 0)
    config = hydra_app().compose_config("config", told, run_mode=_run())
    assert (config.home, config.experiment, config.tracking.uri) == (str(home), "it's", f"{SERVER}/a=b")
    assert config.device == "cpu"


def test_the_users_launcher_is_not_missed_where_its_file_is_not(tmp_path: Path, monkeypatch: Any) -> None:
    launchers = tmp_path / "user" / "conf" / "hydra" / "launcher"
    launchers.mkdir(parents=True)
    (launchers / "cluster.yaml").write_text("defaults:\n  - ray\n")
    (tmp_path / "user" / "conf" / "recipe").mkdir()
    (tmp_path / "user" / "conf" / "recipe" / "mine.yaml").write_text("defaults:\n  - quick\n")
    (tmp_path / "node").mkdir()
    monkeypatch.chdir(tmp_path / "user")
    arguments = prepare(["hydra/launcher=cluster", "hydra.launcher.init.address=h:1"])
    config = hydra_app().compose_config("config", arguments, run_mode=_run())
    monkeypatch.chdir(tmp_path / "node")
    loader = hydra_app().config_loader
    composed = _composed(loader, config, ["level=2", "job.index=0"], tmp_path / "user")
    assert (composed.level, composed.hydra.runtime.choices["hydra/launcher"]) == (2, "local")
    with pytest.raises(RuntimeError, match=r"does not have the conf/ of .*user.*recipe/mine"):
        _composed(loader, config, ["recipe=mine"], tmp_path / "user")


def _run() -> Any:
    from hydra.types import RunMode

    return RunMode.RUN


@pytest.mark.parametrize("uri", [None, "sqlite:////x.db", "postgresql://h/x"])
def test_elsewhere_needs_a_server(uri: str | None) -> None:
    assert "tracking.uri=http://HOST:5000" in str(remote.why_not_here(uri, None))
    assert remote.why_not_here(SERVER, None) is None


@pytest.mark.parametrize(
    ("workers", "storage", "possible"),
    [
        (1, "postgresql+psycopg://h/x", True), (2, "postgresql+psycopg://h/x", False), (1, None, False),
        (1, "sqlite:////x.db", False),
    ],
)  # fmt: skip
def test_a_tuned_cell_elsewhere_needs_a_database_and_is_one_job(
    workers: int, storage: str | None, possible: bool
) -> None:
    tune = read_tune_settings(TUNE | {"workers": workers, "storage": storage})
    problem = remote.why_not_here(SERVER, tune)
    assert (problem is None) == possible
    assert possible or "tune.workers=1 tune.storage=postgresql" in str(problem)


def test_a_cell_that_cannot_be_run_there_says_where_and_why(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [f"home={tmp_path / 'home'}", "job.sweep_id=s", "job.key=k", "npu=none"]
    config = hydra_app().compose_config("config", prepare(arguments), run_mode=_run())
    OmegaConf.set_struct(config, False)
    with (
        pytest.raises(CellFailed, match=r"does not see the sweep's home, .*home: its results"),
        remote.delivering(config),
    ):
        pytest.fail("nothing is run")


def test_one_run_that_is_stuck_does_not_fail_another_cell(store: Store, monkeypatch: Any) -> None:
    """Only the cell's own folder is waited for; the message names a command that delivers the rest."""
    sweep = begin_sweep(store)
    stuck, mine = begin_cell(store, sweep, "stuck"), begin_cell(store, sweep, "mine")
    deliver = remote_deliver(stuck.folder)
    monkeypatch.setattr("sweep.tracking.spool.courier.deliver", deliver)
    mine.finish("FINISHED")
    remote._deliver_rest(store, "mine", wait_s=5)
    with pytest.raises(CellFailed) as failed:
        remote._deliver_rest(store, "stuck", wait_s=0.5)
    assert f"--home {store.home}" in str(failed.value) and "--experiment e" in str(failed.value)


def remote_deliver(stuck: Path) -> Any:
    from sweep.tracking.spool.deliver import deliver

    def some(store: Store, folder: Path) -> bool:
        if folder == stuck:
            raise OSError("no")
        return deliver(store, folder)

    return some


def test_the_command_to_deliver_names_all_that_it_needs(tmp_path: Path) -> None:
    there = store_at(tmp_path / "h", "night", SERVER)
    command = f"python -m sweep sync --home {tmp_path / 'h'} --tracking-uri {SERVER} --experiment night"
    assert sync_command(there) == command


def test_a_run_that_was_deleted_in_mlflow_is_forgotten(store: Store) -> None:
    run = begin_cell(store, begin_sweep(store), "k")
    run.finish("FINISHED")
    delivered(store)
    (found,) = search(store, f"tags.`{names.CELL_KEY}` = 'k'")
    store.client.delete_run(found.run_id)
    assert home_runs(store, "k")
    remote._forget_deleted(store, "k")
    assert not home_runs(store, "k")


def test_a_server_that_is_away_keeps_no_cell(tmp_path: Path, caplog: Any) -> None:
    away = store_at(tmp_path / "home", "e", "http://127.0.0.1:9")
    begin_cell(away, begin_sweep(away), "k")
    remote._forget_deleted(away, "k")
    assert "MLflow is away" in caplog.text


def test_a_sweep_that_stops_is_heard_of_through_mlflow(store: Store, tmp_path: Path) -> None:
    """The process that delivers looks at the sweep's run, and puts the file where the cell looks."""
    sweep = begin_sweep(store)
    delivered(store)
    there = open_store(tmp_path / "there", "e", store.uri)
    remote.pass_on_stop(there, sweep.id)
    assert not stop_file(there.home, sweep.id).exists()
    sweep.set_tags({names.STOPPING: "Ctrl-C"})
    delivered(store)
    (there.home / "sweeps" / sweep.id).mkdir(parents=True)
    code = "import sweep.remote as r; r.ASK_S = 0.2; r.deliver_until_closed()"
    courier = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True)
    assert courier.stdin is not None
    courier.stdin.write(json.dumps((str(there.home), "e", store.uri, sweep.id)) + "\n")
    courier.stdin.flush()
    deadline = time.monotonic() + 60
    while not stop_file(there.home, sweep.id).exists():
        assert time.monotonic() < deadline and courier.poll() is None
        time.sleep(0.1)
    courier.stdin.close()
    assert courier.wait(30) == 0
    assert stop_file(there.home, sweep.id).read_text() == "Ctrl-C"


@dataclass
class _Settings:
    home: Path
    rerun: bool = False


def test_a_reused_cell_of_another_home_is_listed_by_its_id_in_mlflow(store: Store, tmp_path: Path) -> None:
    """What it is called in the other home means nothing here, nor in cells.json."""
    other = open_store(tmp_path / "other", "e", store.uri)
    run = begin_cell(other, begin_sweep(other), "k")
    run.finish("FINISHED")
    delivered(other)
    (found,) = search(store, f"tags.`{names.CELL_KEY}` = 'k'")
    progress = tmp_path / "progress" / "0.jsonl"
    work: Any = SimpleNamespace(
        settings=_Settings(store.home), store=store, identity=SimpleNamespace(key="k"), targets=(),
        job={"finished": found.run_id, "sweep_id": "here"}, progress=ProgressWriter(progress), stop_if_asked=None,
    )  # fmt: skip

    result = _train_cell(work)

    assert result == {"run_id": found.run_id, "reused": True, "finished": True}
    assert found.run_id != run.id
    assert read_progress(progress)[0][-1]["run_id"] == found.run_id
