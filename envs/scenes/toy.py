"""The toy scene: a room, a wooden table, the robot, a box, a basket, and the toys of a layout."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from envs import assets
from envs.cameras import HEIGHT, WIDTH, add_cameras
from envs.containers import add_container
from envs.geometry import yaw_quat
from envs.layout import Layout
from envs.names import checked_name
from envs.objects import GRAIN, KINDS, PLASTIC
from envs.robot import robot_spec

TIMESTEP = 1 / 300  # s; 20 steps are exactly one control step of 1/15 s
TABLE_CENTRE, TABLE_HALF = (0.56, 0.0), (0.39, 0.60)  # m
TABLE_THICK, TABLE_HEIGHT = 0.04, 0.75  # m; the floor lies that far below z = 0
WALLS = (  # centre, half size; m
    ((-1.3, 0, 0.6), (0.02, 2.6, 1.4)),
    ((0.6, 2.4, 0.6), (2, 0.02, 1.4)),
    ((0.6, -2.4, 0.6), (2, 0.02, 1.4)),
)
SEEN = {"contype": 0, "conaffinity": 0, "group": 1}  # of a geom that is only looked at
BOX, PLANE, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_CYLINDER


@dataclass(frozen=True)
class Look:
    """What a picture's quality costs: decimated meshes or not, `slices` and `stacks` of a sphere, samples per pixel, shadow map, reflections."""

    light_meshes: bool
    slices: int
    stacks: int
    samples: int
    shadow: int
    reflectance: float
    texture: int
    zoom: int  # largest picture, in multiples of 320x240; the whole buffer is cleared for every frame


LOOKS: dict[str, Look] = {
    "fast": Look(light_meshes=True, slices=14, stacks=10, samples=0, shadow=0, reflectance=0.0, texture=256, zoom=1),
    "high": Look(light_meshes=False, slices=40, stacks=28, samples=4, shadow=2048, reflectance=0.0, texture=1024, zoom=4),
}


def build(layout: Layout, quality: str = "fast") -> mujoco.MjSpec:
    """The scene of `layout`: bodies named by role with a free joint of that name, static bodies named by container.

    Raises:
        ValueError: `quality` is neither "fast" (for policies) nor "high" (for pictures).
    """
    look = LOOKS[checked_name(quality, LOOKS, "quality")]
    spec = robot_spec(light=look.light_meshes)
    _set_options(spec, look)
    _add_materials(spec, look)
    for name, pos in layout.containers.items():
        add_container(spec, name, pos)
    for placed in layout.objects:
        kind = KINDS[placed.kind]
        body = spec.worldbody.add_body(
            name=placed.role, pos=[*placed.pos[:2], kind.rest_height], quat=yaw_quat(placed.yaw)
        )
        body.add_freejoint(name=placed.role)
        kind.add(body, placed.role)
    # Drawn in this order: what hides the background comes before it, and the hidden pixels cost nothing.
    _add_table(spec)
    _add_room(spec, look)
    add_cameras(spec)
    return spec


def _set_options(spec: mujoco.MjSpec, look: Look) -> None:
    option = spec.option
    option.timestep = TIMESTEP
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone, option.impratio, option.noslip_iterations = mujoco.mjtCone.mjCONE_ELLIPTIC, 10, 0
    visual = spec.visual
    visual.global_.offwidth, visual.global_.offheight = look.zoom * WIDTH, look.zoom * HEIGHT
    visual.quality.offsamples, visual.quality.shadowsize = look.samples, look.shadow
    visual.quality.numslices, visual.quality.numstacks = look.slices, look.stacks
    # Lengths below are in units of the extent: near plane 1 cm, shadows sharp over the table only.
    spec.stat.extent, spec.stat.center = 1.0, np.array([0.5, 0.0, 0.2])
    visual.map.znear, visual.map.zfar, visual.map.shadowclip = 0.01, 10.0, 0.9
    visual.headlight.ambient, visual.headlight.diffuse, visual.headlight.specular = [0.34] * 3, [0.28] * 3, [0.0] * 3


def _add_materials(spec: mujoco.MjSpec, look: Look) -> None:
    def add(name: str, path: str | None, repeat: tuple[float, float] = (1, 1), cube: bool = False, **values) -> None:
        material = spec.add_material(name=name, texrepeat=repeat, **values)
        if path:
            kind = mujoco.mjtTexture.mjTEXTURE_CUBE if cube else mujoco.mjtTexture.mjTEXTURE_2D
            spec.add_texture(name=name, type=kind, file=path)
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name

    def picture(name: str, size: int = look.texture) -> str:
        return str(assets.texture(name, size))

    add("table", picture("light-wood"), (1.0, 1.0), reflectance=look.reflectance, specular=0.2, shininess=0.3)
    add("floor", picture("light-gray-floor-tile"), (5, 5), reflectance=look.reflectance, specular=0.1)
    add("wall", picture("cream-plaster"), (2, 2), specular=0.0)
    add(GRAIN, str(assets.grain("light-wood", 64)), cube=True, specular=0.3, shininess=0.3)
    add(PLASTIC, None, specular=0.45, shininess=0.5)
    add("metal", None, rgba=[0.16, 0.17, 0.19, 1], specular=0.3)


def _add_table(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="table")
    (x, y), (hx, hy), half = TABLE_CENTRE, TABLE_HALF, TABLE_THICK / 2
    body.add_geom(
        name="table", type=BOX, pos=[x, y, -half], size=[hx, hy, half], material="table", friction=[1.0, 0.005, 0.0001],
        group=1,
    )  # fmt: skip
    leg = (TABLE_HEIGHT - TABLE_THICK) / 2
    for sx in (-1, 1):
        for sy in (-1, 1):
            pos = [x + sx * (hx - 0.05), y + sy * (hy - 0.05), -TABLE_THICK - leg]
            body.add_geom(type=CYLINDER, pos=pos, size=[0.025, leg, 0], material="metal", **SEEN)


def _add_room(spec: mujoco.MjSpec, look: Look) -> None:
    body = spec.worldbody.add_body(name="room")
    body.add_geom(name="stand", type=BOX, pos=[-0.04, 0, -0.376], size=[0.12, 0.12, 0.374], material="metal", **SEEN)
    for i, (pos, half) in enumerate(WALLS):
        body.add_geom(name=f"wall_{i}", type=BOX, pos=pos, size=half, material="wall", **SEEN)
    body.add_geom(name="floor", type=PLANE, pos=[0, 0, -TABLE_HEIGHT], size=[3, 3, 0.1], material="floor", group=1)
    spec.worldbody.add_light(
        name="lamp", type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=[0.9, 0.5, 1.6], dir=[-0.25, -0.32, -1.0],
        diffuse=[0.48] * 3, specular=[0.3] * 3, ambient=[0.0] * 3, castshadow=bool(look.shadow),
    )  # fmt: skip
