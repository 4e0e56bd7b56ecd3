"""The baselines do what their names say, from the trial alone."""

import numpy as np
import pytest

from envs.spaces import WORKSPACE_HIGH, WORKSPACE_LOW, action_space
from envs.types import HORIZON, Observation, Trial
from policy.baselines import Demonstration, Random, Replay, Zero

TRIAL = Trial("sort_toys", 3)


def observation(x=0.5) -> Observation:
    state = np.zeros(17, np.float32)
    state[7:10] = x, 0.0, 0.3
    state[10:16] = 1, 0, 0, 0, -1, 0
    return {"pixels": {}, "agent_pos": state}


def test_zero_holds_the_first_pose_even_when_the_arm_drifts():
    policy = Zero()
    policy.reset(TRIAL)
    first = policy.infer(observation(0.5), "").action_chunk
    later = policy.infer(observation(0.6), "").action_chunk
    assert first.shape == (HORIZON, 10)
    assert (first == later).all()
    np.testing.assert_allclose(first[0], [0.5, 0, 0.3, 1, 0, 0, 0, -1, 0, 0], rtol=1e-6)


def test_zero_forgets_the_pose_of_the_trial_before():
    policy = Zero()
    policy.infer(observation(0.5), "")
    policy.reset(TRIAL)
    assert policy.infer(observation(0.6), "").action_chunk[0, 0] == np.float32(0.6)


def test_random_is_the_same_in_the_same_trial_and_stays_in_the_workspace():
    chunks = []
    for _ in range(2):
        policy = Random()
        policy.reset(TRIAL)
        chunks.append([policy.infer(observation(), "").action_chunk for _ in range(20)])
    assert np.array_equal(*chunks)
    flat = np.concatenate(chunks[0])
    assert ((flat[:, :3] >= WORKSPACE_LOW) & (flat[:, :3] <= WORKSPACE_HIGH)).all()
    assert action_space().contains(flat[0])
    assert len(np.unique(flat[:, 9])) == 2


def test_replay_plays_the_nearest_layout_in_order_and_stays_at_its_end():
    near, far = np.arange(200, dtype=np.float32).reshape(20, 10), np.zeros((20, 10), np.float32)
    demonstrations = [Demonstration(np.array([0.9, 0.0]), far), Demonstration(np.array([0.5, 0.1]), near, ["go"] * 20)]
    policy = Replay(demonstrations, lambda trial: np.array([0.45, 0.1]))
    policy.reset(TRIAL)
    first, second, third = (policy.infer(observation(), "") for _ in range(3))
    assert (first.action_chunk == near[:16]).all()
    assert (second.action_chunk[:12] == near[8:]).all()
    assert (third.action_chunk[4:] == near[19]).all()
    assert first.reasoning == "go"


def test_replay_without_demonstrations_says_how_to_get_some():
    with pytest.raises(ValueError, match="collect some first: stage=collect"):
        Replay([], lambda trial: np.zeros(2))
