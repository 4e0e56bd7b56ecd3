"""Corrections take their share of a batch."""

from typing import cast

import numpy as np
import torch

from policy.features import CORRECTED_SHARE, Corrections, FeatureBatches
from policy.recorded import Frames


class Recorded:
    """Twenty frames, all pictured and equally likely."""

    pictured = np.arange(20)
    probability = np.full(20, 1 / 20)

    def chunk(self, index):
        return np.zeros((16, 10), np.float32), np.ones(16, bool)


def batches(corrections):
    return FeatureBatches(cast(Frames, Recorded()), np.arange(20), torch.zeros(20, 8), rows=10, corrections=corrections)


def test_corrections_take_their_share_of_a_batch(tmp_path):
    for i in range(3):
        np.savez(tmp_path / f"corrections_{i:05d}.npz", condition=np.ones((4, 8), np.float32), actions=np.ones((4, 16, 10), np.float32))
    batch = batches(Corrections.read(tmp_path)).batch(0)
    corrected = int(10 * CORRECTED_SHARE)
    assert batch.condition[:, 0].tolist() == [0] * (10 - corrected) + [1] * corrected
    assert batch.actions[-corrected:].eq(1).all()
    assert batch.action_mask.all()


def test_without_corrections_a_batch_is_of_demonstrations(tmp_path):
    assert Corrections.read(tmp_path) is None
    assert batches(None).batch(0).condition.eq(0).all()


def test_a_batch_is_a_function_of_its_number():
    made = Corrections(torch.arange(5.0)[:, None].expand(5, 8), torch.zeros(5, 16, 10))
    assert torch.equal(batches(made).batch(3).condition, batches(made).batch(3).condition)
    assert not torch.equal(batches(made).batch(3).condition, batches(made).batch(4).condition)
