"""The toys: what each looks like, how it collides, how it is grasped. Nose along +x, left side along +y, metres.

A body's origin is where the gripper takes it: the middle of the main collision box. Small parts are only seen, never felt.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, SEEN, Builder
from envs.objects.kind import LOW_GRASP, Add, Kind
from envs.shapes import RGB, XYZ

TOY_FRICTION = (0.9, 0.01, 0.0002)  # sliding, torsional, rolling; the finger pads' own wins at a grasp
BLOCK_HALF = 0.02


@dataclass(frozen=True)
class Part:
    """A visible part: an ellipsoid of half axes `size` at `pos`, pitched nose-up and then turned left (degrees)."""

    pos: XYZ
    size: XYZ
    rgb: RGB
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Limb:
    """A visible capsule from `start` to `end`."""

    start: XYZ
    end: XYZ
    radius: float
    rgb: RGB


@dataclass(frozen=True)
class Felt:
    """A collision box: centre, half sizes, kg."""

    pos: XYZ
    half: XYZ
    mass: float


def mirrored(*parts: Part | Limb) -> tuple[Part | Limb, ...]:
    """The parts of the left side and their mirror images on the right."""
    out: list[Part | Limb] = []
    for part in parts:
        out.append(part)
        if isinstance(part, Part):
            x, y, z = part.pos
            out.append(Part((x, -y, z), part.size, part.rgb, part.pitch, -part.yaw, -part.roll))
        else:
            (x0, y0, z0), (x1, y1, z1) = part.start, part.end
            out.append(Limb((x0, -y0, z0), (x1, -y1, z1), part.radius, part.rgb))
    return tuple(out)


BLACK, WHITE = (0.04, 0.04, 0.05), (0.96, 0.96, 0.94)
YELLOW, YELLOW_DARK, BEAK = (0.99, 0.83, 0.08), (0.93, 0.70, 0.04), (0.97, 0.45, 0.05)
PINK, PINK_DARK, HOOF = (0.97, 0.62, 0.70), (0.90, 0.42, 0.53), (0.62, 0.30, 0.36)
GREEN, GREEN_DARK, BELLY = (0.30, 0.68, 0.18), (0.19, 0.50, 0.11), (0.78, 0.87, 0.50)
GREY, GREY_DARK, GREY_LIGHT = (0.47, 0.58, 0.70), (0.36, 0.46, 0.58), (0.72, 0.70, 0.78)

# Heights in these tables are above the support; x, y from the grasp.
DUCK = (
    Part((0.000, 0, 0.0190), (0.0300, 0.0205, 0.0190), YELLOW, pitch=8),
    Part((-0.0290, 0, 0.0300), (0.0110, 0.0100, 0.0055), YELLOW, pitch=-40),
    Part((0.0190, 0, 0.0405), (0.0150, 0.0145, 0.0145), YELLOW),
    Part((0.0345, 0, 0.0390), (0.0095, 0.0085, 0.0028), BEAK, pitch=8),
    Part((0.0335, 0, 0.0355), (0.0080, 0.0070, 0.0024), BEAK, pitch=-8),
    *mirrored(
        Part((-0.004, 0.0180, 0.0225), (0.0160, 0.0042, 0.0100), YELLOW_DARK, pitch=-14),
        Part((0.0270, 0.0090, 0.0455), (0.0036, 0.0036, 0.0036), WHITE),
        Part((0.0292, 0.0103, 0.0460), (0.0024, 0.0024, 0.0024), BLACK),
    ),
)
PIG = (
    Part((0.000, 0, 0.0265), (0.0270, 0.0210, 0.0190), PINK),
    Part((0.0240, 0, 0.0310), (0.0150, 0.0155, 0.0150), PINK),
    Part((0.0380, 0, 0.0280), (0.0045, 0.0080, 0.0065), PINK_DARK),
    Limb((-0.0250, 0, 0.0320), (-0.0300, 0.0030, 0.0370), 0.0016, PINK_DARK),
    Limb((-0.0300, 0.0030, 0.0370), (-0.0320, -0.0020, 0.0330), 0.0016, PINK_DARK),
    *mirrored(
        Limb((0.0150, 0.0115, 0.0140), (0.0150, 0.0115, 0.0065), 0.0062, PINK),
        Limb((-0.0150, 0.0115, 0.0140), (-0.0150, 0.0115, 0.0065), 0.0062, PINK),
        Part((0.0150, 0.0115, 0.0025), (0.0064, 0.0064, 0.0026), HOOF),
        Part((-0.0150, 0.0115, 0.0025), (0.0064, 0.0064, 0.0026), HOOF),
        Part((0.0190, 0.0105, 0.0450), (0.0030, 0.0065, 0.0075), PINK_DARK, pitch=-25, roll=-20),
        Part((0.0340, 0.0075, 0.0370), (0.0026, 0.0026, 0.0026), BLACK),
        Part((0.0418, 0.0030, 0.0285), (0.0012, 0.0016, 0.0022), HOOF),
    ),
)
FROG = (
    Part((-0.002, 0, 0.0175), (0.0270, 0.0200, 0.0150), GREEN, pitch=18),
    Part((0.0140, 0, 0.0250), (0.0170, 0.0180, 0.0120), GREEN),
    Part((0.0170, 0, 0.0205), (0.0155, 0.0165, 0.0070), BELLY),
    Part((0.0130, 0, 0.0120), (0.0130, 0.0140, 0.0110), BELLY),
    *mirrored(
        Part((0.0140, 0.0110, 0.0360), (0.0072, 0.0068, 0.0072), GREEN),
        Part((0.0185, 0.0118, 0.0375), (0.0046, 0.0046, 0.0050), WHITE),
        Part((0.0218, 0.0126, 0.0378), (0.0022, 0.0024, 0.0030), BLACK),
        Part((-0.0130, 0.0165, 0.0120), (0.0150, 0.0058, 0.0100), GREEN_DARK, pitch=-20),
        Part((0.0010, 0.0185, 0.0022), (0.0120, 0.0058, 0.0022), GREEN_DARK, yaw=15),
        Limb((0.0170, 0.0150, 0.0170), (0.0200, 0.0175, 0.0045), 0.0040, GREEN_DARK),
        Part((0.0240, 0.0180, 0.0020), (0.0075, 0.0055, 0.0020), GREEN_DARK),
    ),
)
ELEPHANT = (
    Part((0.000, 0, 0.0310), (0.0265, 0.0210, 0.0190), GREY),
    Part((0.0255, 0, 0.0370), (0.0150, 0.0150, 0.0150), GREY),
    Limb((0.0370, 0, 0.0350), (0.0440, 0, 0.0230), 0.0052, GREY),
    Limb((0.0440, 0, 0.0230), (0.0450, 0, 0.0130), 0.0044, GREY),
    Limb((0.0450, 0, 0.0130), (0.0500, 0, 0.0090), 0.0037, GREY),
    Limb((-0.0255, 0, 0.0370), (-0.0310, 0, 0.0240), 0.0015, GREY_DARK),
    *mirrored(
        Limb((0.0140, 0.0118, 0.0180), (0.0140, 0.0118, 0.0072), 0.0070, GREY),
        Limb((-0.0140, 0.0118, 0.0180), (-0.0140, 0.0118, 0.0072), 0.0070, GREY),
        Part((0.0140, 0.0118, 0.0022), (0.0074, 0.0074, 0.0022), GREY_DARK),
        Part((-0.0140, 0.0118, 0.0022), (0.0074, 0.0074, 0.0022), GREY_DARK),
        Part((0.0185, 0.0165, 0.0390), (0.0026, 0.0105, 0.0130), GREY_DARK, yaw=25),
        Part((0.0205, 0.0168, 0.0390), (0.0022, 0.0075, 0.0095), GREY_LIGHT, yaw=25),
        Part((0.0370, 0.0080, 0.0430), (0.0026, 0.0026, 0.0026), BLACK),
        Limb((0.0370, 0.0070, 0.0290), (0.0450, 0.0085, 0.0265), 0.0018, WHITE),
    ),
)


def figure(parts: tuple[Part | Limb, ...], felt: tuple[Felt, ...]) -> Add:
    """Adds the look and the collision boxes; the first box is the one that is grasped, so its centre is the origin."""
    lift = felt[0].pos[2]

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        seen = {"material": builder.material("toy_plastic"), **SEEN}
        for part in parts:
            if isinstance(part, Part):
                body.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_ELLIPSOID, size=part.size, pos=np.subtract(part.pos, (0, 0, lift)),
                    quat=_quat(part), rgba=[*part.rgb, 1], **seen,
                )  # fmt: skip
            else:
                ends = [*np.subtract(part.start, (0, 0, lift)), *np.subtract(part.end, (0, 0, lift))]
                body.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                    size=[part.radius, 0, 0],
                    fromto=ends,
                    rgba=[*part.rgb, 1],
                    **seen,
                )
        for i, box in enumerate(felt):
            body.add_geom(
                name=f"{role}_felt_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=np.subtract(box.pos, (0, 0, lift)),
                size=box.half, mass=box.mass, friction=TOY_FRICTION, condim=3, group=COLLISION_GROUP,
            )  # fmt: skip

    return add


def _block(rgb: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        body.add_geom(
            name=f"{role}_felt_0", type=mujoco.mjtGeom.mjGEOM_BOX, size=[BLOCK_HALF] * 3, mass=0.03, friction=TOY_FRICTION,
            condim=3, material=builder.material("toy_grain"), rgba=[*rgb, 1], group=1,
        )  # fmt: skip

    return add


def _quat(part: Part) -> np.ndarray:
    quat = np.zeros(4)
    mujoco.mju_euler2Quat(quat, np.radians([part.yaw, -part.pitch, part.roll]), "zyx")
    return quat


def _make_animal(
    name: str, colour: str, extents: XYZ, parts: tuple[Part | Limb, ...], grasp: float
) -> Kind:
    felt = FELT[name]
    add = figure(parts, felt)
    return Kind(name, f"{colour} {name}", name, colour, "animal", extents, felt[0].pos[2], grasp, add)


def _make_block(colour: str, rgb: RGB) -> Kind:
    half = (BLOCK_HALF, BLOCK_HALF, BLOCK_HALF)
    return Kind(f"{colour}_block", f"{colour} block", "block", colour, "block", half, BLOCK_HALF, LOW_GRASP, _block(rgb), top=BLOCK_HALF)


# What is felt of each; the first box is the one that is grasped.
FELT: dict[str, tuple[Felt, ...]] = {
    "duck": (Felt((0, 0, 0.0190), (0.0240, 0.0200, 0.0190), 0.032), Felt((0.020, 0, 0.0455), (0.0120, 0.0110, 0.0085), 0.006)),
    "pig": (Felt((0, 0, 0.0220), (0.0230, 0.0205, 0.0220), 0.036), Felt((0.031, 0, 0.0310), (0.0090, 0.0110, 0.0120), 0.005)),
    "frog": (Felt((0, 0, 0.0165), (0.0250, 0.0205, 0.0165), 0.034),),
    "elephant": (Felt((0, 0, 0.0240), (0.0230, 0.0205, 0.0240), 0.042), Felt((0.036, 0, 0.0300), (0.0130, 0.0100, 0.0200), 0.006)),
}  # fmt: skip
KINDS: tuple[Kind, ...] = (
        _make_animal("duck", "yellow", (0.044, 0.0225, 0.037), DUCK, LOW_GRASP),
        _make_animal("pig", "pink", (0.0425, 0.0225, 0.032), PIG, LOW_GRASP),
        _make_animal("frog", "green", (0.0320, 0.0245, 0.027), FROG, LOW_GRASP),
        _make_animal("elephant", "grey", (0.0540, 0.0265, 0.030), ELEPHANT, 0.036),
        _make_block("red", (0.82, 0.08, 0.07)),
        _make_block("orange", (1.00, 0.48, 0.04)),
        _make_block("blue", (0.08, 0.25, 0.85)),
        _make_block("purple", (0.50, 0.16, 0.70)),
)  # fmt: skip
