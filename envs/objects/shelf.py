"""The kitchen shelf: two wooden boards in a black metal frame that stands on the counter.

Its frame: origin at its centre on the counter, x along the boards, open on every side but for four thin posts. It stands
right of the robot with the boards along x; a hand reaches the bottom board from the middle of the counter, pointing to -y.
"""

from __future__ import annotations

import mujoco

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import Kind
from envs.shapes import XYZ, boxes

HALF_X, HALF_Y = 0.17, 0.10  # m of a board
BOARD = 0.018  # m thick
BOTTOM, UPPER = 0.10, 0.32  # m, tops of the boards above the counter: 20 cm of free height between them
POST = 0.005  # m, half width
FRICTION = (0.8, 0.005, 0.0001)
BLACK = (0.10, 0.10, 0.11, 1)

POST_Y = (-HALF_Y - POST, 0.045)  # m: those in front stand back, where a forearm that reaches in passes them
POSTS: tuple[XYZ, ...] = tuple((s * (HALF_X + POST), y, UPPER / 2) for s in (-1, 1) for y in POST_Y)


def _add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    for name, top in (("bottom", BOTTOM), ("upper", UPPER)):
        body.add_geom(
            name=f"{role}_{name}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=[0, 0, top - BOARD / 2], size=[HALF_X, HALF_Y, BOARD / 2],
            material=builder.material("board"), friction=FRICTION, condim=3, group=1,
        )  # fmt: skip
    for i, post in enumerate(POSTS):
        body.add_geom(
            name=f"{role}_post_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=post, size=[POST, POST, UPPER / 2],
            friction=FRICTION, condim=3, group=COLLISION_GROUP,
        )  # fmt: skip
    feet: list[tuple[XYZ, XYZ]] = [((x, y, 0.002), (0.009, 0.009, 0.002)) for x, y, _ in POSTS]
    posts: list[tuple[XYZ, XYZ]] = [(post, (POST, POST, UPPER / 2)) for post in POSTS]
    ends: list[tuple[XYZ, XYZ]] = [
        ((sx * (HALF_X + POST), -0.03, top - BOARD / 2), (POST, HALF_Y - 0.025, 0.006)) for sx in (-1, 1) for top in (BOTTOM, UPPER)
    ]
    builder.mesh(body, f"{role}_frame", *boxes([*feet, *posts, *ends]), rgba=BLACK, material=builder.material("metal"))


KINDS: tuple[Kind, ...] = (
    Kind("kitchen_shelf", "shelf", "shelf", "brown", "furniture", (HALF_X, HALF_Y + 2 * POST, UPPER), 0.0, 0.0, _add),
)
