"""What mugs hang on: a mug tree, and a shelf with cup hooks under its front edge.

A hook is a line of rods from its root over its lowest point to its tip; there the mug hangs, clear of post and stem.
"""

from __future__ import annotations

from itertools import pairwise

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, SEEN, Builder
from envs.objects.kind import Add, Kind
from envs.robot import PAD_SOLREF
from envs.shapes import RGB, XYZ, joined, lathe, tube

BOX, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
CYLINDER, SPHERE = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_SPHERE
# Rolling friction (m) lets a mug that swings on the hook come to rest within a second.
HOOK_RADIUS, HOOK_FRICTION = 0.0045, (0.8, 0.005, 0.003)
WHITE: RGB = (0.93, 0.93, 0.91)


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
TREE_PEGS = (
    _turned(PEG, 0, PEG_HEIGHT),
    _turned(SHORT_PEG, np.pi, PEG_HEIGHT),
    *(_turned(SHORT_PEG, yaw, 0.102) for yaw in (np.pi / 2, -np.pi / 2)),
)


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
        builder.mesh(body, f"{role}_tree", *joined(lathe(profile, rounds), *pegs), rgba=[*rgb, 1], material=builder.material(material))
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
        builder.mesh(body, f"{role}_metal", *joined(*parts), rgba=[*metal, 1], material=wear)
        _bottles(builder, body, role)

    return add


def _bottles(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """What stands on the shelf, only seen: a bottle of shampoo and a jar."""
    wear, rounds = builder.material("porcelain"), builder.look.rounds
    bottle = [(0, 0), (0.026, 0), (0.028, 0.010), (0.028, 0.085), (0.020, 0.105), (0.010, 0.112), (0, 0.112)]
    cap = [(0.011, 0.110), (0.012, 0.132), (0.010, 0.135), (0, 0.135)]
    jar = [(0, 0), (0.032, 0), (0.034, 0.008), (0.034, 0.040), (0.030, 0.046)]
    lid = [(0.0355, 0.044), (0.0355, 0.058), (0.032, 0.061), (0, 0.061)]
    parts = (
        ("bottle", bottle, -0.10, (0.30, 0.62, 0.66)), ("cap", cap, -0.10, WHITE),
        ("jar", jar, -0.19, WHITE), ("lid", lid, -0.19, (0.78, 0.62, 0.30)),
    )  # fmt: skip
    for name, profile, y, rgb in parts:
        vertices, faces = lathe(profile, rounds)
        builder.mesh(body, f"{role}_{name}", vertices + [0.01, y, SHELF_THICK], faces, rgba=[*rgb, 1], material=wear)


_SHELF_BOX = (SHELF_HALF[0] + 0.01, SHELF_HALF[1], 0.16)


def _hook_shelf(name: str, colour: str, rgb: RGB, material: str, metal: RGB) -> Kind:
    return Kind(name, "shelf", "shelf", colour, "shelf", _SHELF_BOX, 0.0, 0.0, _shelf(rgb, material, metal), hooks=SHELF_HOOKS)


KINDS: tuple[Kind, ...] = (
    _rack("wooden_rack", "brown", (0.50, 0.31, 0.16), "toy_grain"),
    _rack("white_rack", "white", (0.90, 0.90, 0.88), "porcelain"),
    _rack("black_rack", "black", (0.06, 0.06, 0.07), "porcelain", 0.068),
    _hook_shelf("white_hook_shelf", "white", (0.92, 0.92, 0.90), "porcelain", (0.62, 0.64, 0.67)),
    _hook_shelf("wooden_hook_shelf", "brown", (1, 1, 1), "board", (0.16, 0.16, 0.17)),
    _hook_shelf("walnut_hook_shelf", "dark brown", (1, 1, 1), "walnut", (0.62, 0.64, 0.67)),
)
