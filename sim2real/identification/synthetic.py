"""A log of an arm that nobody has identified: MuJoCo with other parameters, another timestep, a delay, and noise."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.robot import GRIPPER_JOINT, GRIPPER_MAX
from sim2real.identification.dynamics import Dynamics, arm_model, gripper_model, nominal
from sim2real.identification.excitation import Excitation
from sim2real.motion_log import MotionLog

Array = NDArray[np.float64]
TIMESTEP = 0.001  # s, a Franka's
EVERY = 10  # steps between samples: 100 Hz
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


def record(dynamics: Dynamics, motion: Excitation, rng: np.random.Generator) -> MotionLog:
    """The log that an arm of these dynamics leaves of a motion, sample by sample at 1 kHz: no code of the fit is used."""
    arm, gripper = _started(arm_model(TIMESTEP), dynamics), _started(gripper_model(TIMESTEP), dynamics)
    arm[1].qpos[:] = motion.joint_target[0]
    knuckle = gripper[0].joint(GRIPPER_JOINT).qposadr[0]
    rows = []
    for step in range(round(motion.time[-1] / TIMESTEP)):
        now = step * TIMESTEP
        sent = _sent(motion, now)
        arm[1].ctrl[:] = motion.joint_target[_sent(motion, now - dynamics.delay_s)]
        gripper[1].ctrl[0] = GRIPPER_MAX * motion.gripper_target[_sent(motion, now - dynamics.gripper_delay_s)]
        if step % EVERY == 0:
            mujoco.mj_forward(*arm)
            d = arm[1]
            rows.append(np.r_[now, motion.gripper_target[sent], gripper[1].qpos[knuckle] / GRIPPER_MAX, motion.joint_target[sent], d.qpos, d.qvel, d.actuator_force])
        mujoco.mj_step(*arm)
        mujoco.mj_step(*gripper)
    table = np.array(rows)
    time, gripper_target, gripper_closed = table[:, :3].T
    target, pos, vel, torque = np.split(table[:, 3:], 4, 1)
    return MotionLog(
        time, target, pos + rng.normal(0, POS_NOISE, pos.shape), vel + rng.normal(0, VEL_NOISE, vel.shape),
        torque + rng.normal(0, TORQUE_NOISE, torque.shape), gripper_target, gripper_closed + rng.normal(0, GRIPPER_NOISE, time.shape),
        {"backend": "mujoco", "origin": "synthetic"},
    )  # fmt: skip


def _started(model: mujoco.MjModel, dynamics: Dynamics) -> tuple[mujoco.MjModel, mujoco.MjData]:
    dynamics.apply(model)
    return model, mujoco.MjData(model)


def _sent(motion: Excitation, at: float) -> int:
    """Index of the last target sent at that time."""
    return int(np.clip(np.searchsorted(motion.time, at + 1e-9, side="right") - 1, 0, len(motion.time) - 1))
