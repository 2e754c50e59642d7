"""Two homes on one MLflow server with PostgreSQL behind it: one table over what both have trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk, make_desk
from support.mlflow_server import MlflowServer
from support.postgres import Postgres

pytestmark = pytest.mark.slow


def test_one_table_over_both(postgres: Postgres, tmp_path: Path, signs: Path) -> None:
    (tmp_path / "server").mkdir()
    server = MlflowServer(tmp_path / "server", postgres.database())
    server.start()
    try:
        desks: list[Desk] = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            desks.append(make_desk(tmp_path / name, signs, uri=server.uri))
        common = ("act=relu", *TINY, "recipe.epochs=1", "npu=none", f"tracking.uri={server.uri}")
        assert desks[0].run("level=2", *common)[0] == 0
        assert desks[1].run("level=3", *common)[0] == 0
        code, output = desks[0].run("level=2,3", *common)
    finally:
        server.kill()
    assert code == 0, output
    assert "2 finished; 0 to run" in output
    (latest,) = [path for path in desks[0].home.glob("sweeps/*/report/tables/cells.csv") if "l3" in path.read_text()]
    table = latest.read_text("utf-8-sig")
    assert "yolo11n-l2-relu-s0" in table and "yolo11n-l3-relu-s0" in table
