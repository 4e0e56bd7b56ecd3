"""Joint actions of a DROID policy as poses of the hand, and back, through the arm's own kinematics."""

import numpy as np
import pytest

from envs.ik import IK
from envs.robot import HOME_QPOS
from envs.types import CAMERAS, Observation
from experiments.joint_actions import Droid, joints_from_poses, poses_from_joints
from policy import droid

STEPS = np.random.default_rng(0).uniform(-0.03, 0.03, (10, 7)).cumsum(0)
TARGETS = np.c_[HOME_QPOS + STEPS, np.linspace(0, 1, 10)]


def observation() -> Observation:
    state = np.r_[HOME_QPOS, 0.47, 0, 0.28, 1, 0, 0, 0, -1, 0, 0].astype(np.float32)
    return {"pixels": {c: np.zeros((240, 320, 3), np.uint8) for c in CAMERAS}, "agent_pos": state}


def test_home_is_where_the_robot_says_it_is():
    pose = poses_from_joints(IK(), np.r_[HOME_QPOS, 0.0][None])[0]
    assert np.allclose(pose[:3], [0.47, 0, 0.28], atol=1e-4)
    assert np.allclose(pose[8:], [0, 0], atol=1e-3)  # the fingers point straight down; the gripper is open


def test_poses_and_joints_and_poses_again_are_the_same():
    ik = IK()
    poses = poses_from_joints(ik, TARGETS)
    again = poses_from_joints(ik, joints_from_poses(ik, poses, HOME_QPOS))
    assert np.allclose(again, poses, atol=1e-3)
    assert np.array_equal(again[:, 9], TARGETS[:, 7])


@pytest.mark.parametrize("space", ["joint_position", "joint_velocity"])
def test_both_action_spaces_of_droid_mean_the_same_motion(space):
    start = observation()["agent_pos"][:7].astype(np.float64)
    sent = TARGETS if space == "joint_position" else droid.velocities_from_positions(TARGETS, start)
    actions = Droid(space).actions(sent, observation())
    assert np.allclose(actions, poses_from_joints(IK(), TARGETS), atol=1e-6)


def test_standing_still_is_zero_velocity():
    actions = Droid("joint_velocity").actions(np.zeros((8, 8)), observation())
    assert np.allclose(actions[:, :3], [0.47, 0, 0.28], atol=1e-4)


def test_actions_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"actions have shape \(10, 7\), policy_adapter=droid_joint_position expects \(n, 8\)"):
        Droid("joint_position").actions(np.zeros((10, 7)), observation())
