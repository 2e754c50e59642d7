"""The quick composition gives what Hydra's own gives, and mistakes become sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweep.arguments import prepare
from sweep.compose import Composer, first_cell, hydra_app, read_axes
from sweep.errors import SweepError
from sweep.overrides import CONFIG_NAME, check_overrides, known_keys, nearest


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    from hydra.core.global_hydra import GlobalHydra

    yield hydra_app()
    GlobalHydra.instance().clear()


@pytest.fixture(scope="module")
def composer(app: Any) -> Composer:
    return Composer(app.config_loader)


def by_hydra(app: Any, overrides: list[str]) -> dict[str, Any]:
    """The cell's config as Hydra composes it for a job of a sweep."""
    from hydra.types import RunMode

    master = app.compose_config(CONFIG_NAME, overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    config = app.config_loader.load_sweep_config(master, list(overrides))
    plain: dict[str, Any] = OmegaConf.to_container(config.copy(), resolve=False)  # type: ignore[assignment]
    del plain["hydra"]
    resolved: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(plain), resolve=True)  # type: ignore[assignment]
    return resolved


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["level=2", "act=silu", "base=yolov8n", "seed=3"],
        ["recipe=v3"],
        ["recipe=v3", "seed=5", "model.weights=null"],
        ["seed=5", "recipe=v3"],
        ["recipe.lr0=0.1", "recipe.fliplr=0.5", "recipe=v3"],
        ["recipe.lr0=0.1", "recipe.lr0=0.2"],
        ["sweeps=v3", "level=4"],
        ["sweeps=demo", "recipe.epochs=1"],
        ["data=/x y/데이터 [1]=(a).yaml"],
        ["data=signs", "data.allow_download=true"],
        ["tracking=server", "tracking.uri=http://h:5000/?a=b"],
        ["++extra.deep.key=1", "+other=[1,two,{three: 3}]"],
        ["~recipe.cache", "~recipe.lrf=0.05"],
        ["recipe.lrf=${recipe.lr0}", "recipe.box=${seed}", "seed=7"],
        ["recipe={lr0: 0.3, box: 1}", "recipe.extra={deep: [1, 2]}"],
        ["act={name: relu6, module: ReLU6, arguments: {}}"],
        ["act=leakyrelu", "act.arguments={negative_slope: 0.2}"],
        ["act=leakyrelu", "act.arguments.negative_slope=0.3"],
        ["device=[0,1]", "zip=[level,act]", "exclude=[{level: 2, act: relu}]"],
        ["experiment='a, b'", "home=/x/${experiment}"],
        ["hydra/launcher=basic", "level=0"],
    ],
    ids=" ".join,
)
def test_a_cell_is_composed_as_hydra_does(app: Any, composer: Composer, arguments: list[str]) -> None:
    overrides = prepare(arguments)
    assert composer.compose(overrides) == by_hydra(app, overrides)


CHOICES = {
    "level": st.sampled_from(["0", "2", "abc"]),
    "act": st.sampled_from(["relu", "silu", "leakyrelu"]),
    "base": st.sampled_from(["yolo11n", "yolov8n"]),
    "recipe": st.sampled_from(["quick", "v3"]),
    "seed": st.integers(0, 9).map(str),
    "recipe.lr0": st.floats(0.001, 1).map(str),
    "recipe.mixup": st.sampled_from(["0.5", "null", "${seed}", "[1,2]", "{a: 1}"]),
    "model.weights": st.sampled_from(["null", "/a b.pt"]),
}


# Composing takes Hydra tenths of a second: a failure is shown as it was found.
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.sampled_from(sorted(CHOICES)), max_size=6, unique=True), st.data())
def test_any_mixture_of_choices_and_values_is_composed_as_hydra_does(
    app: Any, composer: Composer, keys: list[str], data: st.DataObject
) -> None:
    overrides = prepare([f"{key}={data.draw(CHOICES[key])}" for key in keys])
    assert composer.compose(overrides) == by_hydra(app, overrides)


def test_a_composed_config_is_not_shared_between_cells(composer: Composer) -> None:
    composer.compose(["++recipe.lr0=9"])["recipe"]["box"] = "spoiled"
    assert composer.compose([])["recipe"] == composer.compose(["level=3"])["recipe"]
    assert composer.compose([])["recipe"]["lr0"] != 9


def axes_of(app: Any, *arguments: str, **params: Any) -> tuple[list[str], dict[str, list[Any]]]:
    fixed, axes = read_axes(app.config_loader, params, prepare(arguments))
    return fixed, {axis.key: list(axis.values) for axis in axes}


@pytest.mark.parametrize(
    ("argument", "key", "values"),
    [
        ("level=2,3,4", "level", [2, 3, 4]),
        ("seed=range(0,3)", "seed", [0, 1, 2]),
        ("level=choice(2,3)", "level", [2, 3]),
        ("act=glob(*elu*,exclude=s*)", "act", ["leakyrelu", "relu", "relu6"]),
        ("recipe.lr0=0.001,0.003", "recipe.lr0", [0.001, 0.003]),
        ("seed=sort(3,1,2)", "seed", [1, 2, 3]),
        ("zip=[a],[b]", "zip", [["a"], ["b"]]),
    ],
)
def test_every_way_to_list_values_is_an_axis(app: Any, argument: str, key: str, values: list[Any]) -> None:
    assert axes_of(app, argument) == ([], {key: values})


def test_a_value_alone_is_fixed(app: Any) -> None:
    assert axes_of(app, "level=2", "exclude=[{level: 2}]") == (["level=2", "exclude=[{level: 2}]"], {})


def test_the_command_line_replaces_axes_of_a_named_sweep(app: Any) -> None:
    named = {"level": "2,3,4", "act": ["relu", "silu"], "recipe.box": "1,2"}
    assert axes_of(app, "level=4", **named) == (["level=4"], {"act": ["relu", "silu"], "recipe.box": [1, 2]})
    assert axes_of(app, "recipe.box=3,4", **named)[1]["recipe.box"] == [3, 4]


def test_a_named_sweep_may_name_paths_and_any_training_argument(app: Any, composer: Composer) -> None:
    named = {"data": ["/x y/a(1).yaml", "/b=c.yaml"], "recipe.fliplr": [0.0, 0.5], "model.weights": "/w (2).pt"}
    fixed, axes = read_axes(app.config_loader, named, ["seed=1"])
    cells = [composer.compose([*fixed, axes[0].overrides[i], axes[1].overrides[i]]) for i in (0, 1)]
    assert [cell["data"]["path"] for cell in cells] == ["/x y/a(1).yaml", "/b=c.yaml"]
    assert [cell["recipe"]["fliplr"] for cell in cells] == [0.0, 0.5]
    assert {cell["model"]["weights"] for cell in cells} == {"/w (2).pt"}
    fixed, axes = read_axes(app.config_loader, named, prepare(["data=signs"]))
    assert "data=signs" in fixed
    assert [axis.key for axis in axes] == ["recipe.fliplr"]
    assert axes_of(app, "recipe.fliplr=0.25", **named)[0] == ["data=path", "++recipe.fliplr=0.25", fixed[-1]]


def test_the_later_of_two_values_counts(app: Any) -> None:
    assert axes_of(app, "level=2", "level=3,4") == ([], {"level": [3, 4]})


def test_options_of_hydra_itself_belong_to_no_cell(app: Any) -> None:
    assert axes_of(app, "hydra.launcher.memory_gb=2", "hydra/launcher=basic", "+hydra.x=1") == ([], {})


def test_a_continuous_range_is_refused_with_the_way_out(app: Any) -> None:
    with pytest.raises(SweepError, match=r"^`recipe\.lr0=interval\(0\.1,0\.2\)`.*List the values: recipe\.lr0="):
        axes_of(app, "recipe.lr0=interval(0.1,0.2)")


def test_the_first_cell_is_the_first_point_of_the_grid() -> None:
    assert sorted(first_cell(["level=2,3", "act=silu,relu", "seed=1"])) == ["act=silu", "level=2", "seed=1"]
    assert {"level=2", "act=relu"} <= set(first_cell(["sweeps=v3"])), "axes of a named sweep count as well"


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        ("lvl=3", ["lvl", "Did you mean `level`?"]),
        ("recip.lr0=3", ["recip.lr0", "Did you mean `recipe.lr0`?"]),
        ("act=rellu", ["act `rellu`", "Did you mean `relu`?", "leakyrelu"]),
        ("act=relu,leakyrelo", ["act `leakyrelo`", "Did you mean `leakyrelu`?"]),
        ("act=null", ["act `null`", "leakyrelu"]),
        ("base=8", ["base `8`", "yolov8n"]),
        ("act=[relu,foo]", ["act `foo`"]),
        ("act=glob(x*)", ["matches no act", "leakyrelu"]),
        ("sweeps=v33", ["sweeps `v33`", "Did you mean `v3`?"]),
        ("level", ["`level`", "key=value"]),
        ("level=2 act=relu", ["`level=2 act=relu` cannot be read", "Quote"]),
        ("level=[2", ["`level=[2` cannot be read"]),
    ],
)
def test_a_mistyped_override_is_named_with_what_would_be_right(argument: str, wanted: list[str]) -> None:
    with pytest.raises(SweepError) as caught:
        check_overrides([argument])
    (problem,) = caught.value.problems
    assert all(text in problem for text in wanted), problem


def test_all_mistyped_overrides_are_named_at_once() -> None:
    with pytest.raises(SweepError) as caught:
        check_overrides(["lvl=3", "act=rellu,silo", "level=2", "base=yolo"])
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    "argument",
    ["level=2", "act=relu,silu", "recipe.anything=1", "+new=1", "++new=1", "~recipe.lr0", "hydra.verbose=true",
     "act={name: x, module: ReLU, arguments: {}}", "act.arguments.negative_slope=0.2", "data.name=mine",
     "tracking.uri='x'", "base=glob(*)"],
)  # fmt: skip
def test_what_is_well_written_passes(argument: str) -> None:
    check_overrides([argument])


@pytest.mark.parametrize("argument", ["+level=3", "++recipe.lr0=${nowhere}", "~recipe.nothing", "+sweeps=v3"])
def test_what_hydra_refuses_is_the_users_mistake(composer: Composer, argument: str) -> None:
    with pytest.raises(SweepError) as caught:
        composer.compose([argument])
    assert "\n" not in str(caught.value)


def test_an_error_of_hydra_as_a_whole_is_the_users_mistake() -> None:
    with pytest.raises(SweepError, match=r"data\.name"):
        first_cell(["+data.name=x"])


def test_keys_of_the_users_own_files_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/act").mkdir(parents=True)
    (tmp_path / "conf/act/mine.yaml").write_text("name: mine\nmodule: ELU\narguments: {alpha: 0.5}\n")
    monkeypatch.chdir(tmp_path)
    assert {"act.arguments.alpha", "level", "recipe.lr0", "tracking.uri", "model.weights"} <= known_keys()
    assert not {key for key in known_keys() if key.startswith(("job", "hydra", "defaults"))}


def test_a_broken_file_is_named_where_keys_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/act").mkdir(parents=True)
    (tmp_path / "conf/act/broken.yaml").write_text("a: [")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SweepError, match=r"broken\.yaml is not valid YAML"):
        known_keys()


def test_a_name_that_is_far_from_all_is_not_guessed() -> None:
    assert nearest("qqqqqq", ["relu", "silu"]) == ""
