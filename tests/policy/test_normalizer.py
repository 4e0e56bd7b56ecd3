"""The normaliser is one invertible map, and its statistics survive JSON."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from policy.normalizer import Bounds, Normalizer, NormStats


@pytest.fixture
def actions() -> np.ndarray:
    values = np.random.default_rng(0).uniform(-0.4, 0.7, (50, 16, 10)).astype(np.float32)
    values[..., 5] = 0.25  # the gripper points down in every demonstration
    return values


def test_data_map_into_the_unit_box_and_back(actions):
    normalizer = Normalizer(Bounds.of(actions))
    x = normalizer.normalize(torch.from_numpy(actions))
    assert x.abs().max() < 1
    torch.testing.assert_close(normalizer.unnormalize(x), torch.from_numpy(actions), atol=1e-6, rtol=1e-6)


def test_the_extremes_stay_inside_by_the_widening(actions):
    x = Normalizer(Bounds.of(actions)).normalize(torch.from_numpy(actions))[..., 0]
    half = (actions[..., 0].max() - actions[..., 0].min()) / 2
    assert x.max().item() == pytest.approx(1 - 1e-4 / (half + 1e-4), abs=1e-5)


def test_a_constant_dimension_becomes_zero_and_comes_back_whatever_is_predicted(actions):
    normalizer = Normalizer(Bounds.of(actions))
    assert not normalizer.normalize(torch.from_numpy(actions))[..., 5].any()
    torch.testing.assert_close(normalizer.unnormalize(torch.ones(1, 10))[0, 5], torch.tensor(0.25))


def test_statistics_survive_a_file(actions, tmp_path):
    agent_pos = np.random.default_rng(1).normal(size=(50, 17))
    stats = NormStats.fit(actions, agent_pos, np.random.default_rng(2).normal(size=(9, 6)))
    stats.save(tmp_path / "norm_stats.json")
    assert NormStats.load(tmp_path / "norm_stats.json") == stats


def test_values_that_are_not_finite_are_refused(actions):
    actions[3, 2, 1] = np.nan
    with pytest.raises(ValueError, match="bounds need finite values"):
        Bounds.of(actions)
