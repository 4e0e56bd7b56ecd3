"""Actions are checked once, at the edge."""

import numpy as np
import pytest
from gymnasium import spaces

from envs.spaces import action_space, checked_action, observation_space


def test_an_action_outside_the_workspace_is_clipped_to_it():
    space = action_space()
    action = checked_action(np.r_[9.0, -9.0, 9.0, 1, 0, 0, 0, -1, 0, 3.0])
    np.testing.assert_array_equal(action[:3], [space.high[0], space.low[1], space.high[2]])
    assert action[9] == 1
    assert action.dtype == np.float32


def test_a_sampled_action_passes_unchanged():
    space = action_space()
    space.seed(0)
    sample = np.asarray(space.sample(), np.float32)
    np.testing.assert_array_equal(checked_action(sample), sample)


def test_infinity_is_refused_with_its_index():
    with pytest.raises(ValueError, match=r"not finite at \[4\]"):
        checked_action(np.r_[0.5, 0, 0.2, 1, np.inf, 0, 0, -1, 0, 0])


def test_the_observation_space_has_three_cameras_and_the_state():
    space = observation_space()
    pixels = space["pixels"]
    assert isinstance(pixels, spaces.Dict)
    assert set(pixels) == {"left", "right", "wrist"}
    assert space["agent_pos"].shape == (17,)
