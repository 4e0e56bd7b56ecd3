"""Compiled passes with static shapes say and do what the plain ones do."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from envs.types import CAMERAS, Observation, Trial
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.inference import ChatVLAPolicy
from policy.loops import LENGTH_STEP, CompiledLoops
from policy.normalizer import NormStats
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.running import Running
from policy.tokenizer import train_tokenizer

WORDS = ["Put the yellow duck into the box.", "Sort the toys.", "How many toys?"]


def untrained(name: str, **changes) -> ChatVLAPolicy:
    torch.manual_seed(0)
    made = replace(preset(name), **changes)
    tokenizer = train_tokenizer(WORDS, vocab_size=400, chat=FORMATS[made.backbone])
    config = config_for(made, tokenizer)
    model = ChatVLA(config, NormStats.unit())
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return ChatVLAPolicy(model, Processor.of(tokenizer, config, model.stats))


def compiled(policy: ChatVLAPolicy, backend: str = "eager") -> ChatVLAPolicy:
    other = ChatVLAPolicy(copy.deepcopy(policy.model), policy.processor)
    other.loops = CompiledLoops(other.model, backend)
    return other


def observation(seed: int) -> Observation:
    rng = np.random.default_rng(seed)
    pixels = {c: rng.integers(0, 256, (240, 320, 3), dtype=np.uint8) for c in CAMERAS}
    return {"pixels": pixels, "agent_pos": rng.uniform(-1, 1, 17).astype(np.float32)}


# A sentence by FiLM, words of actions behind a chain, a head that looks at keys and values of what was spoken.
@pytest.mark.parametrize(("name", "changes"), [("chatvla_tiny", {}), ("ecot_tiny", {}), ("pi0_tiny", {"reasoning": "film"})])
def test_decisions_are_those_of_the_plain_loops(name, changes):
    plain = untrained(name, **changes)
    fast = compiled(plain)
    for p in (plain, fast):
        p.reset(Trial("sort_toys", 0))
    for seed in (0, 1):
        one, other = (p.infer(observation(seed), WORDS[1]) for p in (plain, fast))
        assert one.reasoning == other.reasoning
        np.testing.assert_allclose(other.action_chunk, one.action_chunk, atol=2e-4)


@pytest.mark.parametrize("name", ["chatvla2_tiny", "pi0_tiny", "openvla_prismatic_tiny", "octo_t5_tiny"])
def test_in_bfloat16_too(name):
    plain = untrained(name)
    coarse = ChatVLAPolicy(copy.deepcopy(plain.model), plain.processor)
    Running(device="cpu", precision="bfloat16").place(coarse.model)
    fast = compiled(coarse)
    exact, one, other = (p.infer(observation(0), WORDS[1]).action_chunk for p in (plain, coarse, fast))
    np.testing.assert_allclose(other, one, atol=0.02)
    assert np.median(np.abs(one - exact)) < 0.02  # words of actions may be others


def test_answers_in_a_batch_are_those_of_the_plain_loops():
    plain = untrained("chatvla_tiny")
    images = [observation(seed)["pixels"]["left"] for seed in range(3)]
    questions = ["How many toys?", "Sort?", "Put the yellow duck into the box. How many?"]
    assert compiled(plain).answer_batch(images, questions) == plain.answer_batch(images, questions)


def test_prompts_of_many_lengths_share_a_cache():
    fast = compiled(untrained("chatvla_tiny"))
    for words in (WORDS[0], WORDS[1], "duck"):
        fast.infer(observation(0), words)
    assert fast.loops
    assert all(length % LENGTH_STEP == 0 for _, length, _ in fast.loops._passes)
    assert len(fast.loops._passes) < 3


def test_a_router_in_float32_is_refused():
    with pytest.raises(ValueError, match=r"chatvla2_tiny chooses its experts by a router.*in torch.float32; leave compile=loops out"):
        CompiledLoops(untrained("chatvla2_tiny").model)


def test_the_compiler_gives_the_same():
    plain = untrained("chatvla_tiny")
    fast = compiled(plain, "inductor")
    for p in (plain, fast):
        p.reset(Trial("sort_toys", 0))
    one, other = (p.infer(observation(0), WORDS[1]) for p in (plain, fast))
    assert one.reasoning == other.reasoning
    np.testing.assert_allclose(other.action_chunk, one.action_chunk, atol=2e-4)
