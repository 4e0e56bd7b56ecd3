"""A motion that shows what the arm is like: every joint in several frequencies, start and end at rest, within all limits."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.ik import IK, MAX_JOINT_STEP
from envs.robot import ARM_JOINTS, HOME_QPOS, robot_spec
from envs.types import CONTROL_HZ

Array = NDArray[np.float64]
FREQUENCIES = (0.1, 0.2, 0.4, 0.7, 1.1)  # Hz
REACH = np.array([0.35, 0.25, 0.35, 0.25, 0.5, 0.4, 0.6])  # rad from home at most
REST_S, RISE_S = 1.0, 1.0  # at rest at both ends; to full amplitude
FLOOR = 0.05  # m above the table that every part of the robot keeps
GRIPPER_PERIOD_S = 3.0  # open half of it, closed the other half
LIMIT_MARGIN = 0.1  # rad
TRIES = 50


@dataclass(frozen=True)
class Excitation:
    """Targets at 15 Hz: `joint_target` (n, 7) rad, `gripper_target` (n,) 0 open - 1 closed."""

    joint_target: Array
    gripper_target: Array

    @property
    def time(self) -> Array:
        """(n,) s, when each target is sent."""
        return np.arange(len(self.joint_target)) / CONTROL_HZ


def excitation(seconds: float, rng: np.random.Generator, max_step: tuple[float, ...] = (MAX_JOINT_STEP,) * 7) -> Excitation:
    """A sum of sines for each joint with random phases (Swevers et al. 1997), around home; the gripper opens and closes.

    A joint's waves are made smaller where a target would be more than `max_step` (7,) rad, which the arm may move in 1/15 s, from the
    one before; no part comes nearer to the table than FLOOR.

    Raises:
        ValueError: it is too short, or no safe motion was found.
    """
    if seconds < 4 * (REST_S + RISE_S):
        raise ValueError(f"an excitation of {seconds:g} s; expected at least {4 * (REST_S + RISE_S):g}")
    time = np.arange(round(seconds * CONTROL_HZ)) / CONTROL_HZ
    since, left = time - REST_S, time[-1] - REST_S - time
    envelope = np.clip(np.minimum(since, left) / RISE_S, 0, 1)
    envelope = envelope**2 * (3 - 2 * envelope)
    closed = ((time % GRIPPER_PERIOD_S) >= GRIPPER_PERIOD_S / 2).astype(float)
    clearance = _Clearance()
    for _ in range(TRIES):
        phase = rng.uniform(-np.pi, np.pi, (len(FREQUENCIES), 7))
        share = rng.dirichlet(np.ones(len(FREQUENCIES)), 7).T
        waves = np.sin(2 * np.pi * np.multiply.outer(time, FREQUENCIES)[:, :, None] + phase)
        away = REACH * envelope[:, None] * (share * waves).sum(1)
        target = HOME_QPOS + away * np.minimum(1, np.array(max_step) / np.abs(np.diff(away, axis=0)).max(0))
        if clearance.is_safe(target):
            return Excitation(target, np.where(envelope > 0, closed, 0.0))
    raise ValueError(f"no safe motion of {seconds:g} s in {TRIES} tries")


class _Clearance:
    """The robot over a floor, to see whether it would touch it."""

    def __init__(self) -> None:
        spec = robot_spec()
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2, 2, 0.1], pos=[0, 0, FLOOR], contype=2, conaffinity=1)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._qpos = [self.model.joint(j).qposadr[0] for j in ARM_JOINTS]
        self._low, self._high = np.array([IK().model.joint(j).range for j in ARM_JOINTS]).T
        self._at_home = self._contacts(HOME_QPOS)  # the base stands in the floor

    def is_safe(self, joint_target: Array) -> bool:
        """Whether joints (n, 7) keep to their limits and touch no more of the floor than at home."""
        inside = (joint_target > self._low + LIMIT_MARGIN).all() and (joint_target < self._high - LIMIT_MARGIN).all()
        return bool(inside) and all(self._contacts(q) <= self._at_home for q in joint_target)

    def _contacts(self, joint_pos: Array) -> int:
        self.data.qpos[self._qpos] = joint_pos
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_collision(self.model, self.data)
        return self.data.ncon
