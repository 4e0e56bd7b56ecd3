"""No action, however wild, becomes a command outside of the limits; what is harmless passes unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from envs.geometry import matrix_from_rot6d, rot6d_from_matrix
from envs.ik import MAX_JOINT_STEP
from envs.motion import MOTIONS
from envs.robot import HOME_QPOS
from envs.types import CONTROL_HZ
from sim2real.safety import IN_THE_BOX, Guard, SafetyLimits
from sim2real.twin.robots import FR3, PANDA


def hold(guard, command=HOME_QPOS):
    pos, mat = guard.ik.pose(command)
    return np.r_[pos, rot6d_from_matrix(mat), 0.0]


@pytest.fixture(scope="module")
def guard():
    return Guard(SafetyLimits(), FR3)


def test_a_small_move_is_what_the_simulation_would_do(guard):
    action = hold(guard) + np.r_[0.02, 0, 0, np.zeros(7)]
    sent = guard.command(HOME_QPOS, action)
    expected = guard.ik.step(HOME_QPOS, action[:3].astype(np.float32).astype(float), matrix_from_rot6d(action[3:9].astype(np.float32)), MOTIONS["smooth"].max_step)
    np.testing.assert_array_equal(sent.joint_pos, expected)
    assert sent.why == ()
    np.testing.assert_allclose(sent.clamped, action, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 5, 9])
def test_what_is_not_finite_is_refused(guard, bad, place):
    action = hold(guard)
    action[place] = bad
    with pytest.raises(ValueError, match="not finite"):
        guard.command(HOME_QPOS, action)


@pytest.mark.parametrize("change", [{"shape": 7}, {"rot": 0}])
def test_what_is_no_action_is_refused(guard, change):
    action = hold(guard)
    if "rot" in change:
        action[3:9] = 0
    with pytest.raises(ValueError, match=r"shape|rotation"):
        guard.command(HOME_QPOS, action[:7] if "shape" in change else action)


def test_a_jump_is_cut_to_its_limit_in_its_own_direction(guard):
    action = hold(guard)
    action[:3] += [0.0, 0.3, 0.0]
    sent = guard.command(HOME_QPOS, action)
    assert "jump" in sent.why
    np.testing.assert_allclose(sent.clamped[:3] - hold(guard)[:3], [0, guard.limits.jump, 0], atol=1e-6)


def test_a_target_outside_of_the_box_is_brought_to_its_wall(guard):
    action = hold(guard)
    action[2] = -0.5
    low = np.array([*action[:2], 0.0])
    command = guard.ik.solve(HOME_QPOS, low, matrix_from_rot6d(action[3:9]))
    sent = guard.command(command, action)
    assert "workspace" in sent.why
    assert sent.clamped[2] == pytest.approx(guard.limits.workspace_low[2])


def test_a_great_turn_is_cut_to_its_limit(guard):
    action = hold(guard)
    action[3:9] = rot6d_from_matrix(np.diag([-1.0, 1.0, -1.0]))  # half a turn about the approach
    sent = guard.command(HOME_QPOS, action)
    turned = matrix_from_rot6d(sent.clamped[3:9]) @ guard.ik.pose(HOME_QPOS)[1].T
    assert "turn" in sent.why
    assert np.arccos((np.trace(turned) - 1) / 2) == pytest.approx(guard.limits.turn, abs=1e-3)


def test_a_lower_speed_slows_the_hand_down():
    slow = Guard(SafetyLimits(speed=0.1), FR3)
    action = hold(slow)
    action[0] += 0.05
    sent = slow.command(HOME_QPOS, action)
    moved = np.linalg.norm(slow.ik.pose(sent.joint_pos)[0] - slow.ik.pose(HOME_QPOS)[0])
    assert "speed" in sent.why
    assert moved * CONTROL_HZ <= 0.1 * 1.02


def test_a_joint_at_its_margin_goes_no_farther(guard):
    command = np.array(HOME_QPOS)
    command[6] = guard.high[6]
    pos, mat = guard.ik.pose(command)
    c, s = np.cos(0.3), np.sin(0.3)
    further = mat @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    sent = guard.command(command, np.r_[pos, rot6d_from_matrix(further), 0.0])
    assert "joint margin" in sent.why
    assert sent.joint_pos[6] <= guard.high[6]


def test_the_margins_are_within_both_the_robots_and_the_simulations_limits():
    for kind in (FR3, PANDA):
        guard = Guard(SafetyLimits(joint_margin=0.1), kind)
        assert np.all(guard.low >= np.array(kind.low) + 0.1 - 1e-9)
        assert np.all(guard.high <= np.array(kind.high) - 0.1 + 1e-9)
        assert np.all((guard.low < HOME_QPOS) & (guard.high > HOME_QPOS))


def test_of_two_thousand_wild_actions_in_a_row_none_leaves_the_limits(guard):
    rng = np.random.default_rng(0)
    command, refused = np.array(HOME_QPOS), 0
    low, high = np.array(guard.limits.workspace_low), np.array(guard.limits.workspace_high)
    for k in range(2000):
        action = rng.normal(0, 1, 10) * rng.choice([0.1, 1, 10, 1e6])
        if k % 7 == 0:
            action[rng.integers(10)] = rng.choice([np.nan, np.inf])
        try:
            sent = guard.command(command, action)
        except ValueError:
            refused += 1
            continue
        step = np.abs(sent.joint_pos - command)
        pos = guard.ik.pose(sent.joint_pos)[0]
        assert step.max() <= MAX_JOINT_STEP + 1e-9
        assert np.all((sent.joint_pos >= guard.low) & (sent.joint_pos <= guard.high))
        assert np.all((pos >= low - IN_THE_BOX) & (pos <= high + IN_THE_BOX))
        assert np.linalg.norm(pos - guard.ik.pose(command)[0]) * CONTROL_HZ <= guard.limits.speed * 1.05
        command = sent.joint_pos
    assert 286 <= refused < 600  # besides NaN: rotations whose rows are clipped to the same corner
