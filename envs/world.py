"""The simulator's state in the words of the tasks: where objects are, what is held, what lies in which container."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.containers import CONTAINERS
from envs.layout import Layout
from envs.objects import KINDS, Kind
from envs.robot import ARM_JOINTS, EE_SITE, FINGER_BODIES, GRIPPER_JOINT, GRIPPER_MAX

Vector = NDArray[np.float64]

REST_SPEED = 0.05  # m/s; below it an object counts as at rest (settling toys jitter at about 0.01)


class World:
    """A view of one MuJoCo state; it holds no state of its own."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, layout: Layout):
        self.model, self.data, self.layout = model, data, layout
        self.roles = tuple(o.role for o in layout.objects)
        self.containers = tuple(layout.containers)
        self._kinds = {o.role: KINDS[o.kind] for o in layout.objects}
        self._body = {n: model.body(n).id for n in (*self.roles, *self.containers)}
        self._ee = model.site(EE_SITE).id
        self._arm_qpos = np.array([model.joint(j).qposadr[0] for j in ARM_JOINTS])
        self._gripper_qpos = int(model.joint(GRIPPER_JOINT).qposadr[0])
        self._finger = np.full(model.nbody, -1)  # 0 and 1 for the bodies of the two fingers
        for i, bodies in enumerate(FINGER_BODIES):
            self._finger[[model.body(b).id for b in bodies]] = i

    def kind(self, role: str) -> Kind:
        """What sort of object plays `role`."""
        return self._kinds[role]

    def pos(self, name: str) -> Vector:
        """(3,) m, base frame: the origin of an object's or container's body."""
        return self.data.xpos[self._body[name]].copy()

    def mat(self, name: str) -> Vector:
        """(3, 3) object_to_base rotation."""
        return self.data.xmat[self._body[name]].reshape(3, 3).copy()

    def speed(self, role: str) -> float:
        """Linear speed of an object, m/s."""
        joint = self.model.joint(role).dofadr[0]
        return float(np.linalg.norm(self.data.qvel[joint : joint + 3]))

    @property
    def joint_pos(self) -> Vector:
        """(7,) rad."""
        return self.data.qpos[self._arm_qpos].copy()

    @property
    def ee_pos(self) -> Vector:
        """(3,) m, base frame: midway between the finger pads."""
        return self.data.site_xpos[self._ee].copy()

    @property
    def ee_mat(self) -> Vector:
        """(3, 3) ee_to_base rotation; the third column is the approach direction."""
        return self.data.site_xmat[self._ee].reshape(3, 3).copy()

    @property
    def gripper_closed(self) -> float:
        """0 open - 1 closed, measured."""
        return float(np.clip(self.data.qpos[self._gripper_qpos] / GRIPPER_MAX, 0, 1))

    def holding(self, role: str) -> bool:
        """Whether both fingers touch the object."""
        return self._touches(role) == 2

    def released(self, role: str) -> bool:
        """Whether no finger touches the object."""
        return self._touches(role) == 0

    def held(self) -> str | None:
        """The object between the fingers, if any."""
        return next((r for r in self.roles if self.holding(r)), None)

    def inside(self, role: str, container: str) -> bool:
        """Whether the object's centre is within the container's walls and below its rim."""
        half_x, half_y, rim = CONTAINERS[container]
        x, y, z = self.pos(role) - self.pos(container)
        return bool(abs(x) < half_x and abs(y) < half_y and z < rim)

    def at_rest(self, role: str) -> bool:
        """Whether the object hardly moves."""
        return self.speed(role) < REST_SPEED

    def _touches(self, role: str) -> int:
        """How many of the two fingers touch the object."""
        bodies = self.model.geom_bodyid[self.data.contact.geom]
        mine = bodies == self._body[role]
        others = self._finger[bodies[:, ::-1][mine]]
        return len(set(others[others >= 0].tolist()))
