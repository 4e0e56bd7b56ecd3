"""Pictures moved by a few pixels and relit, things recoloured, questions thinned; no mirror images, since left and right carry meaning.

research/vlm_probe.md trained with +-4 px shifts at 160x120; light and colour are mild, as the cameras are known.
"""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

SHIFT_PX = 4
BRIGHTNESS = 20.0  # of 255, added
CONTRAST = 0.2  # relative
COLOUR = 0.06  # relative, per channel
HUE = 0.08  # of the circle, either way
SATURATION = (0.7, 1.2)
COLOURS = {  # that a thing can be given, RGB of 255
    "red": (200, 40, 35), "orange": (235, 120, 30), "yellow": (235, 200, 50), "green": (60, 150, 70), "blue": (45, 85, 190), "purple": (120, 60, 160),
    "pink": (235, 140, 170), "brown": (120, 75, 45), "white": (235, 235, 230), "grey": (130, 130, 130), "black": (35, 35, 38),
}  # fmt: skip
NEAR = 25  # of 255, how far off a channel may be
TINT = (0.7, 1.0)  # how much of a thing's own colour the other one replaces


def shifted(array: NDArray[np.uint8], dx: int, dy: int) -> NDArray[np.uint8]:
    """(H, W, ...) moved right by dx and down by dy px; the uncovered rim repeats the edge."""
    if dx == dy == 0:
        return array
    height, width = array.shape[:2]
    rows = np.clip(np.arange(height) - dy, 0, height - 1)
    columns = np.clip(np.arange(width) - dx, 0, width - 1)
    return array.take(rows, 0).take(columns, 1)


def random_shift(rng: np.random.Generator, limit: int = SHIFT_PX) -> tuple[int, int]:
    """dx and dy in px, each uniform in -limit..limit."""
    dx, dy = rng.integers(-limit, limit + 1, 2)
    return int(dx), int(dy)


def relit(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(..., 3) uint8 under other light: one brightness, contrast and white balance for all of them."""
    level = np.arange(256, dtype=np.float32)
    contrast = 1 + rng.uniform(-CONTRAST, CONTRAST)
    gain = 1 + rng.uniform(-COLOUR, COLOUR, 3)
    curve = ((level[:, None] - 128) * contrast + 128 + rng.uniform(-BRIGHTNESS, BRIGHTNESS)) * gain
    table = np.clip(curve + 0.5, 0, 255).astype(np.uint8)
    out = np.empty_like(images)
    for c in range(3):
        out[..., c] = table[:, c].take(images[..., c])
    return out


def rehued(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(..., 3) uint8 with all colours turned around the grey axis by one angle, and more or less saturated."""
    angle, saturation = 2 * np.pi * rng.uniform(-HUE, HUE), rng.uniform(*SATURATION)
    grey = np.full((3, 3), 1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = grey + saturation * (np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * across)
    return np.clip(images @ turn.T.astype(np.float32) + 0.5, 0, 255).astype(np.uint8)


def recoloured(images: NDArray[np.uint8], mask: NDArray[np.bool_], colour: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(..., 3) uint8 in which what `mask` (...) marks has about that colour of `COLOURS`, under the shade that it had."""
    own = images[mask].astype(np.float32)
    if not len(own):
        return images
    light = own.mean(1, keepdims=True)
    shade = np.minimum(light / max(float(light.mean()), 1.0), 2.0)
    tint, near = rng.uniform(*TINT), np.array(COLOURS[colour]) + rng.uniform(-NEAR, NEAR, 3)
    out = images.copy()
    out[mask] = np.clip((1 - tint) * own + tint * shade * near, 0, 255).astype(np.uint8)
    return out


def thinned(text: str, rng: np.random.Generator, share: float, kept: Container[str]) -> str:
    """`text` without a random share of its words; those in `kept` stay, and one word at least."""
    words = text.split()
    chosen = [w for w in words if rng.random() >= share or w.strip(".,?!") in kept]
    return " ".join(chosen) or text
