"""A remote policy of DROID under our protocol: its joint actions become poses of the hand through the arm's kinematics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from envs.geometry import matrix_from_rot6d, rot6d_from_matrix
from envs.ik import IK
from envs.types import ACTION_EE_POS, ACTION_GRIPPER, ACTION_ROT6D, JOINT_POS, Observation, Trial
from policy import droid
from policy.remote import checked_width

Array = NDArray[np.float64]


def poses_from_joints(ik: IK, targets: Array) -> Array:
    """(n, 8) joint targets (rad) with gripper -> (n, 10) our actions, by forward kinematics.

    Which of the elbow's many places a pose is reached with is then left to our own inverse kinematics.
    """
    poses = [ik.pose(target[:7]) for target in targets]
    return np.stack([np.concatenate([pos, rot6d_from_matrix(mat), target[7:]]) for (pos, mat), target in zip(poses, targets, strict=True)])


def joints_from_poses(ik: IK, actions: Array, joint_pos: Array) -> Array:
    """(n, 10) our actions -> (n, 8) joint targets (rad) with gripper, each sought from the one before, the first from `joint_pos`."""
    targets = []
    for action in actions:
        joint_pos = ik.solve(joint_pos, action[ACTION_EE_POS], matrix_from_rot6d(action[ACTION_ROT6D]))
        targets.append(np.concatenate([joint_pos, action[ACTION_GRIPPER]]))
    return np.stack(targets)


@dataclass
class Droid:
    """`policy.remote.Adapter` for openpi's DROID policies, whose actions are joint velocities or joint positions."""

    space: Literal["joint_velocity", "joint_position"]
    ik: IK = field(default_factory=IK)

    def begin(self, trial: Trial) -> Mapping[str, Any]:
        """Nothing: such a server knows of no trials."""
        return {}

    def check(self, metadata: Mapping[str, Any]) -> None:
        """Every server will do."""

    def message(self, observation: Observation, instruction: str) -> dict[str, Any]:
        """DROID's keys."""
        return droid.to_droid(observation, instruction)

    def actions(self, actions: Array, observation: Observation) -> Array:
        """(n, 8) -> (n, 10).

        Raises:
            ValueError: they are not (n, 8).
        """
        actions = checked_width(actions, droid.ACTION_DIM, f"policy_adapter=droid_{self.space}")
        if self.space == "joint_velocity":
            actions = droid.positions_from_velocities(actions, np.asarray(observation["agent_pos"][JOINT_POS], np.float64))
        return poses_from_joints(self.ik, actions)
