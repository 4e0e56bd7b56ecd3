"""The simulator's state in the words of the tasks: where things are, what is held, what lies in or on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.layout import Layout
from envs.objects import KINDS
from envs.objects.kind import Kind
from envs.robot import ARM_JOINTS, EE_SITE, FINGER_BODIES, GRIPPER_JOINT, GRIPPER_MAX
from envs.shapes import XYZ

Vector = NDArray[np.float64]

REST_SPEED = 0.05  # m/s; below it an object counts as at rest (settling toys jitter at about 0.01)
BALANCED = 0.5  # m/s^2; below it an object at rest stays at rest
NEARLY = 0.01  # m
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
        self._flex_thing = self._owner[model.flex_vertbodyid[model.flex_vertadr]] if model.nflex else np.empty(0, np.int32)
        self._flex = {model.body(int(thing)).name: flex for flex, thing in enumerate(self._flex_thing)}
        self._finger = np.full(model.nbody, -1)  # 0 and 1 for the bodies of the two fingers
        for i, bodies in enumerate(FINGER_BODIES):
            self._finger[[model.body(b).id for b in bodies]] = i

    def kind(self, role: str) -> Kind:
        """What sort of thing plays `role`."""
        return self._kinds[role]

    def phrase(self, name: str) -> str:
        """How a thing is called ("red block", "box"); any other body by its own name."""
        return self._kinds[name].phrase if name in self._kinds else name.replace("_", " ")

    @property
    def words(self) -> dict[str, str]:
        """What an instruction or a phrase may name: each {role}, the {role_text} written on it, the layout's choices."""
        texts = {f"{role}_text": kind.text for role, kind in self._kinds.items() if kind.text}
        return {role: kind.phrase for role, kind in self._kinds.items()} | texts | dict(self.layout.choices)

    def pos(self, name: str) -> Vector:
        """(3,) m, base frame: the origin of a thing's body (of cloth: the mean of its points), or of any body by its name."""
        if name in self._flex:
            return self.cloth(name).mean(0)
        return self.data.xpos[self._body(name)].copy()

    def mat(self, name: str) -> Vector:
        """(3, 3) body_to_base rotation."""
        return self.data.xmat[self._body(name)].reshape(3, 3).copy()

    def site(self, name: str) -> Vector:
        """(3,) m, base frame: a site, such as a handle's grip or a hook's tip."""
        return self.data.site_xpos[self.model.site(name).id].copy()

    def cloth(self, role: str) -> Vector:
        """(n, 3) m, base frame: the points of a thing of cloth."""
        first, count = self._cloth_points(role)
        return self.data.flexvert_xpos.reshape(-1, 3)[first : first + count].copy()

    def grip(self, name: str) -> Vector:
        """(3,) m, base frame: where a thing is taken: its site `<name>_grip` (a handle), or else its origin."""
        site = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_SITE, f"{name}_grip")
        return self.data.site_xpos[site].copy() if site >= 0 else self.pos(name)

    def speed(self, role: str) -> float:
        """Linear speed of an object, m/s; of cloth: the mean over its points."""
        if role in self._flex:
            first, count = self._cloth_points(role)
            bodies = self.model.flex_vertbodyid[first : first + count]
            dof = self.model.body_dofadr[bodies][:, None] + np.arange(3)
            return float(np.linalg.norm(self.data.qvel[dof], axis=1).mean())
        joint = self.model.joint(role).dofadr[0]
        return float(np.linalg.norm(self.data.qvel[joint : joint + 3]))

    def hooked(self, role: str, fixture: str) -> bool:
        """Whether a hook of the fixture passes through the opening of the object's handle."""
        handle, hooks = self._kinds[role].handle, self._kinds[fixture].hooks
        if handle is None or not hooks:
            raise ValueError(f"'{role}' has no handle or '{fixture}' no hook; give their kinds a Handle and hooks")
        return any(handle.threaded((self._points(hook, fixture) - self.pos(role)) @ self.mat(role)) for hook in hooks)

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

    def fingers_on(self) -> dict[str, int]:
        """How many of the two fingers touch each thing; things that none touches are left out."""
        bodies, owners = self._pairs()
        row, side = np.nonzero((bodies >= 0) & (self._finger[bodies] >= 0))
        touched = set(zip(owners[row, 1 - side].tolist(), self._finger[bodies[row, side]].tolist(), strict=True))
        return dict(Counter(name for name, body in self._thing.items() for owner, _ in touched if owner == body))

    def held(self) -> str | None:
        """The object between the fingers, if any."""
        return next((r for r in self.roles if self.holding(r)), None)

    def inside(self, role: str, container: str) -> bool:
        """Whether the object's centre is within the container's walls and below its rim."""
        if (interior := self._kinds[container].interior) is None:
            raise ValueError(f"'{container}' is a {self._kinds[container].name}, which has no inside; give its Kind an interior")
        body = f"{container}_{interior.part}" if interior.part else container
        x, y, z = self.mat(body).T @ (self.pos(role) - self.pos(body))
        return interior.holds((float(x), float(y), float(z)))

    def at_rest(self, role: str) -> bool:
        """Whether the object hardly moves."""
        return self.speed(role) < REST_SPEED

    def balanced(self, role: str) -> bool:
        """Whether nothing is about to move the object: it hardly accelerates (a pendulum at its turning point does)."""
        joint = self.model.joint(role).dofadr[0]
        return float(np.linalg.norm(self.data.qacc[joint : joint + 3])) < BALANCED

    def touching(self, name: str, other: str) -> bool:
        """Whether two things (or bodies, by name) are in contact."""
        first, second, _ = self._contacts(name)
        return bool(((first == self._body(other)) | (second == self._body(other))).any())

    def neighbours(self, name: str) -> frozenset[str]:
        """Names of the things and bodies in contact with the thing."""
        _, owner, _ = self._contacts(name)
        return frozenset(self.model.body(int(b)).name for b in owner)

    def bearers(self, role: str) -> frozenset[str]:
        """Names of the things and bodies that hold the object up from below, the hand not among them."""
        _, owner, normal_z = self._contacts(role)
        found = owner[normal_z > BEARING]
        return frozenset(self.model.body(int(b)).name for b in found)

    def beneath(self, role: str) -> str | None:
        """Name of the thing or body that the middle of a rigid object stands over, touching or less than `NEARLY` above it.

        Contacts tell more, but a made-up scene has none: there things are put where they would lie.
        """
        kind, hit = self._kinds[role], np.zeros(1, np.int32)
        if kind.cloth:
            return None
        drop = mujoco.mj_ray(self.model, self.data, self.pos(role), np.array([0.0, 0.0, -1.0]), None, True, self._body(role), hit)
        height = kind.top if kind.top and self.upright(role) < 0 else kind.rest_height
        if hit[0] < 0 or drop > height + NEARLY:
            return None
        return self.model.body(int(self._owner[self.model.geom_bodyid[hit[0]]])).name

    def supported_by(self, role: str, support: str) -> bool:
        """Whether the object stands or lies on the support, and on nothing else."""
        return self.bearers(role) == {support}

    def _points(self, points: Sequence[XYZ], name: str) -> Vector:
        """(n, 3) m, base frame, of points in the thing's frame."""
        return np.asarray(points) @ self.mat(name).T + self.pos(name)

    def _cloth_points(self, role: str) -> tuple[int, int]:
        """Address and number of its points among all of the model's."""
        flex = self._flex[role]
        return int(self.model.flex_vertadr[flex]), int(self.model.flex_vertnum[flex])

    def _body(self, name: str) -> int:
        return self._thing[name] if name in self._thing else self.model.body(name).id

    def _contacts(self, name: str) -> tuple[NDArray[np.int32], NDArray[np.int32], Vector]:
        """For each contact of the thing: the other body, the thing that it belongs to, and the z of the normal towards `name`."""
        bodies, owners = self._pairs()
        mine = owners == self._body(name)
        row, side = np.nonzero(mine & ~mine[:, ::-1] & (bodies >= 0).all(1, keepdims=True))
        # The normal points from the first geom to the second.
        normal_z = np.asarray(self.data.contact.frame).reshape(-1, 9)[row, 2] * np.where(side == 1, 1.0, -1.0)
        return bodies[row, 1 - side], owners[row, 1 - side], normal_z

    def _pairs(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(n, 2) the bodies in contact, and (n, 2) the things that they belong to; -1 for no body.

        For cloth, of which MuJoCo names the flex and no body, that is the body of the thing.
        """
        contact = self.data.contact
        geoms = np.asarray(contact.geom).reshape(-1, 2)
        bodies = np.where(geoms >= 0, self.model.geom_bodyid[geoms], -1)
        if self.model.nflex:
            flexes = np.asarray(contact.flex).reshape(-1, 2)
            bodies = np.where(flexes >= 0, self._flex_thing[flexes], bodies)
        return bodies, np.where(bodies >= 0, self._owner[bodies], -1)

    def _touches(self, name: str) -> int:
        """How many of the two fingers touch the thing."""
        fingers = self._finger[self._contacts(name)[0]]
        return len(set(fingers[fingers >= 0].tolist()))


def _owners(model: mujoco.MjModel, things: set[int]) -> NDArray[np.int32]:
    """(nbody,) the thing that each body is part of; a body of no thing owns itself."""
    owner = np.arange(model.nbody, dtype=np.int32)
    for body in range(1, model.nbody):  # a parent comes before its children
        if body not in things and (parent := int(owner[model.body_parentid[body]])) in things:
            owner[body] = parent
    return owner
