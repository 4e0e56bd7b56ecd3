"""How a joint target reaches the arm's controller within a control step: at once, or along a curve that a Franka can follow.

`step`: the whole target at once. The joint controller then asks for torque jumps of up to 86 Nm (the expert on sort_toys), where
a Franka's torque may change by 1 Nm in a millisecond. `smooth`: from the last target to the new one along 3 s^2 - 2 s^3, so that no
torque jumps, and each joint so slowly that stiffness times the curve's steepest slope stays within 1 Nm a millisecond; the
controller then runs at 1 kHz, as a Franka's does (`envs.impedance`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.ik import MAX_JOINT_STEP
from envs.robot import STIFFNESS
from envs.types import CONTROL_HZ

TICK = 1e-3  # s, of a Franka's controller
TORQUE_RATE = 1000.0  # Nm/s that a Franka's torque may change by (Franka Control Interface documentation, "Robot limits")
STEEPEST = 1.5  # slope of the curve in its middle


def ticks_until(control_step: int) -> int:
    """Milliseconds, rounded up, from the start of a trial to the end of its n-th control step: 67, 134, 200, 267, ..."""
    return -(-control_step * 1000 // CONTROL_HZ)


@dataclass(frozen=True)
class Motion:
    """`max_step`: (7,) rad, the farthest that a joint's target may go in one control step."""

    name: str
    max_step: tuple[float, ...]

    def target(self, last: NDArray[np.float64], new: NDArray[np.float64], passed: float) -> NDArray[np.float64]:
        """(7,) rad: what the controller is told at the share `passed` (0 - 1, then held) of the control step from `last` to `new`."""
        if self.name == "step" or passed >= 1:
            return new
        return last + passed * passed * (3 - 2 * passed) * (new - last)


MOTIONS = {
    "step": Motion("step", (MAX_JOINT_STEP,) * 7),
    "smooth": Motion("smooth", tuple(min(MAX_JOINT_STEP, TORQUE_RATE / (STEEPEST * k * CONTROL_HZ)) for k in STIFFNESS)),
}
