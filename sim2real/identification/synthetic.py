"""A log of an arm that nobody has identified: MuJoCo with other parameters, friction, a delay, and noise."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.robot import GRIPPER_JOINT, GRIPPER_MAX
from envs.scenes.scene import TIMESTEP
from sim2real.identification.dynamics import Dynamics, arm_model, gripper_model, nominal
from sim2real.identification.excitation import Excitation
from sim2real.identification.samples import Samples

Array = NDArray[np.float64]
SAMPLE_S = 0.01  # between samples, about
POS_NOISE, VEL_NOISE, TORQUE_NOISE, GRIPPER_NOISE = 5e-5, 5e-3, 0.1, 0.004  # rad, rad/s, Nm, share of the way


def hidden_dynamics(rng: np.random.Generator) -> Dynamics:
    """Dynamics up to 40 % away from those of the simulation, with friction and delays that it does not have."""
    like = nominal()

    def other(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(float(v) for v in np.asarray(values) * rng.uniform(0.7, 1.4, len(values)))

    return replace(
        like, stiffness=other(like.stiffness), damping=other(like.damping), frictionloss=tuple(rng.uniform(0.3, 1.2, 7).tolist()),
        armature=other(like.armature), delay_s=float(rng.uniform(0.01, 0.05)), gripper_damping=like.gripper_damping * float(rng.uniform(1.5, 3.0)),
        gripper_delay_s=float(rng.uniform(0.03, 0.1)),
    )  # fmt: skip


def record(dynamics: Dynamics, motion: Excitation, rng: np.random.Generator, timestep: float = TIMESTEP) -> Samples:
    """The log that an arm of these dynamics leaves of a motion; step by step, with nothing of the fit's simulation."""
    arm, gripper = _started(arm_model(timestep), dynamics), _started(gripper_model(timestep), dynamics)
    arm[1].qpos[:] = motion.joint_target[0]
    knuckle = gripper[0].joint(GRIPPER_JOINT).qposadr[0]
    rows, every = [], round(SAMPLE_S / timestep)
    for step in range(round(motion.time[-1] / timestep)):
        now = step * timestep
        if step % every == 0:
            arm[1].ctrl[:] = motion.joint_target[_last(motion.time, now - dynamics.delay_s)]
            mujoco.mj_forward(*arm)
            d, sent = arm[1], _last(motion.time, now)
            rows.append(np.r_[now, motion.time[sent], motion.gripper_target[sent], gripper[1].qpos[knuckle] / GRIPPER_MAX, motion.joint_target[sent], d.qpos, d.qvel, d.actuator_force])
        arm[1].ctrl[:] = _in_force(motion.time, motion.joint_target, now - dynamics.delay_s, timestep)
        gripper[1].ctrl[0] = GRIPPER_MAX * _in_force(motion.time, motion.gripper_target, now - dynamics.gripper_delay_s, timestep)
        mujoco.mj_step(*arm)
        mujoco.mj_step(*gripper)
    table = np.array(rows)
    time, target_time, gripper_target, gripper_closed = table[:, :4].T
    target, pos, vel, torque = np.split(table[:, 4:], 4, 1)
    return Samples(
        time, target_time, target, pos + rng.normal(0, POS_NOISE, pos.shape), vel + rng.normal(0, VEL_NOISE, vel.shape),
        torque + rng.normal(0, TORQUE_NOISE, torque.shape), gripper_target, gripper_closed + rng.normal(0, GRIPPER_NOISE, time.shape),
        {"backend": "mujoco", "origin": "synthetic"},
    )  # fmt: skip


def _started(model: mujoco.MjModel, dynamics: Dynamics) -> tuple[mujoco.MjModel, mujoco.MjData]:
    dynamics.apply(model)
    return model, mujoco.MjData(model)


def _in_force(sent: Array, target: Array, start: float, length: float) -> Array:
    """The mean target from `start` for `length` s: a step in which a new one comes into force has a share of both."""
    old, new = _last(sent, start), _last(sent, start + length)
    share = (start + length - sent[new]) / length if new != old else 1.0
    return (1 - share) * target[old] + share * target[new]


def _last(sent: Array, at: float) -> int:
    """Index of the last target sent at that time."""
    return int(np.clip(np.searchsorted(sent, at + 1e-9, side="right") - 1, 0, len(sent) - 1))
