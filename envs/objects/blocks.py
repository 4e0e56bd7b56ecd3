"""Wooden building blocks beyond the sorted ones: cubes of several sizes, half discs, bricks. Origin in the middle, metres."""

from __future__ import annotations

from itertools import pairwise, product

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import LOW_GRASP, Add, Kind
from envs.shapes import RGB, XYZ, prism

FRICTION = (0.9, 0.01, 0.0002)  # as the toys'
DENSITY = 470.0  # kg/m3; a block of 4 cm weighs 30 g
RGBS: dict[str, RGB] = {
    "red": (0.82, 0.08, 0.07), "orange": (1.00, 0.48, 0.04), "yellow": (0.99, 0.80, 0.06), "green": (0.13, 0.60, 0.20),
    "blue": (0.08, 0.25, 0.85), "pink": (0.98, 0.45, 0.62),
    # Shades that are called by the same words.
    "brick": (0.66, 0.12, 0.10), "amber": (0.93, 0.36, 0.02), "lemon": (0.95, 0.90, 0.25), "olive": (0.36, 0.62, 0.12),
    "navy": (0.10, 0.16, 0.58), "rose": (0.93, 0.30, 0.52), "sky": (0.20, 0.50, 0.92), "mint": (0.20, 0.72, 0.45),
}  # fmt: skip
WORD = {
    "brick": "red", "amber": "orange", "lemon": "yellow", "olive": "green", "navy": "blue", "rose": "pink", "sky": "blue",
    "mint": "green",
}  # fmt: skip


def _add_box(half: XYZ, rgb: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        body.add_geom(
            name=f"{role}_felt_0", type=mujoco.mjtGeom.mjGEOM_BOX, size=half, density=DENSITY, friction=FRICTION, condim=4,
            material=builder.material("toy_grain"), rgba=[*rgb, 1], group=1,
        )  # fmt: skip

    return add


def _add_half_disc(radius: float, half_y: float, rgb: RGB) -> Add:
    """Its flat side down, its arch seen along y; felt as three slabs within it."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        angle = np.linspace(0, np.pi, 8 + builder.look.rounds // 4)
        arch = [(float(radius * np.cos(a)), float(radius * np.sin(a) - radius / 2)) for a in angle]
        vertices, faces = prism(arch, -half_y, half_y)
        standing = vertices @ [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
        builder.mesh(body, f"{role}_arch", standing, faces, material=builder.material("toy_grain"), rgba=[*rgb, 1])
        levels = (0.0, 0.45, 0.75, 0.97)
        for i, (low, high) in enumerate(pairwise(levels)):
            half = (radius * np.sqrt(1 - high**2) + 0.0015, half_y, radius * (high - low) / 2)
            body.add_geom(
                name=f"{role}_felt_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=[0, 0, radius * (low + high - 1) / 2], size=half,
                density=DENSITY, friction=FRICTION, condim=4, group=COLLISION_GROUP,
            )  # fmt: skip

    return add


def cube(shade: str, mm: int, noun: str = "block") -> Kind:
    """A cube `mm` wide."""
    half, colour = mm / 2000, WORD.get(shade, shade)
    add = _add_box((half, half, half), RGBS[shade])
    return Kind(f"{shade}_{noun}_{mm}", f"{colour} {noun}", noun, colour, "block", (half, half, half), half, LOW_GRASP, add, top=half)


def brick(shade: str, mm: tuple[int, int, int]) -> Kind:
    """A rectangular block, lying on its broad side."""
    x, y, z = (v / 2000 for v in mm)
    add = _add_box((x, y, z), RGBS[shade])
    return Kind(f"{shade}_rectangle_{mm[0]}", "rectangle block", "rectangle", WORD.get(shade, shade), "block", (x, y, z), z, LOW_GRASP, add, top=z)


def half_disc(shade: str, mm: int, thick: int) -> Kind:
    """A semi-circle block `mm` wide, standing on its flat side."""
    r, y = mm / 2000, thick / 2000
    add = _add_half_disc(r, y, RGBS[shade])
    return Kind(
        f"{shade}_semicircle_{mm}", "semi-circle block", "semi-circle", WORD.get(shade, shade), "block", (r, y, r / 2), r / 2,
        LOW_GRASP, add, top=r / 2,
    )  # fmt: skip


KINDS: tuple[Kind, ...] = (
    *(cube(*v) for v in product(("yellow",), (50, 54))), *(cube(*v) for v in product(("lemon",), (48, 52))),
    *(cube(*v) for v in product(("orange",), (40, 44))), *(cube(*v) for v in product(("amber",), (38, 42))),
    *(cube(*v) for v in product(("pink",), (28, 32))), *(cube(*v) for v in product(("rose",), (27, 30))),
    *(cube(shade, 44) for shade in ("green", "yellow")),
    *(cube(shade, 42) for shade in ("brick", "navy", "olive", "lemon")),
    *(cube(*v, "cube") for v in product(("green", "mint", "pink"), (40, 44))),
    *(cube(*v, "cube") for v in product(("olive", "rose"), (38, 42))),
    *(half_disc(shade, mm, 32) for shade, mm in (("red", 64), ("green", 68), ("blue", 64), ("brick", 60), ("sky", 66))),
    *(brick(*v) for v in product(("yellow", "blue", "orange"), ((76, 38, 30),))),
    *(brick(*v) for v in product(("lemon", "navy"), ((70, 35, 32),))),
)  # fmt: skip
