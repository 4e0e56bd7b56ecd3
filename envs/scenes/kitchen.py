"""The kitchen: a counter before a tiled wall; shelf, tablecloth, pot or refrigerator come with the task.

Where the fixtures stand, m in the base frame: SHELF right of the robot, its boards (34 x 20 cm, tops at 0.10 and 0.32)
along x, so x 0.38 to 0.72 and y -0.50 to -0.30, open towards the middle (+y) and the robot; TABLECLOTH (30 x 42 cm) in the
middle: a plate goes to its left half (+y), a cup to its right half. Both cameras stand beside the robot and look forward.
"""

from __future__ import annotations

from envs.cameras import CAMERA_SPECS, CameraSpec
from envs.looks import Builder
from envs.scenes.room import add_room, add_table
from envs.scenes.scene import Scene
from envs.types import Fixture, Region

SHELF = Fixture("shelf", ("kitchen_shelf",), (0.55, -0.40))
TABLECLOTH = Fixture(
    "tablecloth", ("red_tablecloth", "blue_tablecloth", "green_tablecloth"), (0.53, 0.0), test_kinds=("yellow_tablecloth",)
)

CAMERAS = (
    CameraSpec("left", "ZED 2", "world", (0.05, 0.55, 0.55), (0.62, 0.0, 0.10), 70.0),
    CameraSpec("right", "ZED 2", "world", (0.05, -0.55, 0.55), (0.62, 0.0, 0.10), 70.0),
    CAMERA_SPECS[2],
)


def furnish(builder: Builder) -> None:
    """The counter, then the room that it hides part of."""
    add_table(builder)
    add_room(builder)


SCENE = Scene("kitchen", furnish, Region(x=(0.40, 0.68), y=(-0.145, 0.145)), cameras=CAMERAS)
