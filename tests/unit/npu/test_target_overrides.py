"""What is said of an option whose target is not chosen, and of configuration files that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweep.compose import Composer, first_cell, hydra_app
from sweep.errors import SweepError
from sweep.overrides import check_overrides, known_keys


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    from hydra.core.global_hydra import GlobalHydra

    yield hydra_app()
    GlobalHydra.instance().clear()


UNCHOSEN = [
    ("npu.ethos_u55.accelerator=x", "npu=[onnx,ethos_u55]"),
    ("npu=[ethos_u55] npu.onnx.profiles=[rk3588]", "npu=[ethos_u55,onnx]"),
    ("npu=rk3588 npu.qnn_htp.soc_model=57", "npu=[rk3588,qnn_htp]"),
    ("npu=none npu.onnx.profiles=[rk3588]", "npu=[onnx]"),
    ("npu=[ethos_u55] seed=1 npu=[onnx] npu.ethos_u55.decode=true", "npu=[onnx,ethos_u55]"),
]


@pytest.mark.parametrize(("overrides", "right"), UNCHOSEN, ids=[overrides for overrides, _ in UNCHOSEN])
def test_an_option_of_a_target_that_is_not_chosen_says_what_to_choose(app: Any, overrides: str, right: str) -> None:
    texts = overrides.split()
    target = texts[-1].split(".")[1]
    said = f"`{texts[-1]}` sets an option of {target}, which is not among the targets: {right}."
    with pytest.raises(SweepError) as composed:
        Composer(app.config_loader).compose(texts)
    assert composed.value.problems == (said,)
    with pytest.raises(SweepError) as started:
        first_cell(texts)
    assert started.value.problems == (said,)
    check_overrides(texts)  # a named sweep may choose the target


def test_all_options_of_targets_that_are_not_chosen_are_told_at_once() -> None:
    with pytest.raises(SweepError) as raised:
        first_cell(["npu=[onnx],[onnx,ethos_u55]", "npu.ethos_u55.decode=true", "npu.rk3588.platform=rk3566"])
    assert [problem.partition(",")[0] for problem in raised.value.problems] == [
        "`npu.ethos_u55.decode=true` sets an option of ethos_u55",
        "`npu.rk3588.platform=rk3566` sets an option of rk3588",
    ]


def test_another_mistake_is_not_blamed_on_the_targets(app: Any) -> None:
    with pytest.raises(SweepError) as raised:
        Composer(app.config_loader).compose(["seed=${nowhere}", "npu=[ethos_u55]", "npu.ethos_u55.decode=true"])
    assert "nowhere" in str(raised.value)
    assert "among the targets" not in str(raised.value)


@pytest.mark.parametrize("group", ["act", "npu"])
def test_a_file_of_a_group_that_cannot_be_read_is_a_sentence(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "conf" / group
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (folder / "mine.yaml").write_bytes("compiler: vela\nname: café\n".encode("latin-1"))
    for read in (known_keys, lambda: check_overrides(["seed=1"]), lambda: check_overrides([f"{group}=mine"])):
        with pytest.raises(SweepError) as raised:
            read()
        (problem,) = raised.value.problems
        assert problem.startswith(f"{folder / 'mine.yaml'} cannot be read: it is not UTF-8 (")
        assert "\n" not in problem

    (folder / "mine.yaml").unlink()
    (folder / "mine.yaml").mkdir()
    with pytest.raises(SweepError, match=r"mine\.yaml cannot be read: Is a directory"):
        known_keys()


def test_a_configuration_of_ones_own_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    for content, said in ((b"seed: \xe9", "it is not UTF-8"), (b"seed: [", "is not valid YAML")):
        (tmp_path / "conf" / "config.yaml").write_bytes(content)
        with pytest.raises(SweepError, match=rf"config\.yaml .*{said}"):
            known_keys()
