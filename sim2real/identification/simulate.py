"""A logged motion once more in simulation: the same targets, and what arm and gripper would have done."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from envs.robot import GRIPPER_JOINT, GRIPPER_MAX
from sim2real.identification.dynamics import Dynamics
from sim2real.motion_log import JOINTS, MotionLog

Array = NDArray[np.float64]
STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


@dataclass(frozen=True)
class Motion:
    """What the arm did at the log's times: joint_pos (n, 7) rad, joint_vel (n, 7) rad/s, joint_torque (n, 7) Nm."""

    joint_pos: Array
    joint_vel: Array
    joint_torque: Array


def simulate_arm(model: mujoco.MjModel, dynamics: Dynamics, log: MotionLog) -> Motion:
    """The arm under the log's targets, from its first position and velocity."""
    dynamics.apply(model)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = log.joint_pos[0], log.joint_vel[0]
    control = delayed(log.time, log.joint_target, dynamics.delay_s, _steps(log, model))
    states = _rollout(model, data, control)
    pos, vel = states[:, 1 : 1 + JOINTS], states[:, 1 + JOINTS :]
    kp, kv, limit = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2], model.actuator_forcerange[:, 1]
    torque = np.clip(kp * (control - pos[:-1]) - kv * vel[:-1], -limit, limit)
    at, grid = log.time - log.time[0], states[:, 0]
    return Motion(_sampled(grid, pos, at), _sampled(grid, vel, at), _sampled(grid[:-1], torque, at))


def simulate_gripper(model: mujoco.MjModel, dynamics: Dynamics, log: MotionLog) -> Array:
    """gripper_closed (n,) under the log's targets, from where it was first."""
    dynamics.apply(model)
    data = mujoco.MjData(model)
    target = GRIPPER_MAX * log.gripper_target[:, None]
    knuckle = model.joint(GRIPPER_JOINT).qposadr[0]
    data.ctrl[0] = GRIPPER_MAX * log.gripper_closed[0]
    for _ in range(round(1 / model.opt.timestep)):  # the followers settle
        mujoco.mj_step(model, data)
    data.time = 0.0
    states = _rollout(model, data, delayed(log.time, target, dynamics.gripper_delay_s, _steps(log, model)))
    return _sampled(states[:, 0], states[:, 1 + knuckle, None], log.time - log.time[0])[:, 0] / GRIPPER_MAX


def delayed(time: Array, target: Array, delay_s: float, steps: Array) -> Array:
    """(len(steps) - 1, k): the mean over each simulation step of targets (n, k) that hold until the next, `delay_s` later.

    The mean, not the value at the step's start: so the result changes smoothly with the delay, which can then be fitted.
    """
    edges = np.r_[0.0, np.cumsum(np.diff(time))]
    area = np.r_[np.zeros((1, target.shape[1])), np.cumsum(target[:-1] * np.diff(time)[:, None], 0)]
    at = steps - delay_s
    whole = np.stack([np.interp(at, edges, column) for column in area.T], 1)
    whole += np.minimum(at, 0)[:, None] * target[0] + np.maximum(at - edges[-1], 0)[:, None] * target[-1]
    return np.diff(whole, axis=0) / np.diff(steps)[:, None]


def _steps(log: MotionLog, model: mujoco.MjModel) -> Array:
    """Edges of the simulation steps, s after the log's first sample."""
    step = model.opt.timestep
    return np.arange(int(np.ceil((log.time[-1] - log.time[0]) / step)) + 2) * step


def _rollout(model: mujoco.MjModel, data: mujoco.MjData, control: Array) -> Array:
    """(steps + 1, state): time, qpos, qvel before the first step and after each."""
    start = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, start, STATE)
    states, _ = rollout.rollout(model, data, start, control[None])
    return np.r_[start[None], states[0]]


def _sampled(grid: Array, values: Array, at: Array) -> Array:
    return np.stack([np.interp(at, grid, column) for column in values.T], 1)
