"""What a breakfast table is laid with: a tablecloth, a plate with an upright rim that fingers can pinch, a bread basket."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import Builder
from envs.objects.felt import CYLINDER, felt, felt_ring
from envs.objects.kind import Add, Interior, Kind
from envs.shapes import RGB, lathe

CLOTH_HALF = (0.15, 0.21)  # m along x and y
CLOTH_THICK = 0.003  # m

RIM_THICK = 0.004  # m, of the plate's rim
RIM_SIDES = 16
SURFACE = 0.006  # m, of the plate's middle above what it stands on

BASKET_RADIUS, BASKET_HEIGHT, BASKET_FLOOR = 0.112, 0.052, 0.006  # m, inside
COIL = 0.0055  # m, half of a coil's height


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


def _plate(radius: float, height: float, mass: float, glaze: RGB, band: RGB) -> Add:
    """`radius` and `height` of the rim's edge; the origin is under the middle."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        r, h, rounds = radius, height, max(32, builder.look.rounds)
        outside = [(0, 0.001), (r - 0.030, 0.001), (r - 0.028, 0), (r - 0.024, 0), (r - 0.012, 0.0045), (r - 0.005, 0.012), (r - 0.0005, h - 0.010)]
        lip = [(r - 0.0005, h - 0.010), (r, h - 0.001), (r - 0.001, h), (r - 0.003, h), (r - RIM_THICK, h - 0.001), (r - RIM_THICK - 0.0003, h - 0.009)]
        inside = [lip[-1], (r - 0.009, 0.014), (r - 0.015, SURFACE + 0.002), (r - 0.025, SURFACE), (0, SURFACE)]
        porcelain = builder.material("porcelain")
        builder.mesh(body, f"{role}_outside", *lathe(outside, rounds), rgba=[*glaze, 1], material=porcelain)
        builder.mesh(body, f"{role}_lip", *lathe(lip, rounds), rgba=[*band, 1], material=porcelain)
        builder.mesh(body, f"{role}_inside", *lathe(inside, rounds), rgba=[*glaze, 1], material=porcelain)
        felt(body, f"{role}_felt_middle", CYLINDER, pos=(0, 0, SURFACE / 2), size=[r - 0.013, SURFACE / 2, 0], mass=mass / 2)
        felt_ring(body, f"{role}_felt", (r - RIM_THICK - 0.0015, 0.008), (r - RIM_THICK, h), RIM_THICK, RIM_SIDES, mass=mass / 2 / RIM_SIDES)

    return add


def _rimmed_plate(name: str, phrase: str, colour: str, radius: float, height: float, glaze: RGB, band: RGB) -> Kind:
    """Taken by its rim from above: the fingers reach 3 cm below its edge, not down to what it stands on."""
    inside = Interior(radius, radius, rim=0.10, floor=SURFACE, round=True)
    return Kind(
        name, phrase, "plate", colour, "plate", (radius, radius, height), 0.0, height + 0.008,
        _plate(radius, height, 0.16, glaze, band), inside,
    )  # fmt: skip


def _add_basket(builder: Builder, body: mujoco.MjsBody, role: str, light: RGB, dark: RGB) -> None:
    """Coils of straw laid one on the other, every other one darker."""
    rounds = max(28, builder.look.rounds)
    count = round(BASKET_HEIGHT / (2 * COIL))
    for tone, rgb, first in (("light", light, 0), ("dark", dark, 1)):
        profile: list[tuple[float, float]] = []
        for k in range(first, count, 2):
            z, r = COIL + 2 * COIL * k, BASKET_RADIUS - 0.012 + 0.012 * (k / (count - 1)) ** 0.5
            profile += [(r + 0.001, z - COIL), (r + 0.008, z - 0.5 * COIL), (r + 0.008, z + 0.5 * COIL), (r + 0.001, z + COIL), (r, z)]
        builder.mesh(body, f"{role}_{tone}", *lathe([*profile, profile[0]], rounds), rgba=[*rgb, 1], material=builder.material("straw"))
    floor = [(0.0, BASKET_FLOOR - 0.004), (BASKET_RADIUS - 0.006, BASKET_FLOOR - 0.004), (BASKET_RADIUS - 0.008, BASKET_FLOOR), (0.0, BASKET_FLOOR)]
    builder.mesh(body, f"{role}_floor", *lathe(floor, rounds), rgba=[*dark, 1], material=builder.material("straw"))
    felt(body, f"{role}_felt_floor", CYLINDER, pos=(0, 0, BASKET_FLOOR / 2), size=[BASKET_RADIUS, BASKET_FLOOR / 2, 0])
    felt_ring(body, f"{role}_felt", (BASKET_RADIUS - 0.012, 0.0), (BASKET_RADIUS, BASKET_HEIGHT), 0.009, 12)


def _basket(name: str, light: RGB, dark: RGB) -> Kind:
    extents = (BASKET_RADIUS + 0.009, BASKET_RADIUS + 0.009, BASKET_HEIGHT + 0.004)
    inside = Interior(BASKET_RADIUS, BASKET_RADIUS, rim=BASKET_HEIGHT, floor=BASKET_FLOOR, round=True)
    return Kind(
        name, "bread basket", "basket", "brown", "container", extents, 0.0, 0.0,
        lambda builder, body, role: _add_basket(builder, body, role, light, dark), inside,
    )  # fmt: skip


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
    _rimmed_plate("pink_plate", "pink plate", "pink", 0.085, 0.034, (0.96, 0.66, 0.72), (0.98, 0.80, 0.83)),
    _rimmed_plate("small_pink_plate", "pink plate", "pink", 0.080, 0.034, (0.93, 0.56, 0.66), (0.96, 0.92, 0.90)),
    _rimmed_plate("low_pink_plate", "pink plate", "pink", 0.087, 0.030, (0.97, 0.72, 0.74), (0.88, 0.42, 0.53)),
    _basket("straw_basket", (0.86, 0.70, 0.44), (0.70, 0.50, 0.26)),
    _basket("willow_basket", (0.62, 0.42, 0.24), (0.45, 0.28, 0.15)),
    _basket("seagrass_basket", (0.74, 0.68, 0.46), (0.52, 0.50, 0.30)),
)
