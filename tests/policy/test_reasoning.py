"""Ways of reasoning in the whole network: what is learnt and spoken, and what of it reaches the actions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from envs.types import CAMERAS, Observation, Trial
from policy import checkpoint
from policy.chatvla import ChatVLA
from policy.collate import IGNORE, collate
from policy.config import INJECTED, Reasoning
from policy.inference import ChatVLAPolicy
from policy.normalizer import NormStats
from policy.processor import Processor
from policy.rows import Batches
from policy.stages import STAGES, Mixture
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_batch, small_config

COTRAIN = replace(STAGES["chatvla_tiny"][2], mixture=Mixture(1, 1, 1))


def small(reasoning: Reasoning, seed: int = 0) -> ChatVLA:
    torch.manual_seed(seed)
    model = ChatVLA(replace(small_config(), reasoning=reasoning), NormStats.unit()).eval()
    for module in (model.head, model.fusion):
        for parameter in module.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("reasoning", INJECTED)
def test_the_condition_to_cache_holds_both_means_before_any_weight_of_the_module(reasoning):
    model, batch = small(reasoning), small_batch()
    hidden, _ = model.hidden_states(batch, model.see(batch.images, batch.cameras))
    vector = model.context(batch).vector
    assert vector.shape == (2, 32 + 32 + 17 + 24 + 12)
    assert not list(model.fusion.parameters())
    for row in range(2):
        torch.testing.assert_close(vector[row, :32], hidden[row][batch.segment[row] == 0].mean(0))
        torch.testing.assert_close(vector[row, 32:64], hidden[row][batch.answer[row]].mean(0))


@pytest.mark.parametrize("reasoning", INJECTED)
def test_training_the_head_on_cached_conditions_is_the_same_loss_and_reaches_the_module(reasoning):
    model, batch = small(reasoning), small_batch()
    torch.manual_seed(5)
    whole = model(batch)["action"]
    with torch.no_grad():
        context = model.context(batch)
    torch.manual_seed(5)
    alone = model.head_loss(context, batch.actions, batch.action_mask)
    torch.testing.assert_close(alone, whole)
    alone.backward()
    assert all(p.grad is not None and p.grad.any() for p in model.head.injection.parameters())


@pytest.mark.parametrize("reasoning", ["none", *INJECTED])
def test_every_parameter_learns(reasoning):
    model = small(reasoning)
    model(small_batch())["loss"].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("reasoning", ["none", *INJECTED])
def test_a_checkpoint_acts_as_the_network_that_it_was_saved_from(reasoning, tmp_path):
    model, batch = small(reasoning), small_batch()
    loaded, _ = checkpoint.load(checkpoint.save(tmp_path, model, train_tokenizer(["Sort the toys."])))
    assert loaded.config.reasoning == reasoning

    def actions(m: ChatVLA) -> torch.Tensor:
        with torch.no_grad():
            return m.sample_actions(m.context(batch), torch.Generator().manual_seed(0))

    assert torch.equal(actions(loaded), actions(model))


@pytest.fixture(scope="module")
def silent(processor) -> Processor:
    return Processor(processor.tokenizer, replace(processor.config, reasoning="none"))


def test_without_reasoning_a_control_row_is_its_prompt_and_nothing_of_it_is_a_label(data, silent):
    batch = Batches(data, silent, COTRAIN, seed=3).batch(0)
    control = batch.segment[: batch.n_control]
    assert control.amax() == 0
    assert not batch.answer.any()
    assert (batch.labels[: batch.n_control] == IGNORE).all()
    assert (batch.labels[batch.n_control :] != IGNORE).any()
    assert batch.readout[:, 0].tolist() == [int((row == 0).sum()) - 1 for row in control]
    assert batch.readout.shape[1] == 1


def test_without_reasoning_its_target_is_still_the_rows_own(data, processor, silent):
    spoken, unspoken = (Batches(data, p, COTRAIN, seed=3).batch(0) for p in (processor, silent))
    assert torch.equal(unspoken.target_pos[:, 0], spoken.target_pos[:, 0])
    assert torch.equal(unspoken.readout_mask[:, 0], spoken.readout_mask[:, 0])
    assert torch.equal(unspoken.actions, spoken.actions)


def test_without_reasoning_the_condition_is_the_mean_of_all_states_of_the_prompt(data, silent):
    """Not of all behind the first token, where the source's boundary falls when nothing is a label (policy.md 6.6)."""
    torch.manual_seed(0)
    model, source = ChatVLA(silent.config, NormStats.unit()).eval(), Batches(data, silent, COTRAIN)
    batch = source.batch(0)
    with torch.no_grad():
        hidden, _ = model.hidden_states(batch, model.see(batch.images, batch.cameras))
        vector = model.context(batch).vector
    for row in range(batch.n_control):
        torch.testing.assert_close(vector[row, :128], hidden[row][batch.segment[row] == 0].mean(0), atol=1e-5, rtol=1e-4)


def test_without_robot_rows_labels_the_language_loss_is_zero_and_connected(data, silent):
    torch.manual_seed(0)
    model = ChatVLA(silent.config, NormStats.unit())
    losses = model(Batches(data, silent, replace(COTRAIN, mixture=Mixture(robot=1))).batch(0))
    losses["loss"].backward()
    assert losses["lm"].item() == 0
    assert losses["action"].item() > 0


@torch.no_grad()
def test_it_then_says_nothing_answers_questions_and_acts_on_what_training_showed_it(data, silent):
    torch.manual_seed(0)
    model = ChatVLA(silent.config, NormStats.unit())
    policy = ChatVLAPolicy(model, silent)
    row = Batches(data, silent, COTRAIN).frames.row(0)
    frames = [silent.image(image, camera) for image, camera in zip(row.images, CAMERAS, strict=True)]
    row = replace(row, images=np.stack(frames))
    observation: Observation = {"pixels": dict(zip(CAMERAS, frames, strict=True)), "agent_pos": row.agent_pos}
    policy.reset(Trial("sort_toys", 0))
    decision = policy.decide(observation, row.instruction)
    assert decision.inference.reasoning == ""
    trained_on = model.context(collate(silent, [row], [])).vector[0]
    torch.testing.assert_close(torch.from_numpy(decision.condition), trained_on, atol=2e-3, rtol=2e-3)
    assert policy.answer(frames[0], "is there a duck?") != ""
