"""A box, fixed, and its lid: the lid's skirt goes over the rim, and a knob on it is there to be gripped."""

from __future__ import annotations

import mujoco

from envs.looks import Builder
from envs.objects.felt import felt_boxes
from envs.objects.kind import LOW_GRASP, Add, Interior, Kind
from envs.shapes import RGB, XYZ, boxes, lathe

HALF = (0.078, 0.062)  # m, the box outside, along x and y
WALL, HEIGHT = 0.004, 0.075  # m
PLAY = 0.0025  # m between rim and skirt, on each side
LID, SKIRT, SKIRT_WALL = 0.004, 0.016, 0.003  # m: thickness of the lid, how far its skirt goes down
STEM, KNOB = 0.012, 0.036  # m: half width of the grip, its height
LID_MASS = 0.09  # kg


def _shell() -> list[tuple[XYZ, XYZ]]:
    """Floor and four walls."""
    (hx, hy), t, h = HALF, WALL / 2, HEIGHT / 2
    return [
        ((0, 0, t), (hx, hy, t)),
        *[((s * (hx - t), 0, h), (t, hy, h)) for s in (-1, 1)],
        *[((0, s * (hy - t), h), (hx, t, h)) for s in (-1, 1)],
    ]


def _cover() -> list[tuple[XYZ, XYZ]]:
    """The lid's top and its skirt; origin on its underside, which rests on the rim."""
    hx, hy = (h + PLAY for h in HALF)
    t, down = SKIRT_WALL / 2, SKIRT / 2
    return [
        ((0, 0, LID / 2), (hx + SKIRT_WALL, hy + SKIRT_WALL, LID / 2)),
        *[((s * (hx + t), 0, -down), (t, hy + SKIRT_WALL, down)) for s in (-1, 1)],
        *[((0, s * (hy + t), -down), (hx, t, down)) for s in (-1, 1)],
    ]


def _box(paint: RGB, band: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        shell = _shell()
        builder.mesh(body, f"{role}_paint", *boxes(shell), rgba=[*paint, 1], material=builder.material("lacquer"))
        bands = [((x, y, 0.020), (hx + 0.0008, hy + 0.0008, 0.005)) for (x, y, _), (hx, hy, _) in shell[1:]]
        builder.mesh(body, f"{role}_band", *boxes(bands), rgba=[*band, 1], material=builder.material("lacquer"))
        felt_boxes(body, f"{role}_felt", shell)

    return add


def _lid(paint: RGB, knob: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        builder.mesh(body, f"{role}_paint", *boxes(_cover()), rgba=[*paint, 1], material=builder.material("lacquer"))
        grip = [(0.0, LID), (0.015, LID), (0.010, LID + 0.006), (0.0095, LID + 0.014), (0.0155, LID + 0.024), (0.015, LID + 0.031), (0.009, LID + KNOB), (0.0, LID + KNOB)]
        builder.mesh(body, f"{role}_knob", *lathe(grip, builder.look.rounds), rgba=[*knob, 1], material=builder.material("lacquer"))
        post: tuple[XYZ, XYZ] = ((0, 0, LID + KNOB / 2), (STEM, STEM, KNOB / 2))
        felt_boxes(body, f"{role}_felt", [*_cover(), post], mass=LID_MASS)

    return add


def _make_box(name: str, colour: str, paint: RGB, band: RGB) -> Kind:
    inside = Interior(HALF[0] - WALL, HALF[1] - WALL, rim=HEIGHT, floor=WALL)
    return Kind(name, f"{colour} box", "box", colour, "container", (*HALF, HEIGHT), 0.0, HEIGHT, _box(paint, band), inside)


def _make_lid(name: str, colour: str, paint: RGB, knob: RGB) -> Kind:
    extents = (HALF[0] + PLAY + SKIRT_WALL, HALF[1] + PLAY + SKIRT_WALL, LID + KNOB)
    return Kind(name, "lid", "lid", colour, "lid", extents, 0.0, LID + LOW_GRASP, _lid(paint, knob), top=LID + KNOB)


KINDS: tuple[Kind, ...] = (
    _make_box("red_lidded_box", "red", (0.66, 0.13, 0.11), (0.90, 0.76, 0.45)),
    _make_box("blue_lidded_box", "blue", (0.13, 0.28, 0.55), (0.90, 0.90, 0.88)),
    _make_box("green_lidded_box", "green", (0.14, 0.40, 0.28), (0.92, 0.85, 0.60)),
    _make_box("white_lidded_box", "white", (0.90, 0.88, 0.82), (0.40, 0.28, 0.18)),
    _make_lid("red_lid", "red", (0.74, 0.17, 0.14), (0.90, 0.76, 0.45)),
    _make_lid("blue_lid", "blue", (0.18, 0.36, 0.66), (0.92, 0.92, 0.90)),
    _make_lid("wooden_lid", "brown", (0.72, 0.52, 0.32), (0.35, 0.22, 0.12)),
    _make_lid("white_lid", "white", (0.92, 0.91, 0.87), (0.30, 0.20, 0.14)),
)
