"""A tennis ball and the can that it just fits: the can is open at the top and stands fixed."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import Builder
from envs.objects.felt import CYLINDER, SPHERE, felt, felt_ring
from envs.objects.fruit import ROUND
from envs.objects.kind import Add, Interior, Kind
from envs.shapes import RGB, Mesh, arc, joined, lathe, tube

RADIUS = 0.031  # m, of the ball: a little less than a match ball, so that the 85 mm gripper has room
MARK = 0.022  # m, radius of the ball on the label
BORE, WALL, HEIGHT, FLOOR = 0.037, 0.0025, 0.135, 0.004  # m, of the can
SIDES = 12


def _ball(felt_rgb: RGB, radius: float) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        body.add_geom(
            name=f"{role}_felt_0", type=SPHERE, size=[radius, 0, 0], mass=0.057, rgba=[*felt_rgb, 1], group=1,
            material=builder.material("toy_plastic"), **ROUND,
        )  # fmt: skip
        t = np.linspace(0, 2 * np.pi, 49)
        a, b = 0.72, 0.28  # the seam of a tennis ball: a curve on the sphere with four bends
        seam = np.stack([a * np.cos(t) + b * np.cos(3 * t), a * np.sin(t) - b * np.sin(3 * t), 2 * np.sqrt(a * b) * np.sin(2 * t)], -1)
        builder.mesh(body, f"{role}_seam", *tube(radius * seam, 0.0014, 5), rgba=[0.96, 0.96, 0.92, 1])

    return add


def _can(paint: RGB, label: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        rounds, outer = builder.look.rounds, BORE + WALL
        skin = [(0, 0), (outer - 0.001, 0), (outer, 0.002), (outer, HEIGHT), (BORE, HEIGHT), (BORE, FLOOR), (0, FLOOR)]
        builder.mesh(body, f"{role}_paint", *lathe(skin, rounds), rgba=[*paint, 1], material=builder.material("tin"))
        bands = (  # name, low, high, how far it stands out, how far in it goes, colour
            ("label", 0.030, 0.108, 0.0006, outer - 0.001, label),
            ("foot", 0.0, 0.006, 0.0012, outer - 0.001, SILVER),
            ("rim", HEIGHT - 0.004, HEIGHT + 0.0012, 0.0014, BORE, SILVER),
        )
        for name, low, high, out, inner, rgb in bands:
            r = outer + out
            builder.mesh(body, f"{role}_{name}", *lathe([(inner, low), (r, low), (r, high), (inner, high)], rounds), rgba=[*rgb, 1])
        for side in (-1, 1):  # a ball on the label, towards each camera, says what the can is for
            ball, seam = _mark(side * 0.62, rounds)
            builder.mesh(body, f"{role}_ball_{side + 1}", *ball, rgba=[0.80, 0.92, 0.16, 1])
            builder.mesh(body, f"{role}_seam_{side + 1}", *seam, rgba=[0.97, 0.97, 0.94, 1])
        felt(body, f"{role}_felt_floor", CYLINDER, pos=(0, 0, FLOOR / 2), size=[BORE, FLOOR / 2, 0])
        felt_ring(body, f"{role}_felt", (BORE, 0.0), (BORE, HEIGHT), 0.004, SIDES)

    return add


def _mark(turn: float, rounds: int) -> tuple[Mesh, Mesh]:
    """A disc and the arcs of a seam on it, wrapped around the can at `turn` rad from its front."""
    disc = lathe([(r, 0.0026) for r in (MARK, 0.75 * MARK, 0.5 * MARK, 0.25 * MARK, 0.0)], rounds)
    arcs = [tube(arc((s * 1.25 * MARK, 0, 0.0028), (-s * MARK, 0, 0), (0, MARK, 0), -0.85, 0.85, 7), 0.0013, 4) for s in (-1, 1)]
    return _wrapped(disc, turn), _wrapped(joined(*arcs), turn)


def _wrapped(mesh: Mesh, turn: float) -> Mesh:
    """A flat mesh (x right, y up, z out) laid around the can's middle."""
    (right, up, out), faces = mesh[0].T, mesh[1]
    radius, angle = BORE + WALL + out, right / (BORE + WALL) + turn
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), up + 0.069], -1), faces


SILVER = (0.75, 0.76, 0.78)
INSIDE = Interior(BORE, BORE, rim=HEIGHT, floor=FLOOR, round=True)


def _make_ball(name: str, colour: str, rgb: RGB, radius: float) -> Kind:
    half = radius + 0.001
    return Kind(name, "tennis ball", "ball", colour, "ball", (half, half, half), radius, radius + 0.008, _ball(rgb, radius))


def _make_can(colour: str, paint: RGB, label: RGB) -> Kind:
    extents = (BORE + WALL + 0.003, BORE + WALL + 0.003, HEIGHT + 0.002)
    return Kind(f"{colour}_can", "tennis can", "can", colour, "container", extents, 0.0, HEIGHT, _can(paint, label), INSIDE)


KINDS: tuple[Kind, ...] = (
    _make_ball("tennis_ball", "yellow", (0.80, 0.92, 0.16), RADIUS),
    _make_ball("small_tennis_ball", "yellow", (0.74, 0.88, 0.20), 0.029),
    _make_ball("bright_tennis_ball", "yellow", (0.88, 0.96, 0.22), 0.030),
    _make_can("blue", (0.10, 0.22, 0.55), (0.93, 0.93, 0.92)),
    _make_can("black", (0.10, 0.10, 0.11), (0.90, 0.75, 0.15)),
    _make_can("green", (0.08, 0.38, 0.22), (0.93, 0.93, 0.88)),
    _make_can("red", (0.70, 0.10, 0.10), (0.95, 0.94, 0.92)),
)
