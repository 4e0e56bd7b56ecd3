"""A small wooden chest with one drawer that slides out by its handle, fixed to the table. Front along +x, metres."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import Add, Interior, Kind
from envs.shapes import RGB, XYZ, Mesh, arc, lathe, tube

Box = tuple[XYZ, XYZ]  # centre, half size

HALF_X, HALF_Y, HEIGHT = 0.100, 0.100, 0.125  # m, the carcass
BOARD = 0.005  # m, half thickness of its boards
FEET = 0.010  # m, under the lowest board
TRAVEL = 0.14  # m
SLIDE_FRICTION, SLIDE_DAMPING = 1.5, 12.0  # N, N s/m: it stays where it is let go, and a finger moves it
TRAY_HALF_Y, TRAY_WALL, TRAY_FLOOR, TRAY_RIM = 0.082, 0.0025, 0.026, 0.078  # m; half thickness of its walls; heights
TRAY_BACK, TRAY_FRONT = -0.085, 0.089  # m, x of its ends when closed
PANEL = 0.007  # m, half thickness of the front
HANDLE_OUT, HANDLE_Z = 0.030, 0.0635  # m, of its middle before the front and above the table
FRONT_X = TRAY_FRONT + 2 * PANEL  # m, x of the front's face when closed

BRASS, STEEL = (0.80, 0.62, 0.26), (0.70, 0.71, 0.73)


def _carcass() -> list[Box]:
    """Bottom, a top that overhangs, back, two sides, a plinth."""
    low, high = FEET + BOARD, HEIGHT - BOARD
    middle, half = (FEET + HEIGHT) / 2 - BOARD, (HEIGHT - FEET) / 2 - BOARD
    return [
        ((0, 0, low), (HALF_X, HALF_Y, BOARD)),
        ((0.002, 0, high), (HALF_X + 0.005, HALF_Y + 0.005, BOARD)),
        ((BOARD - HALF_X, 0, middle), (BOARD, HALF_Y, half)),
        *[((0, s * (HALF_Y - BOARD), middle), (HALF_X, BOARD, half)) for s in (-1, 1)],
        ((-0.003, 0, FEET / 2), (HALF_X - 0.006, HALF_Y - 0.006, FEET / 2)),
    ]


def _tray() -> list[Box]:
    """Floor, back and sides of the drawer, in the chest's frame when closed."""
    middle, half = (TRAY_FLOOR + TRAY_RIM) / 2, (TRAY_RIM - TRAY_FLOOR) / 2 + TRAY_WALL
    x, length = (TRAY_BACK + TRAY_FRONT) / 2, (TRAY_FRONT - TRAY_BACK) / 2
    return [
        ((x, 0, TRAY_FLOOR - TRAY_WALL), (length, TRAY_HALF_Y + 2 * TRAY_WALL, TRAY_WALL)),
        ((TRAY_BACK + TRAY_WALL, 0, middle), (TRAY_WALL, TRAY_HALF_Y, half)),
        *[((x, s * (TRAY_HALF_Y + TRAY_WALL), middle), (length, TRAY_WALL, half)) for s in (-1, 1)],
    ]


def _front() -> Box:
    low, high = FEET + 2 * BOARD + 0.0015, HEIGHT - 2 * BOARD - 0.0015
    return (TRAY_FRONT + PANEL, 0, (low + high) / 2), (PANEL, HALF_Y - 2 * BOARD - 0.0015, (high - low) / 2)


def _knob(rounds: int) -> Mesh:
    """A turned knob along +x, from the front's face."""
    profile = [
        (0.0, 0.0), (0.009, 0.0), (0.0085, 0.002), (0.0055, 0.006), (0.006, 0.015), (0.011, 0.021), (0.0135, 0.027),
        (0.0135, 0.032), (0.011, 0.037), (0.006, 0.0395), (0.0, 0.040),
    ]  # fmt: skip
    points, faces = lathe([(r, z) for r, z in profile], rounds)
    return points[:, [2, 0, 1]] + [FRONT_X, 0, HANDLE_Z], faces


def _bar(rounds: int) -> Mesh:
    """An upright bar between two round bends, from the front's face and back to it."""
    high, bend = 0.030, 0.012
    x = FRONT_X + HANDLE_OUT - bend
    path = [
        (FRONT_X, 0.0, HANDLE_Z - high),
        *arc((x, 0, HANDLE_Z - high + bend), (0, 0, -bend), (bend, 0, 0), 0, np.pi / 2, 5),
        *arc((x, 0, HANDLE_Z + high - bend), (bend, 0, 0), (0, 0, bend), 0, np.pi / 2, 5),
        (FRONT_X, 0.0, HANDLE_Z + high),
    ]
    return tube([(float(a), float(b), float(c)) for a, b, c in path], 0.0055, max(6, rounds // 3))


def _feel_knob(tray: mujoco.MjsBody, role: str) -> None:
    _feel(tray, f"{role}_knob", type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[0.0130, 0.0085, 0], fromto=_along_x(0.0215, 0.0385))
    _feel(tray, f"{role}_stem", type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[0.0065, 0.009, 0], fromto=_along_x(0.0, 0.022))


def _feel_bar(tray: mujoco.MjsBody, role: str) -> None:
    x, z = FRONT_X + HANDLE_OUT, 0.0245
    _feel(tray, f"{role}_bar", type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=[0.0055, 0, 0], fromto=[x, 0, HANDLE_Z - z, x, 0, HANDLE_Z + z])


def _along_x(start: float, end: float) -> list[float]:
    return [FRONT_X + start, 0, HANDLE_Z, FRONT_X + end, 0, HANDLE_Z]


def _feel(body: mujoco.MjsBody, name: str, **values) -> None:
    body.add_geom(name=name, condim=4, friction=[0.8, 0.005, 0.0001], **{"group": COLLISION_GROUP, **values})


def _chest(wood: RGB, front: RGB, handle: RGB, mesh: Callable[[int], Mesh], feel: Callable[[mujoco.MjsBody, str], None]) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        def board(to: mujoco.MjsBody, name: str, shape: Box, rgb: RGB) -> None:
            look = {"group": 1, "material": builder.material("chest"), "rgba": [*rgb, 1]}
            _feel(to, f"{role}_{name}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=shape[0], size=shape[1], **look)

        tray = body.add_body(name=f"{role}_tray", mass=0.5, ipos=[0, 0, 0.05], inertia=[0.002] * 3, explicitinertial=True)
        tray.add_joint(
            name=f"{role}_slide", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[1, 0, 0], range=[0, TRAVEL], limited=1,
            frictionloss=SLIDE_FRICTION, damping=[SLIDE_DAMPING, 0, 0],
        )  # fmt: skip
        tray.add_site(name=f"{role}_grip", pos=[FRONT_X + HANDLE_OUT, 0, HANDLE_Z], group=4)
        builder.spec.add_exclude(bodyname1=role, bodyname2=tray.name)
        for i, shape in enumerate(_carcass()):
            board(body, f"board_{i}", shape, wood)
        for i, shape in enumerate(_tray()):
            board(tray, f"tray_{i}", shape, INSIDE)
        board(tray, "front", _front(), front)
        feel(tray, role)
        builder.mesh(
            tray, f"{role}_handle", *mesh(builder.look.rounds), material=builder.material("toy_plastic"), rgba=[*handle, 1]
        )

    return add


INSIDE = (0.93, 0.80, 0.60)
OAK, OAK_FRONT = (0.72, 0.50, 0.28), (0.80, 0.58, 0.34)
WALNUT, WALNUT_FRONT = (0.40, 0.24, 0.14), (0.47, 0.29, 0.17)
CREAM, CREAM_FRONT = (0.90, 0.88, 0.80), (0.55, 0.72, 0.80)
CHERRY, CHERRY_FRONT = (0.56, 0.26, 0.15), (0.64, 0.32, 0.19)
SAGE, SAGE_FRONT = (0.86, 0.84, 0.74), (0.56, 0.68, 0.50)
DARK_KNOB = (0.30, 0.18, 0.10)

_INTERIOR = Interior(
    (TRAY_FRONT - TRAY_BACK) / 2 - TRAY_WALL, TRAY_HALF_Y, rim=TRAY_RIM, floor=TRAY_FLOOR, part="tray",
    centre=((TRAY_FRONT + TRAY_BACK) / 2 + TRAY_WALL, 0.0),
)  # fmt: skip
_EXTENTS = (HALF_X + 0.01, HALF_Y + 0.01, HEIGHT)


def _kind(name: str, colour: str, add: Add) -> Kind:
    return Kind(f"drawer_{name}", "drawer", "drawer", colour, "container", _EXTENTS, 0.0, 0.0, add, _INTERIOR, top=HEIGHT)


KINDS: tuple[Kind, ...] = (
    _kind("oak", "brown", _chest(OAK, OAK_FRONT, DARK_KNOB, _knob, _feel_knob)),
    _kind("walnut", "brown", _chest(WALNUT, WALNUT_FRONT, BRASS, _bar, _feel_bar)),
    _kind("blue", "blue", _chest(CREAM, CREAM_FRONT, STEEL, _bar, _feel_bar)),
    _kind("cherry", "brown", _chest(CHERRY, CHERRY_FRONT, BRASS, _knob, _feel_knob)),
    _kind("sage", "green", _chest(SAGE, SAGE_FRONT, STEEL, _bar, _feel_bar)),
)
