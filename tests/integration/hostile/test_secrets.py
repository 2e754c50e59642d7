"""No secret is found in home or in the store: not in the database, the logs, the reasons nor any artifact."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.mlflow_server import mlflow_server
from support.pictures import make_pictures
from support.sweeps import store_cell, store_sweep
from sweep.errors import in_one_line
from sweep.progress import ProgressWriter, progress_file
from sweep.tracking import write
from sweep.tracking.store import open_store
from sweep.training.output import output_to

PASSWORD, TOKEN, IN_ADDRESS = "hunter2-of-the-server", "tok-8f3a91c07d", "geheim%2Bwort"
SECRETS = (PASSWORD, TOKEN, IN_ADDRESS, "geheim+wort")


def holding(folder: Path) -> list[str]:
    """The files in a folder in which a secret is found."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path}: {secret}" for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def test_what_is_written_of_a_cell_holds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    home = tmp_path / "home"
    store = open_store(home, "x")
    error = OSError(f"http://bob:{IN_ADDRESS}@host refused {PASSWORD} and Bearer {TOKEN}")
    sweep = store_sweep(store, tags={"note": str(error)})
    params = {"experiment": TOKEN, "recipe": {"a": str(error)}}
    entry = store_cell(store, sweep, "c", params=params, tags={"t": f"?token={TOKEN}"}, reason=in_one_line(error))
    write.log_cells(store, sweep, sweep_id="s", cells=[entry | {"reason": str(error)}])
    ProgressWriter(progress_file(home, "s", 0)).write("failed", reason=str(error))
    with output_to(home / "cells" / "train.log"):
        print(error)
        print(error, file=sys.stderr)
        logging.getLogger("mlflow").warning("%s", error)
    assert "refused" in (home / "cells" / "train.log").read_text("utf-8")
    assert "refused" in progress_file(home, "s", 0).read_text("utf-8")
    assert not holding(home)


@pytest.mark.parametrize("key", ["experiment", "recipe.name", "data.name", "npu.onnx.compiler"])
def test_a_config_cannot_take_a_secret_of_the_environment(
    key: str, sweep: Callable[..., Ended], signs_home: Path
) -> None:
    for name in ("GH_TOKEN", "${oc.decode:GH_TOKEN}"):
        ended = sweep("plan", f"{key}='${{oc.env:{name}}}'", f"home={signs_home}", environment={"GH_TOKEN": TOKEN})
        assert ended.returncode == 2, ended.stdout
        assert "GH_TOKEN, which holds a secret" in ended.stderr
        assert TOKEN not in ended.stdout + ended.stderr


def test_an_address_may(sweep: Callable[..., Ended], signs_home: Path) -> None:
    address = "tracking.uri=http://bob:${oc.env:GH_TOKEN}@127.0.0.1:9"
    ended = sweep("plan", "level=2", address, f"home={signs_home}", environment={"GH_TOKEN": TOKEN})
    assert ended.returncode == 0, ended.stderr
    assert "http://127.0.0.1:9: no MLflow server answers" in ended.stdout + ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_a_sweep_leaves_none(sweep: Callable[..., Ended], tmp_path: Path) -> None:
    """A real sweep on a real server, which is given every kind of secret."""
    data, home = make_pictures(tmp_path / "set"), tmp_path / "home"
    secrets = {"MLFLOW_TRACKING_USERNAME": "bob", "MLFLOW_TRACKING_PASSWORD": PASSWORD, "MY_API_KEY": TOKEN}
    served = tmp_path / "served"
    served.mkdir()
    with mlflow_server(served) as address:
        ended = sweep(
            "level=0", "act=relu", "recipe.epochs=1", "recipe.batch=2", "recipe.imgsz=32", "npu=none", f"data={data}",
            f"home={home}", f"tracking.uri={address.replace('://', f'://bob:{IN_ADDRESS}@')}", environment=secrets,
            limit_s=600,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not any(secret in ended.stdout + ended.stderr for secret in SECRETS)
    assert not holding(home)
    assert not holding(served)
