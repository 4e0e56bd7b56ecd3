"""The policy: what it says and does is what training showed it, trial by trial the same."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from envs.types import CAMERAS, Observation, Trial
from policy import checkpoint
from policy.batch import Batch
from policy.chatvla import ChatVLA
from policy.generation import prefill, speak
from policy.inference import ChatVLAPolicy, _conditioned
from policy.normalizer import NormStats
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def policy() -> ChatVLAPolicy:
    """An untrained tiny network whose zero-initialised layers are awake."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["Put the yellow duck into the box.", "Sort the toys.", "How many toys?"], vocab_size=400)
    config = config_for(preset("chatvla_tiny"), tokenizer)
    model = ChatVLA(config, NormStats.unit())
    for parameter in [*model.head.parameters(), *model.fusion.parameters()]:
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return ChatVLAPolicy(model, Processor(tokenizer, config))


@pytest.fixture(scope="module")
def observation() -> Observation:
    rng = np.random.default_rng(0)
    pixels = {c: rng.integers(0, 256, (240, 320, 3), dtype=np.uint8) for c in CAMERAS}
    return {"pixels": pixels, "agent_pos": rng.uniform(-1, 1, 17).astype(np.float32)}


def test_an_inference_has_the_shape_and_the_parts_that_it_promises(policy, observation):
    policy.reset(Trial("sort_toys", 0))
    inference = policy.infer(observation, "Sort the toys.")
    assert inference.action_chunk.shape == (16, 10)
    assert inference.action_chunk.dtype == np.float32
    assert isinstance(inference.reasoning, str)
    assert list(inference.seconds) == ["see", "prefill", "reasoning", "action"]


def test_the_same_trial_acts_the_same_and_another_differs(policy, observation):
    def chunk(index: int) -> np.ndarray:
        policy.reset(Trial("sort_toys", index))
        return policy.infer(observation, "Sort the toys.").action_chunk

    assert np.array_equal(chunk(0), chunk(0))
    assert not np.array_equal(chunk(0), chunk(1))


def test_a_checkpoint_acts_as_the_network_that_it_was_saved_from(policy, observation, tmp_path):
    folder = checkpoint.save(tmp_path, policy.model, policy.processor.tokenizer)
    loaded = ChatVLAPolicy.from_pretrained(folder)
    for p in (policy, loaded):
        p.reset(Trial("sort_toys", 3))
    first, second = (p.infer(observation, "Sort the toys.") for p in (policy, loaded))
    assert np.array_equal(first.action_chunk, second.action_chunk)
    assert first.reasoning == second.reasoning
    assert loaded.name == "chatvla_tiny"


@torch.no_grad()
def test_speaking_with_a_cache_says_and_conditions_as_one_pass_over_the_whole_text(policy, observation):
    """The states pooled while speaking are those of teacher-forced training on the same text."""
    model, processor = policy.model, policy.processor
    prompt_ids = processor.prompt_ids("control", 3, "Sort the toys.")
    seen = policy._see([observation["pixels"][c] for c in CAMERAS], CAMERAS)
    prefilled = prefill(model, policy._prompt([prompt_ids], [len(prompt_ids)], seen), "control")
    spoken = speak(model, prefilled, processor.end_id, 8)
    agent_pos = torch.from_numpy(observation["agent_pos"])[None]
    context = _conditioned(model, prefilled, spoken, [len(prompt_ids)], agent_pos, seen).context

    ids = np.array([*prompt_ids, *spoken.tokens[0].tolist()])
    segment = (np.arange(len(ids)) >= len(prompt_ids)).astype(np.int64)
    answer = torch.from_numpy(segment == 1)[None]
    empty = torch.zeros(1, 16, 10)
    batch = Batch(
        input_ids=torch.from_numpy(ids)[None],
        segment=torch.from_numpy(segment)[None],
        position_ids=torch.from_numpy(np.asarray(processor.positions(ids, segment)))[:, None],
        labels=torch.full((1, len(ids)), -100),
        images=torch.from_numpy(np.stack([processor.image(observation["pixels"][c], c) for c in CAMERAS])),
        cameras=torch.arange(3),
        n_control=1,
        agent_pos=agent_pos,
        actions=empty,
        action_mask=torch.zeros(1, 16, dtype=torch.bool),
        answer=answer,
        readout=torch.tensor([[len(ids) - 1]]),
        readout_mask=torch.zeros(1, 1, dtype=torch.bool),
        target_pos=torch.zeros(1, 1, 6),
        image_words=torch.full((3, 48, 1), -100),
        image_words_weight=torch.zeros(3, 48, 1),
    )
    hidden, _ = model.hidden_states(batch, model.see(batch.images, batch.cameras))
    assert model.vlm.lm_head(hidden[0, len(prompt_ids) - 1 : -1]).argmax(-1).tolist() == spoken.tokens[0].tolist()
    torch.testing.assert_close(model.context(batch).vector, context.vector, atol=2e-3, rtol=2e-3)


def test_answers_in_a_batch_are_those_given_alone(policy, observation):
    frames = [observation["pixels"]["left"], observation["pixels"]["right"], observation["pixels"]["left"]]
    questions = ["How many toys?", "Sort the toys. How many toys into the box?", "duck?"]
    cameras = ["left", "right", "left"]
    alone = [policy.answer(f, q, c) for f, q, c in zip(frames, questions, cameras, strict=True)]
    assert policy.answer_batch(frames, questions, cameras) == alone


def test_questions_take_the_understanding_expert_and_actions_the_control_expert(policy, observation):
    ran = []
    mlp = policy.model.vlm.model.language_model.layers[0].mlp
    hooks = [
        mlp.control.up_proj.register_forward_hook(lambda *_: ran.append("control")),
        mlp.up_proj.register_forward_hook(lambda *_: ran.append("understanding")),
    ]
    policy.answer(observation["pixels"]["left"], "How many toys?")
    asked = set(ran)
    ran.clear()
    policy.infer(observation, "Sort the toys.")
    for hook in hooks:
        hook.remove()
    assert (asked, set(ran)) == ({"understanding"}, {"control"})


def test_no_question_has_no_answer(policy):
    assert policy.answer_batch([], []) == []


def test_a_missing_camera_is_named(policy, observation):
    pixels = {k: v for k, v in observation["pixels"].items() if k != "wrist"}
    with pytest.raises(ValueError, match=r"has cameras \['left', 'right'\], the policy needs 'wrist'"):
        policy.infer({"pixels": pixels, "agent_pos": observation["agent_pos"]}, "Sort the toys.")


def test_a_state_of_another_size_is_refused(policy, observation):
    with pytest.raises(ValueError, match="expected 17 finite numbers"):
        policy.infer({"pixels": observation["pixels"], "agent_pos": np.zeros(7, np.float32)}, "Sort the toys.")


def test_questions_and_pictures_must_match(policy, observation):
    with pytest.raises(ValueError, match="1 pictures, 2 questions"):
        policy.answer_batch([observation["pixels"]["left"]], ["How many?", "Which?"])


def copies(policy: ChatVLAPolicy, count: int, **changed: int) -> list[ChatVLAPolicy]:
    """Copies that share the weights, each at the start of a trial of its own."""
    made = [copy.copy(policy) for _ in range(count)]
    for index, one in enumerate(made):
        vars(one).update(changed)
        one.reset(Trial("sort_toys", index))
    return made


def uses(policy: ChatVLAPolicy) -> int:
    """How many inferences the present reasoning has served."""
    assert policy.thought is not None
    return policy.thought.uses


def test_decisions_in_a_batch_are_those_made_alone(policy, observation):
    mirrored = {"pixels": {c: np.ascontiguousarray(p[::-1]) for c, p in observation["pixels"].items()}, "agent_pos": -observation["agent_pos"]}
    observations = [observation, mirrored, observation]
    instructions = ["Sort the toys.", "Put the yellow duck into the box. Sort the toys.", "duck"]
    alone = [p.infer(o, i) for p, o, i in zip(copies(policy, 3), observations, instructions, strict=True)]
    together = policy.infer_together(copies(policy, 3), observations, instructions)
    for one, other in zip(alone, together, strict=True):
        assert one.reasoning == other.reasoning
        np.testing.assert_allclose(other.action_chunk, one.action_chunk, atol=2e-4)


def test_a_reasoning_serves_as_often_as_it_is_said_to_and_is_read_as_it_was_spoken(policy, observation):
    spoken, read = copies(policy, 2, reason_every=2)
    read.reset(Trial("sort_toys", 0))
    first = spoken.infer(observation, "Sort the toys.")
    read.thought = spoken.thought
    again = read.infer(observation, "Sort the toys.")
    assert (again.reasoning, uses(read)) == (first.reasoning, 2)
    np.testing.assert_allclose(again.action_chunk, first.action_chunk, atol=2e-4)
    read.infer(observation, "Sort the toys.")
    assert uses(read) == 1  # it has spoken anew


def test_another_instruction_is_thought_about_anew(policy, observation):
    (one,) = copies(policy, 1, reason_every=9)
    one.infer(observation, "Sort the toys.")
    one.infer(observation, "Sort the toys.")
    assert uses(one) == 2
    one.infer(observation, "duck")
    assert uses(one) == 1
    one.reset(Trial("sort_toys", 1))
    assert one.thought is None


def test_a_network_that_ensembles_acts_on_the_mean_of_its_chunks_until_the_next_trial(policy, observation):
    model = copy.copy(policy.model)
    model.config = replace(model.config, ensemble=0.0)
    one, alone = ChatVLAPolicy(model, policy.processor), copies(policy, 1)[0]
    one.reset(Trial("sort_toys", 0))
    first, second = (alone.infer(observation, "Sort the toys.").action_chunk for _ in range(2))
    ensembled = [one.infer(observation, "Sort the toys.").action_chunk for _ in range(2)]
    assert (one.execute, alone.execute) == (1, 8)
    assert np.array_equal(ensembled[0], first)
    np.testing.assert_allclose(ensembled[1][:-1], (first[1:] + second[:-1]) / 2, atol=1e-6)
    one.reset(Trial("sort_toys", 0))
    assert np.array_equal(one.infer(observation, "Sort the toys.").action_chunk, first)
