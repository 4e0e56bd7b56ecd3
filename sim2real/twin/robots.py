"""Limits of the Franka arms that a twin can be, and what its internal controllers are set to when switched on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Seven = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True)
class RobotKind:
    """Limits per joint: rad, rad/s, rad/s^2, rad/s^3, Nm. `version`: of the interface that the newest system speaks.

    `braking`: (offset rad/s, deceleration rad/s^2) per joint, by which the URDF says how fast a joint may be near its end.
    """

    name: str
    version: int
    low: Seven
    high: Seven
    velocity: Seven
    acceleration: Seven
    jerk: Seven
    braking: tuple[tuple[float, float], ...]
    torque_rate: float = 1000.0  # Nm/s
    cuts_torque: bool = False  # torques beyond the limits are cut off, not an error


TORQUE: Seven = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)  # Nm, of both
JOINT_STIFFNESS: Seven = (3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0)  # Nm/rad, as libfranka's examples set it

_BRAKING = (
    (0.652, 6.0), (0.25, 2.585), (0.2005, 3.5), (0.3542, 4.0), (0.5738, 17.0), (0.4885, 5.5), (0.5738, 17.0),
)  # fmt: skip

# libfranka 0.21, rate_limiting.h; Franka Control Interface documentation, "Robot limits". Joint 7's braking is joint 5's.
FR3 = RobotKind(
    name="fr3",
    version=10,
    low=(-2.9007, -1.8361, -2.9007, -3.0770, -2.8763, 0.4398, -3.0508),
    high=(2.9007, 1.8361, 2.9007, -0.1169, 2.8763, 4.6216, 3.0508),
    velocity=(2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26),
    acceleration=(10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0),
    jerk=(5000.0, 5000.0, 5000.0, 5000.0, 5000.0, 5000.0, 5000.0),
    braking=_BRAKING,
)
PANDA = RobotKind(
    name="panda",
    version=5,
    low=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
    high=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
    velocity=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
    acceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
    jerk=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
    braking=_BRAKING,
)
# The simulation's arm behind the FR3's interface. Its law takes a new target at 15 Hz at once, with torque jumps of up to
# 86 Nm in a millisecond (the expert on sort_toys); a real arm takes 1 Nm, which puts the ee up to 4.4 mm elsewhere.
IDEAL = replace(FR3, name="fr3_ideal", torque_rate=math.inf, cuts_torque=True)
ROBOTS = {robot.name: robot for robot in (FR3, PANDA, IDEAL)}
