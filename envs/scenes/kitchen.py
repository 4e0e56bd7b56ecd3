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
from envs.shapes import XYZ, Mesh, arc, boxes, joined, lathe, tube
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
RAIL = 0.36  # m, of the rails that utensils hang on
WINDOW_Y, WINDOW_Z = 0.27, (0.14, 0.62)  # m: half its width, its lower and upper edge
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
    """Tiles above the counter, a wooden ledge over them, a window in the middle."""
    for name, centre, half in (
        ("left", (HALF_Y + WINDOW_Y) / 2, (HALF_Y - WINDOW_Y) / 2),
        ("right", -(HALF_Y + WINDOW_Y) / 2, (HALF_Y - WINDOW_Y) / 2),
    ):
        body.add_geom(
            name=f"tiles_{name}", type=BOX, pos=[WALL_X + 0.005, centre, TILES / 2], size=[0.005, half, TILES / 2],
            material=builder.picture("tiles", _tiles(6, 9)), **SEEN,
        )  # fmt: skip
        body.add_geom(name=f"ledge_{name}", type=BOX, pos=[WALL_X - 0.012, centre, TILES + 0.009], size=[0.022, half, 0.009], rgba=WOOD, **SEEN)
    body.add_geom(
        name="tiles_middle", type=BOX, pos=[WALL_X + 0.005, 0, WINDOW_Z[0] / 2], size=[0.005, WINDOW_Y, WINDOW_Z[0] / 2],
        material=builder.picture("low_tiles", _tiles(2, 5)), **SEEN,
    )  # fmt: skip
    low, high = WINDOW_Z
    z, hz = (low + high) / 2, (high - low) / 2
    body.add_geom(name="window", type=BOX, pos=[WALL_X + 0.006, 0, z], size=[0.003, WINDOW_Y, hz], material=builder.picture("view", _view()), **SEEN)
    frame: list[Part] = [((WALL_X, s * WINDOW_Y, z), (0.014, 0.016, hz + 0.016)) for s in (-1, 1)]
    frame += [((WALL_X, 0, low), (0.014, WINDOW_Y, 0.016)), ((WALL_X, 0, high), (0.014, WINDOW_Y, 0.016)), ((WALL_X, 0, z), (0.010, 0.010, hz))]
    frame.append(((WALL_X - 0.035, 0, low + 0.004), (0.040, WINDOW_Y + 0.03, 0.009)))
    builder.mesh(body, "window_frame", *boxes(frame), rgba=WHITE)


def _tiles(rows: int, columns: int) -> np.ndarray:
    """(H, W, 3) uint8: oblong glazed tiles in a bond, each of a slightly different white."""
    height, width, gap = 24, 48, 2
    rng = np.random.default_rng(7)  # always the same wall
    picture = np.full((rows * height, columns * width, 3), (168, 178, 176), float)
    for r in range(rows):
        for c in range(columns + 1):
            left = c * width - (r % 2) * width // 2
            a, b = max(left + gap, 0), min(left + width, columns * width)
            if a < b:
                picture[r * height + gap : (r + 1) * height, a:b] = np.array([230, 241, 237]) + rng.uniform(-9, 9)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _view(size: int = 128) -> np.ndarray:
    """(H, W, 3) uint8: a bright sky over two rows of hills."""
    x, up = np.meshgrid(np.linspace(0, 1, size), np.linspace(1, 0, size))
    sky = np.stack([205 - 75 * up, 226 - 36 * up, np.full_like(up, 246)], -1)
    far = up < 0.42 + 0.07 * np.sin(5.0 * x + 0.6) + 0.02 * np.sin(17 * x)
    near = up < 0.24 + 0.06 * np.sin(7.0 * x + 2.4)
    sky[far], sky[near] = (146, 178, 142), (104, 148, 86)
    return np.clip(sky, 0, 255).astype(np.uint8)


def _add_utensils(builder: Builder, body: mujoco.MjsBody) -> None:
    """Two rails with a pan, a wooden spoon, a ladle and a spatula that hang from them."""
    x, sides = WALL_X - 0.022, 6
    steel = [tube([(x, s * 0.34, RAIL), (x, s * 0.72, RAIL)], 0.006, sides) for s in (-1, 1)]
    steel += [tube([(x, y, RAIL), (WALL_X, y, RAIL)], 0.005, sides) for y in (-0.70, -0.36, 0.36, 0.70)]
    steel += [_hanging(x, -0.42, 0.17, 0.005), _facing(lathe([(0, 0), (0.034, 0.0), (0.028, 0.022), (0, 0.030)], 10), (x, -0.42, 0.150))]
    wood = [_hanging(x, -0.54, 0.20, 0.006), boxes([((x, -0.54, 0.165), (0.003, 0.030, 0.048))])]
    wood += [_hanging(x, 0.40, 0.19, 0.006), _facing(lathe([(0, 0), (0.026, 0.0), (0.030, 0.010), (0, 0.014)], 10), (x, 0.40, 0.165))]
    black = [_hanging(x, 0.55, 0.22, 0.008)]
    black.append(_facing(lathe([(0, 0), (0.075, 0), (0.088, 0.028), (0.080, 0.028), (0, 0.006)], 16), (x - 0.005, 0.55, 0.140)))
    for name, parts, rgba in (("steel", steel, STEEL), ("wood", wood, WOOD), ("black", black, BLACK)):
        builder.mesh(body, f"utensils_{name}", *joined(*parts), rgba=rgba, material=builder.material("enamel"))


def _hanging(x: float, y: float, end: float, radius: float) -> Mesh:
    """The handle of what hangs on a rail, down to z `end`."""
    return tube([(x, y, RAIL - 0.01), (x, y, end)], radius, 6)


def _facing(mesh: Mesh, at: XYZ) -> Mesh:
    """A turned body that shows its axis to the robot instead of standing."""
    (x, y, z), faces = mesh[0].T, mesh[1]
    return np.stack([-z, y, x], 1) + at, faces


def _add_things(builder: Builder, body: mujoco.MjsBody) -> None:
    """Beyond the arm's reach: a kettle on the left, jars on the right, herbs in pots on the window's sill."""
    rounds = 16 if builder.look.rounds < 40 else 40
    enamel = builder.material("enamel")
    kettle = lathe([(0, 0), (0.075, 0), (0.082, 0.012), (0.070, 0.075), (0.045, 0.108), (0.012, 0.116), (0.012, 0.130), (0, 0.132)], rounds)
    spout = tube([(-0.05, -0.045, 0.06), (-0.085, -0.075, 0.09), (-0.10, -0.088, 0.115)], 0.011, 8)
    handle = tube(arc((0, 0, 0.09), (-0.045, -0.040, 0), (0, 0, 0.085), 0.2, np.pi - 0.2, 8), 0.007, 8)
    _stand(builder, body, "kettle", [kettle, spout], (0.82, 0.70, 0.0), (0.16, 0.36, 0.50, 1))
    _stand(builder, body, "kettle_handle", [handle], (0.82, 0.70, 0.0), BLACK)
    jars, lids = [], []
    for y, r, h in ((-0.66, 0.050, 0.150), (-0.78, 0.045, 0.120), (-0.89, 0.040, 0.095)):
        jars.append(_moved(lathe([(0, 0), (r, 0), (r, h), (0, h)], rounds), (0.87, y, 0)))
        lids.append(_moved(lathe([(0, h), (r + 0.003, h), (r + 0.003, h + 0.014), (0.010, h + 0.018), (0.010, h + 0.032), (0, h + 0.032)], rounds), (0.87, y, 0)))
    builder.mesh(body, "jars", *joined(*jars), rgba=(0.93, 0.90, 0.82, 1), material=enamel)
    builder.mesh(body, "jar_lids", *joined(*lids), rgba=WOOD, material=enamel)
    pots, leaves = [], []
    for y in (-0.17, 0.17):
        at = (WALL_X - 0.04, y, WINDOW_Z[0] + 0.013)
        pots.append(_moved(lathe([(0, 0), (0.022, 0), (0.030, 0.045), (0.026, 0.045), (0, 0.040)], 12), at))
        for k in range(9):
            angle, lean = 2.4 * k, 0.012 + 0.004 * k
            tip = (lean * 2.0 * np.cos(angle), lean * 2.0 * np.sin(angle), 0.115 - 0.006 * k)
            middle = (lean * np.cos(angle), lean * np.sin(angle), 0.080 - 0.003 * k)
            leaves.append(_moved(tube([(0, 0, 0.04), middle, tip], np.array([0.002, 0.011, 0.003]), 5), at))
    builder.mesh(body, "herb_pots", *joined(*pots), rgba=(0.76, 0.42, 0.28, 1))
    builder.mesh(body, "herbs", *joined(*leaves), rgba=(0.30, 0.52, 0.20, 1))


def _stand(builder: Builder, body: mujoco.MjsBody, name: str, parts: list[Mesh], at: XYZ, rgba: tuple[float, float, float, float]) -> None:
    builder.mesh(body, name, *_moved(joined(*parts), at), rgba=rgba, material=builder.material("enamel"))


def _moved(mesh: Mesh, at: XYZ) -> Mesh:
    return mesh[0] + at, mesh[1]


SCENE = Scene("kitchen", furnish, Region(x=(0.40, 0.68), y=(-0.145, 0.145)), cameras=CAMERAS)
