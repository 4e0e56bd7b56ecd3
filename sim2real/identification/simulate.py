"""A logged motion once more in simulation: the same targets, and what arm and gripper would have done."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from envs.robot import GRIPPER_JOINT, GRIPPER_MAX
from sim2real.identification.dynamics import Dynamics
from sim2real.identification.samples import Samples

Array = NDArray[np.float64]
STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


@dataclass(frozen=True)
class Motion:
    """What the arm did at the log's times: joint_pos (n, 7) rad, joint_vel (n, 7) rad/s, joint_torque (n, 7) Nm."""

    joint_pos: Array
    joint_vel: Array
    joint_torque: Array


def simulate_arm(model: mujoco.MjModel, dynamics: Dynamics, log: Samples) -> Motion:
    """The arm under the log's targets, from its first position and velocity."""
    dynamics.apply(model)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = log.joint_pos[0], log.joint_vel[0]
    sent, target = commands(log, log.joint_target)
    at = log.time - log.time[0]
    states = _rollout(model, data, sent + dynamics.delay_s, target, at[-1])
    pos, vel = np.split(_sampled(states[:, 0], states[:, 1:], at), 2, 1)
    # The servo's law once more, at the moments of the log: force jumps with a target, and so cannot be interpolated.
    in_force = target[np.maximum(np.searchsorted(sent + dynamics.delay_s, at, side="right") - 1, 0)]
    kp, kv, limit = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2], model.actuator_forcerange[:, 1]
    return Motion(pos, vel, np.clip(kp * (in_force - pos) - kv * vel, -limit, limit))


def simulate_gripper(model: mujoco.MjModel, dynamics: Dynamics, log: Samples) -> Array:
    """gripper_closed (n,) under the log's targets, from where it was first."""
    dynamics.apply(model)
    data = mujoco.MjData(model)
    data.ctrl[0] = GRIPPER_MAX * log.gripper_closed[0]
    for _ in range(round(1 / model.opt.timestep)):  # the followers settle
        mujoco.mj_step(model, data)
    data.time = 0.0
    sent, target = commands(log, GRIPPER_MAX * log.gripper_target[:, None])
    at = log.time - log.time[0]
    # A servo that is at its limit of force takes part of a step for the whole: what is late is the motion, not the target.
    states = _rollout(model, data, sent, target, at[-1])
    knuckle = states[:, 1 + model.joint(GRIPPER_JOINT).qposadr[0], None]
    return _sampled(states[:, 0], knuckle, np.maximum(at - dynamics.gripper_delay_s, 0))[:, 0] / GRIPPER_MAX


def commands(log: Samples, target: Array) -> tuple[Array, Array]:
    """When each of the log's targets (n, k) was sent, (m,) s after its first sample, and the targets (m, k)."""
    first = np.r_[True, np.diff(log.target_time) > 0]
    return log.target_time[first] - log.time[0], target[first]


def step_targets(sent: Array, target: Array, edges: Array) -> Array:
    """(len(edges) - 1, k): the mean target over each simulation step, of targets (m, k) that hold from when they are sent (m,).

    A target that is sent within a step has a share of it. The first holds before it was sent too, the last for good.
    """
    ends = np.r_[min(sent[0], edges[0]) - 1, sent[1:], max(sent[-1], edges[-1]) + 1]
    area = np.r_[np.zeros((1, target.shape[1])), np.cumsum(target * np.diff(ends)[:, None], 0)]
    whole = np.stack([np.interp(edges, ends, column) for column in area.T], 1)
    return np.diff(whole, axis=0) / np.diff(edges)[:, None]


def _rollout(model: mujoco.MjModel, data: mujoco.MjData, sent: Array, target: Array, seconds: float) -> Array:
    """(steps + 1, state): time, qpos, qvel before the first step and after each."""
    edges = np.arange(int(np.ceil(seconds / model.opt.timestep)) + 2) * model.opt.timestep
    start = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, start, STATE)
    states, _ = rollout.rollout(model, data, start, step_targets(sent, target, edges)[None])
    return np.r_[start[None], states[0]]


def _sampled(grid: Array, values: Array, at: Array) -> Array:
    return np.stack([np.interp(at, grid, column) for column in values.T], 1)
