"""Each transform does what its docstring says, on Ultralytics' own models, and changes nothing that it was
given.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.architecture.base import find_base
from sweep.architecture.blocks import BLOCKS, arguments, positional
from sweep.architecture.layers import Layer, Network, producers
from sweep.architecture.levels import Change, apply_level
from sweep.architecture.transforms import (
    TRANSFORMS,
    drop_last_pan_stage,
    forbid,
    insert,
    narrow_head,
    remove,
    replace,
    set_reg_max,
)
from sweep.errors import SweepError

MODELS = ("yolo11.yaml", "yolov8.yaml", "yolo12.yaml")


def network(model: str = "yolo11.yaml") -> Network:
    return Network.from_yaml(find_base(model, "n"))


def connections(net: Network) -> list[tuple[int, ...]]:
    return [producers(net.layers, index) for index in range(len(net.layers))]


def rows(net: Network, module: str) -> list[list[Any]]:
    return [layer.row() for layer in net.layers if layer.module == module]


def test_replace_keeps_width_repeats_and_arguments_of_the_same_name() -> None:
    after, changed = replace(network(), module="C3k2", by="C2f", where="backbone")
    assert changed == (2, 4, 6, 8)
    assert after.layers[2].row() == [-1, 2, "C2f", [256, True, 1, 0.25]]
    assert after.layers[6].row() == [-1, 2, "C2f", [512, True]]
    assert len(rows(after, "C3k2")) == 4, "those of the neck stay"
    assert connections(after) == connections(network())


def test_replace_sets_arguments_and_repeats() -> None:
    after, changed = replace(
        network("yolo12.yaml"), module="A2C2f", by="C2f", when={"a2": True}, arguments={"e": 0.25}, repeats=1
    )
    assert changed == (6, 8)
    assert after.layers[6].row() == [-1, 1, "C2f", [512, True, 1, 0.25]]
    assert len(rows(after, "A2C2f")) == 3, "those without area attention stay"


def test_a_block_that_is_no_stack_gets_one_repeat() -> None:
    after, _ = replace(network(), module="C2PSA", by="Conv", arguments={"k": 3})
    assert after.layers[10].row() == [-1, 1, "Conv", [1024, 3]]


def test_when_counts_default_arguments() -> None:
    _, changed = replace(network(), module="C3k2", by="C2f", when={"e": 0.5, "c3k": False})
    assert changed == (13, 16, 19)


def test_remove_shifts_absolute_numbers_and_keeps_negative_ones() -> None:
    after, changed = remove(network(), module="C2PSA")
    assert changed == (10,)
    assert after.backbone == 10
    assert after.layers[-1].row() == [[15, 18, 21], 1, "Detect", ["nc"]]
    assert after.layers[20].row() == [[-1, 9], 1, "Concat", [1]]
    assert after.layers[11].row() == [[-1, 6], 1, "Concat", [1]]


def test_insert_takes_over_the_readers_and_the_width() -> None:
    before = network()
    after, changed = insert(before, module="C2f", after="SPPF", arguments={"e": 0.25}, repeats=2)
    assert changed == (9,)
    assert after.layers[10].row() == [-1, 2, "C2f", [1024, False, 1, 0.25]]
    assert after.backbone == before.backbone + 1
    assert producers(after.layers, 11) == (10,), "C2PSA reads the new block"
    assert producers(after.layers, 22) == (21, 11)
    assert after.layers[-1].row() == [[17, 20, 23], 1, "Detect", ["nc"]]
    assert remove(after, module="C2f")[0] == before


def test_insert_behind_each_of_several_blocks() -> None:
    after, changed = insert(network(), module="Conv", after="C3k2", where="head", arguments={"c2": 64})
    assert changed == (13, 16, 19, 22)
    inputs = producers(after.layers, len(after.layers) - 1)
    assert [after.layers[index].row() for index in inputs] == [[-1, 1, "Conv", [64]]] * 3
    assert connections(remove(after, module="Conv", when={"c2": 64, "s": 1})[0]) == connections(network())


@pytest.mark.parametrize("model", MODELS)
def test_the_last_pan_stage_gives_way_to_one_convolution(model: str) -> None:
    before = network(model)
    after, changed = drop_last_pan_stage(before)
    last = len(before.layers) - 1
    assert changed == (last - 3, last - 2, last - 1)
    assert len(after.layers) == len(before.layers) - 2
    block = producers(after.layers, len(after.layers) - 1)[-1]
    assert after.layers[block].row() == [before.backbone - 1, 1, "Conv", [1024]]
    assert connections(after)[:block] == connections(before)[:block]


def test_a_pan_stage_that_another_layer_reads_stays() -> None:
    layers = list(network().layers)
    layers[-1] = Layer((16, 19, 21, 22), 1, "Detect", ("nc",), single=False)
    after, changed = drop_last_pan_stage(Network(tuple(layers), 11))
    assert changed == (22,)
    assert after.layers[21].module == "Concat"
    assert producers(after.layers, 21) == (20, 10)


def test_a_neck_without_pan_is_refused() -> None:
    after, _ = drop_last_pan_stage(network())
    with pytest.raises(SweepError, match="no last PAN stage"):
        drop_last_pan_stage(after)


def test_narrow_head_makes_nothing_wider() -> None:
    after, changed = narrow_head(network(), widths=[128, 4096, 512])
    assert changed == (16, 22)
    assert [after.layers[index].args[0] for index in (16, 19, 22)] == [128, 512, 512]


def test_narrow_head_wants_a_width_for_each_input() -> None:
    with pytest.raises(SweepError, match="2 widths, but Detect has 3"):
        narrow_head(network(), widths=[128, 256])


def test_set_reg_max() -> None:
    assert set_reg_max(network(), bins=8)[0].reg_max == 8
    assert set_reg_max(network(), bins=16) == (network(), ())
    with pytest.raises(SweepError, match="at least 1"):
        set_reg_max(network(), bins=0)


@pytest.mark.parametrize(
    ("model", "asked", "message"),
    [
        ("yolo11.yaml", {"attention": True}, r"C2PSA \(layer 10\)"),
        ("yolo12.yaml", {"attention": True}, r"A2C2f \(layer 6\), A2C2f \(layer 8\), which"),
        ("yolo26.yaml", {"attention": True}, r"C2PSA \(layer 10\), C3k2 \(layer 22\)"),
        ("yolo26.yaml", {"end2end": True}, "end-to-end"),
        ("yolo11.yaml", {"modules": ["SPPF"]}, r"SPPF \(layer 9\)"),
    ],
)
def test_forbid_names_what_is_still_there(model: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SweepError, match=message):
        forbid(network(model), **asked)


def test_forbid_lets_the_rest_pass() -> None:
    assert forbid(network("yolov8.yaml"), attention=True, end2end=True, modules=["C3k2"]) == (
        network("yolov8.yaml"),
        (),
    )


STEPS = st.one_of(
    st.builds(
        lambda module, by, where: {"replace": {"module": module, "by": by, "where": where}},
        st.sampled_from(["C3k2", "C2PSA", "A2C2f", "C2f"]),
        st.sampled_from(["C2f", "C3", "C3k2"]),
        st.sampled_from(["all", "backbone", "head"]),
    ),
    st.sampled_from(["C2PSA", "SPPF"]).map(lambda module: {"remove": {"module": module}}),
    st.lists(st.integers(16, 1024), min_size=3, max_size=3).map(lambda widths: {"narrow_head": {"widths": widths}}),
    st.sampled_from(["C3k2", "SPPF", "C2f"]).map(lambda name: {"insert": {"module": "Conv", "after": name}}),
    st.integers(1, 32).map(lambda bins: {"set_reg_max": {"bins": bins}}),
)


@given(st.sampled_from(MODELS), st.lists(STEPS, max_size=5))
def test_any_list_of_transforms_is_pure_and_leaves_valid_sources(model: str, steps: list[dict[str, Any]]) -> None:
    before = network(model)
    copied, steps_copied = copy.deepcopy(before), copy.deepcopy(steps)
    after, changes = apply_level({"name": "x", "transforms": steps}, before)
    assert before == copied
    assert steps == steps_copied
    assert len(changes) == len(steps)
    for index, sources in enumerate(connections(after)):
        assert all((0 if index else -1) <= source < index for source in sources)
    # Concat, Detect and Upsample cannot be removed by these steps, and each still reads as many layers as
    # before.
    for module in ("Concat", "Detect", "nn.Upsample"):
        kinds = [[len(layer.sources) for layer in net.layers if layer.module == module] for net in (before, after)]
        assert kinds[0] == kinds[1]


@given(st.sampled_from(sorted(BLOCKS)), st.data())
def test_arguments_are_written_and_read_back(module: str, data: st.DataObject) -> None:
    signature = BLOCKS[module]
    named = {name: data.draw(st.sampled_from([default, 3])) for name, default in signature.items()}
    named["c2"] = data.draw(st.integers(8, 1024))
    layer = Layer((-1,), 1, module, positional(module, named))
    assert arguments(layer) == named


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        (
            [{"replase": {}}],
            r"Level x, transform 1: there is no transform 'replase' \(did you mean 'replace'\?\)",
        ),
        (
            [{"replace": {"modul": "C3k2", "by": "C2f"}}],
            r"unknown parameter 'modul' \(did you mean 'module'\?\)",
        ),
        ([{"replace": {"by": "C2f"}}], "parameter 'module' is missing"),
        ([{"replace": {"module": "C3k", "by": "C2f"}}], r"'C3k' is no block .*did you mean 'C3k?2?'"),
        ([{"replace": {"module": "C3k2", "by": "C2g"}}], r"'C2g' is no block .*did you mean 'C2f?'"),
        (
            [{"replace": {"module": "C3k2", "by": "C2f", "arguments": {"shortcuts": True}}}],
            "did you mean 'shortcut'",
        ),
        ([{"replace": {"module": "C3k2", "by": "C2f", "when": {"c3": True}}}], "did you mean 'c3k'"),
        ([{"replace": {"module": "C3k2", "by": "C2f", "where": "bakbone"}}], "did you mean 'backbone'"),
        ([{"narrow_head": {"widths": 3}}], "widths must be a list with each item a whole number, not 3"),
        ([{"set_reg_max": {"bins": True}}], "bins must be a whole number, not True"),
        ([{"set_reg_max": {"bins": 8}, "remove": {}}], "write it as"),
        ([{"set_reg_max": 8}], "parameters must be a mapping"),
        (["forbid_all"], "there is no transform"),
        ("replace", "must be a list"),
    ],
)
def test_mistakes_in_a_level_are_explained(transforms: Any, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        apply_level({"name": "x", "transforms": transforms}, network())


def test_all_mistakes_of_a_level_are_told_at_once() -> None:
    with pytest.raises(SweepError) as caught:
        apply_level({"name": "x", "transforms": [{"a": {}}, {"set_reg_max": {"bin": 8}}]}, network())
    assert len(caught.value.problems) == 3


def test_a_transform_without_parameters_may_be_written_as_a_word() -> None:
    for written in ("drop_last_pan_stage", {"drop_last_pan_stage": None}, {"drop_last_pan_stage": {}}):
        after, changes = apply_level({"name": "x", "transforms": [written]}, network())
        assert len(after.layers) == len(network().layers) - 2
        assert changes == (Change("drop_last_pan_stage", {}, (20, 21, 22)),)
    assert str(changes[0]) == "drop_last_pan_stage(): layers 20, 21, 22"


def test_every_transform_is_documented() -> None:
    for transform in TRANSFORMS.values():
        assert transform.__doc__
