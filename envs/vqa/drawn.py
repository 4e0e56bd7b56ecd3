"""Pictures of ring 0, drawn with Pillow: a word, coloured shapes, a bar chart. No robot's data help to read them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.questions import Rng
from envs.types import IMAGE_SHAPE, Split
from envs.vqa.facts import Item, pick, shuffled
from envs.vqa.families import BY_NAME, Family

HEIGHT, WIDTH, _ = IMAGE_SHAPE
PAINT = {
    "red": (205, 45, 45), "green": (40, 150, 60), "blue": (45, 80, 200), "yellow": (230, 200, 30), "orange": (240, 130, 30),
    "purple": (130, 60, 160), "pink": (240, 140, 180), "brown": (120, 75, 40), "black": (25, 25, 25),
}  # fmt: skip
PAPER = ((250, 250, 246), (236, 240, 245), (244, 236, 226))
SYLLABLES = ("ba", "ko", "ri", "mu", "te", "lo", "sa", "ni", "du", "fe")  # words that no data set has
SHAPES = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars", "cross": "crosses"}
HELD_OUT = 5  # one word, and one colour of a shape, in so many is only asked in tests
BARS = 5  # at most
TOP = 9  # the highest value of a bar


@dataclass(frozen=True)
class Drawn:
    """A picture (240, 320, 3) uint8 RGB and what it is asked."""

    image: NDArray[np.uint8]
    asked: list[tuple[Family, list[Item]]]


def drawn(rng: Rng, split: Split) -> Drawn:
    """One picture of a random kind; those of the two splits show different words and differently coloured shapes."""
    return pick((word, shapes, chart), rng)(rng, split)


def word(rng: Rng, split: Split) -> Drawn:
    """A made-up word of two or three syllables, large, in one colour."""
    texts = [_word(rng, split) for _ in range(4)]
    image, draw = _paper(rng)
    font = ImageFont.load_default(int(rng.integers(44, 64)))
    draw.text((WIDTH / 2 + rng.integers(-30, 31), HEIGHT / 2 + rng.integers(-60, 61)), texts[0], PAINT[pick(list(PAINT), rng)], font, anchor="mm")
    return Drawn(np.asarray(image), [(BY_NAME["ocr"], [Item({}, texts[0], pool=tuple(dict.fromkeys(texts)))])])


def shapes(rng: Rng, split: Split) -> Drawn:
    """Two to seven shapes in the cells of a grid; one kind of shape occurs once and is asked for its colour."""
    single, many, *_ = shuffled(list(SHAPES), rng)
    colours = {s: [c for j, c in enumerate(PAINT) if ((i + j) % HELD_OUT == 0) == (split == "test")] for i, s in enumerate(SHAPES)}
    number = int(rng.integers(1, 7))
    placed = [(single, pick(colours[single], rng)), *((many, pick(colours[many], rng)) for _ in range(number))]
    image, draw = _paper(rng)
    for (shape, colour), cell in zip(placed, shuffled(range(12), rng), strict=False):
        x, y = 40 + 80 * (cell % 4) + rng.integers(-12, 13), 40 + 80 * (cell // 4) + rng.integers(-12, 13)
        _draw_shape(draw, shape, float(x), float(y), float(rng.integers(16, 26)), PAINT[colour])
    right = placed[0][1]
    pool = (right, *shuffled([c for c in PAINT if c != right], rng)[:3])
    counted = Item({"shapes": SHAPES[many]}, str(number), "number", pool=tuple(str(n) for n in range(max(0, number - 2), number + 3)))
    return Drawn(np.asarray(image), [(BY_NAME["shape_colour"], [Item({"shape": single}, right, pool=pool)]), (BY_NAME["shape_count"], [counted])])


def chart(rng: Rng, split: Split) -> Drawn:
    """Three to five coloured bars of different heights with an axis of values; test charts have other sets of heights."""
    while True:
        n = int(rng.integers(3, BARS + 1))
        heights = [int(h) for h in rng.choice(np.arange(1, TOP + 1), n, replace=False)]
        if _is_test(str(sorted(heights))) == (split == "test"):
            break
    names = shuffled(list(PAINT), rng)[:n]
    image, draw = _paper(rng)
    base, left, unit, width = HEIGHT - 30, 44, (HEIGHT - 60) / TOP, (WIDTH - 70) / n
    font = ImageFont.load_default(14)
    for value in range(0, TOP + 1):
        draw.line((left, base - value * unit, WIDTH - 16, base - value * unit), (205, 205, 205) if value else (40, 40, 40))
        draw.text((left - 8, base - value * unit), str(value), (40, 40, 40), font, anchor="rm")
    for i, (name, height) in enumerate(zip(names, heights, strict=True)):
        x = left + (i + 0.5) * width
        draw.rectangle((x - width * 0.32, base - height * unit, x + width * 0.32, base), PAINT[name])
        draw.text((x, base + 12), name, (40, 40, 40), ImageFont.load_default(12), anchor="mm")
    return Drawn(np.asarray(image), _chart_items(names, heights, rng))


def _chart_items(names: list[str], heights: list[int], rng: Rng) -> list[tuple[Family, list[Item]]]:
    order = sorted(range(len(names)), key=lambda i: heights[i])
    extreme = pick(("highest", "lowest"), rng)
    right = names[order[-1 if extreme == "highest" else 0]]
    most = Item({"extreme": extreme}, right, pool=(right, *[n for n in names if n != right][:3]))
    i = int(rng.integers(len(names)))
    near = tuple(str(v) for v in range(max(1, heights[i] - 2), min(TOP, heights[i] + 2) + 1))
    low, high = (names[order[k]] for k in sorted(rng.choice(len(names), 2, replace=False).tolist()))
    compared = [
        Item({"a": a, "b": b}, "yes" if (a == high) == (key == "higher") else "no", "yesno", key)
        for key in ("higher", "lower") for a, b in ((high, low), (low, high))
    ]  # fmt: skip
    value = Item({"bar": names[i]}, str(heights[i]), "number", pool=near)
    return [(BY_NAME["chart_most"], [most]), (BY_NAME["chart_value"], [value]), (BY_NAME["chart_compare"], compared)]


def _word(rng: Rng, split: Split) -> str:
    while True:
        text = "".join(pick(SYLLABLES, rng) for _ in range(int(rng.integers(2, 4))))
        if _is_test(text) == (split == "test"):
            return text


def _is_test(text: str) -> bool:
    return zlib.crc32(text.encode()) % HELD_OUT == 0


def _paper(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (WIDTH, HEIGHT), pick(PAPER, rng))
    return image, ImageDraw.Draw(image)


def _circle(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    draw.ellipse((x - r, y - r, x + r, y + r), paint)


def _square(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    draw.rectangle((x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r), paint)


def _triangle(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    draw.polygon([(x, y - r), (x - r, y + 0.8 * r), (x + r, y + 0.8 * r)], paint)


def _star(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, 0.42 * r, 1.1 * r)
    draw.polygon([(float(x + q * np.cos(a)), float(y + q * np.sin(a))) for a, q in zip(angles, radii, strict=True)], paint)


def _cross(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    draw.rectangle((x - r, y - 0.3 * r, x + r, y + 0.3 * r), paint)
    draw.rectangle((x - 0.3 * r, y - r, x + 0.3 * r, y + r), paint)


_DRAW: dict[str, Callable[..., None]] = {"circle": _circle, "square": _square, "triangle": _triangle, "star": _star, "cross": _cross}


def _draw_shape(draw: ImageDraw.ImageDraw, shape: str, x: float, y: float, r: float, paint: tuple[int, int, int]) -> None:
    _DRAW[shape](draw, x, y, r, paint)
