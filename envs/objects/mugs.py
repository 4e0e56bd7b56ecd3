"""Mugs with handles, and what they hang on: a mug tree, a shelf with hooks.

A mug's origin is the middle of its axis, its handle stands out along +x. The walls that are felt are eight boards, so that
the pads meet a flat face opposite the handle and on either side of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, SEEN, Builder
from envs.objects.kind import Add, Handle, Kind
from envs.robot import PAD_SOLREF
from envs.shapes import RGB, XYZ, Mesh, arc, joined, lathe, tube

BOX, CAPSULE, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER
WALL = 0.0045  # m thick
BOARDS = 8
HANDLE_RADIUS = 0.0048
CORNER = 0.012  # m, radius of the handle's bends
FRICTION = (0.6, 0.005, 0.0001)  # glazed earthenware
# A hook's wood or rubber: rolling friction (m) lets a mug that swings on it come to rest within a second.
HOOK_RADIUS, HOOK_FRICTION = 0.0045, (0.8, 0.005, 0.003)


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
    body.add_geom(
        name=f"{role}_bottom", type=CYLINDER, pos=[0, 0, -half + 0.003], size=[mug.radius - 0.002, 0.003, 0], mass=0.25 * mug.mass, **felt
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


def _hook(body: mujoco.MjsBody, name: str, line: tuple[XYZ, ...]) -> None:
    """The rods of a hook that are felt."""
    for k, (start, end) in enumerate(pairwise(line)):
        body.add_geom(
            name=f"{name}_{k}", type=CAPSULE, size=[HOOK_RADIUS, 0, 0], fromto=[*start, *end], group=COLLISION_GROUP,
            friction=HOOK_FRICTION, condim=6, priority=1, solref=PAD_SOLREF,
        )  # fmt: skip


def _turned(line: tuple[XYZ, ...], yaw: float, up: float) -> tuple[XYZ, ...]:
    """A line (distance out, 0, height) turned about z and put `up`."""
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    return tuple((c * x - s * y, s * x + c * y, z + up) for x, y, z in line)


def _bent(line: tuple[XYZ, ...], count: int) -> list[XYZ]:
    """The line with its middle corners rounded (for the eye)."""
    p = np.asarray(line)
    t = np.linspace(0, 1, count)[:, None]
    out = [p[0]]
    for a, b, c in zip(p, p[1:], p[2:], strict=False):
        start, end = b + 0.3 * (a - b), b + 0.3 * (c - b)
        out += list((1 - t) ** 2 * start + 2 * t * (1 - t) * b + t**2 * end)
    return [tuple(map(float, q)) for q in [*out, p[-1]]]  # type: ignore[misc]


# The mug tree. Its foremost peg points along +x of the fixture; the mug hangs in the peg's dip, clear of the post.
TREE_HEIGHT, POST_RADIUS = 0.200, 0.009
PEG: tuple[XYZ, ...] = ((0, 0, 0.004), (0.062, 0, 0), (0.100, 0, 0.017))
SHORT_PEG: tuple[XYZ, ...] = ((0, 0, -0.012), (0.075, 0, 0.018))
PEG_HEIGHT = 0.165
TREE_PEGS = (_turned(PEG, 0, PEG_HEIGHT), _turned(SHORT_PEG, np.pi, PEG_HEIGHT), _turned(SHORT_PEG, np.pi / 2, 0.102), _turned(SHORT_PEG, -np.pi / 2, 0.102))


def _tree(rgb: RGB, material: str, foot: float) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        felt = {"group": COLLISION_GROUP, "friction": (0.8, 0.005, 0.0001)}
        body.add_geom(name=f"{role}_foot", type=CYLINDER, pos=[0, 0, 0.007], size=[foot, 0.007, 0], **felt)
        body.add_geom(name=f"{role}_post", type=CYLINDER, pos=[0, 0, TREE_HEIGHT / 2], size=[POST_RADIUS, TREE_HEIGHT / 2, 0], **felt)
        for i, peg in enumerate(TREE_PEGS):
            _hook(body, f"{role}_hook_{i}", peg)
        rounds = builder.look.rounds
        top = TREE_HEIGHT
        profile = [
            (0, 0), (foot, 0), (foot, 0.009), (foot - 0.006, 0.014), (POST_RADIUS + 0.006, 0.016), (POST_RADIUS, 0.024),
            (POST_RADIUS, top - 0.022), (POST_RADIUS + 0.005, top - 0.016), (POST_RADIUS + 0.006, top - 0.008), (POST_RADIUS, top - 0.001), (0, top),
        ]  # fmt: skip
        pegs = [tube(_bent(p, 4) if len(p) > 2 else p, HOOK_RADIUS, 8) for p in TREE_PEGS]
        _draw(builder, body, f"{role}_tree", joined(lathe(profile, rounds), *pegs), rgb, builder.material(material))
        for i, peg in enumerate(TREE_PEGS):  # round ends
            body.add_geom(name=f"{role}_end_{i}", type=SPHERE, pos=peg[-1], size=[HOOK_RADIUS + 0.001, 0, 0], rgba=[*rgb, 1], material=material, **SEEN)

    return add


def _rack(name: str, colour: str, rgb: RGB, material: str, foot: float = 0.075) -> Kind:
    return Kind(
        name, "mug rack", "rack", colour, "rack", (0.11, 0.10, TREE_HEIGHT), 0.0, 0.0, _tree(rgb, material, foot), hooks=TREE_PEGS[:1]
    )


# The shelf before the mirror. Its frame: origin under the middle of the board, x towards the wall, y along the mirror. Three
# cup hooks under the front edge point to -y; the stem of each stands at the hook's root. With its board's underside 0.285 m
# above the counter a mug hangs from 0.24 m down to 0.13 m; it needs y -0.12 to 0.07 m about a hook's lowest point to get on.
SHELF_HALF, SHELF_THICK = (0.10, 0.29), 0.016  # m
HOOKS_X, HOOKS_Y, HOOK_DROP = -0.088, (0.19, 0.0, -0.19), 0.050
SHELF_HOOKS = tuple(
    tuple((HOOKS_X + x, y0 + y, z) for x, y, z in _turned(PEG, -np.pi / 2, -HOOK_DROP)) for y0 in HOOKS_Y
)


def _shelf(rgb: RGB, material: str, metal: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        rounds, wear = builder.look.rounds, builder.material("porcelain")
        body.add_geom(
            name=f"{role}_shelf", type=BOX, pos=[0, 0, SHELF_THICK / 2], size=[*SHELF_HALF, SHELF_THICK / 2], group=1,
            material=builder.material(material), rgba=[*rgb, 1], friction=(0.8, 0.005, 0.0001),
        )  # fmt: skip
        parts = []
        for i, hook in enumerate(SHELF_HOOKS):
            x, y, _ = hook[0]
            stem = ((x, y, 0.0), hook[0])
            _hook(body, f"{role}_hook_{i}", hook)
            _hook(body, f"{role}_stem_{i}", stem)
            start, *rest = _bent((stem[0], *hook), 4)
            parts += [tube([start, *rest], HOOK_RADIUS, 8)]
            rosette, faces = lathe([(0, 0), (0.004, -0.005), (0.011, -0.002), (0.011, 0.0)], rounds)
            parts += [(rosette + [x, y, 0], faces[:, ::-1])]
            body.add_geom(type=SPHERE, pos=hook[-1], size=[HOOK_RADIUS + 0.0015, 0, 0], rgba=[*metal, 1], material=wear, **SEEN)
        for side in (-1, 1):  # brackets on the wall
            y = side * (SHELF_HALF[1] - 0.05)
            parts.append(tube([(SHELF_HALF[0] + 0.005, y, -0.10), (SHELF_HALF[0] - 0.01, y, -0.07), (-0.02, y, -0.004)], 0.006, 8))
        _draw(builder, body, f"{role}_metal", joined(*parts), metal, wear)
        _bottles(builder, body, role)

    return add


def _bottles(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """What stands on the shelf, only seen: a bottle of shampoo and a jar."""
    wear, rounds = builder.material("porcelain"), builder.look.rounds
    bottle = [(0, 0), (0.026, 0), (0.028, 0.010), (0.028, 0.085), (0.020, 0.105), (0.010, 0.112), (0, 0.112)]
    cap = [(0.011, 0.110), (0.012, 0.132), (0.010, 0.135), (0, 0.135)]
    jar = [(0, 0), (0.032, 0), (0.034, 0.008), (0.034, 0.040), (0.030, 0.046)]
    lid = [(0.0355, 0.044), (0.0355, 0.058), (0.032, 0.061), (0, 0.061)]
    parts = (("bottle", bottle, -0.10, (0.30, 0.62, 0.66)), ("cap", cap, -0.10, WHITE), ("jar", jar, -0.19, WHITE), ("lid", lid, -0.19, (0.78, 0.62, 0.30)))
    for name, profile, y, rgb in parts:
        vertices, faces = lathe(profile, rounds)
        _draw(builder, body, f"{role}_{name}", (vertices + [0.01, y, SHELF_THICK], faces), rgb, wear)


WHITE: RGB = (0.93, 0.93, 0.91)
SPHERE = mujoco.mjtGeom.mjGEOM_SPHERE
_SHELF_BOX = (SHELF_HALF[0] + 0.01, SHELF_HALF[1], 0.16)


def _hook_shelf(name: str, colour: str, rgb: RGB, material: str, metal: RGB) -> Kind:
    return Kind(name, "shelf", "shelf", colour, "shelf", _SHELF_BOX, 0.0, 0.0, _shelf(rgb, material, metal), hooks=SHELF_HOOKS)


KINDS: tuple[Kind, ...] = (
    *(mug.kind for mug in MUGS),
    _rack("wooden_rack", "brown", (0.50, 0.31, 0.16), "toy_grain"),
    _rack("white_rack", "white", (0.90, 0.90, 0.88), "porcelain"),
    _rack("black_rack", "black", (0.06, 0.06, 0.07), "porcelain", 0.068),
    _hook_shelf("white_hook_shelf", "white", (0.92, 0.92, 0.90), "porcelain", (0.62, 0.64, 0.67)),
    _hook_shelf("wooden_hook_shelf", "brown", (1, 1, 1), "board", (0.16, 0.16, 0.17)),
    _hook_shelf("walnut_hook_shelf", "dark brown", (1, 1, 1), "walnut", (0.62, 0.64, 0.67)),
)
