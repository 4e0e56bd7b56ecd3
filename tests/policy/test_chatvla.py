"""The whole network: packing, routing, masks, gradients, and that it can learn one batch by heart."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from policy.batch import Batch
from policy.chatvla import ChatVLA
from policy.config import LossWeights, Options
from policy.experts import is_control_expert, is_understanding_expert
from policy.normalizer import NormStats
from policy.presets import preset
from tests.policy.small import positions, small_batch, small_config, small_model

OPTIONS = [
    {},
    {"conv_stem": True},
    {"linear_patch_embed": True, "plain_attention": True},
    {"conv_stem": True, "keypoint_readout": True, "condition_mlp": True},
]


@pytest.fixture(scope="module")
def model() -> ChatVLA:
    return small_model()


def states(model: ChatVLA, batch: Batch) -> torch.Tensor:
    return model.hidden_states(batch, model.see(batch.images, batch.cameras))[0]


@torch.no_grad()
def test_a_packed_text_has_the_states_that_it_has_alone(model):
    batch = small_batch(control=1, understanding=1)
    packed = states(model, batch)
    for row, texts, images in ((0, 2, slice(0, 3)), (1, 3, slice(3, 4))):
        for text in range(1, texts + 1):
            keep = (batch.segment[row] == 0) | (batch.segment[row] == text)
            ids = batch.input_ids[row : row + 1, keep]
            segment = (batch.segment[row : row + 1, keep] > 0).long()
            alone = replace(
                batch,
                input_ids=ids,
                segment=segment,
                position_ids=positions(ids, segment, model.config),
                images=batch.images[images],
                cameras=batch.cameras[images],
                n_control=int(row == 0),
            )
            torch.testing.assert_close(states(model, alone)[0], packed[row, keep], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_rows_do_not_depend_on_their_neighbours(model):
    batch = small_batch(control=2, understanding=1)
    second = replace(
        batch,
        input_ids=batch.input_ids[1:2],
        segment=batch.segment[1:2],
        position_ids=batch.position_ids[:, 1:2],
        images=batch.images[3:6],
        cameras=batch.cameras[3:6],
        n_control=1,
    )
    torch.testing.assert_close(states(model, batch)[1:2], states(model, second), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("options", OPTIONS)
def test_every_parameter_learns_whatever_the_options(options):
    model = small_model(**(options or {"conv_stem": False}))
    losses = model(small_batch(config=model.config))
    losses["loss"].backward()
    assert losses["loss"].isfinite()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_the_action_loss_reaches_the_language_model_and_the_stem(model):
    model.zero_grad()
    model(small_batch(understanding=0))["action"].backward()
    layer = model.vlm.model.language_model.layers[0]
    assert layer.mlp.control.up_proj.weight.grad.abs().sum() > 0
    assert layer.self_attn.q_proj.weight.grad.abs().sum() > 0
    assert model.stem.net[0].weight.grad.abs().sum() > 0
    assert layer.mlp.up_proj.weight.grad is None


def test_a_batch_of_questions_gives_a_zero_action_loss_with_gradients_connected(model):
    model.zero_grad()
    losses = model(small_batch(control=0))
    losses["loss"].backward()
    assert losses["action"].item() == 0
    assert losses["positions"].item() == 0
    assert losses["lm"].item() > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None or is_control_expert(name), name


def test_a_batch_of_control_rows_leaves_the_understanding_experts_alone(model):
    model.zero_grad()
    model(small_batch(understanding=0))["loss"].backward()
    assert all(p.grad is None for n, p in model.named_parameters() if is_understanding_expert(n))


def test_rows_without_actions_give_no_action_loss(model):
    batch = small_batch()
    losses = model(replace(batch, action_mask=torch.zeros_like(batch.action_mask)))
    assert losses["action"].item() == 0
    assert losses["positions"].item() > 0


def test_references_that_nobody_asks_for_are_not_looked_for(model):
    batch = small_batch(control=3, understanding=0)
    asked = torch.tensor([[True, False], [True, True], [False, False]])
    seen = model.see(batch.images, batch.cameras)
    hidden, cache = model.hidden_states(batch, seen)
    everywhere = model._conditioned(batch, hidden, seen, cache)
    some = model._conditioned(replace(batch, readout_mask=asked), hidden, seen, cache)
    torch.testing.assert_close(some.context.vector, everywhere.context.vector)
    torch.testing.assert_close(some.positions[1], everywhere.positions[1])
    torch.testing.assert_close(some.positions[:, 0], everywhere.positions[:, 0])
    assert not some.positions[[0, 2], 1].any()


def test_the_loss_is_the_weighted_sum_of_its_parts():
    weights = LossWeights(lm=1.0, action=2.0, words=3.0, positions=4.0)
    model = ChatVLA(replace(small_config(), loss=weights), NormStats.unit())
    losses = model(small_batch())
    parts = sum(getattr(weights, f.name) * losses[f.name] for f in fields(weights))
    torch.testing.assert_close(losses["loss"], parts)


def test_training_the_head_on_cached_conditions_is_the_same_loss(model):
    batch = small_batch()
    torch.manual_seed(5)
    whole = model(batch)["action"]
    context = model.context(batch)
    assert context.vector.shape == (2, 32 + 17 + 24 + 12)
    assert context.vector.dtype == torch.float32
    torch.manual_seed(5)
    torch.testing.assert_close(model.head_loss(context, batch.actions, batch.action_mask), whole)


def test_reasoning_changes_the_condition(model):
    batch = small_batch(control=1, understanding=0)
    other = replace(batch, input_ids=torch.where(batch.segment == 1, 9, batch.input_ids))
    assert not torch.allclose(model.context(batch).vector[:, :32], model.context(other).vector[:, :32])


def test_bfloat16_autocast_keeps_condition_and_losses_in_float32(model):
    with torch.autocast("cpu", torch.bfloat16):
        losses = model(small_batch())
        assert model.context(small_batch()).vector.dtype == torch.float32
    assert {v.dtype for v in losses.values()} == {torch.float32}
    torch.testing.assert_close(losses["lm"], model(small_batch())["lm"], atol=0.05, rtol=0.02)


def test_a_fresh_network_predicts_zero_actions():
    fresh = ChatVLA(small_config(), NormStats.unit())
    embedded = fresh.head.embed(fresh.context(small_batch()).vector)
    assert not fresh.head.denoise(torch.randn(2, 16, 10), torch.tensor([0, 50]), embedded).any()


def test_images_of_another_size_are_refused(model):
    batch = small_batch()
    with pytest.raises(ValueError, match=r"expected \(N, 16, 24, 3\) uint8; bring them to the model's size"):
        model(replace(batch, images=batch.images[:, :8]))


def test_a_text_for_fewer_images_is_refused(model):
    batch = small_batch()
    with pytest.raises(ValueError, match="the text has 48 image tokens, the images give 42"):
        model(replace(batch, images=batch.images[:-1], cameras=batch.cameras[:-1]))


def test_the_wrist_may_be_smaller():
    small = small_config(plain_attention=True)
    config = replace(small, wrist_size=(8, 8))
    model = ChatVLA(config, NormStats.unit())
    images = torch.randint(0, 256, (5, 16, 24, 3), dtype=torch.uint8)
    tokens = model.see(images, torch.tensor([0, 1, 2, 2, 0])).tokens
    assert tokens.shape == (6 + 6 + 1 + 1 + 6, 32)
    torch.testing.assert_close(tokens[14:], model.see(images[4:], torch.tensor([0])).tokens, atol=1e-5, rtol=1e-4)


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    model = ChatVLA(replace(small_config(), loss=LossWeights(positions=0.1)), NormStats.unit())
    batch = small_batch()
    optimizer = torch.optim.AdamW(model.parameters(), 6e-3, weight_decay=0)
    first, history = None, []
    for step in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 6e-3 * min(1.0, 2 * (1 - step / 150))
        losses = model(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        first = first if first is not None else {k: v.item() for k, v in losses.items()}
        history.append({k: losses[k].item() for k in ("lm", "action")})
    assert first is not None
    last = {k: sum(h[k] for h in history[-20:]) / 20 for k in ("lm", "action")}
    assert last["lm"] < first["lm"] / 10
    assert last["action"] < first["action"] / 10
    sampled = model.eval().sample_actions(model.context(batch), torch.Generator().manual_seed(0))
    assert (sampled - batch.actions).abs().mean() < 0.15


def test_the_tiny_preset_has_the_size_that_it_names():
    count = sum(p.numel() for p in ChatVLA(preset("chatvla_tiny"), NormStats.unit()).parameters())
    assert 2_000_000 < count < 20_000_000


def test_the_2b_preset_has_the_published_sizes():
    with torch.device("meta"):
        model = ChatVLA(preset("chatvla_2b"), NormStats.unit())
    experts = sum(p.numel() for n, p in model.named_parameters() if is_control_expert(n))
    vlm = sum(p.numel() for p in model.vlm.parameters())
    assert preset("chatvla_2b").options == Options()
    assert experts == 28 * 3 * 1536 * 8960
    assert vlm - experts == 2_208_985_600  # Qwen2-VL-2B-Instruct, embedding tied
    assert 4.3e8 < sum(p.numel() for p in model.head.parameters()) < 4.7e8
