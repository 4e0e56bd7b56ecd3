"""Pixels, stem and readout: the order of patches, and that a keypoint points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Qwen2VLImageProcessorPil

from policy.normalizer import NormStats
from policy.pixels import merge_order, patchify, resized
from policy.readout import KeypointReadout, ObjectPositions, pixel_grid
from policy.stem import ConvStem
from tests.policy.small import small_config


def test_patches_equal_those_of_transformers():
    images = np.random.default_rng(0).integers(0, 256, (2, 56, 84, 3), dtype=np.uint8)
    official = Qwen2VLImageProcessorPil(min_pixels=1, max_pixels=10**7)(images=list(images), return_tensors="pt")
    torch.testing.assert_close(patchify(torch.from_numpy(images), 14, 2), official["pixel_values"], atol=1e-5, rtol=1e-5)
    assert official["image_grid_thw"].tolist() == [[1, 4, 6]] * 2


def test_merge_order_puts_squares_together():
    patches = torch.arange(16).view(1, 4, 4, 1)
    assert merge_order(patches, 2)[0, :8, 0].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert merge_order(patches, 1)[0, :, 0].tolist() == list(range(16))


def test_a_resized_flat_picture_stays_flat():
    assert resized(torch.full((1, 16, 24, 3), 7, dtype=torch.uint8), (8, 8)).unique().tolist() == [7]


def test_stem_tokens_know_their_camera_and_place():
    torch.manual_seed(0)
    stem = ConvStem(small_config())
    flat = stem(torch.full((2, 16, 24, 3), 100, dtype=torch.uint8))
    tokens = stem.tokens(flat, torch.tensor([0, 2]))
    assert flat.shape == (2, 16, 4, 6)
    assert tokens.shape == (2, 6, 24)
    assert not torch.allclose(tokens[0], tokens[1])
    assert torch.cdist(tokens[0], tokens[0]).fill_diagonal_(9).min() > 0.01


def test_the_grid_spans_the_picture():
    assert pixel_grid(2, 3, torch.device("cpu")).tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]


def test_a_keypoint_lies_where_the_map_is_high():
    readout = KeypointReadout(small_config())
    readout.features = torch.nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        readout.film.weight.zero_()
        readout.film.bias.zero_()
        readout.mix.weight.copy_(torch.eye(96))
        readout.mix.bias.zero_()
        readout.score.weight.fill_(1.0)
    fine = torch.zeros(3, 96, 5, 7)
    fine[:, :, 4, 0] = 10.0  # bottom left
    points = readout(readout.fine(fine), torch.randn(1, 2, 32)).view(1, 2, 3, 4, 2)
    torch.testing.assert_close(points[..., 0], -torch.ones(1, 2, 3, 4))
    torch.testing.assert_close(points[..., 1], torch.ones(1, 2, 3, 4))


def test_references_of_a_row_are_read_as_if_alone():
    torch.manual_seed(0)
    readout = KeypointReadout(small_config())
    stem_map, state = torch.randn(6, 16, 4, 6), torch.randn(2, 3, 32)
    together = readout(readout.fine(stem_map), state)
    assert together.shape == (2, 3, readout.dim)
    for r in range(3):
        torch.testing.assert_close(together[:, r : r + 1], readout(readout.fine(stem_map), state[:, r : r + 1]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(together[:, 0], together[:, 1])


def test_the_scaled_weights_equal_film_on_the_map():
    torch.manual_seed(0)
    readout = KeypointReadout(small_config())
    stem_map, state = torch.randn(3, 16, 4, 6), torch.randn(1, 1, 32)
    fine = readout.features(stem_map).flatten(2).mT  # (cameras, L, E)
    scale, shift = readout.film(readout.norm(state[0]) + readout.camera).chunk(2, -1)
    logits = readout.score(readout.mix(fine * (1 + scale[:, None]) + shift[:, None]).relu())
    expected = torch.einsum("vlk,lx->vkx", logits.softmax(1), pixel_grid(2, 3, stem_map.device)).flatten()
    torch.testing.assert_close(readout(readout.fine(stem_map), state)[0, 0], expected, atol=1e-5, rtol=1e-5)


@pytest.fixture
def positions() -> ObjectPositions:
    stats = NormStats(NormStats.unit().action, NormStats.unit().agent_pos, (0.5,) * 6, (0.1,) * 6)
    return ObjectPositions(small_config(), 24, stats)


def test_positions_reach_the_head_relative_to_the_gripper(positions):
    agent_pos = torch.zeros(1, 17)
    agent_pos[:, 7:10] = torch.tensor([0.5, 0.4, 0.6])
    relative = positions.relative(torch.zeros(1, 6), agent_pos)
    torch.testing.assert_close(relative[0, :3], torch.tensor([0.0, 1.0, -1.0]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(relative[0, 6:9], torch.tensor([0.0, 3.0, -3.0]), atol=1e-5, rtol=1e-5)


def test_unmarked_references_do_not_count(positions):
    target = torch.full((1, 2, 6), 0.5)
    target[0, 1] = 9.0
    assert positions.loss(torch.zeros(1, 2, 6), target, torch.tensor([[True, False]])).item() == 0
