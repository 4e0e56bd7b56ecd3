"""The scene as the robot's controller drives it: a millisecond at a time, by the scene's own actuators.

Nothing of the physics is written again here. The scene is the one that `SimEnv` makes for the trial, settled and scored by
it; only its timestep becomes 1 ms, its seven arm actuators are set as a servo (stiffness and damping) or as motors (torque), and the
joints' ends lie no nearer than the robot's own, which the controller sees to.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.motion import TICK, ticks_until
from envs.push import PushEstimate
from envs.robot import ARM_JOINTS, EE_SITE, GRIPPER_ACTUATOR, GRIPPER_JOINT, GRIPPER_MAX, GRIPPER_TORQUE
from envs.sim_env import FULL_STATE, SimEnv
from envs.types import Trial
from sim2real.identification.dynamics import Dynamics
from sim2real.twin.arm_model import Matrix, homogeneous
from sim2real.twin.robots import FR3, RobotKind


class Plant:
    """One trial's scene at 1 kHz. `dynamics`: friction, armature and gripper of the arm, where they are not the scene's."""

    def __init__(self, task: str, robot: RobotKind = FR3, dynamics: Dynamics | None = None):
        self.robot, self.dynamics = robot, dynamics
        self.env = SimEnv(task, cameras=False)
        self.ticks = 0  # since the trial began

    def reset(self, trial: Trial) -> None:
        """The trial as `SimEnv` starts it: things where the layout says, the arm at its start, the gripper open.

        Raises:
            ResetError: the trial's scene does not settle.
            ValueError: the trial is of another task.
        """
        self.env.reset(options={"trial": trial})
        self.model, self.data = self.env.model, self.env.data
        self.model.opt.timestep = TICK
        if self.dynamics is not None:
            self.dynamics.apply(self.model)
        self.ticks = 0
        for i, name in enumerate(ARM_JOINTS):
            ends = self.model.joint(name).range
            ends[:] = min(ends[0], self.robot.low[i]), max(ends[1], self.robot.high[i])
        self._qpos = np.array([self.model.joint(j).qposadr[0] for j in ARM_JOINTS])
        self._dof = np.array([self.model.joint(j).dofadr[0] for j in ARM_JOINTS])
        self._finger = int(self.model.joint(GRIPPER_JOINT).qposadr[0])
        self._finger_dof = int(self.model.joint(GRIPPER_JOINT).dofadr[0])
        self._grip = self.model.actuator(GRIPPER_ACTUATOR).id
        self._site = self.model.site(EE_SITE).id
        self.pushed = PushEstimate(self.model, self.data)

    @property
    def joint_pos(self) -> Matrix:
        """(7,) rad."""
        return self.data.qpos[self._qpos]

    @property
    def joint_vel(self) -> Matrix:
        """(7,) rad/s."""
        return self.data.qvel[self._dof]

    @property
    def torque(self) -> Matrix:
        """(7,) Nm that the motors gave in the last tick, beyond what holds the arm's weight."""
        return self.data.actuator_force[:7]

    @property
    def gravity(self) -> Matrix:
        """(7,) Nm that hold the arm's weight."""
        return self.data.qfrc_gravcomp[self._dof]

    def servo(self, joint_pos: Matrix, joint_vel: Matrix, stiffness: Matrix) -> None:
        """The arm is held towards joints (7,) rad that move at (7,) rad/s, critically damped for unit inertia."""
        damping = 2 * np.sqrt(stiffness)
        self.model.actuator_gainprm[:7, 0] = stiffness
        self.model.actuator_biasprm[:7, 1], self.model.actuator_biasprm[:7, 2] = -stiffness, -damping
        self.data.ctrl[:7] = joint_pos + damping / stiffness * joint_vel

    def drive(self, torque: Matrix) -> None:
        """The motors give these torques (7,) Nm."""
        self.model.actuator_gainprm[:7, 0] = 1.0
        self.model.actuator_biasprm[:7, 1:3] = 0.0
        self.data.ctrl[:7] = torque

    def close_gripper(self, closed: float, force: float) -> None:
        """The gripper's target, 0 open - 1 closed, and the share 0 - 1 of its greatest force."""
        self.data.ctrl[self._grip] = GRIPPER_MAX * closed
        self.model.actuator_forcerange[self._grip] = [-GRIPPER_TORQUE * force, GRIPPER_TORQUE * force]

    @property
    def gripper(self) -> tuple[float, float]:
        """How far the gripper is closed, 0 - 1, and how fast it closes, 1/s."""
        return float(self.data.qpos[self._finger]) / GRIPPER_MAX, float(self.data.qvel[self._finger_dof]) / GRIPPER_MAX

    @property
    def gripper_effort(self) -> float:
        """Share of its greatest force that the gripper's motor gives, 0 - 1."""
        return abs(float(self.data.actuator_force[self._grip])) / GRIPPER_TORQUE

    def step(self) -> None:
        """One millisecond passes; at the end of each control period the task's steps are scored."""
        mujoco.mj_step(self.model, self.data)
        mujoco.mj_kinematics(self.model, self.data)  # of the new positions, which mj_step leaves to the next one
        mujoco.mj_comPos(self.model, self.data)
        self.pushed.pass_time()
        self.ticks += 1
        if self.ticks == ticks_until(self.env.control_steps + 1):
            mujoco.mj_forward(self.model, self.data)
            self.env.count_step()

    def ee_pose(self) -> Matrix:
        """(4, 4) ee_to_base."""
        return homogeneous(self.data.site_xpos[self._site], self.data.site_xmat[self._site].reshape(3, 3))

    def write_state(self, row: NDArray[np.float64]) -> int:
        """Write `SimEnv.full_state` of this moment into the start of `row`; how many numbers that is."""
        size = mujoco.mj_stateSize(self.model, FULL_STATE)
        mujoco.mj_getState(self.model, self.data, row[:size], FULL_STATE)
        row[size : size + 7] = self.joint_pos
        return size + 7
