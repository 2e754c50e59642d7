"""What people type reaches Hydra as they meant it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sweep.arguments import override_key, prepare, prepare_params
from sweep.errors import SweepError
from sweep.overrides import check_overrides, parse

# What the kernel hands to a program: no NUL. A line break in a path is nobody's wish, and no override of Hydra's.
TYPED = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
ODD = "그림 [1] {x} a=b (c) 'd' \"e\" \\f\\' #%&?;$*~!@|<> ,g"


def read(argument: str) -> list[tuple[str, Any]]:
    """Key and value of each override that an argument becomes, as Hydra's own parser reads them."""
    return [(item.key_or_group, item.value()) for item in map(parse, prepare([argument]))]


def one_value(text: str) -> bool:
    """Whether a text, typed as it is, means one value and not a list or an interpolation."""
    return "," not in text and "${" not in text


@given(TYPED)
@example(ODD.replace(",", ""))
@example("ends with \\")
@example("\\'")
@example("\\\\'\\")
@example("한글")
def test_any_path_of_home_is_read_back_as_it_was_typed(text: str) -> None:
    assume(one_value(text))
    path = Path("/base/" + text)
    assert read(f"home={path}") == [("home", str(path))]


@given(TYPED)
@example(ODD.replace(",", ""))
@example("choice(1)")
def test_any_path_of_data_chooses_the_group_path_and_is_read_back(text: str) -> None:
    assume(one_value(text))
    path = Path("/base/" + text)
    assert read(f"data={path}") == [("data", "path"), ("data.path", str(path))]


@given(TYPED)
@example("://x?a=b&c=(d)")
def test_any_address_is_read_back_as_it_was_typed(text: str) -> None:
    assume(one_value(text))
    uri = "http://host/" + text
    assert read(f"tracking.uri={uri}") == [("tracking.uri", uri)]


@given(TYPED)
@example(ODD.replace(",", ""))
def test_any_path_of_weights_is_read_back_as_it_was_typed(text: str) -> None:
    assume(one_value(text))
    path = Path("/base/" + text)
    assert read(f"model.weights={path}") == [("model.weights", str(path))]


@given(st.lists(TYPED.filter(one_value), min_size=2, max_size=4))
def test_a_comma_separates_paths(texts: list[str]) -> None:
    assume(not any(quote in text for text in texts for quote in "'\""))
    paths = [str(Path("/base/" + text)) for text in texts]
    group, path = map(parse, prepare([f"data={','.join(paths)}"]))
    assert group.value() == "path"
    assert [parse(f"data.path={text}").value() for text in path.sweep_string_iterator()] == paths


@given(TYPED)
@example(ODD)
@example("a,b")
@example("range(1,2)")
def test_a_path_that_exists_is_one_path_whatever_is_in_it(text: str) -> None:
    name = text.replace("/", "")[:40]
    assume(name not in {"", ".", ".."} and "${" not in name and len(os.fsencode(name)) <= 200)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / name
        folder.mkdir()
        (folder / "data.yaml").touch()
        wanted = [("data", "path"), ("data.path", str(folder / "data.yaml"))]
        assert read(f"data={folder / 'data.yaml'}") == wanted
        assert read(f"data={folder}") == wanted, "a folder stands for the data.yaml in it"
        assert read(f"home={folder}") == [("home", str(folder))]


def test_relative_paths_count_from_where_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "here.pt").touch()
    assert read("home=h") == [("home", str(tmp_path / "h"))]
    assert read("home=~/h") == [("home", "/home/me/h")]
    assert read("data=d/data.yaml") == [("data", "path"), ("data.path", str(tmp_path / "d/data.yaml"))]
    assert read("model.weights=sub/x.pt") == [("model.weights", str(tmp_path / "sub/x.pt"))]
    assert read("model.weights=here.pt") == [("model.weights", str(tmp_path / "here.pt"))]
    assert read("model.weights=yolo11n.pt") == [("model.weights", "yolo11n.pt")], "looked up later, also in home"


def test_quotes_of_the_user_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read("home='/a,b'") == [("home", "/a,b")]
    assert read('tracking.uri="sqlite:////x y.db"') == [("tracking.uri", "sqlite:////x y.db")]
    assert read(r"home='/it\'s'") == [("home", "/it's")]


def test_an_interpolation_stays_one() -> None:
    assert read("home=${oc.env:HOME}/sweeps") == [("home", "${oc.env:HOME}/sweeps")]


def test_null_stays_null() -> None:
    assert read("model.weights=null") == [("model.weights", None)]
    assert read("tracking.uri=null") == [("tracking.uri", None)]


def test_choices_of_the_group_data_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signs").mkdir()
    assert prepare(["data=signs"]) == ["data=signs"]
    assert prepare(["data=unknown"]) == ["data=unknown"]
    assert prepare(["data=glob(s*)"]) == ["data=glob(s*)"]


def test_choices_and_paths_mixed_move_together() -> None:
    group, path = map(parse, prepare(["data=signs,/x/data.yaml"]))
    assert list(group.sweep_string_iterator()) == ["signs", "path"]
    assert [parse(f"data.path={text}").value() for text in path.sweep_string_iterator()] == [None, "/x/data.yaml"]


def test_a_recipe_may_name_any_training_argument() -> None:
    (override,) = map(parse, prepare(["recipe.fliplr=0.1,0.5"]))
    assert override.is_force_add()
    assert override.key_or_group == "recipe.fliplr"


@pytest.mark.parametrize(
    "text",
    [
        "interval(0.001, 0.1)", "tag(log, interval(1e-4,1e-2))", "int(interval(1,5))", "range(0,1,0.1)", "choice(a,b)",
        "SGD,AdamW", "'a','b'", "[0.1,0.2]", "interval(1", "0.5",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["tune.space.lr0", "tune.space.recipe.lr0", "+tune.space.lr0", "++tune.space.lr0"])
def test_a_search_space_is_a_text_and_no_axis(key: str, text: str) -> None:
    (override,) = map(parse, prepare([f"{key}={text}"]))
    assert not override.is_sweep_override()
    assert override.is_force_add()
    assert (override.key_or_group, override.value()) == ("tune.space.lr0", text)


@given(TYPED.filter(lambda text: text.strip() != "null" and text[:1] not in "'\""))
def test_any_text_of_a_search_space_is_read_back_as_it_was_typed(text: str) -> None:
    assert read(f"tune.space.lr0={text}") == [("tune.space.lr0", text)]


def test_a_search_space_may_be_quoted_and_null_takes_it_out() -> None:
    assert read("tune.space.lr0='interval(1,2)'") == [("tune.space.lr0", "interval(1,2)")]
    assert read('tune.space.lr0="a,b"') == [("tune.space.lr0", "a,b")]
    assert read("tune.space.lr0=null") == [("tune.space.lr0", None)]
    assert prepare(["~tune.space.lr0"]) == ["~tune.space.lr0"]


@pytest.mark.parametrize("kind", ["sampler", "pruner"])
def test_a_method_is_chosen_by_its_name_and_arguments_may_be_new(kind: str) -> None:
    assert prepare([f"tune.{kind}=x"]) == [f"tune.{kind}.name=x"]
    assert prepare([f"tune.{kind}.name=x"]) == [f"tune.{kind}.name=x"]
    assert prepare([f"tune.{kind}={{name: x}}"]) == [f"++tune.{kind}={{name: x}}"]
    assert prepare([f"tune.{kind}.argument=5"]) == [f"++tune.{kind}.argument=5"]
    assert list(parse(prepare([f"tune.{kind}=x,y"])[0]).sweep_iterator()) == ["x", "y"]


@given(TYPED.filter(lambda text: "${" not in text))
@example("me:p@ss=w%20d&x,y@host:5432/db?sslmode=require&options=-c%20a=b")
def test_any_address_of_a_storage_is_read_back_as_it_was_typed(text: str) -> None:
    url = "postgresql+psycopg://" + text
    assert read(f"tune.storage={url}") == [("tune.storage", url)]


def test_a_storage_may_be_a_path_or_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read("tune.storage=a, (b).log") == [("tune.storage", str(tmp_path / "a, (b).log"))]
    assert read("tune.storage=/x/y.log") == [("tune.storage", "/x/y.log")]
    assert read("tune.storage=null") == [("tune.storage", None)]


def test_keys_of_tuning_that_no_file_lists_are_known() -> None:
    check_overrides(prepare(["tune=optuna", "tune.space.fliplr=interval(0,1)", "tune.sampler.group=true"]))
    check_overrides(["tune.space.fliplr=x", "tune.sampler.group=true", "tune.pruner.min_resource=2"])
    with pytest.raises(SweepError, match=r"There is no tune `optima`\. Did you mean `optuna`"):
        check_overrides(["tune=optima"])
    with pytest.raises(SweepError, match=r"Did you mean `tune\.trials`"):
        check_overrides(["tune.trails=3"])


@pytest.mark.parametrize(
    "argument",
    ["level=2,3", "--cfg", "job", "~recipe.lr0", "seed=range(0,3)", "exclude=[{level: 2}]", "++x=1", "plan"],
)
def test_all_else_is_left_as_it_is(argument: str) -> None:
    assert prepare([argument]) == [argument]


def test_the_flag_for_several_runs_says_nothing_new() -> None:
    assert prepare(["-m", "level=2", "--multirun"]) == ["level=2"]


def test_the_axes_of_a_named_sweep_are_prepared_as_if_they_were_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    named = {
        "level": "2,3", "act": ["relu", "silu"], "recipe.fliplr": [0.1, 0.5], "data": ["a (1).yaml", "b"],
        "model.weights": ["yolo11n.pt", None], "seed": 1, "rerun": True,
    }  # fmt: skip
    assert prepare_params(named, []) == [
        "level=2,3", "act=relu,silu", "++recipe.fliplr=0.1,0.5", "data=path",
        f"data.path='{tmp_path}/a (1).yaml','{tmp_path}/b/data.yaml'", "model.weights='yolo11n.pt',null",
        "seed=1", "rerun=true",
    ]  # fmt: skip
    tuned = {"tune.space.lr0": "interval(0.1,0.2)", "tune.space.cls": [0.5, 1], "tune.pruner": "none"}
    assert prepare_params(tuned, []) == [
        "++tune.space.lr0='interval(0.1,0.2)'", "++tune.space.cls='0.5,1'", "tune.pruner.name=none",
    ]  # fmt: skip


def test_a_comma_inside_an_item_of_a_list_separates_nothing() -> None:
    (override,) = map(parse, prepare_params({"home": ["/a,b", "/c"]}, []))
    assert list(override.sweep_string_iterator()) == ["'/a,b'", "'/c'"]


def test_a_data_set_on_the_command_line_replaces_that_of_a_named_sweep() -> None:
    assert prepare_params({"data": "/a.yaml,/b.yaml"}, ["data=signs"]) == ["data=path"]


def test_the_key_of_an_override_is_bare() -> None:
    assert [override_key(text) for text in ("level=2", "+a.b=c=d", "++x=1", "~y")] == ["level", "a.b", "x", "y"]
