"""From axes to points, and from a cell's content to its key and name."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.grid import Axis, cell_key, cell_name, expand

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def axis(key: str, *values: Any) -> Axis:
    return Axis(key, tuple(f"{key}={value}" for value in values), values)


@st.composite
def axes(draw: st.DrawFn, least: int = 0) -> list[Axis]:
    """Axes of different keys, each with up to four different values."""
    keys = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=least, max_size=4))
    return [axis(key, *range(draw(st.integers(1, 4)))) for key in keys]


@given(axes())
def test_the_grid_is_the_product_of_its_axes_the_last_varying_fastest(given_axes: list[Axis]) -> None:
    points = expand(given_axes)
    assert [tuple(point.values.values()) for point in points] == list(product(*(a.values for a in given_axes)))
    assert [point.overrides for point in points] == list(product(*(a.overrides for a in given_axes)))
    assert all(list(point.values) == [a.key for a in given_axes] for point in points)


def test_without_axes_there_is_one_point() -> None:
    (point,) = expand([])
    assert point.overrides == ()


@given(axes(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_zipped_axes_move_together_and_the_others_multiply(
    others: list[Axis], length: int, chance: random.Random
) -> None:
    together = [axis("x", *range(length)), axis("y", *range(10, 10 + length))]
    mixed = [*together, *others]
    chance.shuffle(mixed)
    points = expand(mixed, zipped=["x", "y"])
    assert all(point.values["y"] == point.values["x"] + 10 for point in points)
    counts = [len(a.values) for a in others]
    assert len(points) == length * len(list(product(*(range(count) for count in counts))))
    assert len({tuple(sorted(point.values.items())) for point in points}) == len(points)


def test_zip_takes_one_list_or_several() -> None:
    four = [axis("a", 1, 2), axis("b", 1, 2), axis("c", 1, 2, 3), axis("d", 1, 2, 3)]
    points = expand(four, zipped=[["a", "b"], ["c", "d"]])
    assert len(points) == 6
    assert all(point.values["a"] == point.values["b"] and point.values["c"] == point.values["d"] for point in points)
    assert expand(four[:2], zipped=["a", "b"]) == expand(four[:2], zipped=[["a", "b"]])


def test_zipped_axes_of_unequal_length_are_refused_with_their_lengths() -> None:
    with pytest.raises(SweepError, match="level has 3, act has 2"):
        expand([axis("level", 2, 3, 4), axis("act", "relu", "silu")], zipped=["level", "act"])


def test_zip_names_swept_axes_only() -> None:
    with pytest.raises(SweepError, match=r"`zip` names seed.*Swept axes: level"):
        expand([axis("level", 2, 3)], zipped=["level", "seed"])


@given(axes(least=1), st.data())
def test_exclude_leaves_out_exactly_the_points_that_agree(given_axes: list[Axis], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(given_axes), unique_by=lambda a: a.key, min_size=1))
    rule = {a.key: data.draw(st.sampled_from(a.values)) for a in chosen}
    every = expand(given_axes)
    wanted = [point for point in every if any(point.values[key] != value for key, value in rule.items())]
    if wanted:
        assert expand(given_axes, excluded=[rule]) == wanted
    else:
        with pytest.raises(SweepError, match="exclude"):
            expand(given_axes, excluded=[rule])


def test_each_exclude_entry_counts_by_itself_and_numbers_and_texts_agree() -> None:
    points = expand([axis("level", 2, 3, 4)], excluded=[{"level": 2}, {"level": "3"}])
    assert [point.values["level"] for point in points] == [4]


def test_exclude_names_swept_axes_only_and_takes_mappings() -> None:
    with pytest.raises(SweepError) as caught:
        expand([axis("level", 2, 3)], excluded=[{"levl": 2}, "level"])
    assert "levl" in caught.value.problems[0]
    assert "{level: 2, act: relu}" in caught.value.problems[1]


def test_a_data_set_and_its_path_are_one_axis() -> None:
    mixed = [axis("data", "signs", "path"), axis("data.path", None, "/x"), axis("level", 2, 3)]
    assert [tuple(point.values.values()) for point in expand(mixed)] == [
        ("signs", None, 2),
        ("signs", None, 3),
        ("path", "/x", 2),
        ("path", "/x", 3),
    ]
    with_level = expand(mixed, zipped=["level", "data"])
    assert [(p.values["level"], p.values["data.path"]) for p in with_level] == [(2, None), (3, "/x")]


def paths(*given: str) -> Axis:
    return Axis("data.path", tuple(f"data.path='{path}'" for path in given), given)


def test_data_sets_at_paths_are_zipped_as_the_axis_that_was_typed() -> None:
    points = expand([paths("/a/data.yaml", "/b/data.yaml"), axis("level", 2, 3)], zipped=["data", "level"])
    assert [tuple(point.values.values()) for point in points] == [("/a/data.yaml", 2), ("/b/data.yaml", 3)]


@pytest.mark.parametrize("named", ["/x/a/data.yaml", "/x/a", "a", "near/../a"])
def test_a_data_set_at_a_path_is_excluded_by_its_path_or_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = f"{tmp_path}/near/../a/data.yaml" if named.startswith("near") else "/x/a/data.yaml"
    axes = [paths(path, "/x/b/signs.yaml"), axis("level", 2, 3)]
    points = expand(axes, excluded=[{"data": named, "level": 3}, {"data": "signs", "level": 2}])
    assert [tuple(point.values.values()) for point in points] == [(path, 2), ("/x/b/signs.yaml", 3)]


def test_a_path_beside_choices_is_excluded_as_well() -> None:
    mixed = [axis("data", "signs", "path"), axis("data.path", None, "/x/a/data.yaml"), axis("level", 2, 3)]
    assert [p.values["data"] for p in expand(mixed, excluded=[{"data": "a"}])] == ["signs", "signs"]
    assert [p.values["data"] for p in expand(mixed, excluded=[{"data": "signs"}])] == ["path", "path"]


def test_an_axis_over_paths_is_listed_as_data() -> None:
    with pytest.raises(SweepError, match="Swept axes: data, level"):
        expand([paths("/a", "/b"), axis("level", 2, 3)], excluded=[{"lvl": 2}])


def shuffled(node: Any, chance: random.Random) -> Any:
    """The same content with the keys of every mapping in another order."""
    if isinstance(node, dict):
        items = [(key, shuffled(value, chance)) for key, value in node.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(item, chance) for item in node] if isinstance(node, list) else node


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5), st.randoms(use_true_random=False))
def test_a_key_does_not_depend_on_the_order_of_its_content(content: dict[str, Any], chance: random.Random) -> None:
    assert cell_key(content) == cell_key(shuffled(content, chance))


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=5), st.data())
def test_every_field_changes_the_key(content: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(content)))
    assert cell_key(content) != cell_key(content | {field: {"another": [content[field]]}})
    assert cell_key(content) != cell_key({name: value for name, value in content.items() if name != field})


def test_a_key_is_a_sha256_that_stays_what_it_is() -> None:
    # Written down: another hash for the same content would train every finished cell of every user again.
    key = cell_key({"level": "4", "act": "relu", "seed": 0})
    assert key == "0375d0d50596629d9b2086d657fa82495be63c59bd5366f472584a00a66a5bd2"


@pytest.mark.parametrize(
    ("swept", "name"),
    [
        ([], "yolo11n-l4-relu-s0"),
        (["level", "act", "seed", "base"], "yolo11n-l4-relu-s0"),
        (["level", "recipe.lr0"], "yolo11n-l4-relu-s0-01234567"),
        (["data", "data.path"], "yolo11n-l4-relu-s0-01234567"),
    ],
)
def test_a_name_carries_the_key_only_where_it_would_be_ambiguous(swept: list[str], name: str) -> None:
    assert cell_name("yolo11n", 4, "relu", 0, "0123456789abcdef", swept) == name
