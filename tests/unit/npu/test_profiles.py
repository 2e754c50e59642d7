"""Profiles: what is read, what a mistake in one says, and what placement promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.npu.conditions import FLAGS, TEXTS, condition_problems
from sweep.npu.facts import FACTS
from sweep.npu.operators import Operator
from sweep.npu.profiles import UNKNOWN, Profile, Support, load_profiles, placement

SHIPPED = ("ethos_u55", "generic_int8", "rk3588")
GOOD: dict[str, Any] = {"title": "Mine", "sources": {"page": "https://example.org"}, "supported": {"Conv": {}}}


def operator(op: str, macs: int = 0, *, constant: tuple[bool, ...] = (False,), **facts: Any) -> Operator:
    return Operator(f"/model.1/{op}", op, "model.1", macs, (), (), constant, facts)


def profile(supported: dict[str, list[dict[str, Any]]], unsupported: dict[str, str] | None = None) -> Profile:
    entries = {op: Support(tuple(where), "page") for op, where in supported.items()}
    return Profile("mine", "Mine", {"page": "https://example.org"}, "", entries, unsupported or {})


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for profiles of the user's own."""
    folder = tmp_path / "conf" / "npu" / "profile"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return folder


def write(folder: Path, content: object, name: str = "mine") -> None:
    (folder / f"{name}.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")


def problems_of(name: str = "mine") -> str:
    with pytest.raises(SweepError) as raised:
        load_profiles([name])
    return str(raised.value)


def test_all_shipped_profiles_can_be_used_and_name_a_source_for_every_entry() -> None:
    profiles = load_profiles()
    assert tuple(profile.name for profile in profiles) == SHIPPED
    for loaded in profiles:
        assert loaded.title
        assert all(len(text) > 20 for text in loaded.sources.values())
        assert {entry.source for entry in loaded.supported.values()} == set(loaded.sources), (
            "no source is there in vain"
        )
        assert "Conv" in loaded.supported


def test_profiles_come_in_the_wanted_order_and_once() -> None:
    assert [loaded.name for loaded in load_profiles(["rk3588", "ethos_u55", "rk3588"])] == ["rk3588", "ethos_u55"]


def test_a_profile_of_ones_own_is_a_file_and_comes_before_the_projects(own: Path) -> None:
    write(own, GOOD)
    write(own, GOOD | {"title": "Changed"}, "rk3588")
    mine, changed = load_profiles(["mine", "rk3588"])
    assert (mine.name, mine.title) == ("mine", "Mine")
    assert mine.supported["Conv"].source == "page", "an entry without a source is from the first"
    assert changed.title == "Changed"


def test_an_unknown_name_is_answered_with_the_nearest_and_the_place_for_a_new_one() -> None:
    text = problems_of("ethos_u5")
    assert "no NPU profile `ethos_u5`" in text
    assert "Did you mean `ethos_u55`?" in text
    assert "conf/npu/profile/ethos_u5.yaml" in text


def test_all_problems_of_all_files_are_told_at_once(own: Path) -> None:
    write(own, GOOD | {"supported": {"Conv": {"wher": {}}, "Add": 3}, "nots": "x"})
    write(own, "title: [", "broken")
    with pytest.raises(SweepError) as raised:
        load_profiles(["mine", "broken", "absent"])
    text = "\n".join(raised.value.problems)
    for part in (
        "mine.yaml: supported.Conv: there is no key `wher`. Did you mean `where`?",
        "mine.yaml: supported.Add: it is 3",
        "mine.yaml: there is no key `nots`. Did you mean `notes`?",
        "broken.yaml cannot be read as YAML",
        "no NPU profile `absent`",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": None}, "`title`"),
        ({"sources": {}}, "`sources` must say"),
        ({"sources": {"page": ""}}, "`sources` must say"),
        ({"supported": {}}, "`supported` must hold"),
        ({"unsupported": ["Div"]}, "`unsupported` must hold a reason"),
        ({"unsupported": {"Conv": "no"}}, "Conv is both"),
        ({"supported": {"Conv": {"source": "pag"}}}, "source `pag` is not in `sources`. Did you mean `page`?"),
        ({"supported": {"Conv": {"where": {"strides": 1}}}}, "no condition `strides`. Did you mean `stride`?"),
        ({"supported": {"Conv": {"where": {"stride": {"mx": 3}}}}}, "a range has min, max or both"),
        ({"supported": {"Conv": {"where": {"stride": {"max": "3"}}}}}, "a range has min, max or both"),
        ({"supported": {"Conv": {"where": {"stride": None}}}}, "stride has no value"),
        ({"supported": {"Conv": {"where": {"constant_inputs": 1}}}}, "constant_inputs must be a list"),
        ({"supported": {"Conv": {"where": "always"}}}, "must be conditions by name"),
        ({"supported": {"conv": {}}}, "`conv` cannot be an ONNX operator. Did you mean `Conv`? Operators are spelled"),
        ({"unsupported": {"LEAKY_RELU": "no"}}, "`LEAKY_RELU` cannot be an ONNX operator. Did you mean `LeakyRelu`?"),
        ({"supported": {True: {}}}, "`True` cannot be an ONNX operator."),
        ({"supported": {"Conv": {"where": {"stride": "foo"}}}}, "stride is 'foo'; it must be a number, a range"),
        ({"supported": {"Conv": {"where": {"stride": True}}}}, "stride is True; it must be a number"),
        ({"supported": {"Conv": {"where": {"scale": [2, "4"]}}}}, "scale is [2, '4']; it must be a number"),
        ({"supported": {"Conv": {"where": {"scale": [2, [4, 4]]}}}}, "scale is [2, [4, 4]]; it must be a number"),
        ({"supported": {"Conv": {"where": {"perm": [["a", 0]]}}}}, "perm is [['a', 0]]; it must be a number"),
        ({"supported": {"Conv": {"where": [{"padded": "no"}]}}}, "padded is 'no'; it must be true or false"),
        ({"supported": {"Conv": {"where": {"padded": 0}}}}, "padded is 0; it must be true or false"),
        ({"supported": {"Conv": {"where": {"mode": 3}}}}, "mode is 3; it must be a text"),
        ({"supported": {"Conv": {"where": {"mode": {"min": 1}}}}}, "mode is {'min': 1}; it must be a text"),
    ],
)
def test_a_mistake_is_named_with_its_file(change: dict[str, Any], said: str, own: Path) -> None:
    write(own, GOOD | change)
    text = problems_of()
    assert "mine.yaml" in text
    assert said in text


def test_operators_of_another_domain_are_spelled_as_that_one_does(own: Path) -> None:
    entries = {"com.microsoft.FusedConv": {}, "pkg.torch_lib.aten_add": {}}
    write(own, GOOD | {"supported": entries})
    (mine,) = load_profiles(["mine"])
    assert mine.supported.keys() == entries.keys()


def test_every_fact_takes_numbers_a_text_or_a_flag() -> None:
    right: dict[str, Any] = dict.fromkeys(FACTS, 1) | dict.fromkeys(TEXTS, "x") | dict.fromkeys(FLAGS, True)
    assert right.keys() == FACTS.keys()
    assert condition_problems(right) == []
    assert condition_problems({name: [value] for name, value in right.items()}) == []
    assert len(condition_problems({name: {} for name in FACTS})) == len(FACTS)


def test_a_file_that_is_no_mapping_and_a_name_that_cannot_be_a_metric(own: Path) -> None:
    write(own, "- Conv\n")
    assert "must have the keys" in problems_of()
    write(own, GOOD, "my npu")
    assert "letters, digits" in problems_of("my npu")


@pytest.mark.parametrize(
    ("where", "facts", "reason"),
    [
        ([], {}, None),
        ([{"stride": {"max": 3}}], {"stride": (1, 3)}, None),
        ([{"stride": {"max": 3}}], {"stride": (1, 4)}, "stride 1×4 is not at most 3"),
        ([{"kernel": {"min": 2, "max": 8}}], {"kernel": (1, 9)}, "kernel 1×9 is not between 2 and 8"),
        ([{"scale": [2, 4]}], {"scale": (2.0, 4.0)}, None),
        ([{"scale": [[2, 2], [4, 4]]}], {"scale": (2.0, 4.0)}, "scale 2×4 is not 2×2 or 4×4"),
        ([{"perm": [[0, 2, 1]]}], {"perm": (0, 2, 1)}, None),
        ([{"mode": "nearest"}], {"mode": "linear"}, "mode linear is not nearest"),
        ([{"depthwise": False}], {"depthwise": True}, "depthwise true is not false"),
        ([{"rank": {"max": 4}}], {}, "rank is unknown"),
        ([{"rank": 3}, {"mode": "nearest"}], {"rank": 4, "mode": "nearest"}, None),
        ([{"rank": 3}, {"rank": 2}], {"rank": 4}, "rank 4 is not 3; or rank 4 is not 2"),
    ],
)
def test_conditions(where: list[dict[str, Any]], facts: dict[str, Any], reason: str | None) -> None:
    assert profile({"Conv": where}).reason_against(operator("Conv", **facts)) == reason


def test_inputs_that_have_to_be_constants() -> None:
    mine = profile({"Div": [{"constant_inputs": [1]}]})
    assert mine.reason_against(operator("Div", constant=(False, True))) is None
    assert mine.reason_against(operator("Div", constant=(False, False))) == "input 1 is not a constant"
    assert mine.reason_against(operator("Div", constant=(False,))) is None, "one that is left out is not computed"


def test_an_operator_that_no_profile_knows_counts_as_unsupported_and_is_listed_apart() -> None:
    mine = profile({"Conv": []}, {"Div": "it has no divider"})
    placed = placement([operator("Conv", 10), operator("Div"), operator("Quux", 10), operator("Quux")], mine)
    assert placed.op_pct == 25
    assert placed.mac_pct == 50
    assert placed.unknown == ("Quux",)
    assert [(left.operator.op, left.reason) for left in placed.unsupported] == [
        ("Div", "it has no divider"),
        ("Quux", UNKNOWN),
        ("Quux", UNKNOWN),
    ]


def test_a_graph_without_operators_or_cost_has_no_percentage() -> None:
    mine = profile({"Relu": []})
    assert placement([], mine).op_pct is None
    assert placement([], mine).mac_pct is None
    placed = placement([operator("Relu")], mine)
    assert (placed.op_pct, placed.mac_pct) == (100, None)


OPS = st.sampled_from(["Conv", "Relu", "MatMul", "Transpose", "Resize", "Div", "Quux"])
GRAPHS = st.lists(
    st.builds(
        operator,
        OPS,
        st.integers(0, 10**12),
        constant=st.tuples(st.booleans(), st.booleans()),
        stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        perm=st.permutations(range(4)).map(tuple),
        plane=st.integers(1, 10**6),
        scale=st.tuples(st.sampled_from([2.0, 3.0]), st.sampled_from([2.0, 3.0])),
    ),
    max_size=30,
)


@given(GRAPHS, st.sampled_from(SHIPPED), st.integers(0, 10**12))
def test_percentages_stay_in_range_and_an_unsupported_operator_never_raises_them(
    operators: list[Operator], name: str, macs: int
) -> None:
    (used,) = load_profiles([name])
    placed = placement(operators, used)
    more = placement([*operators, operator("Quux", macs)], used)
    for before, after in ((placed.op_pct, more.op_pct), (placed.mac_pct, more.mac_pct)):
        assert before is None or 0 <= before <= 100
        assert after is None or 0 <= after <= 100
        if before is not None:
            assert after is not None
            assert after <= before
    assert len(more.unsupported) == len(placed.unsupported) + 1
    assert (placed.op_pct == 100) == (bool(operators) and not placed.unsupported)


@given(GRAPHS)
def test_a_profile_that_supports_all_and_one_that_supports_nothing(operators: list[Operator]) -> None:
    everything = placement(operators, profile({used.op: [] for used in operators}))
    nothing = placement(operators, profile({"Other": []}))
    assert everything.op_pct == (100 if operators else None)
    assert everything.mac_pct == (100 if any(used.macs for used in operators) else None)
    assert nothing.op_pct == (0 if operators else None)
    assert nothing.unknown == tuple(sorted({used.op for used in operators}))
