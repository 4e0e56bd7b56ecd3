"""Halving pictures exactly, and PNG in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.imaging import HALF_SHAPE, decode_png, encode_png, halve, halve_labels
from envs.types import IMAGE_SHAPE


def test_halving_is_the_rounded_mean_of_each_box():
    image = np.random.default_rng(0).integers(0, 256, (3, *IMAGE_SHAPE), np.uint8)
    boxes = image.reshape(3, 120, 2, 160, 2, 3).astype(float).mean((2, 4))
    halved = halve(image)
    assert halved.shape == (3, *HALF_SHAPE)
    np.testing.assert_array_equal(halved, np.floor(boxes + 0.5))


def test_white_stays_white():
    assert (halve(np.full(IMAGE_SHAPE, 255, np.uint8)) == 255).all()


def test_only_uint8_is_halved():
    wrong: Any = np.zeros(IMAGE_SHAPE, np.float32)
    with pytest.raises(ValueError, match="dtype float32, expected uint8"):
        halve(wrong)


def test_an_odd_side_is_refused():
    with pytest.raises(ValueError, match="5x4, expected even sides"):
        halve(np.zeros((5, 4, 3), np.uint8))


def test_labels_are_picked_not_averaged():
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert halve_labels(labels).tolist() == [[0, 2], [8, 10]]


def test_a_png_gives_the_same_pixels_back():
    image = np.random.default_rng(0).integers(0, 256, HALF_SHAPE, np.uint8)
    np.testing.assert_array_equal(decode_png(encode_png(image)), image)
