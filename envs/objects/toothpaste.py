"""Tubes of toothpaste: printed, flat at the fold, round at the cap; they lie along x, the cap at +x."""

from __future__ import annotations

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import LOW_GRASP, Add, Kind
from envs.shapes import RGB, Mesh, lathe

LENGTH, CAP = 0.125, 0.026  # m: of the tube, and of the cap beyond it
FRICTION = (0.7, 0.01, 0.0002)
REST = 0.0135  # m, of the origin above the support
# Share of the length from the fold to the shoulder: half width and half height of the section, m.
_SECTIONS = (
    (0.0, 0.0225, 0.0018), (0.07, 0.0225, 0.0020), (0.10, 0.0222, 0.0045), (0.30, 0.0212, 0.0090), (0.60, 0.0198, 0.0130),
    (0.88, 0.0185, 0.0155), (0.94, 0.0180, 0.0155), (0.985, 0.0110, 0.0110), (1.0, 0.0, 0.0),
)  # fmt: skip


def _tube(rounds: int) -> tuple[Mesh, np.ndarray]:
    """The tube, lying with its underside at z = -REST, and where each vertex lies in its print.

    The seam of the print is the underside; the print runs from the fold to the cap, and once around.
    """
    angle = -np.pi / 2 + 2 * np.pi * np.arange(rounds + 1) / rounds
    points, uv = [], []
    for share, width, height in _SECTIONS:
        x = np.full(rounds + 1, (share - 0.5) * LENGTH - CAP / 2)
        points.append(np.c_[x, -width * np.cos(angle), height * (1 + np.sin(angle)) - REST + max(0.0, 0.0155 - height) * (share > 0.95)])
        uv.append(np.c_[np.full(rounds + 1, share), np.linspace(1, 0, rounds + 1)])
    i, k = np.meshgrid(np.arange(len(points) - 1), np.arange(rounds), indexing="ij")
    a, b = i * (rounds + 1) + k, i * (rounds + 1) + k + 1
    c, d = a + rounds + 1, b + rounds + 1
    faces = np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return (np.concatenate(points), faces), np.concatenate(uv)


def _cap(rounds: int) -> Mesh:
    vertices, faces = lathe([(0, 0), (0.0145, 0), (0.0150, 0.003), (0.0125, CAP - 0.002), (0.0110, CAP), (0, CAP)], rounds)
    x = (LENGTH - CAP) / 2 - 0.004
    return np.stack([vertices[:, 2] + x, vertices[:, 1], -vertices[:, 0] + 0.0155 - REST], 1), faces


def print_pixels(name: str, base: RGB, stripe: RGB, ink: RGB, size: int) -> np.ndarray:
    """(size/2, size, 3) uint8: the print of a tube, unrolled; the fold is left, the middle row is on top."""
    width, height = size, size // 2
    image = Image.new("RGB", (width, height), _rgb(base))
    draw = ImageDraw.Draw(image)
    for low, high, colour in ((0.12, 0.20, stripe), (0.80, 0.88, stripe), (0.21, 0.23, ink), (0.77, 0.79, ink)):
        draw.rectangle((0, int(low * height), width, int(high * height)), fill=_rgb(colour))
    draw.rectangle((0, 0, int(0.075 * width), height), fill=_rgb(ink))
    draw.polygon([(int(x * width), int(y * height)) for x, y in ((0.66, 0.0), (0.76, 0.0), (0.86, 0.5), (0.76, 1.0), (0.66, 1.0), (0.76, 0.5))], fill=_rgb(stripe))
    font = ImageFont.load_default(size=int(0.21 * height))
    draw.text((int(0.40 * width), int(0.50 * height)), name, fill=_rgb(ink), font=font, anchor="mm")
    return np.asarray(image)


def _rgb(colour: RGB) -> tuple[int, int, int]:
    r, g, b = (int(255 * c) for c in colour)
    return r, g, b


def _add(name: str, base: RGB, stripe: RGB, ink: RGB) -> Add:
    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        rounds = builder.look.rounds
        (vertices, faces), uv = _tube(rounds)
        wrap = builder.picture(f"print_{name.lower()}", print_pixels(name, base, stripe, ink, builder.look.texture))
        builder.mesh(body, f"{role}_tube", vertices, faces, uv, material=wrap)
        builder.mesh(body, f"{role}_cap", *_cap(rounds), material=builder.material("toy_plastic"), rgba=[*ink, 1])
        felt = {"type": BOX, "friction": FRICTION, "condim": 4, "group": COLLISION_GROUP}
        x = (LENGTH - CAP) / 2
        body.add_geom(name=f"{role}_felt_0", pos=[0, 0, 0], size=[0.045, 0.019, REST], mass=0.07, **felt)
        body.add_geom(name=f"{role}_felt_1", pos=[-0.058, 0, 0.004 - REST], size=[0.015, 0.021, 0.004], mass=0.01, **felt)
        body.add_geom(name=f"{role}_felt_2", pos=[x - 0.006, 0, 0.013 - REST], size=[0.024, 0.013, 0.013], mass=0.02, **felt)

    return add


def _kind(name: str, colour: str, brand: str, base: RGB, stripe: RGB, ink: RGB) -> Kind:
    half = ((LENGTH + CAP) / 2, 0.0225, 0.018)
    return Kind(name, "toothpaste", "toothpaste", colour, "toothpaste", half, REST, LOW_GRASP, _add(brand, base, stripe, ink), top=0.018)


BOX = mujoco.mjtGeom.mjGEOM_BOX
WHITE: RGB = (0.97, 0.98, 0.99)
KINDS: tuple[Kind, ...] = (
    _kind("blue_toothpaste", "blue", "FRESH", WHITE, (0.20, 0.62, 0.90), (0.05, 0.15, 0.55)),
    _kind("red_toothpaste", "red", "SMILE", WHITE, (0.95, 0.45, 0.35), (0.78, 0.06, 0.10)),
    _kind("green_toothpaste", "green", "HERBA", (0.90, 0.97, 0.88), (0.45, 0.78, 0.35), (0.05, 0.40, 0.16)),
    _kind("violet_toothpaste", "violet", "DENTA", (0.93, 0.90, 0.98), (0.70, 0.50, 0.88), (0.36, 0.12, 0.55)),
)  # fmt: skip
