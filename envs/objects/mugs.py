"""Mugs with handles.

A mug's origin is the middle of its axis, its handle stands out along +x. The walls that are felt are eight boards, so that
the pads meet a flat face opposite the handle and on either side of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, Builder
from envs.objects import hooks
from envs.objects.kind import Add, Handle, Kind
from envs.robot import PAD_SOLREF
from envs.shapes import RGB, XYZ, Mesh, arc, joined, lathe, tube

BOX, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
WALL = 0.0045  # m thick
BOARDS = 8
HANDLE_RADIUS = 0.0048
CORNER = 0.012  # m, radius of the handle's bends
FRICTION = (0.6, 0.005, 0.0001)  # glazed earthenware


@dataclass(frozen=True)
class Mug:
    """Sizes (m) and colours of a mug. `reach`: of the handle's middle line from the wall; `band`: of a stripe round it."""

    colour: str
    rgb: RGB
    radius: float = 0.035
    height: float = 0.088
    reach: float = 0.032
    span: float = 0.047  # between the middle lines of the handle's two arms
    inner: RGB = (0.95, 0.94, 0.90)
    band: RGB | None = None
    mass: float = 0.14

    @property
    def handle(self) -> Handle:
        """Its opening, in the body's frame."""
        half = self.span / 2 - HANDLE_RADIUS
        return Handle(self.radius, WALL, self.reach - HANDLE_RADIUS, -half, half)

    @property
    def kind(self) -> Kind:
        half = self.height / 2
        extents = (self.radius + self.reach + HANDLE_RADIUS, self.radius * 1.09, half)
        name = f"{self.colour.replace(' ', '_')}_mug"
        return Kind(
            name, f"{self.colour} mug", "mug", self.colour, "mug", extents, half, self.height - 0.005, _mug(self), top=half,
            handle=self.handle,
        )  # fmt: skip


def _mug(mug: Mug) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        _feel(body, role, mug)
        _see(builder, body, role, mug)

    return add


def _feel(body: mujoco.MjsBody, role: str, mug: Mug) -> None:
    """Bottom, eight boards, and the handle's five rods."""
    felt = {"group": COLLISION_GROUP, "friction": FRICTION, "condim": 4, "solref": PAD_SOLREF}
    half, apothem = mug.height / 2, mug.radius - WALL / 2
    square = 0.72 * mug.radius  # a box stands stiller than a disc
    body.add_geom(
        name=f"{role}_bottom", type=BOX, pos=[0, 0, -half + 0.003], size=[square, square, 0.003], mass=0.25 * mug.mass, **felt
    )
    for k in range(BOARDS):
        angle = 2 * np.pi * k / BOARDS
        short = 0.0005 * (k % 2)  # upside down it stands on four of its boards
        low, high = -half + 0.001, half - short
        body.add_geom(
            name=f"{role}_board_{k}", type=BOX, pos=[apothem * np.cos(angle), apothem * np.sin(angle), (low + high) / 2],
            quat=[np.cos(angle / 2), 0, 0, np.sin(angle / 2)], mass=0.65 * mug.mass / BOARDS,
            size=[WALL / 2, mug.radius * np.tan(np.pi / BOARDS), (high - low) / 2], **felt,
        )  # fmt: skip
    for k, ends in enumerate(pairwise(_corners(mug))):
        body.add_geom(
            name=f"{role}_rod_{k}", type=CAPSULE, size=[HANDLE_RADIUS, 0, 0], fromto=[*ends[0], *ends[1]], mass=0.02 * mug.mass, **felt
        )


def _corners(mug: Mug) -> list[XYZ]:
    """The middle line of the handle, from the upper end down."""
    near, far, z = mug.radius - WALL / 2, mug.radius + mug.reach, mug.span / 2
    upper: list[XYZ] = [(near, 0, z), (far - CORNER, 0, z), (far, 0, z - CORNER)]
    return [*upper, *((x, y, -z) for x, y, z in reversed(upper))]


def _see(builder: Builder, body: mujoco.MjsBody, role: str, mug: Mug) -> None:
    rounds, glaze = builder.look.rounds, builder.material("porcelain")
    half, r, foot = mug.height / 2, mug.radius, 0.004
    outside = [(0, -half + 0.0012), (r - 0.008, -half + 0.0012), (r - 0.0065, -half), (r - 0.004, -half), (r - 0.001, -half + foot), (r, -half + 0.009)]
    lip = [(r, half - 0.0022), (r - 0.0007, half - 0.0006), (r - WALL / 2, half), (r - WALL + 0.0007, half - 0.0006)]
    inside = [lip[-1], (r - WALL, half - 0.003), (r - WALL, -half + 0.014), (r - WALL - 0.008, -half + 0.006), (0, -half + 0.006)]
    far, z = r + mug.reach, mug.span / 2
    bends = 4 if rounds < 40 else 10
    path = [
        (r - WALL / 2, 0, z),
        *arc((far - CORNER, 0, z - CORNER), (0, 0, CORNER), (CORNER, 0, 0), 0, np.pi / 2, bends),
        *arc((far - CORNER, 0, -z + CORNER), (CORNER, 0, 0), (0, 0, -CORNER), 0, np.pi / 2, bends),
        (r - WALL / 2, 0, -z),
    ]
    handle = tube(path, HANDLE_RADIUS, 8 if rounds < 40 else 16)
    _draw(builder, body, f"{role}_outside", joined(lathe([*outside, *lip], rounds), handle), mug.rgb, glaze)
    _draw(builder, body, f"{role}_inside", lathe(inside, rounds), mug.inner, glaze)
    if mug.band:
        edge, low, high = r + 0.0004, half - 0.026, half - 0.012
        _draw(builder, body, f"{role}_band", lathe([(r - 0.001, low), (edge, low), (edge, high), (r - 0.001, high)], rounds), mug.band, glaze)


def _draw(builder: Builder, body: mujoco.MjsBody, name: str, mesh: Mesh, rgb: RGB, material: str) -> None:
    builder.mesh(body, name, *mesh, rgba=[*rgb, 1], material=material)


MUGS = (
    Mug("red", (0.72, 0.09, 0.08)),
    Mug("blue", (0.10, 0.25, 0.62)),
    Mug("white", (0.93, 0.92, 0.89), height=0.092, band=(0.12, 0.36, 0.66)),
    Mug("green", (0.16, 0.45, 0.24), radius=0.034, height=0.100, span=0.052),
    Mug("yellow", (0.95, 0.72, 0.10), height=0.080, span=0.044, reach=0.034),
    Mug("teal", (0.05, 0.50, 0.52), height=0.096, span=0.050),
    Mug("orange", (0.93, 0.42, 0.06), radius=0.034, height=0.084),
)
TRAIN_MUGS = ("red_mug", "blue_mug", "white_mug", "green_mug", "yellow_mug")
TEST_MUGS = ("teal_mug", "orange_mug")

KINDS: tuple[Kind, ...] = (*(mug.kind for mug in MUGS), *hooks.KINDS)
