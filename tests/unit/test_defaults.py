"""What the verbs take where the command line says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.defaults import Site, open_site, site
from sweep.errors import SweepError
from sweep.tracking.store import open_store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def local(folder: Path, text: str) -> None:
    (folder / "conf/local").mkdir(parents=True)
    (folder / "conf/local/default.yaml").write_text(f"# @package _global_\n{text}", "utf-8")


def test_without_settings_of_a_site_it_is_as_the_packaged_configuration_says(folder: Path) -> None:
    assert site() == Site(folder / "mlruns", "npu-sweep", None)


def test_the_settings_of_a_site_count_and_what_is_given_comes_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISK", "/disk")
    local(folder, "experiment: team\nhome: ${oc.env:DISK}/${experiment}\ntracking:\n  uri: http://u:p@host:5000\n")
    assert site() == Site(Path("/disk/team"), "team", "http://u:p@host:5000")
    assert site(home=Path("x")) == Site(folder / "x", "team", "http://u:p@host:5000")
    assert site(Path("~/x"), "sqlite:////y.db", "mine") == Site(Path.home() / "x", "mine", "sqlite:////y.db")
    assert site(tracking_uri="").tracking_uri is None, "the database in home"


def test_a_server_without_an_address_is_none(folder: Path) -> None:
    local(folder, "defaults:\n  - override /tracking: server\n")
    assert site().tracking_uri is None


def test_settings_that_cannot_be_read_are_the_users_mistake(folder: Path) -> None:
    local(folder, "home: ${oc.env:NOT_SET_ANYWHERE}\n")
    with pytest.raises(SweepError, match="NOT_SET_ANYWHERE"):
        site()


def test_a_store_that_is_not_there_is_refused_and_not_made(folder: Path) -> None:
    with pytest.raises(SweepError, match=rf"home={folder}/typo holds no sweeps.*--home"):
        open_site(Path("typo"))
    with pytest.raises(SweepError, match=r"sqlite:////no/where\.db holds no sweeps"):
        open_site(tracking_uri="sqlite:////no/where.db")
    assert list(folder.iterdir()) == []


def test_an_experiment_that_is_not_there_is_refused_and_not_made(folder: Path) -> None:
    store = open_store(folder / "mlruns", "npu-sweep")
    assert open_site() == store
    with pytest.raises(SweepError, match=r"no experiment `typo`.*--experiment"):
        open_site(experiment="typo")
    assert store.client.get_experiment_by_name("typo") is None
