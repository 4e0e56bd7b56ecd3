"""Dynamics from a log that has the torques: the law from what it commanded, friction and armature from what the torques did.

Where the driver commands torques (`sim2real.arm`), law and arm are two linear problems:

    law:  torque(t) = stiffness (target(t - delay) - joint_pos(t - delay)) - damping joint_vel(t - delay)
    arm:  torque - rigid-body torque = armature joint_acc + frictionloss sign(joint_vel)

the second of them averaged over windows, so that no acceleration is needed but the change of velocity over the window (Swevers et
al. 1997; Gautier 1997). Nothing is simulated, and what is found belongs to no timestep.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from sim2real.identification.dynamics import Dynamics, arm_model, nominal
from sim2real.identification.fit import FIT_SHARE, Fit, cut, fit_gripper
from sim2real.identification.samples import Samples

Array = NDArray[np.float64]
LAW = {"law": "client"}  # what the meta of a log says whose `joint_torque` a driver's law has commanded
TICK = 1e-3  # s, of the law and of the delays that are tried first
MAX_DELAY_S = 0.02  # with more, no law of this stiffness is stable
TORQUE_RATE = 0.9 * 1000.0  # Nm/s; from there on a Franka's torque is limited, and does not say what the law wants
WINDOW_S = 0.04  # over which the arm's motion is averaged
SLOWEST = 0.03  # rad/s; below, dry friction may be less than when it slides
GAP_S = 0.01  # between samples, at most


def fit_torques(log: Samples, timestep: float = TICK) -> Fit:
    """Dynamics of a log with torques, one sample in 10 ms or less; `timestep` is that of the gripper's simulation.

    Raises:
        ValueError: a sample has no torque, samples are too far apart, or a joint hardly moves.
    """
    if not np.isfinite(log.joint_torque).all():
        raise ValueError("a sample of this log has no torque; expected those that the law has commanded (libfranka's tau_J_d)")
    if (gap := float(np.diff(log.time).max())) > GAP_S:
        raise ValueError(f"samples are up to {1000 * gap:.0f} ms apart, expected {1000 * GAP_S:.0f} ms at most")
    used = cut(log, 0, round(FIT_SHARE * len(log.time)))
    frictionloss, armature, arm_error = arm(used)
    stiffness, damping, delay_s, law_error = law(used)
    found = replace(nominal(), stiffness=stiffness, damping=damping, frictionloss=frictionloss, armature=armature, delay_s=delay_s)
    names = ("stiffness", "damping", "frictionloss", "armature")
    relative = {name: tuple(e / abs(np.array(getattr(found, name)))) for name, e in zip(names, (*law_error, *arm_error), strict=True)}
    return Fit(*fit_gripper(used, found, replace(nominal(), **relative, delay_s=np.nan), timestep), nominal(), log)


def law(log: Samples) -> tuple[tuple[float, ...], tuple[float, ...], float, tuple[Array, Array]]:
    """Stiffness (7) Nm/rad, damping (7) Nms/rad, delay s, and standard errors of the first two."""
    rate = np.abs(np.gradient(log.joint_torque, log.time, axis=0))
    kept = (rate < TORQUE_RATE) & (log.time - log.time[0] > MAX_DELAY_S)[:, None]

    def solved(delay_s: float) -> tuple[float, Array, Array]:
        target, pos, vel = (_at(log.time - delay_s, log.time, values) for values in (log.joint_target, log.joint_pos, log.joint_vel))
        fits = [_least_squares(np.c_[(target - pos)[k, i], -vel[k, i]], log.joint_torque[k, i]) for i, k in enumerate(kept.T)]
        return sum(cost for cost, _, _ in fits), np.array([x for _, x, _ in fits]), np.array([e for _, _, e in fits])

    tried = np.arange(0.0, MAX_DELAY_S, TICK)
    best = tried[int(np.argmin([solved(d)[0] for d in tried]))]
    found = minimize_scalar(lambda d: solved(d)[0], bounds=(max(best - TICK, 0.0), best + TICK), method="bounded", options={"xatol": 1e-6})
    _, gains, errors = solved(found.x)
    return tuple(gains[:, 0].tolist()), tuple(gains[:, 1].tolist()), float(found.x), (errors[:, 0], errors[:, 1])


def arm(log: Samples) -> tuple[tuple[float, ...], tuple[float, ...], tuple[Array, Array]]:
    """Dry friction (7) Nm, armature (7) kg m2, and their standard errors.

    Raises:
        ValueError: a joint hardly moves.
    """
    bare = replace(nominal(), frictionloss=(0.0,) * 7, armature=(0.0,) * 7)
    # A sample's torque is the one that acted until then, from the sample before.
    acc = np.diff(log.joint_vel, axis=0) / np.diff(log.time)[:, None]
    push = log.joint_torque[1:] - _rigid_body_torque(bare, log.joint_pos[:-1], log.joint_vel[:-1], acc)
    vel = log.joint_vel[1:]
    count = round(WINDOW_S / float(np.median(np.diff(log.time))))
    slides = np.abs(_windows(vel, count)).min(1) > SLOWEST
    slides &= np.abs(np.sign(_windows(vel, count)).mean(1)) == 1
    if slides.sum(0).min() < 20:
        joint = int(slides.sum(0).argmin())
        raise ValueError(f"joint {joint + 1} slides faster than {SLOWEST} rad/s in {slides[:, joint].sum()} windows of {WINDOW_S} s, expected 20 or more; play an excitation")
    means = [_windows(values, count).mean(1) for values in (np.sign(vel), acc, push)]
    fits = [_least_squares(np.c_[means[0][k, i], means[1][k, i]], means[2][k, i]) for i, k in enumerate(slides.T)]
    found, errors = np.array([x for _, x, _ in fits]), np.array([e for _, _, e in fits])
    return tuple(found[:, 0].tolist()), tuple(found[:, 1].tolist()), (errors[:, 0], errors[:, 1])


def _rigid_body_torque(dynamics: Dynamics, pos: Array, vel: Array, acc: Array) -> Array:
    """(n, 7) Nm that the arm's motors give for this motion beyond gravity, by MuJoCo's inverse dynamics."""
    model = arm_model()
    dynamics.apply(model)
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
    data, out = mujoco.MjData(model), np.empty_like(pos)
    for i in range(len(pos)):
        data.qpos[:], data.qvel[:], data.qacc[:] = pos[i], vel[i], acc[i]
        mujoco.mj_inverse(model, data)
        out[i] = data.qfrc_inverse
    return out


def _windows(values: Array, count: int) -> Array:
    """(n // count, count, 7) of values (n, 7)."""
    n = len(values) // count
    return values[: n * count].reshape(n, count, -1)


def _at(times: Array, time: Array, values: Array) -> Array:
    return np.stack([np.interp(times, time, column) for column in values.T], 1)


def _least_squares(of: Array, value: Array) -> tuple[float, Array, Array]:
    """Cost, unknowns (k,) and their standard errors for of (n, k) @ unknowns = value (n,)."""
    x, *_ = np.linalg.lstsq(of, value, rcond=None)
    cost = float(((of @ x - value) ** 2).sum())
    return cost, x, np.sqrt(np.diag(np.linalg.inv(of.T @ of)) * cost / max(1, len(value) - len(x)))
