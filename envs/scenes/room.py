"""What most scenes share: a table on its legs, the robot's stand, walls, a floor, a lamp."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import SEEN, Builder
from envs.shapes import XYZ

TABLE_CENTRE, TABLE_HALF = (0.56, 0.0), (0.39, 0.60)  # m
TABLE_THICK, TABLE_HEIGHT = 0.04, 0.75  # m; the floor lies that far below z = 0
LAMP_DIR: XYZ = (-0.25, -0.32, -1.0)
WALLS: tuple[tuple[XYZ, XYZ], ...] = (  # centre, half size; m
    ((-1.3, 0, 0.6), (0.02, 2.6, 1.4)),
    ((0.6, 2.4, 0.6), (2, 0.02, 1.4)),
    ((0.6, -2.4, 0.6), (2, 0.02, 1.4)),
)
BOX, PLANE, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_CYLINDER


def add_table(builder: Builder, material: str = "table") -> None:
    """The body "table", its top at z = 0."""
    body = builder.spec.worldbody.add_body(name="table")
    (x, y), (hx, hy), half = TABLE_CENTRE, TABLE_HALF, TABLE_THICK / 2
    body.add_geom(
        name="table", type=BOX, pos=[x, y, -half], size=[hx, hy, half], material=builder.material(material),
        friction=[1.0, 0.005, 0.0001], group=1,
    )  # fmt: skip
    leg = (TABLE_HEIGHT - TABLE_THICK) / 2
    for sx in (-1, 1):
        for sy in (-1, 1):
            pos = [x + sx * (hx - 0.05), y + sy * (hy - 0.05), -TABLE_THICK - leg]
            body.add_geom(type=CYLINDER, pos=pos, size=[0.025, leg, 0], material=builder.material("metal"), **SEEN)


def add_room(
    builder: Builder, walls: tuple[tuple[XYZ, XYZ], ...] = WALLS, wall: str = "wall", floor: str = "floor", lamp: XYZ = LAMP_DIR
) -> None:
    """The robot's stand, walls, floor and a lamp that shines along `lamp` on the middle of the table."""
    spec = builder.spec
    body = spec.worldbody.add_body(name="room")
    body.add_geom(name="stand", type=BOX, pos=[-0.04, 0, -0.376], size=[0.12, 0.12, 0.374], material=builder.material("metal"), **SEEN)
    for i, (pos, half) in enumerate(walls):
        body.add_geom(name=f"wall_{i}", type=BOX, pos=pos, size=half, material=builder.material(wall), **SEEN)
    body.add_geom(name="floor", type=PLANE, pos=[0, 0, -TABLE_HEIGHT], size=[3, 3, 0.1], material=builder.material(floor), group=1)
    spec.worldbody.add_light(
        name="lamp", type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=np.subtract((0.5, -0.012, 0.0), np.multiply(1.6, lamp)), dir=lamp,
        diffuse=[0.48] * 3, specular=[0.3] * 3, ambient=[0.0] * 3, castshadow=bool(builder.look.shadow),
    )  # fmt: skip
