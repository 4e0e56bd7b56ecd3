"""A Franka's joints as its driver leads them: an impedance law whose torques, every millisecond, stay within what the motors give.

`envs.sim_env` runs it for `motion=smooth`; the robot's drivers (`sim2real.franky_arm`, `sim2real.panda_arm`) have the same law, gains
and limits, so that an action moves the arm alike in both worlds. Left out are the springs of franky near the joints' ends.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.motion import TICK, TORQUE_RATE
from envs.robot import ARM_JOINTS, DAMPING_RATIO, STIFFNESS, TORQUE_LIMIT

Vector = NDArray[np.float64]

JOINT_STIFFNESS: Vector = np.array(STIFFNESS, np.float64)  # Nm/rad
JOINT_DAMPING: Vector = 2.0 * np.sqrt(JOINT_STIFFNESS) * np.array(DAMPING_RATIO)  # Nms/rad
MAX_TORQUE: Vector = 0.9 * np.array(TORQUE_LIMIT)  # Nm; a Franka that is told more than its motors can give stops with a reflex
for _constant in (JOINT_STIFFNESS, JOINT_DAMPING, MAX_TORQUE):
    _constant.setflags(write=False)


class TorqueLaw:
    """Takes the arm over from the scene's own position actuators: they become motors, and a timestep a millisecond.

    The law sees the state at the start of a millisecond and its torque acts during it, as a driver's answer does.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData):
        self._data = data
        self._qpos = np.array([model.joint(j).qposadr[0] for j in ARM_JOINTS])
        self._dof = np.array([model.joint(j).dofadr[0] for j in ARM_JOINTS])
        model.opt.timestep = TICK
        model.actuator_gainprm[:7, 0], model.actuator_biasprm[:7, 1:3] = 1.0, 0.0
        data.ctrl[:7] = 0.0

    def push(self, target: Vector) -> None:
        """Set the torques of the next millisecond towards the joints `target` (7,) rad."""
        joint_pos, joint_vel, last = self._data.qpos[self._qpos], self._data.qvel[self._dof], self._data.ctrl[:7]
        torque = np.clip(JOINT_STIFFNESS * (target - joint_pos) - JOINT_DAMPING * joint_vel, -MAX_TORQUE, MAX_TORQUE)
        self._data.ctrl[:7] = last + np.clip(torque - last, -TORQUE_RATE * TICK, TORQUE_RATE * TICK)
