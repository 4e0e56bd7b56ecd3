"""The bathroom scene: a vanity counter before a tiled wall with a mirror; the washbasin comes with the task."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.cameras import CAMERA_SPECS, CameraSpec
from envs.looks import SEEN, Builder
from envs.scenes.room import TABLE_CENTRE, TABLE_HALF, TABLE_HEIGHT, TABLE_THICK, add_room
from envs.scenes.scene import Scene
from envs.types import Region

WALL_X = 0.92  # m, the face of the tiled wall
MIRROR = ((0.0, 0.50), (0.34, 0.27))  # m: centre (y, z) and half sizes
TILE = 0.12  # m
TILES, GROUT = (0.60, 0.78, 0.80), (0.90, 0.94, 0.94)
CAMERAS: tuple[CameraSpec, ...] = (
    CameraSpec("left", "ZED 2", "world", (0.15, 0.47, 0.46), (0.58, 0.04, 0.04), 70.0),
    CameraSpec("right", "ZED 2", "world", (0.15, -0.47, 0.46), (0.58, -0.04, 0.04), 70.0),
    *(c for c in CAMERA_SPECS if c.name == "wrist"),
)


def furnish(builder: Builder) -> None:
    """The counter, then the room that it hides part of."""
    builder.spec.visual.map.shadowclip = 2.0  # the floor beside the counter is seen too
    _add_counter(builder)
    _add_wall(builder)
    add_room(builder, walls=SIDES, lamp=(0.34, -0.30, -1.0))


SIDES = (((-1.3, 0, 0.6), (0.02, 2.6, 1.4)), ((0.6, 1.5, 0.6), (2, 0.02, 1.4)), ((0.6, -1.5, 0.6), (2, 0.02, 1.4)))


def _add_counter(builder: Builder) -> None:
    """The body "table": a granite top at z = 0 on a cabinet."""
    body = builder.spec.worldbody.add_body(name="table")
    (x, y), (hx, hy), half = TABLE_CENTRE, TABLE_HALF, TABLE_THICK / 2
    body.add_geom(
        name="table", type=BOX, pos=[x, y, -half], size=[hx, hy, half], material=builder.material("granite"),
        friction=[1.0, 0.005, 0.0001], group=1,
    )  # fmt: skip
    height = (TABLE_HEIGHT - TABLE_THICK) / 2
    body.add_geom(
        type=BOX, pos=[x + 0.02, y, -TABLE_THICK - height], size=[hx - 0.03, hy - 0.02, height], material=builder.material("vanity"), **SEEN
    )


def _add_wall(builder: Builder) -> None:
    """Tiles, and a mirror in its frame: a picture, as a true reflection would draw the scene twice."""
    body = builder.spec.worldbody.add_body(name="mirror_wall")
    (y, z), (hy, hz) = MIRROR
    mirror = builder.picture("mirror", mirror_pixels(builder.look.texture // 2))
    builder.spec.material("mirror").emission = 0.35
    body.add_geom(type=BOX, pos=[WALL_X - 0.014, y, z], size=[0.002, hy, hz], material=mirror, **SEEN)
    frame = builder.material("chrome")
    body.add_geom(type=BOX, pos=[WALL_X - 0.006, y, z], size=[0.008, hy + 0.016, hz + 0.016], material=frame, **SEEN)
    tiles = builder.picture("tiles", tile_pixels(builder.look.texture))
    builder.spec.material("tiles").texrepeat = [3.0 / (4 * TILE), 2.4 / (4 * TILE)]
    body.add_geom(type=BOX, pos=[WALL_X + 0.02, 0, 0.45], size=[0.02, 1.5, 1.2], material=tiles, **SEEN)


def tile_pixels(size: int) -> np.ndarray:
    """(size, size, 3) uint8: four by four glazed tiles, each a little different, with light grout between them."""
    rng = np.random.default_rng(0)
    shade = rng.uniform(0.93, 1.05, (4, 4))
    tile = size // 4
    pixels = np.repeat(np.repeat(shade, tile, 0), tile, 1)[..., None] * TILES
    gloss = np.linspace(1.06, 0.96, tile)
    pixels = pixels * np.tile(gloss, 4)[:, None, None]
    edge = np.arange(4 * tile) % tile < max(2, tile // 24)
    pixels[edge] = pixels[:, edge] = GROUT
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def mirror_pixels(size: int) -> np.ndarray:
    """(size, size, 3) uint8: a bright bluish gradient, streaks of light across it, the dim edge of a room below."""
    v, u = np.mgrid[0:1 : size * 1j, 0:1 : size * 1j]
    top, bottom = np.array([0.90, 0.96, 1.0]), np.array([0.62, 0.74, 0.84])
    pixels = top + (bottom - top) * v[..., None]
    across = u + 0.7 * v
    for at, width, strength in ((0.45, 0.07, 0.16), (0.62, 0.025, 0.16), (1.15, 0.10, 0.12)):
        pixels += strength * (np.abs(across - at) < width)[..., None]
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8)


BOX = mujoco.mjtGeom.mjGEOM_BOX
SCENE = Scene("bathroom", furnish, Region(x=(0.40, 0.62), y=(0.25, 0.36)), CAMERAS)
