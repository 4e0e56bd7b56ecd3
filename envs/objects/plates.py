"""Plates, turned, with a rim band of another colour; fixed or free, as the task places them."""

from __future__ import annotations

import mujoco

from envs.looks import Builder
from envs.objects.felt import CYLINDER, felt, felt_ring
from envs.objects.kind import Add, Interior, Kind
from envs.shapes import RGB, lathe

RADIUS, FLAT, HEIGHT = 0.105, 0.066, 0.022  # m: of the rim, of the flat middle, of the rim above the table
SURFACE = 0.007  # m, of the middle above the table
MASS = 0.3  # kg
SIDES = 12


def _plate(glaze: RGB, band: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        outside = [(0.0, 0.0), (0.055, 0.0), (0.074, 0.004), (0.098, 0.0165), (RADIUS, HEIGHT - 0.0015), (RADIUS + 0.0005, HEIGHT)]
        inside = [(RADIUS - 0.002, HEIGHT + 0.001), (0.090, 0.0165), (0.074, 0.0090), (FLAT - 0.002, SURFACE), (0.0, SURFACE)]
        rounds = 2 * builder.look.rounds if builder.look.rounds < 40 else builder.look.rounds
        builder.mesh(body, f"{role}_glaze", *lathe([*outside, *inside], rounds), rgba=[*glaze, 1], material=builder.material("porcelain"))
        lifted = [(RADIUS + 0.0008, HEIGHT - 0.0012), (RADIUS + 0.0002, HEIGHT + 0.0012), (RADIUS - 0.002, HEIGHT + 0.0018), (0.0965, 0.0212)]
        builder.mesh(body, f"{role}_band", *lathe(lifted, rounds), rgba=[*band, 1], material=builder.material("porcelain"))
        felt(body, f"{role}_felt_middle", CYLINDER, pos=(0, 0, SURFACE / 2), size=[FLAT + 0.004, SURFACE / 2, 0], mass=MASS / 2)
        felt_ring(body, f"{role}_felt", (FLAT, SURFACE), (RADIUS, HEIGHT), 0.004, SIDES, mass=MASS / 2 / SIDES)

    return add


def _make(colour: str, glaze: RGB, band: RGB) -> Kind:
    extents = (RADIUS + 0.001, RADIUS + 0.001, HEIGHT + 0.002)
    inside = Interior(RADIUS, RADIUS, rim=0.10, floor=SURFACE, round=True)  # what lies on a plate rises above its rim
    return Kind(f"{colour}_plate", f"{colour} plate", "plate", colour, "plate", extents, 0.0, HEIGHT, _plate(glaze, band), inside, SURFACE)


KINDS: tuple[Kind, ...] = (
    _make("white", (0.95, 0.95, 0.93), (0.18, 0.30, 0.62)),
    _make("blue", (0.25, 0.45, 0.75), (0.92, 0.93, 0.95)),
    _make("green", (0.52, 0.70, 0.52), (0.95, 0.95, 0.90)),
    _make("grey", (0.42, 0.44, 0.48), (0.80, 0.80, 0.80)),
    _make("orange", (0.93, 0.55, 0.25), (0.97, 0.93, 0.86)),
    _make("yellow", (0.95, 0.82, 0.42), (0.98, 0.96, 0.90)),
)
