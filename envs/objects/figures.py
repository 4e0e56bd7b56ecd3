"""Toys beyond the sorted ones: little dolls that sit, and animals in other colours. As in envs.objects.toys."""

from __future__ import annotations

from dataclasses import replace

import mujoco

from envs.looks import Builder
from envs.objects import toys
from envs.objects.kind import LOW_GRASP, Add, Kind
from envs.objects.toys import Felt, Limb, Part, figure, mirrored
from envs.shapes import RGB, lathe

SKIN, BLUSH, LIPS, EYE = (0.97, 0.78, 0.64), (0.95, 0.58, 0.52), (0.78, 0.20, 0.22), (0.10, 0.07, 0.06)
SOCK = (0.95, 0.95, 0.93)
DRESS = ((0.0, 0.0), (0.0205, 0.0), (0.0210, 0.004), (0.0165, 0.016), (0.0125, 0.027), (0.0095, 0.035), (0.0, 0.037))  # r, z
FELT = (
    Felt((0, 0, 0.0175), (0.0175, 0.0185, 0.0175), 0.030),
    Felt((0, 0, 0.0515), (0.0150, 0.0160, 0.0170), 0.010),
    Felt((0.0290, 0, 0.0085), (0.0130, 0.0160, 0.0085), 0.006),
)


def _doll(dress: RGB, hair: RGB, shoes: RGB) -> Add:
    """It sits with its legs forward: head with hair, two bunches and a face; a dress, sleeves, socks and shoes."""
    parts = (
        Part((0.0015, 0, 0.0505), (0.0160, 0.0160, 0.0158), SKIN),
        Part((-0.0032, 0, 0.0545), (0.0172, 0.0174, 0.0155), hair),
        Part((0.0173, 0, 0.0432), (0.0015, 0.0042, 0.0013), LIPS),
        *mirrored(
            Part((0.0160, 0.0058, 0.0505), (0.0022, 0.0024, 0.0030), EYE),
            Part((0.0150, 0.0092, 0.0452), (0.0018, 0.0026, 0.0020), BLUSH),
            Part((-0.0040, 0.0205, 0.0470), (0.0058, 0.0056, 0.0105), hair, roll=-14),
            Limb((0.0010, 0.0115, 0.0300), (0.0090, 0.0195, 0.0205), 0.0046, dress),
            Limb((0.0090, 0.0195, 0.0205), (0.0150, 0.0195, 0.0165), 0.0038, SKIN),
            Limb((0.0140, 0.0088, 0.0075), (0.0270, 0.0100, 0.0068), 0.0058, SKIN),
            Limb((0.0270, 0.0100, 0.0068), (0.0345, 0.0106, 0.0066), 0.0060, SOCK),
            Part((0.0375, 0.0110, 0.0085), (0.0056, 0.0062, 0.0085), shoes),
        ),
    )
    add_parts = figure(parts, FELT)

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        add_parts(builder, body, role)
        points, faces = lathe(DRESS, builder.look.rounds)
        material = builder.material("toy_plastic")
        builder.mesh(body, f"{role}_dress", points - [0, 0, FELT[0].pos[2]], faces, material=material, rgba=[*dress, 1])

    return add


def _make_doll(colour: str, dress: RGB, hair: RGB, shoes: RGB) -> Kind:
    rest = FELT[0].pos[2]
    return Kind(f"{colour}_doll", "doll", "doll", colour, "doll", (0.044, 0.027, 0.053), rest, LOW_GRASP, _doll(dress, hair, shoes))


def _repainted(name: str, colour: str, parts: tuple[Part | Limb, ...], rgbs: dict[RGB, RGB]) -> Kind:
    """A toy animal in another colour: felt and grasped as it is."""
    kind = next(k for k in toys.KINDS if k.name == name)
    painted = tuple(replace(p, rgb=rgbs.get(p.rgb, p.rgb)) for p in parts)
    return replace(kind, name=f"{colour}_{name}", phrase=f"{colour} {name}", colour=colour, add=figure(painted, toys.FELT[name]))


_DUCK = {toys.YELLOW: (0.94, 0.93, 0.89), toys.YELLOW_DARK: (0.82, 0.81, 0.78)}
_FROG = {toys.GREEN: (0.12, 0.55, 0.78), toys.GREEN_DARK: (0.08, 0.40, 0.62), toys.BELLY: (0.80, 0.90, 0.94)}
_ELEPHANT = {toys.GREY: (0.62, 0.44, 0.72), toys.GREY_DARK: (0.50, 0.33, 0.60), toys.GREY_LIGHT: (0.86, 0.72, 0.86)}

KINDS: tuple[Kind, ...] = (
    _make_doll("red", (0.85, 0.10, 0.16), (0.33, 0.17, 0.07), (0.12, 0.12, 0.14)),
    _make_doll("blue", (0.15, 0.35, 0.85), (0.90, 0.70, 0.28), (0.75, 0.10, 0.15)),
    _make_doll("purple", (0.55, 0.25, 0.72), (0.10, 0.07, 0.06), (0.95, 0.85, 0.20)),
    _make_doll("yellow", (0.95, 0.75, 0.10), (0.20, 0.12, 0.08), (0.20, 0.30, 0.60)),
    _make_doll("green", (0.16, 0.60, 0.34), (0.72, 0.28, 0.08), (0.40, 0.22, 0.12)),
    _repainted("duck", "white", toys.DUCK, _DUCK),
    _repainted("frog", "blue", toys.FROG, _FROG),
    _repainted("elephant", "purple", toys.ELEPHANT, _ELEPHANT),
)
