"""Where configuration is found: the user's own files before ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep import paths
from sweep.paths import option_file, option_names, packaged, search_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("name: x\n", "utf-8")
    return file


def test_without_own_files_ours_are_the_choices(folder: Path) -> None:
    assert search_path("conf") == [packaged("conf")]
    assert option_names("levels") == ["0", "2", "3", "4"]
    assert {"relu", "leakyrelu", "silu", "relu6", "hardswish"} <= set(option_names("act"))
    assert "v3" in option_names("sweeps")


def test_own_files_are_choices_too_numbers_in_their_order(folder: Path) -> None:
    for name in ("10", "1", "mine"):
        write(folder / f"conf/levels/{name}.yaml")
    write(folder / "sweeps/mine.yaml")
    assert option_names("levels") == ["0", "1", "2", "3", "4", "10", "mine"]
    assert {"mine", "v3"} <= set(option_names("sweeps"))
    assert option_file("levels", "10") == folder / "conf/levels/10.yaml"


def test_an_own_file_of_the_same_name_comes_first(folder: Path) -> None:
    own = write(folder / "conf/act/relu.yaml")
    assert option_file("act", "relu") == own
    assert option_names("act").count("relu") == 1


def test_a_choice_that_is_not_there_has_no_file(folder: Path) -> None:
    assert option_file("levels", "1") is None


def test_the_checkout_itself_is_not_searched_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packaged("conf").parent)
    assert search_path("conf") == [packaged("conf")]


def test_an_installed_package_uses_the_copy_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "sweep")
    (tmp_path / "conf").mkdir()
    assert packaged("conf") == tmp_path / "site-packages/sweep/_packaged/conf"
