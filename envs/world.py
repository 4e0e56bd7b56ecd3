"""The simulator's state in the words of the tasks: where things are, what is held, what lies in or on what."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.layout import Layout
from envs.objects import KINDS
from envs.objects.kind import Kind
from envs.robot import ARM_JOINTS, EE_SITE, FINGER_BODIES, GRIPPER_JOINT, GRIPPER_MAX

Vector = NDArray[np.float64]

REST_SPEED = 0.05  # m/s; below it an object counts as at rest (settling toys jitter at about 0.01)
BEARING = 0.5  # cosine to the vertical above which a contact bears weight


class World:
    """A view of one MuJoCo state; it holds no state of its own.

    A thing is a body that the layout names, with all that hangs on it: an object (movable), a fixture, or a distractor,
    which is an object that no skill and no predicate counts: `roles` leaves it out.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, layout: Layout):
        self.model, self.data, self.layout = model, data, layout
        self.roles = tuple(o.role for o in layout.objects)
        self.fixtures = tuple(f.role for f in layout.fixtures)
        self._kinds = {p.role: KINDS[p.kind] for p in (*layout.objects, *layout.fixtures, *layout.distractors)}
        self.containers = tuple(f for f in self.fixtures if self._kinds[f].interior)
        self._thing = {n: model.body(n).id for n in self._kinds}
        self._owner = _owners(model, set(self._thing.values()))
        self._ee = model.site(EE_SITE).id
        self._arm_qpos = np.array([model.joint(j).qposadr[0] for j in ARM_JOINTS])
        self._gripper_qpos = int(model.joint(GRIPPER_JOINT).qposadr[0])
        self._finger = np.full(model.nbody, -1)  # 0 and 1 for the bodies of the two fingers
        for i, bodies in enumerate(FINGER_BODIES):
            self._finger[[model.body(b).id for b in bodies]] = i

    def kind(self, role: str) -> Kind:
        """What sort of thing plays `role`."""
        return self._kinds[role]

    def phrase(self, name: str) -> str:
        """How a thing is called ("red block", "box"); any other body by its own name."""
        return self._kinds[name].phrase if name in self._kinds else name.replace("_", " ")

    def pos(self, name: str) -> Vector:
        """(3,) m, base frame: the origin of a thing's body, or of any body by its name."""
        return self.data.xpos[self._body(name)].copy()

    def mat(self, name: str) -> Vector:
        """(3, 3) body_to_base rotation."""
        return self.data.xmat[self._body(name)].reshape(3, 3).copy()

    def site(self, name: str) -> Vector:
        """(3,) m, base frame: a site, such as a handle's grip or a hook's tip."""
        return self.data.site_xpos[self.model.site(name).id].copy()

    def speed(self, role: str) -> float:
        """Linear speed of an object, m/s."""
        joint = self.model.joint(role).dofadr[0]
        return float(np.linalg.norm(self.data.qvel[joint : joint + 3]))

    def upright(self, role: str) -> float:
        """Cosine between the thing's own up and the vertical: 1 upright, -1 upside down."""
        return float(self.data.xmat[self._body(role)][8])

    def travel(self, joint: str) -> float:
        """How far a hinge or slide is open: 0 at one end of its range (closed) to 1 at the other."""
        low, high = self.model.joint(joint).range
        return float((self.data.joint(joint).qpos[0] - low) / (high - low))

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

    def holding(self, name: str) -> bool:
        """Whether both fingers touch the thing."""
        return self._touches(name) == 2

    def released(self, name: str) -> bool:
        """Whether no finger touches the thing."""
        return self._touches(name) == 0

    def held(self) -> str | None:
        """The object between the fingers, if any."""
        return next((r for r in self.roles if self.holding(r)), None)

    def inside(self, role: str, container: str) -> bool:
        """Whether the object's centre is within the container's walls and below its rim."""
        interior = self._kinds[container].interior
        if interior is None:
            raise ValueError(f"'{container}' is a {self._kinds[container].name}, which has no inside; give its Kind an interior")
        x, y, z = self.mat(container).T @ (self.pos(role) - self.pos(container))
        return interior.holds((float(x), float(y), float(z)))

    def at_rest(self, role: str) -> bool:
        """Whether the object hardly moves."""
        return self.speed(role) < REST_SPEED

    def touching(self, name: str, other: str) -> bool:
        """Whether two things (or bodies, by name) are in contact."""
        first, second, _ = self._contacts(name)
        return bool(((first == self._body(other)) | (second == self._body(other))).any())

    def bearers(self, role: str) -> frozenset[str]:
        """Names of the things and bodies that hold the object up from below, the hand not among them."""
        _, owner, normal_z = self._contacts(role)
        found = owner[normal_z > BEARING]
        return frozenset(self.model.body(int(b)).name for b in found)

    def supported_by(self, role: str, support: str) -> bool:
        """Whether the object stands or lies on the support, and on nothing else."""
        return self.bearers(role) == {support}

    def _body(self, name: str) -> int:
        return self._thing[name] if name in self._thing else self.model.body(name).id

    def _contacts(self, name: str) -> tuple[NDArray[np.int32], NDArray[np.int32], Vector]:
        """For each contact of the thing: the other body, the thing that it belongs to, and the z of the normal towards `name`.

        Contacts of flexible things, whose bodies MuJoCo does not name here, are left out.
        """
        contact = self.data.contact
        geoms = np.asarray(contact.geom).reshape(-1, 2)
        bodies = np.where(geoms >= 0, self.model.geom_bodyid[geoms], -1)
        owners = np.where(bodies >= 0, self._owner[bodies], -1)
        mine = owners == self._body(name)
        row, side = np.nonzero(mine & ~mine[:, ::-1] & (bodies >= 0).all(1, keepdims=True))
        # The normal points from the first geom to the second.
        normal_z = np.asarray(contact.frame).reshape(-1, 9)[row, 2] * np.where(side == 1, 1.0, -1.0)
        return bodies[row, 1 - side], owners[row, 1 - side], normal_z

    def _touches(self, name: str) -> int:
        """How many of the two fingers touch the thing."""
        other, _, _ = self._contacts(name)
        fingers = self._finger[other]
        return len(set(fingers[fingers >= 0].tolist()))


def _owners(model: mujoco.MjModel, things: set[int]) -> NDArray[np.int32]:
    """(nbody,) the thing that each body is part of; a body of no thing owns itself."""
    owner = np.arange(model.nbody, dtype=np.int32)
    for body in range(1, model.nbody):  # a parent comes before its children
        if body not in things:
            parent = int(owner[model.body_parentid[body]])
            owner[body] = parent if parent in things else body
    return owner
