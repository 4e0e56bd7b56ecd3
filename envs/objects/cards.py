"""A whiteboard with an equation on it, number cards, and the stand before the board where the answer goes."""

from __future__ import annotations

import zlib
from functools import cache

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs.geometry import quat_from_matrix, rotation_matrix
from envs.looks import SEEN, Builder
from envs.objects.felt import BOX, felt
from envs.objects.kind import Add, Interior, Kind
from envs.shapes import XYZ, boxes

DIGITS = tuple(range(10))  # what the cards show
CARD_HALF = (0.030, 0.028, 0.012)  # m
GRASP = 0.031  # m, ee above the support: the fingertips, 28 mm below it where they meet a card's sides, keep clear
CARD_MASS = 0.06  # kg
PANEL_HALF, LEAN, FOOT = (0.004, 0.140, 0.065), 0.38, 0.012  # m, rad, m
STAND_HALF = (0.050, 0.050, 0.003)  # m
STAND_TOP = 2 * STAND_HALF[2]
OPERATORS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "x": lambda a, b: a * b}
INK, PAPER, WOOD, FRAME = (24, 32, 96), (250, 249, 244), (0.80, 0.62, 0.40), (0.55, 0.57, 0.60)


def value(equation: str) -> int:
    """What "3 + 4", "9 - 2" or "2 x 3" comes to."""
    first, operator, second = equation.split()
    return OPERATORS[operator](int(first), int(second))


def equations() -> tuple[str, ...]:
    """Every equation with operands of 1 to 12 (of 1 to 9 in products) whose answer is on a card."""
    sums = [f"{a} {o} {b}" for o in "+-" for a in range(1, 13) for b in range(1, 13)]
    products = [f"{a} x {b}" for a in range(1, 10) for b in range(1, 10)]
    return tuple(e for e in (*sums, *products) if value(e) in DIGITS)


def held_out(equation: str) -> bool:
    """Whether only test trials show it; a sum or product and its mirror image go together."""
    first, operator, second = equation.split()
    operands = sorted((first, second)) if operator in "+x" else [first, second]
    return zlib.crc32(f"{operator}{operands}".encode()) % 4 == 0


def board_name(equation: str) -> str:
    """The kind of the board that shows the equation."""
    words = {"+": "plus", "-": "minus", "x": "times"}
    return "board_" + "_".join(words.get(w, w) for w in equation.split())


def _picture(text: str, shape: tuple[int, int], fill: float, ink: tuple[int, int, int], stroke: float) -> np.ndarray:
    """(H, W, 3) uint8: the text as large as fits `fill` of the picture, its lines thickened by `stroke` of its height."""
    height, width = shape
    size = fill * height
    draw = ImageDraw.Draw(image := Image.new("RGB", (width, height), PAPER))
    for _ in range(2):  # the second time it fits the width
        font, line = ImageFont.load_default(size), round(stroke * size)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font, stroke_width=line)
        size *= min(1.0, 0.92 * width / (right - left))
    font, line = ImageFont.load_default(size), round(stroke * size)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font, stroke_width=line)
    corner = ((width - left - right) / 2, (height - top - bottom) / 2)
    draw.text(corner, text, fill=ink, font=font, stroke_width=line)
    if "-" in text:  # the font's hyphen is short for a minus
        x = corner[0] + draw.textlength(text[: text.index("-")], font=font) + draw.textlength("-", font=font) / 2
        draw.rectangle((x - 0.24 * size, height / 2 - 0.055 * size, x + 0.24 * size, height / 2 + 0.055 * size), fill=ink)
    return np.asarray(image)


@cache
def _board_picture(equation: str) -> np.ndarray:
    return _picture(f"{equation} = ?", (186, 400), 0.62, INK, 0.035)


@cache
def _card_picture(number: str) -> np.ndarray:
    return np.rot90(_picture(number, (128, 120), 1.1, (150, 22, 26), 0.05))


@cache
def _stand_picture() -> np.ndarray:
    image = Image.fromarray(_picture("?", (128, 128), 0.6, (150, 155, 165), 0.03))
    ImageDraw.Draw(image).rectangle((6, 6, 121, 121), outline=(90, 110, 140), width=6)
    return np.rot90(np.asarray(image))


def _board(equation: str) -> Add:
    """A panel that leans back on a foot, its face towards +x, read from there."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        hx, hy, hz = PANEL_HALF
        turn = rotation_matrix((0, -LEAN, 0))
        centre = np.array([0, 0, FOOT]) + turn @ [0, 0, hz + 0.004]
        placed = {"pos": centre, "quat": quat_from_matrix(turn)}
        shows = builder.picture(f"{role}_picture", _board_picture(equation))
        body.add_geom(type=BOX, size=PANEL_HALF, material=shows, **placed, **SEEN)
        t = 0.005
        frame: list[tuple[XYZ, XYZ]] = [
            ((-0.004, 0, 0), (hx, hy + t, hz + t)),
            *[((0.001, s * hy, 0), (hx, t, hz + t)) for s in (-1, 1)],
            *[((0.001, 0, s * hz), (hx, hy + t, t)) for s in (-1, 1)],
        ]
        builder.mesh(body, f"{role}_frame", *boxes(frame), rgba=[*FRAME, 1], **placed)
        feet: list[tuple[XYZ, XYZ]] = [((-0.025, s * 0.10, 0.006), (0.05, 0.010, 0.006)) for s in (-1, 1)]
        builder.mesh(body, f"{role}_feet", *boxes([*feet, ((0.006, 0, FOOT), (0.010, hy, 0.003))]), rgba=[0.25, 0.26, 0.28, 1])
        felt(body, f"{role}_felt_panel", BOX, size=(hx + 0.004, hy + t, hz + t), **placed)
        felt(body, f"{role}_felt_foot", BOX, pos=(-0.02, 0, 0.006), size=(0.05, 0.11, 0.006))

    return add


def _card(number: str) -> Add:
    """A wooden tile with a number on top, read from +x."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        hx, hy, hz = CARD_HALF
        body.add_geom(
            name=f"{role}_felt_0", type=BOX, size=CARD_HALF, mass=CARD_MASS, condim=4, friction=(0.8, 0.01, 0.0002), group=1,
            material=builder.material("toy_grain"), rgba=[*WOOD, 1],
        )  # fmt: skip
        shows = builder.picture(f"{role}_picture", _card_picture(number))
        body.add_geom(type=BOX, pos=(0, 0, hz), size=(hx - 0.002, hy - 0.002, 0.0006), material=shows, **SEEN)

    return add


def _add_stand(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    hz = STAND_HALF[2]
    shows = builder.picture(f"{role}_picture", _stand_picture())
    body.add_geom(name=f"{role}_felt_0", type=BOX, pos=(0, 0, hz), size=STAND_HALF, material=shows, group=1, condim=4)


def _make_board(equation: str) -> Kind:
    extents = (0.08, PANEL_HALF[1] + 0.005, 0.15)
    return Kind(board_name(equation), "whiteboard", "board", "white", "board", extents, 0.0, 0.15, _board(equation), text=equation)


def _make_card(number: str) -> Kind:
    half = CARD_HALF[2]
    return Kind(f"card_{number}", f"card {number}", "card", "white", "card", CARD_HALF, half, GRASP, _card(number), top=half, text=number)


_ROOM = Interior(STAND_HALF[0], STAND_HALF[1], rim=0.05, floor=STAND_TOP)
KINDS: tuple[Kind, ...] = (
    *map(_make_board, equations()),
    *(_make_card(str(d)) for d in DIGITS),
    Kind("answer_stand", "answer stand", "stand", "white", "stand", STAND_HALF, 0.0, STAND_TOP, _add_stand, _ROOM, STAND_TOP),
)
