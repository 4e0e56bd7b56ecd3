"""Towels: one of cloth, which hangs over a rail along x; one that lies folded; and the rail.

The cloth is a MuJoCo flex: a grid of points that keep their distances, with no stiffness against bending.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.looks import COLLISION_GROUP, SEEN, Builder
from envs.objects.kind import Add, Kind
from envs.shapes import RGB, joined, rounded, tube

WIDTH, LENGTH = 0.22, 0.30  # m, along the rail and across it: half the length hangs down on either side
ACROSS = 8  # points along the rail
_WAY = (0.0, 0.011, 0.042, 0.078, 0.114, 0.150)  # m from the fold: closer where the cloth bends around the rail
WAY = np.array([*(-w for w in _WAY[:0:-1]), *_WAY])
ALONG = len(WAY)
THICK = 0.003  # m, radius of the cloth
MASS = 0.06  # kg
AIR = 0.1  # Pa s, viscosity that calms the cloth; the arm feels less than 0.2 N of it
RAIL_Z, RAIL_RADIUS, RAIL_HALF = 0.24, 0.006, 0.165  # m
FOLDED_HALF, FOLDED_TOP = (0.125, 0.095), 0.034  # m


def hanging() -> NDArray[np.float64]:
    """(ACROSS * ALONG, 3) m: the points of a towel over a rail along x, from the rail's axis."""
    radius = RAIL_RADIUS + THICK + 0.0005
    bend = np.clip(WAY / radius, -np.pi / 2, np.pi / 2)
    y, z = radius * np.sin(bend), radius * np.cos(bend) - np.maximum(np.abs(WAY) - radius * np.pi / 2, 0)
    x = np.repeat(np.linspace(-WIDTH / 2, WIDTH / 2, ACROSS), ALONG)
    return np.stack([x, np.tile(y, ACROSS), np.tile(z, ACROSS)], 1)


def _triangles() -> list[int]:
    corners = [(i * ALONG + j, i, j) for i in range(ACROSS - 1) for j in range(ALONG - 1)]
    faces = []
    for a, i, j in corners:
        b, c, d = a + 1, a + ALONG, a + ALONG + 1
        faces += [a, c, b, b, c, d] if (i + j) % 2 == 0 else [a, c, d, a, d, b]
    return faces


_CLOTH = """<mujoco><worldbody><flexcomp name="cloth" type="direct" dim="2" radius="{radius}" mass="{mass}" point="{points}" element="{elements}" texcoord="{uv}">
<edge equality="true" damping="0.01"/><contact selfcollide="none" condim="4" priority="2" friction="1.2 0.02 0.0001" solref="0.0067 1" solimp="0.98 0.9995 0.001"/>
</flexcomp></worldbody></mujoco>"""  # edges held by equality: the integrator takes no elastic flex


def _cloth(name: str, rgb: RGB, stripe: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        uv = np.stack(np.meshgrid(np.linspace(0, 1, ACROSS), WAY / LENGTH + 0.5, indexing="ij"), -1)
        cloth = mujoco.MjSpec.from_string(_CLOTH.format(
            radius=THICK, mass=MASS, points=_words(hanging()), elements=_words(np.array(_triangles())), uv=_words(uv),
        ))  # fmt: skip
        builder.spec.option.viscosity = AIR
        builder.spec.attach(cloth, prefix=f"{role}_", frame=body.add_frame())
        flex = builder.spec.flex(f"{role}_cloth")
        flex.material = builder.picture(f"terry_{name}", terry_pixels(rgb, stripe, builder.look.texture))

    return add


def _words(values: np.ndarray) -> str:
    return " ".join(f"{v:.6g}" for v in np.ravel(values))


def terry_pixels(rgb: RGB, stripe: RGB, size: int) -> np.ndarray:
    """(size, size, 3) uint8: looped cloth, two bands near each end."""
    rng = np.random.default_rng(1)
    grain = np.repeat(np.repeat(rng.uniform(0.88, 1.0, (size // 2, size // 2, 1)), 2, 0), 2, 1)
    v = np.linspace(0, 1, size)
    end = np.minimum(v, 1 - v)
    band = ((end > 0.07) & (end < 0.12)) | ((end > 0.135) & (end < 0.15))
    pixels = np.where(band[:, None, None], stripe, rgb) * grain
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _folded(rgb: RGB, stripe: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        (hx, hy), h = FOLDED_HALF, FOLDED_TOP / 4
        rounds = builder.look.rounds
        layers = [rounded((hx - 0.003 * k, hy, h), 14.0, 2.4, rounds, (0.002 * k, 0, (2 * k + 1) * h)) for k in (0, 1)]
        bands = [rounded((0.012, hy + 0.0006, h + 0.0004), 14.0, 2.4, rounds, (x, 0, (2 * k + 1) * h)) for k in (0, 1) for x in (-0.085,)]
        cotton = builder.material("cotton")
        builder.mesh(body, f"{role}_layers", *joined(*layers), material=cotton, rgba=[*rgb, 1])
        builder.mesh(body, f"{role}_bands", *joined(*bands), material=cotton, rgba=[*stripe, 1])
        body.add_geom(
            name=f"{role}_felt_0", type=BOX, pos=[0, 0, FOLDED_TOP / 2], size=[hx - 0.003, hy - 0.003, FOLDED_TOP / 2], condim=3,
            friction=[1.0, 0.02, 0.0001], group=COLLISION_GROUP,
        )  # fmt: skip

    return add


def _add_rail(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """A polished bar on two posts; its own low friction wins at every contact."""
    chrome = builder.material("chrome")
    sides = max(8, builder.look.rounds // 2)
    z, post = RAIL_Z, 0.005
    path = [(-RAIL_HALF, 0, 0.01), (-RAIL_HALF, 0, z - 0.03), (-RAIL_HALF + 0.008, 0, z - 0.008), (-RAIL_HALF + 0.03, 0, z)]
    bar = [*path, *((-x, y, h) for x, y, h in reversed(path))]
    builder.mesh(body, f"{role}_bar", *tube(bar, RAIL_RADIUS, sides), material=chrome)
    for s in (-1, 1):
        body.add_geom(type=CYLINDER, pos=[s * RAIL_HALF, 0, 0.006], size=[0.04, 0.006, 0], material=chrome, **SEEN)
        body.add_geom(
            name=f"{role}_felt_post_{s}", type=CAPSULE, fromto=[s * RAIL_HALF, 0, 0.01, s * RAIL_HALF, 0, z - 0.01], size=[post, 0, 0],
            group=COLLISION_GROUP, condim=3,
        )  # fmt: skip
    body.add_geom(
        name=f"{role}_felt_bar", type=CAPSULE, fromto=[-RAIL_HALF, 0, z, RAIL_HALF, 0, z], size=[RAIL_RADIUS, 0, 0],
        friction=[0.3, 0.005, 0.0001], priority=3, condim=3, group=COLLISION_GROUP,
    )  # fmt: skip


BOX, CYLINDER, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE
_COLOURS: tuple[tuple[str, RGB, RGB], ...] = (
    ("blue", (0.30, 0.52, 0.88), (0.90, 0.94, 1.0)),
    ("pink", (0.96, 0.58, 0.68), (1.0, 0.93, 0.94)),
    ("yellow", (0.98, 0.84, 0.40), (1.0, 0.98, 0.88)),
    ("turquoise", (0.25, 0.76, 0.74), (0.93, 1.0, 0.98)),
    ("white", (0.95, 0.95, 0.93), (0.55, 0.60, 0.70)),
    ("grey", (0.55, 0.57, 0.60), (0.90, 0.90, 0.92)),
)
_HANG = (WIDTH / 2, 0.02, LENGTH / 2)
KINDS: tuple[Kind, ...] = (
    *(
        Kind(f"{c}_cloth", f"{c} towel", "towel", c, "towel", _HANG, 0.0, 0.0, _cloth(c, rgb, s), top=0.01, cloth=True)
        for c, rgb, s in _COLOURS
    ),
    *(
        Kind(f"{c}_folded_towel", "other towel", "other towel", c, "towel", (*FOLDED_HALF, FOLDED_TOP), 0.0, 0.0, _folded(rgb, s), top=FOLDED_TOP)
        for c, rgb, s in _COLOURS
    ),
    Kind("towel_rail", "towel rail", "towel rail", "silver", "rail", (RAIL_HALF + 0.04, 0.04, RAIL_Z + 0.01), 0.0, 0.0, _add_rail),
)  # fmt: skip
