"""Least squares: the dynamics under which the simulation moves as the log says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

from envs.scenes.scene import TIMESTEP
from sim2real.identification.dynamics import Dynamics, arm_model, gripper_model, nominal
from sim2real.identification.samples import Samples
from sim2real.identification.simulate import commands, simulate_arm, simulate_gripper

Array = NDArray[np.float64]
Simulated = Callable[[Dynamics], Array]
FIT_SHARE = 0.7  # of the log; the rest judges
# What a difference is measured in: how exactly a Franka's encoders, their derivative and a torque command can be believed.
UNITS = {"joint_pos": 2e-4, "joint_vel": 1e-2, "joint_torque": 0.2}  # rad, rad/s, Nm
CHANNELS = tuple(UNITS)
GRIPPER_UNIT = 0.01  # share of the way
ARM_PARAMETERS = ("stiffness", "damping", "frictionloss", "armature")
FRICTION_START = 0.1  # Nm
DELAY_UNIT, MAX_DELAY = 0.01, 0.2  # s
DELAYS = np.arange(0, MAX_DELAY, 0.004)  # s, tried before the search
STEP = 1e-3  # of the logarithms, for derivatives
DELAY_STEP = 0.05  # of DELAY_UNIT: how a target is shared between two simulation steps has a kink where the delay is whole steps
FACTOR = 20.0  # by which a parameter may leave its start, up or down


@dataclass(frozen=True)
class Fit:
    """`dynamics` as found; `error`: its relative standard errors (s for the delays), as a Dynamics; `log` with FIT_SHARE used."""

    dynamics: Dynamics
    error: Dynamics
    start: Dynamics
    log: Samples


def fit(log: Samples, timestep: float = TIMESTEP) -> Fit:
    """Dynamics from a log of a moving arm; the gripper's too where the log has it moving.

    They are those with which a simulation of this `timestep` h moves like the log, not constants of nature: its integrator
    (semi-implicit Euler, damping implicit) acts like a further armature of damping h/2 (0.11 kg m2 in joint 1 at 1/300 s).

    Raises:
        ValueError: a joint hardly moves, so nothing can be told of it.
    """
    moved = np.ptp(log.joint_pos, axis=0)
    if moved.min() < 0.05:
        raise ValueError(f"joint {int(moved.argmin()) + 1} moves by {moved.min():.3f} rad in this log, expected 0.05 or more; play an excitation")
    used = cut(log, 0, round(FIT_SHARE * len(log.time)))
    start = replace(nominal(), frictionloss=(FRICTION_START,) * 7)
    model = arm_model(timestep)

    def arm(dynamics: Dynamics, channels: Sequence[str]) -> Array:
        motion = simulate_arm(model, dynamics, used)
        apart = [((getattr(motion, name) - getattr(used, name)) / UNITS[name]).ravel() for name in channels]
        return np.concatenate([a[np.isfinite(a)] for a in apart])

    # Positions alone first: force jumps with each target, so that it can be compared only once the delay is nearly known.
    start = _best_delay(lambda d: arm(d, CHANNELS[:1]), start, "delay_s")
    start, _ = _search(lambda d: arm(d, CHANNELS[:1]), start, ARM_PARAMETERS, "delay_s", 12)
    used = _without_jumps(used, start.delay_s, timestep)
    found, error = _search(lambda d: arm(d, CHANNELS), start, ARM_PARAMETERS, "delay_s")
    return Fit(*fit_gripper(used, found, error, timestep), nominal(), log)


def fit_gripper(log: Samples, found: Dynamics, error: Dynamics, timestep: float) -> tuple[Dynamics, Dynamics]:
    """Dynamics and their errors with those of the gripper, where the log has it moving and knows where it was at first."""
    known = np.isfinite(log.gripper_closed)
    if not known[0] or np.ptp(log.gripper_closed[known]) < 0.1:
        return found, error
    gripper = gripper_model(timestep)

    def closing(dynamics: Dynamics) -> Array:
        return ((simulate_gripper(gripper, dynamics, log) - log.gripper_closed) / GRIPPER_UNIT)[known]

    found, more = _search(closing, _best_delay(closing, found, "gripper_delay_s"), ("gripper_damping",), "gripper_delay_s")
    return found, replace(error, gripper_damping=more.gripper_damping, gripper_delay_s=more.gripper_delay_s)


def tracking_error(dynamics: Dynamics, log: Samples) -> Array:
    """(7,) rad: root mean square of simulated - logged joint_pos over the part of the log that was not fitted."""
    motion = simulate_arm(arm_model(), dynamics, log)
    judged = slice(round(FIT_SHARE * len(log.time)), None)
    return np.sqrt(((motion.joint_pos - log.joint_pos)[judged] ** 2).mean(0))


def gripper_error(dynamics: Dynamics, log: Samples) -> float:
    """The same for the gripper, as a share of its way; nan where the log does not know it."""
    if not np.isfinite(log.gripper_closed[0]):
        return float("nan")
    judged = slice(round(FIT_SHARE * len(log.time)), None)
    return float(np.sqrt(np.nanmean((simulate_gripper(gripper_model(), dynamics, log) - log.gripper_closed)[judged] ** 2)))


def cut(log: Samples, start: int, stop: int) -> Samples:
    """Samples start to stop of a log."""
    return replace(log, **{f.name: getattr(log, f.name)[start:stop] for f in fields(log) if f.name != "meta"})


def _without_jumps(log: Samples, delay_s: float, timestep: float) -> Samples:
    """The log without the torques within two simulation steps of a new target's effect: there they say only when it came."""
    sent, _ = commands(log, log.joint_target)
    since = np.abs((log.time - log.time[0] - delay_s)[:, None] - sent).min(1)
    return replace(log, joint_torque=np.where(since[:, None] < 2 * timestep, np.nan, log.joint_torque))


def _best_delay(residuals: Simulated, start: Dynamics, delay: str) -> Dynamics:
    """`start` with the best of DELAYS, robustly judged."""
    costs = [np.abs(residuals(replace(start, **{delay: float(d)}))).sum() for d in DELAYS]
    return replace(start, **{delay: float(DELAYS[int(np.argmin(costs))])})


def _search(residuals: Simulated, start: Dynamics, names: tuple[str, ...], delay: str, evaluations: int = 30) -> tuple[Dynamics, Dynamics]:
    """Best parameters of these names and the delay, and their standard errors.

    The unknowns are the logarithms of parameter / start, so that all are positive and of one size, and delay / DELAY_UNIT.
    """
    sizes = [np.size(getattr(start, name)) for name in names]

    def dynamics(x: Array) -> Dynamics:
        parts = np.split(np.exp(x[:-1]), np.cumsum(sizes)[:-1])
        scaled = {n: np.asarray(getattr(start, n), float) * f for n, f in zip(names, parts, strict=True)}
        return replace(start, **{n: _plain(np.asarray(v, float), getattr(start, n)) for n, v in scaled.items()}, **{delay: float(x[-1] * DELAY_UNIT)})

    def value(x: Array) -> Array:
        return residuals(dynamics(x))

    def jacobian(x: Array) -> Array:
        here, eye = value(x), np.eye(len(x))
        columns = [(value(x + STEP * e) - here) / STEP for e in eye[:-1]]
        late, early = (value(x + sign * DELAY_STEP * eye[-1]) for sign in (1, -1))
        return np.stack([*columns, (late - early) / (2 * DELAY_STEP)], 1)

    bound = np.r_[np.full(sum(sizes), np.log(FACTOR)), MAX_DELAY / DELAY_UNIT]
    low = np.r_[-bound[:-1], 0.0]
    x0 = np.r_[np.zeros(sum(sizes)), max(getattr(start, delay) / DELAY_UNIT, 0.1)]
    result = least_squares(value, x0, jacobian, bounds=(low, bound), xtol=1e-5, ftol=1e-6, max_nfev=evaluations)  # type: ignore[arg-type]
    sigma = _standard_errors(result)
    parts = np.split(sigma[:-1], np.cumsum(sizes)[:-1])
    errors = {n: _plain(np.asarray(v), getattr(start, n)) for n, v in zip(names, parts, strict=True)}
    return dynamics(result.x), replace(start, **errors, **{delay: float(sigma[-1] * DELAY_UNIT)})


def _standard_errors(result: OptimizeResult) -> Array:
    freedom = max(1, len(result.fun) - len(result.x))
    return np.sqrt(np.diag(np.linalg.pinv(result.jac.T @ result.jac)) * float(result.fun @ result.fun) / freedom)


def _plain(value: Array, like: tuple[float, ...] | float) -> tuple[float, ...] | float:
    return tuple(map(float, value)) if isinstance(like, tuple) else float(np.ravel(value)[0])
