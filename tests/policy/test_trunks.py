"""Trunks of their own: what training computes is what acting computes, checkpoints, adapters, and what they would cost."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from envs.types import CAMERAS, Observation, Trial
from policy import checkpoint, train_config
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.collate import ControlRow, Reference, collate
from policy.config import ChatVLAConfig, ExpertsConfig
from policy.config_trunk import WordEncoderConfig
from policy.corpus import corpus
from policy.dry_run import dry_run
from policy.export import check_plain
from policy.fit import FitSetting
from policy.freezing import freeze
from policy.inference import ChatVLAPolicy
from policy.lora import OWN, PREFIX, add_lora, freeze_under_lora
from policy.normalizer import NormStats
from policy.presets import PRESETS
from policy.presets_trunks import TRUNKS
from policy.processor import Processor, config_for
from policy.stages import STAGES
from policy.start import fresh_policy
from policy.tokenizer import save_tokenizer, train_tokenizer
from policy.train_config import TrainConfig
from tests.policy import published
from tests.policy.small import toy

TINY = [name for name in TRUNKS if name.endswith("_tiny")]
SPEAKING = [name for name in TINY if TRUNKS[name].speaks]
INSTRUCTION = "Sort the toys."


def made(name: str) -> ChatVLAPolicy:
    """A small network on the trunk, at random, with words for our instruction."""
    torch.manual_seed(0)
    config = toy(TRUNKS[name])
    tokenizer = train_tokenizer([INSTRUCTION, "How many toys?", "two"], vocab_size=400, chat=FORMATS[config.backbone])
    config = config_for(replace(config, text=replace(config.text, vocab_size=0)), tokenizer)
    policy = ChatVLA(config, NormStats.unit())
    return ChatVLAPolicy(policy, Processor.of(tokenizer, config, policy.stats))


def observed(seed: int = 0) -> Observation:
    rng = np.random.default_rng(seed)
    pixels = {c: rng.integers(0, 256, (240, 320, 3), dtype=np.uint8) for c in CAMERAS}
    return {"pixels": pixels, "agent_pos": rng.uniform(-1, 1, 17).astype(np.float32)}


def control_row(processor: Processor, observation: Observation) -> ControlRow:
    images = np.stack([processor.image(observation["pixels"][c], c) for c in CAMERAS])
    actions = np.zeros((16, 10), np.float32)
    return ControlRow(images, observation["agent_pos"], INSTRUCTION, Reference("", None), actions, np.ones(16, bool))


@pytest.mark.parametrize("name", TINY)
@torch.no_grad()
def test_acting_computes_what_training_computes(name):
    """Alone, and beside a row of another length."""
    acting = made(name)
    first, second = control_row(acting.processor, observed()), control_row(acting.processor, observed(1))
    batch = collate(acting.processor, [first, replace(second, instruction="Sort the toys, how many toys, two.")], [])
    trained = acting.model.context(batch).vector.numpy()
    acting.reset(Trial("sort_toys", 0))
    acted = acting.decide(observed(), INSTRUCTION).condition
    np.testing.assert_allclose(trained[0], acted, atol=1e-5)
    assert np.abs(trained[0] - trained[1]).max() > 0.01


@pytest.mark.parametrize("name", TINY)
def test_a_loaded_network_acts_as_the_saved_one(name, tmp_path):
    before = made(name)
    after = ChatVLAPolicy.from_pretrained(checkpoint.save(tmp_path, before.model, before.processor.tokenizer))
    for acting in (before, after):
        acting.reset(Trial("sort_toys", 0))
    chunks = [acting.infer(observed(), INSTRUCTION).action_chunk for acting in (before, after)]
    np.testing.assert_array_equal(chunks[0], chunks[1])
    assert chunks[0].shape == (before.model.config.horizon, 10)


@pytest.mark.parametrize(
    ("name", "write", "ours", "theirs"),
    [
        ("openvla_prismatic_tiny", published.openvla, "lm_head.weight", "language_model.lm_head.weight"),
        ("tinyvla_pythia_tiny", published.llava_pythia, "lm_head.weight", "embed_out.weight"),
        ("octo_t5_tiny", published.t5, "words.word_encoder.embed_tokens.weight", "shared.weight"),
    ],
)
def test_training_starts_from_a_published_folder(name, write, ours, theirs, data, tmp_path, monkeypatch):
    """`train.pretrained`: its tokenizer and its weights, under a head that is fresh."""
    monkeypatch.setattr(train_config, "preset", lambda name: toy(TRUNKS[name]))
    tokenizer = train_tokenizer(*corpus(data), chat=FORMATS[TRUNKS[name].backbone])
    save_tokenizer(tokenizer, tmp_path)
    write(config_for(toy(TRUNKS[name]), tokenizer), tmp_path)
    policy, processor = fresh_policy(TrainConfig(data=str(data), out=str(tmp_path / "out"), preset=name, pretrained=str(tmp_path)))
    stored = {k: v for file in tmp_path.glob("*.safetensors") for k, v in load_file(file).items()}
    assert torch.equal(policy.vlm.get_parameter(ours), stored[theirs])
    batch = collate(processor, [control_row(processor, observed())], [])
    policy(batch)["loss"].backward()
    acting = ChatVLAPolicy(policy, processor)
    acting.reset(Trial("sort_toys", 0))
    assert np.isfinite(acting.infer(observed(), INSTRUCTION).action_chunk).all()


@pytest.mark.parametrize("name", SPEAKING)
def test_it_answers_questions_about_pictures_and_in_a_batch_as_alone(name):
    asked = made(name)
    frames, questions = [observed(i)["pixels"]["left"] for i in range(2)], ["How many toys?", "How many?"]
    answers = asked.answer_batch(frames, questions)
    assert answers == [asked.answer(f, q) for f, q in zip(frames, questions, strict=True)]
    assert any(answers)


def test_a_network_without_words_says_so():
    with pytest.raises(ValueError, match="octo_t5_tiny reads words and has none to answer with"):
        made("octo_t5_tiny").answer(observed()["pixels"]["left"], "How many toys?")


@pytest.mark.parametrize("name", TINY)
def test_adapters_find_the_linear_layers_of_the_trunk(name):
    policy, parts = made(name).model, ("language", "vision", "experts")
    if not policy.config.speaks:
        with pytest.raises(ValueError, match="no linear layers in part 'language'"):
            add_lora(policy, 2, parts)
        return
    add_lora(policy, 2, parts)
    freeze_under_lora(policy, parts)
    own = re.compile("|".join(OWN.values()))
    learns = {n for n, p in policy.named_parameters() if p.requires_grad and own.search(n)}
    assert learns
    assert all(PREFIX in n for n in learns)
    towers = ("dino", "vision_tower") if policy.config.second_vision else ("vision_tower",)
    for part in (*(f".{t}.encoder.layer" for t in towers), "language_model.layers"):
        assert any(part in n for n in learns)


@pytest.mark.parametrize("name", ["rt2_7b", "tinyvla_b", "octo_base"])
def test_a_dry_run_costs_a_training_at_real_size(name):
    """Of fewer layers than the preset's, since each is alike."""
    full, text = TRUNKS[name], StringIO()
    towers = {k: v and replace(v, depth=3) for k, v in (("vision", full.vision), ("second_vision", full.second_vision))}
    words = full.word_encoder and replace(full.word_encoder, layers=1)
    config = replace(full, text=replace(full.text, layers=2), word_encoder=words, **towers)
    (cost,) = dry_run(config, STAGES[name], FitSetting(Path(), devices=8, accumulate=2), Console(file=text, width=200))
    kept = {"octo_base": "word encoder", "tinyvla_b": "embeddings"}.get(name, "")
    assert sum(cost.trained.values()) == sum(cost.parameters.values()) - cost.parameters.get(kept, 0)
    # Every token passes through every number, and its queries and weights of attention through every other's keys and values.
    numbers = sum(cost.parameters.get(part, 0) for part in ("attention", "understanding expert", "transformer"))
    tokens = [(rows, cost.tokens[kind]) for kind, rows in cost.rows.items()]
    expected = sum(rows * (2 * n * numbers + 4 * n * n * config.text.hidden_size * 2) for rows, n in tokens)
    assert cost.step["language"].forward == pytest.approx(expected, rel=0.02)
    assert set(cost.step) >= {"vision", "language", "words", *(["word encoder"] if words else [])}
    assert cost.memory.total(checkpointed=True) < cost.memory.total(checkpointed=False)
    assert "optimizer states" in text.getvalue()


def test_octos_words_are_read_by_a_frozen_encoder():
    policy = made("octo_t5_tiny").model
    freeze(policy, STAGES["octo_base"][0].frozen)
    frozen = {n for n, p in policy.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(".word_encoder." in n for n in frozen)


@pytest.mark.parametrize("name", TINY)
def test_no_plain_network_can_be_exported_of_them(name):
    with pytest.raises(ValueError, match=f"{name} is built on {TRUNKS[name].backbone}"):
        check_plain(TRUNKS[name])


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("openvla_7b", {"image_size": (224, 238)}, r"prismatic sees squares of one size, not \(224, 238\)"),
        ("openvla_7b", {"second_vision": None}, "second_vision is prismatic's DINOv2 tower, and backbone is prismatic"),
        ("tinyvla_s", {"experts": ExpertsConfig("static")}, "llava_pythia has no experts; set experts to dense, not static"),
        ("tinyvla_s", {"word_encoder": WordEncoderConfig()}, "word_encoder is octo's T5, and backbone is llava_pythia"),
        ("octo_base", {"reasoning": "film"}, "octo has a readout token and says no words"),
        ("octo_base", {"options": PRESETS["chatvla_tiny"].options, "wrist_size": None}, "conv_stem makes patch tokens for qwen2_vl and paligemma, not for octo"),
    ],
)
def test_what_a_trunk_cannot_be_is_refused(name, changed, message):
    with pytest.raises(ValueError, match=message):
        replace(TRUNKS[name], **changed)


@pytest.mark.parametrize("name", TRUNKS)
def test_a_configuration_goes_to_json_and_back(name):
    assert ChatVLAConfig.from_dict(TRUNKS[name].to_dict()) == TRUNKS[name]
