"""Edits keep every remaining layer connected to the same producers, and leave their input alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sweep.architecture.layers import (
    IMAGE,
    Layer,
    Network,
    consumers,
    insert_layer,
    producers,
    redirect,
    remove_layer,
    replace_layer,
)

Graph = Mapping[str, tuple[str, ...]]


@st.composite
def networks(draw: st.DrawFn, smallest: int = 3) -> Network:
    """Random layer lists, each layer with a name of its own, with absolute and negative sources mixed."""
    count = draw(st.integers(smallest, 14))
    layers = [Layer((-1,), 1, "M0", (8,))]
    for index in range(1, count):
        at = draw(st.lists(st.integers(0, index - 1), min_size=1, max_size=3, unique=True))
        sources = tuple(position - index if draw(st.booleans()) else position for position in at)
        single = len(at) == 1 and draw(st.booleans())
        layers.append(Layer(sources, draw(st.integers(1, 3)), f"M{index}", (8,), single=single))
    return Network(tuple(layers), backbone=draw(st.integers(1, count - 1)))


def graph(network: Network) -> Graph:
    """Who reads whom, by name."""
    layers = network.layers
    return {
        layer.module: tuple("image" if p == IMAGE else layers[p].module for p in producers(layers, index))
        for index, layer in enumerate(layers)
    }


def signs(layer: Layer) -> list[bool]:
    return [source < 0 for source in layer.sources]


@given(networks(), st.data())
def test_inserting_keeps_every_connection(network: Network, data: st.DataObject) -> None:
    index = data.draw(st.integers(1, len(network.layers)))
    before, copied = graph(network), copy.deepcopy(network)

    after = insert_layer(network, index, Layer((-1,), 1, "NEW", ()))

    assert after.layers[index].module == "NEW"
    assert graph(after) == {**before, "NEW": (network.layers[index - 1].module,)}
    assert after.backbone == network.backbone + (index <= network.backbone)
    kept = [layer for layer in after.layers if layer.module != "NEW"]
    assert [signs(layer) for layer in kept] == [signs(layer) for layer in network.layers]
    assert network == copied


@given(networks(), st.data())
def test_removing_connects_readers_to_the_producer(network: Network, data: st.DataObject) -> None:
    index = data.draw(st.integers(1, len(network.layers) - 1))
    assume(len(network.layers[index].sources) == 1)
    before, copied = graph(network), copy.deepcopy(network)
    gone = network.layers[index].module
    (substitute,) = before[gone]

    after = remove_layer(network, index)

    expected = {
        name: tuple(substitute if source == gone else source for source in sources)
        for name, sources in before.items()
        if name != gone
    }
    assert graph(after) == expected
    assert after.backbone == network.backbone - (index < network.backbone)
    old = [layer for layer in network.layers if layer.module != gone]
    assert [signs(layer) for layer in after.layers] == [signs(layer) for layer in old]
    assert network == copied


@given(networks(), st.data())
def test_removing_what_was_inserted_gives_the_network_back(network: Network, data: st.DataObject) -> None:
    index = data.draw(st.integers(1, len(network.layers)))
    assert remove_layer(insert_layer(network, index, Layer((-1,), 1, "NEW", ())), index) == network


@given(networks(), st.data())
def test_replacing_changes_one_layer_only(network: Network, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(network.layers) - 1))
    old, copied = network.layers[index], copy.deepcopy(network)

    after = replace_layer(network, index, Layer(old.sources, 1, "NEW", (), old.single))

    renamed = {old.module: "NEW"}
    assert graph(after) == {
        renamed.get(name, name): tuple(renamed.get(source, source) for source in sources)
        for name, sources in graph(network).items()
    }
    assert network == copied


@given(networks(), st.data())
def test_redirecting_moves_the_readers(network: Network, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(network.layers) - 1))
    new = data.draw(st.integers(0, old - 1))
    copied = copy.deepcopy(network)

    after = redirect(network, old, new)

    names = [layer.module for layer in network.layers]
    assert graph(after) == {
        name: tuple(names[new] if source == names[old] else source for source in sources)
        for name, sources in graph(network).items()
    }
    assert consumers(after.layers, old) == ()
    assert network == copied


@given(networks())
def test_rows_are_read_back_as_the_same_layers(network: Network) -> None:
    rows = [layer.row() for layer in network.layers]
    model = {"backbone": rows[: network.backbone], "head": rows[network.backbone :]}
    assert Network.from_yaml(model) == network


def test_only_the_chosen_readers_are_redirected() -> None:
    layers = (
        Layer((-1,), 1, "A", ()),
        Layer((-1,), 1, "B", ()),
        Layer((1,), 1, "C", ()),
        Layer((-2, 1), 1, "D", (), single=False),
    )
    after = redirect(Network(layers, 2), 1, 0, only=(3,))
    assert graph(after) == {"A": ("image",), "B": ("A",), "C": ("B",), "D": ("A", "A")}
    assert after.layers[3].sources == (-3, 0)


def test_edits_that_have_no_meaning_are_refused() -> None:
    layers = (
        Layer((-1,), 1, "A", ()),
        Layer((0,), 1, "B", ()),
        Layer((0, 1), 1, "C", (), single=False),
        Layer((-1,), 1, "D", ()),
    )
    network = Network(layers, 2)
    with pytest.raises(ValueError, match="picture"):
        insert_layer(network, 0, layers[0])
    with pytest.raises(ValueError, match="picture"):
        remove_layer(network, 0)
    with pytest.raises(ValueError, match="several producers"):
        remove_layer(network, 2)
    with pytest.raises(ValueError, match="after it"):
        redirect(network, 1, 3)


def test_the_first_layer_can_go_where_only_the_next_one_reads_it() -> None:
    layers = (Layer((-1,), 1, "A", ()), Layer((-1,), 1, "B", ()), Layer((1,), 1, "C", ()))
    after = remove_layer(Network(layers, 2), 0)
    assert graph(after) == {"B": ("image",), "C": ("B",)}
    assert after.layers[0].sources == (-1,)
