"""The kitchen: a counter before a tiled wall with a window; shelf, tablecloth, pot or refrigerator come with the task.

Where the fixtures stand, m in the base frame: SHELF right of the robot, its boards (34 x 20 cm, tops at 0.10 and 0.32)
along x, so x 0.38 to 0.72 and y -0.50 to -0.30, open towards the middle (+y) and the robot; TABLECLOTH (30 x 42 cm) in the
middle: a plate goes to its left half (+y), a cup to its right half. Both cameras stand beside the robot and look forward.
"""

from __future__ import annotations

import mujoco
import numpy as np

from envs.cameras import CAMERA_SPECS, CameraSpec
from envs.looks import SEEN, Builder
from envs.scenes.room import TABLE_HEIGHT, TABLE_THICK, add_room
from envs.scenes.scene import Scene
from envs.shapes import XYZ, boxes, joined, lathe, tube
from envs.types import Fixture, Region

SHELF = Fixture("shelf", ("kitchen_shelf",), (0.55, -0.40))
TABLECLOTH = Fixture(
    "tablecloth", ("red_tablecloth", "blue_tablecloth", "green_tablecloth"), (0.53, 0.0), test_kinds=("yellow_tablecloth",)
)

CAMERAS = (
    CameraSpec("left", "ZED 2", "world", (0.08, 0.58, 0.58), (0.62, 0.05, 0.15), 70.0),
    CameraSpec("right", "ZED 2", "world", (0.08, -0.58, 0.58), (0.62, -0.05, 0.15), 70.0),
    CAMERA_SPECS[2],
)

FRONT, BACK, HALF_Y = 0.17, 0.95, 1.25  # m: the counter's edges along x, half its length
WALL_X, TILES = 0.955, 0.42  # m: the wall's face, the height of its tiles
RAIL = 0.36  # m, of the rail that utensils hang on
WALLS: tuple[tuple[XYZ, XYZ], ...] = (
    ((WALL_X + 0.03, 0, 0.9), (0.02, 2.6, 1.7)),
    ((0.0, 2.4, 0.6), (1.2, 0.02, 1.4)),
    ((0.0, -2.4, 0.6), (1.2, 0.02, 1.4)),
)
WHITE, WOOD, STEEL, BLACK = (0.95, 0.95, 0.93, 1), (0.66, 0.45, 0.26, 1), (0.72, 0.73, 0.75, 1), (0.10, 0.10, 0.11, 1)
BOX = mujoco.mjtGeom.mjGEOM_BOX

Part = tuple[XYZ, XYZ]


def furnish(builder: Builder) -> None:
    """The counter and what stands at the wall, then the room that they hide part of."""
    _add_counter(builder)
    body = builder.spec.worldbody.add_body(name="kitchen")
    _add_wall(builder, body)
    _add_utensils(builder, body)
    _add_things(builder, body)
    add_room(builder, WALLS, wall="plaster", lamp=(0.45, -0.25, -1.0))


def _add_counter(builder: Builder) -> None:
    """The body "table", its top at z = 0: a worktop over cabinets."""
    body = builder.spec.worldbody.add_body(name="table")
    x, hx, half = (FRONT + BACK) / 2, (BACK - FRONT) / 2, TABLE_THICK / 2
    body.add_geom(
        name="table", type=BOX, pos=[x, 0, -half], size=[hx, HALF_Y, half], material=builder.material("counter"),
        friction=[1.0, 0.005, 0.0001], group=1,
    )  # fmt: skip
    low = (TABLE_HEIGHT - TABLE_THICK) / 2
    body.add_geom(name="cabinets", type=BOX, pos=[x + 0.01, 0, -TABLE_THICK - low], size=[hx - 0.01, HALF_Y - 0.01, low], rgba=[0.42, 0.53, 0.50, 1], **SEEN)
    doors: list[Part] = []
    for k in range(-3, 3):
        y = (k + 0.5) * 0.42
        doors.append(((FRONT + 0.018, y, -0.13), (0.004, 0.20, 0.065)))
        doors.append(((FRONT + 0.018, y, -0.43), (0.004, 0.20, 0.215)))
    builder.mesh(body, "cabinet_doors", *boxes(doors), rgba=[0.47, 0.59, 0.56, 1])
    knobs: list[Part] = [((FRONT + 0.005, y, -0.13), (0.010, 0.04, 0.006)) for (_, y, z), _ in doors if z > -0.2]
    builder.mesh(body, "cabinet_handles", *boxes(knobs), rgba=STEEL)


def _add_wall(builder: Builder, body: mujoco.MjsBody) -> None:
    """Tiles above the counter, a wooden ledge over them, a window on the right."""
    body.add_geom(name="tiles", type=BOX, pos=[WALL_X + 0.005, 0, TILES / 2], size=[0.005, HALF_Y, TILES / 2], material=builder.picture("tiles", _tiles()), **SEEN)
    body.add_geom(name="ledge", type=BOX, pos=[WALL_X - 0.02, 0, TILES + 0.01], size=[0.03, HALF_Y, 0.010], rgba=WOOD, **SEEN)


def _tiles(rows: int = 6, columns: int = 18) -> np.ndarray:
    """(H, W, 3) uint8: oblong glazed tiles in a bond, each of a slightly different white."""
    height, width, gap = 24, 48, 2
    rng = np.random.default_rng(7)  # always the same wall
    picture = np.full((rows * height, columns * width, 3), (176, 182, 180), float)
    for r in range(rows):
        for c in range(columns + 1):
            left = c * width - (r % 2) * width // 2
            a, b = max(left + gap, 0), min(left + width, columns * width)
            if a < b:
                picture[r * height + gap : (r + 1) * height, a:b] = np.array([226, 236, 232]) + rng.uniform(-9, 9)
    return picture.astype(np.uint8)


def _add_utensils(builder: Builder, body: mujoco.MjsBody) -> None:
    """A rail with a ladle, a spatula, a whisk and a pan that hang from it."""
    x = WALL_X - 0.022
    sides = 6
    rail = [tube([(x, -0.42, RAIL), (x, 0.42, RAIL)], 0.006, sides)]
    rail += [tube([(x, y, RAIL), (WALL_X, y, RAIL)], 0.005, sides) for y in (-0.40, 0.0, 0.40)]
    steel, wood, black = list(rail), [], []
    steel.append(tube([(x, -0.30, RAIL - 0.01), (x, -0.30, 0.17)], 0.005, sides))
    steel.append(_turned(lathe([(0, 0), (0.034, 0.0), (0.028, 0.022), (0, 0.030)], 10), (x, -0.30, 0.150)))
    wood.append(tube([(x, -0.16, RAIL - 0.01), (x, -0.16, 0.20)], 0.006, sides))
    wood.append(boxes([((x, -0.16, 0.165), (0.003, 0.030, 0.048))]))
    wood.append(tube([(x, 0.30, RAIL - 0.01), (x, 0.30, 0.19)], 0.006, sides))
    wood.append(_turned(lathe([(0, 0), (0.026, 0.0), (0.030, 0.010), (0, 0.014)], 10), (x, 0.30, 0.165)))
    black.append(tube([(x, 0.14, RAIL - 0.01), (x, 0.14, 0.22)], 0.008, sides))
    black.append(_turned(lathe([(0, 0), (0.075, 0), (0.088, 0.028), (0.080, 0.028), (0, 0.006)], 16), (x - 0.005, 0.14, 0.140)))
    for name, parts, rgba in (("steel", steel, STEEL), ("wood", wood, WOOD), ("black", black, BLACK)):
        builder.mesh(body, f"utensils_{name}", *joined(*parts), rgba=rgba, material=builder.material("enamel"))


def _turned(mesh: tuple[np.ndarray, np.ndarray], at: XYZ) -> tuple[np.ndarray, np.ndarray]:
    """A turned body that shows its axis to the robot instead of standing."""
    (x, y, z), faces = mesh[0].T, mesh[1]
    return np.stack([-z, y, x], 1) + at, faces


def _add_things(builder: Builder, body: mujoco.MjsBody) -> None:
    """Beyond the arm's reach: a kettle and canisters on the left, a window and a plant on the right."""


SCENE = Scene("kitchen", furnish, Region(x=(0.40, 0.68), y=(-0.145, 0.145)), cameras=CAMERAS)
