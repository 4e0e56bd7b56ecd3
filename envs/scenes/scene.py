"""A scene: a room around the robot, the three cameras in it, and how a layout is put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.cameras import CAMERA_SPECS, HEIGHT, WIDTH, CameraSpec, add_cameras
from envs.geometry import upside_down_quat, yaw_quat
from envs.layout import Layout, Placed
from envs.looks import LOOKS, Builder, Look
from envs.names import checked_name
from envs.objects import KINDS
from envs.robot import robot_spec
from envs.types import Region

Vector = NDArray[np.float64]

TIMESTEP = 1 / 300  # s; 20 steps are exactly one control step of 1/15 s


@dataclass(frozen=True)
class Scene:
    """`furnish(builder)` adds what stands around the robot (a body "table", whose top is z = 0, among it).

    `region`: where objects start whose group names none. `noslip`: solver iterations for grasps that would creep.
    """

    name: str
    furnish: Callable[[Builder], None]
    region: Region
    cameras: tuple[CameraSpec, ...] = CAMERA_SPECS
    noslip: int = 0
    clear: float = 0.155  # m, ee height above which the hand moves freely

    def build(self, layout: Layout, quality: str = "fast") -> mujoco.MjSpec:
        """The scene of `layout`: bodies named by role, those of rigid objects with a free joint of that name.

        Raises:
            ValueError: `quality` is neither "fast" (for policies) nor "high" (for pictures).
        """
        look = LOOKS[checked_name(quality, LOOKS, "quality")]
        builder = Builder(robot_spec(light=look.light_meshes), look)
        _set_options(builder.spec, builder.look, self.noslip)
        for placed in layout.fixtures:
            body = builder.spec.worldbody.add_body(
                name=placed.role, pos=[*placed.pos, placed.height], quat=yaw_quat(placed.yaw)
            )
            KINDS[placed.kind].add(builder, body, placed.role)
        for placed in (*layout.objects, *layout.distractors):
            pos, quat = pose(placed)
            body = builder.spec.worldbody.add_body(name=placed.role, pos=pos, quat=quat)
            if not KINDS[placed.kind].cloth:
                body.add_freejoint(name=placed.role)
            KINDS[placed.kind].add(builder, body, placed.role)
        # Drawn in this order: what hides the background comes before it, and the hidden pixels cost nothing.
        self.furnish(builder)
        add_cameras(builder.spec, self.cameras)
        return builder.spec


def pose(placed: Placed) -> tuple[Vector, Vector]:
    """pos (3,) m and quat (4,) wxyz of an object's body where it is placed."""
    kind = KINDS[placed.kind]
    lift = kind.top if placed.upside_down else kind.rest_height
    quat = upside_down_quat(placed.yaw) if placed.upside_down else yaw_quat(placed.yaw)
    return np.r_[placed.pos, placed.height + lift], quat


def _set_options(spec: mujoco.MjSpec, look: Look, noslip: int) -> None:
    option = spec.option
    option.timestep = TIMESTEP
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone, option.impratio, option.noslip_iterations = mujoco.mjtCone.mjCONE_ELLIPTIC, 10, noslip
    visual = spec.visual
    visual.global_.offwidth, visual.global_.offheight = look.zoom * WIDTH, look.zoom * HEIGHT
    visual.quality.offsamples, visual.quality.shadowsize = look.samples, look.shadow
    visual.quality.numslices, visual.quality.numstacks = look.slices, look.stacks
    # Lengths below are in units of the extent: near plane 1 cm, shadows sharp over the table only.
    spec.stat.extent, spec.stat.center = 1.0, np.array([0.5, 0.0, 0.2])
    visual.map.znear, visual.map.zfar, visual.map.shadowclip = 0.01, 10.0, 0.9
    visual.headlight.ambient, visual.headlight.diffuse, visual.headlight.specular = [0.34] * 3, [0.28] * 3, [0.0] * 3
