"""What an image token must say: noun, colour, column and row of the object that fills most of its square.

research/vlm_probe.md: questions alone stay at 57 %, with these words at the image tokens they reach 99 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy.tokenizer import COLUMN_WORDS, NONE_WORD, ROW_WORDS

ATTRIBUTES = 4  # noun, colour, column, row
BACKGROUND_WEIGHT = 0.5  # of the mean over background against the mean over objects, for noun and colour
PLACE_BACKGROUND = 0.1  # of a background square against an object's, for column and row
MIN_SHARE = 0.04  # of a square that an object must fill to name it


@dataclass(frozen=True)
class Named:
    """An object in words: "yellow duck", "duck", "yellow"."""

    phrase: str
    noun: str
    colour: str = NONE_WORD

    @property
    def labels(self) -> tuple[str, str]:
        """Noun and colour in one word each, as an image token says them: soap box -> box, semi-circle -> circle, honey-coloured -> honey."""
        return self.noun.replace("-", " ").split()[-1], self.colour.split()[-1].split("-")[0]


    def coloured(self, colour: str) -> Named:
        """The same thing in another colour; its phrase says so if it said the old one."""
        *adjectives, last = self.phrase.split()  # the last word is no colour, even of an orange
        words = (colour if word == self.colour else word for word in adjectives)
        return Named(" ".join([*words, last]), self.noun, colour)


@dataclass(frozen=True)
class Segmented:
    """segmentation: (H, W) uint8, 0 = background, i + 1 = objects[i]."""

    segmentation: NDArray[np.uint8]
    objects: tuple[Named, ...]

    def cell(self, thing: Named) -> str | None:
        """The column and row words of the middle of what is seen of it ("x3 y2"); None if nothing is."""
        y, x = np.nonzero(self.segmentation == self.objects.index(thing) + 1)
        if not len(y):
            return None
        row, column = place_index(
            (y.mean() + 0.5) / len(self.segmentation), (x.mean() + 0.5) / self.segmentation.shape[1]
        )
        return f"{COLUMN_WORDS[column]} {ROW_WORDS[row]}"


@dataclass(frozen=True)
class Labels:
    """Words to ids for one vocabulary; `grid` is rows and columns of image tokens."""

    ids: Mapping[str, int]
    grid: tuple[int, int]

    def words(self, scene: Segmented) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(P, 4) ids and (P,) whether an object lies there. An object's place is that of its visible centre."""
        rows, columns = self.grid
        height, width = scene.segmentation.shape
        owner, centre = dominant(scene.segmentation, len(scene.objects), self.grid)
        nouns, colours = (np.array([self.ids[w] for w in words]) for words in zip((NONE_WORD, NONE_WORD), *(o.labels for o in scene.objects), strict=True))
        own = np.moveaxis(np.mgrid[:rows, :columns], 0, -1).reshape(-1, 2)
        own_centre = (own + 0.5) / [rows, columns]
        place = np.where(owner[:, None] > 0, centre[owner] / [height, width], own_centre)
        row, column = place_index(place[:, 0], place[:, 1])
        return np.stack([nouns[owner], colours[owner], self._columns[column], self._rows[row]], -1), owner > 0

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        return np.array([self.ids[w] for w in COLUMN_WORDS])

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        return np.array([self.ids[w] for w in ROW_WORDS])


def dominant(
    segmentation: NDArray[np.uint8], n_objects: int, grid: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(P,) the object (1-based, 0 none) that fills most of each square, and (n + 1, 2) visible centres (y, x) in px."""
    rows, columns = grid
    square, y, x = _places(segmentation.shape, grid)
    n = n_objects + 1
    label = np.where(segmentation < n, segmentation, 0).ravel().astype(np.int64)
    counts = np.bincount(square * n + label, minlength=rows * columns * n).reshape(rows * columns, n)[:, 1:]
    owner = np.zeros(rows * columns, np.int64)
    if n_objects:
        best = counts.argmax(1)
        enough = counts[np.arange(len(best)), best] >= MIN_SHARE * segmentation.size / len(best)
        owner = np.where(enough, best + 1, 0)
    centre = []
    for axis, size in zip((y, x), segmentation.shape, strict=True):
        seen = np.bincount(label * size + axis, minlength=n * size).reshape(n, size)
        centre.append(seen @ (np.arange(size) + 0.5) / np.maximum(seen.sum(1), 1))
    return owner, np.stack(centre, -1)


@lru_cache(maxsize=8)
def _places(shape: tuple[int, int], grid: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
    """Of each pixel: its square, its row, its column; flat."""
    y, x = np.mgrid[: shape[0], : shape[1]].reshape(2, -1)
    square = (y * grid[0] // shape[0]) * grid[1] + x * grid[1] // shape[1]
    return square, y, x


def balanced_weights(words: NDArray[np.int64], foreground: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N, P, A) weights that sum to 1 for each attribute over the batch.

    Noun and colour: objects and background share 1 : 0.5 whatever their areas; column and row: squares of objects
    count ten times a square of background.
    """
    known = (words >= 0).all(-1)
    inside, outside = foreground & known, ~foreground & known
    share = inside / max(int(inside.sum()), 1) + BACKGROUND_WEIGHT * outside / max(int(outside.sum()), 1)
    place = inside + PLACE_BACKGROUND * outside
    weight = np.stack([share, share, place, place], -1)
    return (weight / np.maximum(weight.sum((0, 1), keepdims=True), 1e-9)).astype(np.float32)


def place_index(y: ArrayLike, x: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column words' indices of places in a picture, y and x from 0 to 1."""
    row = (np.asarray(y) * len(ROW_WORDS)).astype(np.int64).clip(0, len(ROW_WORDS) - 1)
    column = (np.asarray(x) * len(COLUMN_WORDS)).astype(np.int64).clip(0, len(COLUMN_WORDS) - 1)
    return row, column


def named(objects: Sequence[Mapping[str, object]]) -> tuple[Named, ...]:
    """The objects of a snapshot's line; one without a colour is `none` in colour."""
    return tuple(Named(str(o["phrase"]), str(o["noun"]), str(o.get("colour") or NONE_WORD)) for o in objects)
