"""What pushes the arm, as a Franka estimates it: the torques that contacts put on its joints, smoothed, and the wrench on the hand.

A real arm stops itself beyond a threshold (a reflex). A simulated one goes on pressing, so a policy may pass there that
never would on the robot; who knows the push knows how often.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.robot import ARM_JOINTS, EE_SITE
from envs.types import PUSH_FORCE, PUSH_TORQUE

FILTER_S = 0.02  # time constant of the estimate; contacts of a simulator come in single peaks
FELT = 2.0  # Nm on some joint: with less, nothing pushes hard enough to be worth the wrench
REGULAR = 1e-6 * np.eye(6)  # where the arm is stretched out

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Push:
    """Torques (7,) Nm on the joints, and the wrench (6,) N, Nm on the hand, in the base's directions."""

    torque: Array
    wrench: Array

    @property
    def share(self) -> float:
        """Of the limit that is nearer: beyond 1 a real arm stops itself."""
        return max(float(np.abs(self.wrench).max()) / PUSH_FORCE, float(np.abs(self.torque).max()) / PUSH_TORQUE)


class PushEstimate:
    """The estimate of one trial: `pass_time` or `watch` after each step of the simulation, `push` for what it comes to.

    `torque`: (7,) Nm; `peak`: the greatest share of the limit that `watch` has seen.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData):
        self._model, self._data = model, data
        self._dof = np.array([model.joint(j).dofadr[0] for j in ARM_JOINTS])
        self._site = model.site(EE_SITE).id
        self._jac = np.zeros((6, model.nv))
        self.torque, self.peak = np.zeros(7), 0.0

    def pass_time(self) -> None:
        """A timestep of the model has passed."""
        self.torque = self.torque + (self._data.qfrc_constraint[self._dof] - self.torque) * (self._model.opt.timestep / FILTER_S)

    def watch(self) -> None:
        """A timestep has passed, and what pushes may be the hardest push so far."""
        self.pass_time()
        if np.abs(self.torque).max() > FELT:
            self.peak = max(self.peak, self.push().share)

    def push(self) -> Push:
        """What pushes the arm now."""
        mujoco.mj_jacSite(self._model, self._data, self._jac[:3], self._jac[3:], self._site)
        jac = self._jac[:, self._dof]
        return Push(self.torque, np.linalg.solve(jac @ jac.T + REGULAR, jac @ self.torque))
