"""What a breakfast table is laid with: the tablecloth."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import Builder
from envs.objects.kind import Kind

CLOTH_HALF = (0.15, 0.21)  # m along x and y
CLOTH_THICK = 0.003  # m


def _add_cloth(builder: Builder, body: mujoco.MjsBody, role: str, rgb: tuple[int, int, int]) -> None:
    """A thin slab: what lies on it is borne by the cloth and not by the table."""
    (hx, hy), half = CLOTH_HALF, CLOTH_THICK / 2
    body.add_geom(
        name=f"{role}_cloth", type=mujoco.mjtGeom.mjGEOM_BOX, pos=[0, 0, half], size=[hx, hy, half], group=1,
        material=builder.picture(f"{role}_checks", checks(rgb)), friction=[1.0, 0.005, 0.0001], condim=3,
    )  # fmt: skip


def checks(rgb: tuple[int, int, int], across: int = 8, along: int = 11) -> np.ndarray:
    """(H, W, 3) uint8: gingham, whose bands of `rgb` are pale where they run alone and full where they cross."""
    def bands(count: int) -> np.ndarray:
        return np.repeat(np.arange(2 * count + 1) % 2, 12)

    weight = 0.5 * (bands(along)[:, None] + bands(across)[None, :])
    picture = 250 + weight[..., None] * (np.array(rgb) - 250.0)
    hem = 4
    picture[:hem], picture[-hem:], picture[:, :hem], picture[:, -hem:] = rgb, rgb, rgb, rgb
    return picture.astype(np.uint8)


def _cloth(name: str, colour: str, rgb: tuple[int, int, int]) -> Kind:
    return Kind(
        name, "tablecloth", "tablecloth", colour, "cloth", (*CLOTH_HALF, CLOTH_THICK), 0.0, 0.0,
        lambda builder, body, role: _add_cloth(builder, body, role, rgb),
    )  # fmt: skip


KINDS: tuple[Kind, ...] = (
    _cloth("red_tablecloth", "red", (196, 44, 48)),
    _cloth("blue_tablecloth", "blue", (52, 92, 170)),
    _cloth("green_tablecloth", "green", (62, 128, 76)),
    _cloth("yellow_tablecloth", "yellow", (226, 170, 40)),
)
