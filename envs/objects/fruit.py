"""Fruit: bananas that lie on their side, apples and oranges."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.looks import Builder
from envs.objects.felt import BOX, CAPSULE, SPHERE, felt
from envs.objects.kind import LOW_GRASP, Add, Kind
from envs.shapes import RGB, lathe, tube

BEND, SPAN = 0.105, 0.74  # m, rad: radius of a banana's bend, half of the angle that it spans
GIRTH = 0.019  # m, half thickness of its middle
# Along the banana, blossom end (-1) to stalk (1): thickness as a share of the girth.
TAPER = np.array([
    (-1.00, 0.18), (-0.98, 0.34), (-0.93, 0.50), (-0.82, 0.72), (-0.60, 0.92), (-0.30, 1.00), (0.10, 1.00),
    (0.45, 0.93), (0.66, 0.78), (0.78, 0.56), (0.86, 0.36), (0.94, 0.30), (1.00, 0.33),
])  # fmt: skip
BROWN = (0.24, 0.15, 0.07)
FRUIT_MASS = 0.12  # kg
ROUND = {"condim": 6, "friction": (0.8, 0.01, 0.002)}  # rolls to a stop


def _along(s: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(..., 3) m: the middle line of a banana at `s` in -1 ... 1; bent in the plane that it lies in."""
    t = np.asarray(s) * SPAN
    return np.stack([BEND * np.sin(t), BEND * (np.cos(t) - 1), np.zeros_like(t)], -1)


def _banana(skin: RGB, stalk: RGB, size: float = 1.0) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        sides = max(7, builder.look.rounds // 3)
        for name, low, high, rgb in (("skin", -0.96, 0.80, skin), ("stalk", 0.79, 0.985, stalk), ("tip", -1.0, -0.95, BROWN), ("cut", 0.98, 1.0, BROWN)):
            s = np.unique(np.r_[low, TAPER[(TAPER[:, 0] > low) & (TAPER[:, 0] < high), 0], high])
            radius = GIRTH * size * np.interp(s, *TAPER.T)
            builder.mesh(body, f"{role}_{name}", *tube(size * _along(s), radius, sides), rgba=[*rgb, 1])
        middle = (0.022 * size, 0.0175 * size, GIRTH * size)
        felt(body, f"{role}_felt_0", BOX, size=middle, mass=0.6 * FRUIT_MASS)
        for k, (low, high, share) in enumerate(((-0.62, -0.25, 0.92), (0.25, 0.55, 0.92), (-0.88, -0.62, 0.7), (0.55, 0.76, 0.65)), 1):
            ends = np.r_[_along(low), _along(high)] * size
            felt(body, f"{role}_felt_{k}", CAPSULE, size=[GIRTH * share * size, 0, 0], fromto=ends, mass=0.1 * FRUIT_MASS)

    return add


def _round(skin: RGB, radius: float, dimple: float, stalk: bool) -> Add:
    """A ball of fruit, `dimple` m deep at its top."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        t = np.linspace(-np.pi / 2, np.pi / 2, 9)
        r, z = radius * np.cos(t), radius * np.sin(t)
        z = z - dimple * np.clip((np.sin(t) - 0.75) / 0.25, 0, 1) ** 2
        profile = [(float(max(a, 0.0)), float(b)) for a, b in zip(r, z, strict=True)]
        builder.mesh(body, f"{role}_skin", *lathe(profile, builder.look.rounds), rgba=[*skin, 1])
        if stalk:
            path = [(0, 0, radius - dimple - 0.002), (0.001, 0, radius), (0.004, 0, radius + 0.006)]
            builder.mesh(body, f"{role}_stalk", *tube(path, 0.0015, 5), rgba=[*BROWN, 1])
        felt(body, f"{role}_felt_0", SPHERE, size=[radius, 0, 0], mass=FRUIT_MASS, **ROUND)

    return add


def _make_banana(name: str, colour: str, skin: RGB, stalk: RGB, size: float = 1.0) -> Kind:
    extents = (BEND * np.sin(SPAN) * size + 0.006, 0.047 * size, GIRTH * size)
    height = GIRTH * size
    return Kind(name, "banana", "banana", colour, "fruit", extents, height, LOW_GRASP, _banana(skin, stalk, size))


def _make_round(name: str, phrase: str, colour: str, skin: RGB, radius: float, dimple: float = 0.0, stalk: bool = False) -> Kind:
    add = _round(skin, radius, dimple, stalk)
    return Kind(name, phrase, phrase.split()[-1], colour, "fruit", (radius, radius, radius + 0.007), radius, radius + 0.006, add)


KINDS: tuple[Kind, ...] = (
    _make_banana("banana", "yellow", (0.97, 0.80, 0.12), (0.72, 0.70, 0.16)),
    _make_banana("ripe_banana", "yellow", (0.90, 0.66, 0.10), (0.50, 0.38, 0.12), 1.05),
    _make_banana("small_banana", "yellow", (0.98, 0.86, 0.25), (0.62, 0.68, 0.20), 0.92),
    _make_banana("green_banana", "green", (0.72, 0.78, 0.18), (0.42, 0.58, 0.15), 1.0),
    _make_round("red_apple", "red apple", "red", (0.78, 0.09, 0.08), 0.034, 0.009, stalk=True),
    _make_round("green_apple", "green apple", "green", (0.52, 0.72, 0.14), 0.033, 0.009, stalk=True),
    _make_round("orange", "orange", "orange", (0.98, 0.52, 0.06), 0.034, 0.003),
)
