"""Differential inverse kinematics: damped least squares on the commanded joints, for simulation and robot alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.robot import ARM_JOINTS, EE_SITE, HOME_QPOS, robot_spec

Vector = NDArray[np.float64]

DAMPING = 1e-4
POSTURE_GAIN = 0.05  # pull of the null space towards the home posture, per iteration
LIMIT_MARGIN = 0.01  # rad
MAX_JOINT_STEP = 2.1 / 15  # rad per control step: Franka's joint velocity limit is 2.175 rad/s (its datasheet)


@lru_cache(maxsize=1)
def _arm_model() -> mujoco.MjModel:
    return robot_spec().compile()


class IK:
    """Follows target poses with joint commands, each step limited to what the arm can do in 1/15 s."""

    def __init__(self) -> None:
        self.model = _arm_model()
        self.data = mujoco.MjData(self.model)
        self._site = self.model.site(EE_SITE).id
        joints = [self.model.joint(j) for j in ARM_JOINTS]
        self._qpos = np.array([j.qposadr[0] for j in joints])
        self._dof = np.array([j.dofadr[0] for j in joints])
        self._low, self._high = np.array([j.range for j in joints]).T
        self._jac = np.zeros((6, self.model.nv))

    def pose(self, joint_pos: Vector) -> tuple[Vector, Vector]:
        """ee_pos (3,) m and ee_to_base (3, 3) at these joints (7,) rad."""
        self.data.qpos[self._qpos] = joint_pos
        mujoco.mj_kinematics(self.model, self.data)
        return self.data.site_xpos[self._site].copy(), self.data.site_xmat[self._site].reshape(3, 3).copy()

    def solve(self, joint_pos: Vector, pos: Vector, mat: Vector, iterations: int = 200) -> Vector:
        """Joints (7,) rad that reach the pose, from a starting guess, without a limit on the way."""
        return self._iterate(joint_pos, pos, mat, iterations)

    def step(self, command: Vector, pos: Vector, mat: Vector, max_step: Sequence[float] = (MAX_JOINT_STEP,) * 7) -> Vector:
        """The next joint command (7,) rad towards the pose, no joint more than its `max_step` (rad) from `command`."""
        target = self._iterate(command, pos, mat, 5)
        change = target - command
        return command + change * min(1.0, float((np.array(max_step) / np.maximum(1e-9, np.abs(change))).min()))

    def _iterate(self, joint_pos: Vector, pos: Vector, mat: Vector, iterations: int) -> Vector:
        q = np.array(joint_pos, float)
        error = np.empty(6)
        for _ in range(iterations):
            at, rot = self.pose(q)
            error[:3] = pos - at
            turn = mat @ rot.T
            error[3:] = 0.5 * np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
            if np.abs(error).max() < 1e-4:
                break
            mujoco.mj_comPos(self.model, self.data)
            mujoco.mj_jacSite(self.model, self.data, self._jac[:3], self._jac[3:], self._site)
            jac = self._jac[:, self._dof]
            damped = np.linalg.solve(jac @ jac.T + DAMPING * np.eye(6), np.c_[error, jac @ (HOME_QPOS - q)])
            # dq = J# e + g (I - J# J)(home - q), with J# the damped pseudo-inverse
            dq = jac.T @ (damped[:, 0] - POSTURE_GAIN * damped[:, 1]) + POSTURE_GAIN * (HOME_QPOS - q)
            q = np.clip(q + np.clip(dq, -0.2, 0.2), self._low + LIMIT_MARGIN, self._high - LIMIT_MARGIN)
        return q
