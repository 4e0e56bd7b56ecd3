"""Least squares: the dynamics under which the simulation moves as the log says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

from sim2real.identification.dynamics import Dynamics, arm_model, gripper_model, nominal
from sim2real.identification.simulate import Motion, simulate_arm, simulate_gripper
from sim2real.motion_log import MotionLog

Array = NDArray[np.float64]
Simulated = Callable[[Dynamics], Array]
FIT_SHARE = 0.7  # of the log; the rest judges
# What a difference is measured in: how exactly a Franka's encoders, their derivative and a torque command can be believed.
POS_UNIT, VEL_UNIT, TORQUE_UNIT, GRIPPER_UNIT = 2e-4, 1e-2, 0.2, 0.01  # rad, rad/s, Nm, share of the way
FRICTION_START = 0.1  # Nm
DELAY_UNIT, MAX_DELAY = 0.01, 0.2  # s
STEP = 1e-3  # of the unknowns, for derivatives
FACTOR = 20.0  # by which a parameter may leave its start, up or down


@dataclass(frozen=True)
class Fit:
    """`dynamics` as found; `error`: its relative standard errors (s for the delays), as a Dynamics; `log` with FIT_SHARE used."""

    dynamics: Dynamics
    error: Dynamics
    start: Dynamics
    log: MotionLog


def fit(log: MotionLog) -> Fit:
    """Dynamics from a log of a moving arm; the gripper's too where the log has it moving.

    Raises:
        ValueError: the arm hardly moves, so nothing can be told.
    """
    moved = np.ptp(log.joint_pos, axis=0)
    if moved.min() < 0.05:
        raise ValueError(f"joint {int(moved.argmin()) + 1} moves by {moved.min():.3f} rad in this log, expected 0.05 or more; play an excitation")
    used = cut(log, 0, round(FIT_SHARE * len(log.time)))
    start = replace(nominal(), frictionloss=(FRICTION_START,) * 7, delay_s=DELAY_UNIT, gripper_delay_s=DELAY_UNIT)
    model = arm_model()
    # scaled residuals of what the log knows
    units = [(used.joint_pos, "joint_pos", POS_UNIT), (used.joint_vel, "joint_vel", VEL_UNIT), (used.joint_torque, "joint_torque", TORQUE_UNIT)]

    def arm(dynamics: Dynamics) -> Array:
        motion = simulate_arm(model, dynamics, used)
        return np.concatenate([((getattr(motion, name) - seen) / unit)[np.isfinite(seen)] for seen, name, unit in units])

    names = ("stiffness", "damping", "frictionloss", "armature")
    found, error = _search(arm, start, names, "delay_s")
    if np.isfinite(used.gripper_closed).all() and np.ptp(used.gripper_closed) > 0.1:
        gripper = gripper_model()
        found, more = _search(lambda d: (simulate_gripper(gripper, d, used) - used.gripper_closed) / GRIPPER_UNIT, found, ("gripper_damping",), "gripper_delay_s")
        error = replace(error, gripper_damping=more.gripper_damping, gripper_delay_s=more.gripper_delay_s)
    else:
        found = replace(found, gripper_delay_s=0.0)
    return Fit(found, error, nominal(), log)


def tracking_error(dynamics: Dynamics, log: MotionLog, simulated: Motion | None = None) -> Array:
    """(7,) rad: root mean square of simulated - logged joint_pos over the part of the log that was not fitted."""
    motion = simulated or simulate_arm(arm_model(), dynamics, log)
    judged = slice(round(FIT_SHARE * len(log.time)), None)
    return np.sqrt(((motion.joint_pos - log.joint_pos)[judged] ** 2).mean(0))


def gripper_error(dynamics: Dynamics, log: MotionLog) -> float:
    """The same for the gripper, as a share of its way; nan where the log does not know it."""
    if not np.isfinite(log.gripper_closed).all():
        return float("nan")
    judged = slice(round(FIT_SHARE * len(log.time)), None)
    return float(np.sqrt(((simulate_gripper(gripper_model(), dynamics, log) - log.gripper_closed)[judged] ** 2).mean()))


def cut(log: MotionLog, start: int, stop: int) -> MotionLog:
    """Samples start to stop of a log."""
    return replace(log, **{f.name: getattr(log, f.name)[start:stop] for f in fields(log) if f.name != "meta"})


def _search(residuals: Simulated, start: Dynamics, names: tuple[str, ...], delay: str) -> tuple[Dynamics, Dynamics]:
    """Best parameters of these names and the delay, and their standard errors.

    The unknowns are the logarithms of parameter / start, so that all are positive and of one size, and delay / DELAY_UNIT.
    """
    sizes = [np.size(getattr(start, name)) for name in names]

    def dynamics(x: Array) -> Dynamics:
        parts = np.split(np.exp(x[:-1]), np.cumsum(sizes)[:-1])
        scaled = {n: np.asarray(getattr(start, n)) * f for n, f in zip(names, parts, strict=True)}
        return replace(start, **{n: _plain(v, getattr(start, n)) for n, v in scaled.items()}, **{delay: float(x[-1] * DELAY_UNIT)})

    def value(x: Array) -> Array:
        return residuals(dynamics(x))

    def jacobian(x: Array) -> Array:
        here = value(x)
        return np.stack([(value(x + STEP * e) - here) / STEP for e in np.eye(len(x))], 1)

    bound = np.r_[np.full(sum(sizes), np.log(FACTOR)), MAX_DELAY / DELAY_UNIT]
    low = np.r_[-bound[:-1], 0.0]
    x0 = np.r_[np.zeros(sum(sizes)), 1.0]
    result = least_squares(value, x0, jacobian, bounds=(low, bound), loss="linear", xtol=1e-6, ftol=1e-8, max_nfev=40)
    sigma = _standard_errors(result)
    parts = np.split(sigma[:-1], np.cumsum(sizes)[:-1])
    errors = {n: _plain(v, getattr(start, n)) for n, v in zip(names, parts, strict=True)}
    return dynamics(result.x), replace(start, **errors, **{delay: float(sigma[-1] * DELAY_UNIT)})


def _standard_errors(result: OptimizeResult) -> Array:
    freedom = max(1, len(result.fun) - len(result.x))
    return np.sqrt(np.diag(np.linalg.pinv(result.jac.T @ result.jac)) * float(result.fun @ result.fun) / freedom)


def _plain(value: Array, like: tuple[float, ...] | float) -> tuple[float, ...] | float:
    return tuple(map(float, value)) if isinstance(like, tuple) else float(np.ravel(value)[0])
