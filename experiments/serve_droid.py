"""A policy for DROID's robots: `python -m experiments.serve_droid policy=chatvla_tiny action_space=joint_position port=8000`.

Clients of openpi's DROID example, of RoboArena and of DROID send their own keys and get (n, 8) joint actions; our poses
become joints through the arm's inverse kinematics, each sought from the one before.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from envs.geometry import rot6d_from_matrix
from envs.ik import IK
from envs.types import JOINT_POS, Inference, Policy
from experiments.joint_actions import joints_from_poses
from policy import droid
from policy.batching import Asked
from policy.messages import answer_message
from policy.serve import ServeOptions, command
from policy.server import UNNAMED

ACTION_SPACES = ("joint_position", "joint_velocity")


@dataclass(frozen=True)
class ServeDroidOptions(ServeOptions):
    """As `policy.serve`; `action_space`: joint_position (rad) or joint_velocity (DROID's, 0.2 rad a step at 1)."""

    action_space: str = "joint_position"

    def __post_init__(self) -> None:
        if self.action_space not in ACTION_SPACES:
            raise ValueError(f"action_space={self.action_space}; expected {' or '.join(ACTION_SPACES)}")


@dataclass(frozen=True)
class RoboArenaConfig:
    """What RoboArena's server tells its clients first, in its words; other clients look at none of it."""

    image_resolution: tuple[int, int] = (droid.SIZE, droid.SIZE)
    needs_wrist_camera: bool = True
    n_external_cameras: int = 2
    needs_stereo_camera: bool = False
    needs_session_id: bool = False
    action_space: str = "joint_position"


@dataclass
class DroidDialect:
    """`policy.server.Dialect` of DROID's clients. All actions of an answer are meant to be executed."""

    action_space: str = "joint_position"
    ik: IK = field(default_factory=IK)

    def __post_init__(self) -> None:
        self._kinematics = threading.Lock()  # connections are read and answered in threads, and IK keeps a state

    def metadata(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """RoboArena's configuration and nothing more: its client refuses keys that it does not know."""
        return asdict(RoboArenaConfig(action_space=self.action_space))

    def read(self, policy: Policy, message: dict[str, Any]) -> Asked | str:
        """DROID's observation; RoboArena's `endpoint` may ask for a reset instead.

        Raises:
            ValueError: the message is no observation of DROID.
        """
        if message.get("endpoint") == "reset":
            policy.reset(UNNAMED)
            return "reset successful"
        joint_pos = np.asarray(message.get(droid.JOINTS, ()), np.float64)
        if joint_pos.shape != (7,) or not np.isfinite(joint_pos).all():
            raise ValueError(f"{droid.JOINTS} is {joint_pos.tolist()}, expected 7 finite angles in rad")
        with self._kinematics:
            ee_pos, ee_mat = self.ik.pose(joint_pos)
        return Asked(*droid.from_droid(message, ee_pos, rot6d_from_matrix(ee_mat)))

    def answer(self, asked: Asked, inference: Inference, execute: int, infer_s: float) -> Mapping[str, Any]:
        """(execute, 8) `actions`, reasoning and times."""
        start = np.asarray(asked.observation["agent_pos"][JOINT_POS], np.float64)
        with self._kinematics:
            actions = joints_from_poses(self.ik, np.asarray(inference.action_chunk[:execute], np.float64), start)
        if self.action_space == "joint_velocity":
            actions = droid.velocities_from_positions(actions, start)
        return {**answer_message(inference, infer_s), "actions": actions.astype(np.float32)}


def main(argv: Sequence[str]) -> int:
    """Serve DROID's clients; the exit code: 0, or 2 for a mistake of the caller."""
    return command(argv, "experiments.serve_droid", ServeDroidOptions, lambda options: DroidDialect(options.action_space))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
