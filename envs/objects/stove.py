"""A stove of one hotplate that stands on the counter, and the pot that stands on it."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import SEEN, Builder
from envs.objects.felt import BOX, CYLINDER, felt, felt_ring
from envs.objects.kind import Interior, Kind
from envs.shapes import RGB, arc, joined, lathe, tube

STOVE_HALF = (0.15, 0.145)  # m along x and y
STOVE_HEIGHT = 0.045  # m, of the plate that pots stand on
POT_RADIUS, POT_HEIGHT, POT_FLOOR = 0.108, 0.075, 0.005  # m: inside, rim and floor above the stove
POT_WALL = 0.003  # m thick


def _add_stove(builder: Builder, body: mujoco.MjsBody, role: str, rgb: RGB) -> None:
    """A body of enamel with two knobs on the side of the robot, a black glass top, a glowing ring around the hotplate."""
    (hx, hy), h = STOVE_HALF, STOVE_HEIGHT
    glass = 0.004
    body.add_geom(
        name=f"{role}_body", type=BOX, pos=[0, 0, (h - glass) / 2], size=[hx, hy, (h - glass) / 2], rgba=[*rgb, 1],
        material=builder.material("enamel"), group=1,
    )  # fmt: skip
    body.add_geom(
        name=f"{role}_glass", type=BOX, pos=[0, 0, h - glass / 2], size=[hx - 0.006, hy - 0.006, glass / 2], rgba=[0.05, 0.05, 0.06, 1],
        material=builder.material("porcelain"), group=1,
    )  # fmt: skip
    ring = [(0.124, h), (0.127, h + 0.0006), (0.121, h + 0.0006), (0.124, h)]
    builder.mesh(body, f"{role}_ring", *lathe(ring, max(28, builder.look.rounds)), rgba=[0.85, 0.30, 0.16, 1])
    for i, y in enumerate((-0.08, 0.08)):
        body.add_geom(type=CYLINDER, pos=[-hx - 0.006, y, 0.020], quat=[0.7071, 0, 0.7071, 0], size=[0.014, 0.007, 0], rgba=[0.15, 0.15, 0.16, 1], name=f"{role}_knob_{i}", **SEEN)
        body.add_geom(type=BOX, pos=[-hx - 0.014, y, 0.026], size=[0.001, 0.002, 0.006], rgba=[0.95, 0.95, 0.95, 1], name=f"{role}_mark_{i}", **SEEN)


def _add_pot(builder: Builder, body: mujoco.MjsBody, role: str, rgb: RGB, inner: RGB, material: str) -> None:
    """A low pot, its two handles along y."""
    r, h, rounds = POT_RADIUS + POT_WALL, POT_HEIGHT, max(32, builder.look.rounds)
    outside = [(0, 0), (r - 0.010, 0), (r - 0.003, 0.003), (r, 0.010), (r, h - 0.004), (r + 0.003, h - 0.003), (r + 0.003, h - 0.001), (r, h)]
    inside = [(r, h), (POT_RADIUS, h - 0.001), (POT_RADIUS, 0.014), (POT_RADIUS - 0.008, POT_FLOOR), (0, POT_FLOOR)]
    handles = []
    for side in (-1, 1):
        y = side * (r - 0.001)
        bend = arc((0, side * (r + 0.012), h - 0.022), (0.040, 0, 0), (0, side * 0.018, 0.004), 0, np.pi, 9)
        handles.append(tube([(0.040, y, h - 0.022), *map(tuple, bend), (-0.040, y, h - 0.022)], 0.0055, 8))
    worn = builder.material(material)
    builder.mesh(body, f"{role}_outside", *lathe(outside, rounds), rgba=[*rgb, 1], material=worn)
    builder.mesh(body, f"{role}_handles", *joined(*handles), rgba=[*rgb, 1], material=worn)
    builder.mesh(body, f"{role}_inside", *lathe(inside, rounds), rgba=[*inner, 1], material=worn)
    felt(body, f"{role}_felt_floor", CYLINDER, pos=(0, 0, POT_FLOOR / 2), size=[POT_RADIUS, POT_FLOOR / 2, 0])
    felt_ring(body, f"{role}_felt", (POT_RADIUS, 0.0), (POT_RADIUS, POT_HEIGHT), POT_WALL, 16)
    for side, name in ((-1, "right"), (1, "left")):
        felt(body, f"{role}_felt_{name}", BOX, pos=(0, side * (r + 0.015), h - 0.021), size=[0.045, 0.020, 0.007])


def _stove(name: str, colour: str, rgb: RGB) -> Kind:
    return Kind(
        name, "stove", "stove", colour, "stove", (STOVE_HALF[0] + 0.02, STOVE_HALF[1], STOVE_HEIGHT), 0.0, 0.0,
        lambda builder, body, role: _add_stove(builder, body, role, rgb),
    )  # fmt: skip


def _pot(name: str, colour: str, rgb: RGB, inner: RGB, material: str = "enamel") -> Kind:
    extents = (POT_RADIUS + 0.006, POT_RADIUS + 0.04, POT_HEIGHT)
    inside = Interior(POT_RADIUS, POT_RADIUS, rim=POT_HEIGHT, floor=POT_FLOOR, round=True)
    return Kind(
        name, "pot", "pot", colour, "pot", extents, 0.0, 0.0,
        lambda builder, body, role: _add_pot(builder, body, role, rgb, inner, material), inside,
    )  # fmt: skip


KINDS: tuple[Kind, ...] = (
    _stove("white_stove", "white", (0.93, 0.93, 0.91)),
    _stove("grey_stove", "grey", (0.50, 0.52, 0.54)),
    _pot("red_pot", "red", (0.72, 0.10, 0.09), (0.90, 0.87, 0.80)),
    _pot("blue_pot", "blue", (0.14, 0.28, 0.52), (0.90, 0.88, 0.84)),
    _pot("steel_pot", "silver", (0.80, 0.81, 0.83), (0.68, 0.69, 0.71)),
    _pot("green_pot", "green", (0.18, 0.42, 0.30), (0.90, 0.88, 0.82)),
)
