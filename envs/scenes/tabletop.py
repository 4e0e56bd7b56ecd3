"""The table top scene: a walnut table with a cloth mat, light blue walls, a wooden floor."""

from __future__ import annotations

import mujoco

from envs.looks import SEEN, Builder
from envs.scenes.room import add_room, add_table
from envs.scenes.scene import Scene
from envs.types import Region

MAT_CENTRE, MAT_HALF = (0.55, 0.0), (0.21, 0.30)  # m
MAT, HEM = (0.80, 0.78, 0.70), (0.45, 0.52, 0.55)


def furnish(builder: Builder) -> None:
    """The mat (only seen) on the table, then the room that the table hides part of."""
    cloth = builder.material("cloth")
    body = builder.spec.worldbody.add_body(name="mat")
    (x, y), (hx, hy) = MAT_CENTRE, MAT_HALF
    for grow, top, rgb in ((0.0, 0.0006, HEM), (-0.012, 0.0009, MAT)):
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, pos=[x, y, 0], size=[hx + grow, hy + grow, top], material=cloth, rgba=[*rgb, 1], **SEEN
        )
    add_table(builder, "walnut")
    add_room(builder, wall="blue_wall", floor="boards")


SCENE = Scene("tabletop", furnish, Region(x=(0.40, 0.68), y=(-0.145, 0.145)))
