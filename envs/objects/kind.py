"""What a kind of thing is: its words, its measures, and how it is added to a scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.looks import Builder
from envs.shapes import XYZ

Add = Callable[[Builder, mujoco.MjsBody, str], None]  # (builder, body, role): geom and mesh names start with the role

# m, ee above the support, the least `grasp_height` of what is less than 56 mm wide: the fingertips are 19 mm below the ee when
# open, 33 mm when closed (tests/envs/test_gripper.py). Closed lower, they press on the support, with up to 80 N at 28 mm.
LOW_GRASP = 0.035


@dataclass(frozen=True)
class Interior:
    """The room inside a container, in its body's frame: half sizes along x and y, floor and rim, m; round ones are ellipses.

    `part`: of which child body `<role>_<part>` it is the inside (a drawer's tray); empty: of the thing itself.
    """

    half_x: float
    half_y: float
    rim: float
    floor: float = 0.0
    round: bool = False
    centre: tuple[float, float] = (0.0, 0.0)  # m
    part: str = ""

    def holds(self, point: XYZ) -> bool:
        """Whether a point of the body's frame is within the walls and below the rim."""
        x, y, z = (point[0] - self.centre[0]) / self.half_x, (point[1] - self.centre[1]) / self.half_y, point[2]
        within = x * x + y * y < 1 if self.round else abs(x) < 1 and abs(y) < 1
        return bool(within and z < self.rim)


@dataclass(frozen=True)
class Handle:
    """A mug's handle, in its body's frame: it stands out along +x, its opening seen along y.

    `wall`: m, from the axis to the outside of the mug, `thick` its wall; the opening reaches `depth` outwards from there,
    from `low` to `high` along z.
    """

    wall: float
    thick: float
    depth: float
    low: float
    high: float

    def threaded(self, line: NDArray[np.float64]) -> bool:
        """Whether a `line` of points (n, 3) in the handle's frame passes through its opening, across the plane y = 0."""
        for (x0, y0, z0), (x1, y1, z1) in pairwise(line):
            if (y0 < 0) != (y1 < 0):
                t = y0 / (y0 - y1)
                x, z = x0 + t * (x1 - x0), z0 + t * (z1 - z0)
                if self.wall < x < self.wall + self.depth and self.low < z < self.high:
                    return True
        return False


@dataclass(frozen=True)
class Kind:
    """A kind of thing, movable or fixed.

    `half_extents`: m, of a box around the body's origin that holds all of it; `rest_height`: origin above its support;
    `grasp_height`: ee above the support when the fingers close (they reach 1.4 cm further down on closing); `top`: m, its
    highest point above the origin, which it stands on upside down. `interior`: what it can hold. `text`: what is
    written on it. `handle`: of a mug. `hooks`: the middle line of each hook from its root over its lowest point to its
    tip, in the body's frame. `add` gives the body its geoms, joints and child bodies; child bodies and joints are named
    `<role>_<part>`. `cloth`: it is a flex named `<role>_cloth` instead of a rigid body; its body stays where it was put
    and its points move.
    """

    name: str
    phrase: str
    noun: str
    colour: str
    category: str  # animal, block, container, ...
    half_extents: XYZ
    rest_height: float
    grasp_height: float
    add: Add
    interior: Interior | None = None
    top: float = 0.0
    text: str = ""
    cloth: bool = False
    handle: Handle | None = None
    hooks: tuple[tuple[XYZ, ...], ...] = ()
