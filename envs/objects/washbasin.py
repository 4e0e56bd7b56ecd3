"""The washbasin with its tap: a low ceramic basin that stands on the counter."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, SEEN, Builder
from envs.objects.kind import Interior, Kind
from envs.shapes import RGB, Mesh, arc, lathe, tube

INNER_HALF = (0.130, 0.185)  # m along x and y, at the rim
WALL, FLOOR, RIM = 0.012, 0.008, 0.052  # m: thickness, heights above the counter
TAP_X = 0.180  # m behind the basin's middle
CERAMIC: RGB = (0.91, 0.92, 0.92)
CORNER = 4.0  # exponent of the outline |x|^n + |y|^n = 1: 2 an ellipse, more is squarer

_PROFILE = (  # share of the inner half sizes, height: up the outside, over the rim, down the inside
    (0.0, 0.0), (0.90, 0.0), (0.98, 0.004), (1.06, 0.030), (1.09, RIM - 0.004), (1.075, RIM), (1.02, RIM), (1.0, RIM - 0.005),
    (0.985, 0.026), (0.955, 0.013), (0.90, FLOOR + 0.001), (0.0, FLOOR),
)  # fmt: skip


def _bowl(rounds: int) -> Mesh:
    vertices, faces = lathe(_PROFILE, rounds)
    share = np.linalg.norm(vertices[:, :2], axis=1)
    direction = vertices[:, :2] / np.maximum(share, 1e-9)[:, None]
    stretch = share / np.maximum((np.abs(direction) ** CORNER).sum(1), 1e-9) ** (1 / CORNER)
    vertices[:, :2] = direction * stretch[:, None] * INNER_HALF
    return vertices, faces


def _add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    builder.mesh(body, f"{role}_bowl", *_bowl(2 * builder.look.rounds), material=builder.material("ceramic"), rgba=[*CERAMIC, 1])
    chrome = builder.material("chrome")
    body.add_geom(type=CYLINDER, size=[0.021, 0.001, 0], pos=[0.02, 0, FLOOR + 0.001], material=chrome, **SEEN)
    body.add_geom(type=CYLINDER, size=[0.013, 0.0006, 0], pos=[0.02, 0, FLOOR + 0.0022], rgba=[0.05, 0.05, 0.06, 1], **SEEN)
    _add_tap(builder, body, role, chrome)
    felt = {"group": COLLISION_GROUP, "condim": 3, "friction": [0.6, 0.005, 0.0001]}
    (hx, hy), h, t = INNER_HALF, RIM / 2, WALL / 2
    walls = [((0, 0, FLOOR / 2), (hx, hy, FLOOR / 2), 0.0)]
    walls += [((s * (hx + t), 0, h), (t, hy - 0.03, h), 0.0) for s in (-1, 1)]
    walls += [((0, s * (hy + t), h), (hx - 0.03, t, h), 0.0) for s in (-1, 1)]
    walls += [((s * (hx - 0.012), r * (hy - 0.012), h), (t, 0.026, h), s * r * np.pi / 4) for s in (-1, 1) for r in (-1, 1)]
    for i, (pos, half, yaw) in enumerate(walls):
        quat = [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
        body.add_geom(name=f"{role}_felt_{i}", type=BOX, pos=pos, size=half, quat=quat, **felt)
    body.add_geom(name=f"{role}_felt_tap", type=CAPSULE, size=[0.018, 0, 0], fromto=[TAP_X, 0, 0.018, TAP_X, 0, 0.15], **felt)
    body.add_geom(name=f"{role}_felt_spout", type=CAPSULE, size=[0.011, 0, 0], fromto=[TAP_X, 0, 0.135, TAP_X - 0.075, 0, 0.135], **felt)


def _add_tap(builder: Builder, body: mujoco.MjsBody, role: str, chrome: str) -> None:
    """A column, a spout that bends down over the basin, a lever on top."""
    sides = max(8, builder.look.rounds // 2)
    spout = [(TAP_X, 0, 0.128), (TAP_X - 0.03, 0, 0.137), *arc((TAP_X - 0.055, 0, 0.112), (0, 0, 0.028), (-0.022, 0, 0), 0.2, np.pi / 2, 5)]
    spout.append((TAP_X - 0.077, 0, 0.100))
    builder.mesh(body, f"{role}_spout", *tube([tuple(p) for p in spout], 0.0105, sides), material=chrome)
    column = [(0, 0), (0.027, 0), (0.027, 0.006), (0.018, 0.010), (0.017, 0.140), (0.019, 0.146), (0.019, 0.160), (0.014, 0.166), (0, 0.167)]
    vertices, faces = lathe(column, builder.look.rounds)
    builder.mesh(body, f"{role}_column", vertices + [TAP_X, 0, 0], faces, material=chrome)
    lever = [(TAP_X - 0.005, 0, 0.163), (TAP_X - 0.030, 0, 0.176), (TAP_X - 0.062, 0, 0.190)]
    builder.mesh(body, f"{role}_lever", *tube(lever, 0.006, sides), material=chrome)


BOX, CYLINDER, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE
INTERIOR = Interior(*INNER_HALF, rim=RIM, floor=FLOOR)
KINDS: tuple[Kind, ...] = (
    Kind("washbasin", "washbasin", "washbasin", "white", "washbasin", (0.145, 0.20, 0.19), 0.0, 0.0, _add, INTERIOR),
)
