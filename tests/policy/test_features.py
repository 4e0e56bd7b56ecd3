"""Batches of cached conditions."""

from typing import cast

import numpy as np
import torch

from policy.features import FeatureBatches
from policy.parts import Part
from policy.recorded import Frames


class Recorded:
    """Twenty frames, all pictured, the second half twice as likely; each chunk holds its frame's number."""

    pictured = np.arange(20)
    probability = np.repeat([1 / 30, 2 / 30], 10)

    def chunk(self, index):
        return np.full((16, 10), index, np.float32), np.ones(16, bool)


def batches():
    return FeatureBatches(cast(Frames, Recorded()), np.arange(20), torch.arange(20.0)[:, None].expand(20, 8), rows=30)


def test_each_condition_comes_with_the_chunk_of_its_frame():
    batch = batches().batch(0)
    assert batch.condition.shape == (30, 8)
    assert torch.equal(batch.condition[:, 0], batch.actions[:, 0, 0])


def test_frames_are_drawn_as_often_as_they_weigh():
    drawn = torch.cat([batches().batch(n).condition[:, 0] for n in range(100)])
    assert abs((drawn >= 10).float().mean().item() - 2 / 3) < 0.04


def test_a_batch_is_a_function_of_its_number_and_its_parts_are_the_whole():
    whole = batches().batch(3).condition
    assert torch.equal(whole, batches().batch(3).condition)
    assert not torch.equal(whole, batches().batch(4).condition)
    assert torch.equal(whole[1::2], batches().batch(3, Part(1, 2)).condition)
