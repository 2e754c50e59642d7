"""The pieces the built-in set is drawn from."""

from __future__ import annotations

import numpy as np

from sweep.data.signs.backdrop import SIZE
from sweep.data.signs.designs import DESIGNS, NAMES
from sweep.data.signs.dice import Dice
from sweep.data.signs.scene import draw_scene
from sweep.data.signs.shapes import disc, polygon, stroke


def test_dice_are_pinned() -> None:
    dice = Dice(1, 2, 3)
    assert [dice.integer(0, 99) for _ in range(5)] == [67, 96, 57, 64, 98]
    assert dice.real(0, 1) == 0.7294750213623047
    assert dice.bytes(3).tolist() == [207, 173, 43]
    assert sorted(dice.shuffled(range(9))) == list(range(9))


def test_shapes() -> None:
    x, y = np.meshgrid(np.arange(-2.0, 3.0), np.arange(-2.0, 3.0))
    assert disc(0, 0, 1)(x, y).sum() == 5
    assert polygon((-1, -1), (1, -1), (1, 1), (-1, 1))(x, y).sum() == 9
    assert stroke(0.1, (-2, 0), (2, 0))(x, y).sum() == 5


def test_every_sign_fills_its_square_and_stays_inside_its_silhouette() -> None:
    x, y = np.meshgrid(np.linspace(-1.3, 1.3, 131), np.linspace(-1.3, 1.3, 131))
    for name, design in zip(NAMES, DESIGNS, strict=True):
        silhouette, *rest = (shape(x, y) for shape, _ in design(Dice(4)))
        assert silhouette.sum() > 1500, name
        assert not any((layer & ~silhouette).any() for layer in rest), name


def test_labels_follow_the_wanted_classes() -> None:
    picture, labels = draw_scene(Dice(5), [3, 1])
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert [label[0] for label in labels] == [3, 1]
    _, nothing = draw_scene(Dice(5), [])
    assert nothing == []
