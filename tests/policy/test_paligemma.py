"""The PaliGemma backbone against transformers' own PaliGemma, and the whole network on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import DynamicCache, PaliGemmaForConditionalGeneration

from policy.backbones.build import build_backbone, pretrained_backbone
from policy.backbones.paligemma import PaliGemmaBackbone, paligemma_config
from policy.batch import attention_mask
from policy.chat_format import PALIGEMMA
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, Options
from policy.inference import ChatVLAPolicy
from policy.normalizer import NormStats
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_batch, small_config


def small(options: Options | None = None) -> ChatVLAConfig:
    base = small_config()
    return replace(
        base,
        backbone="paligemma",
        text=replace(base.text, kv_heads=1, head_dim=16),
        vision=replace(base.vision, mlp_width=40),
        **({"options": options, "image_size": (16, 16)} if options is not None else {}),
    )


@pytest.fixture(scope="module")
def config() -> ChatVLAConfig:
    """Without a stem: SigLIP's own patch embedding, 2 x 2 tokens."""
    return small(Options())


@pytest.fixture(scope="module")
def stock(config, tmp_path_factory) -> tuple[PaliGemmaForConditionalGeneration, Path]:
    """A random vanilla PaliGemma and the folder that it was saved to."""
    torch.manual_seed(0)
    model = PaliGemmaForConditionalGeneration(paligemma_config(config)).eval()
    folder = tmp_path_factory.mktemp("paligemma")
    model.save_pretrained(folder)
    return model, folder


@pytest.fixture
def ours(config, stock) -> PaliGemmaBackbone:
    return pretrained_backbone(stock[1], config).eval()


IMAGES = torch.randint(0, 256, (1, 16, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
IDS = torch.tensor([[1, 1, 1, 1, 5, 20, 21, 22, 30, 31]])  # a picture of four tokens, a prompt of four, an answer of two
PREFIX = 8


def our_states(backbone, route, ids=IDS, cache=None):
    embeds = backbone.get_input_embeddings()(ids)
    embeds = embeds.masked_scatter((ids == 1)[..., None], backbone.see(IMAGES))
    segment = (torch.arange(10) >= PREFIX).long()[None]
    positions = torch.arange(1, 11).expand(3, 1, 10)
    return backbone.hidden_states(embeds, positions, attention_mask(segment, prefix_lm=True), route, cache).last_hidden_state


@pytest.mark.parametrize("route", ["control", "understanding", 1])
@torch.no_grad()
def test_paligemmas_weights_give_paligemmas_logits_on_every_route(stock, ours, route):
    pixels = IMAGES.permute(0, 3, 1, 2).float() / 127.5 - 1
    kind = (torch.arange(10) >= PREFIX).long()[None]
    expected = stock[0](input_ids=IDS, pixel_values=pixels, token_type_ids=kind, attention_mask=torch.ones_like(IDS)).logits
    torch.testing.assert_close(ours.lm_head(our_states(ours, route)), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_prompt_sees_all_of_itself_and_nothing_of_the_answer(ours):
    before = our_states(ours, "control")
    answer, prompt = IDS.clone(), IDS.clone()
    answer[0, -1], prompt[0, PREFIX - 1] = 40, 40  # another last word of each
    assert torch.equal(our_states(ours, "control", answer)[:, :PREFIX], before[:, :PREFIX])
    assert not torch.allclose(our_states(ours, "control", prompt)[:, 0], before[:, 0])


@torch.no_grad()
def test_changing_the_control_experts_leaves_understanding_as_it_was(ours):
    before, spoken = our_states(ours, "understanding"), our_states(ours, "control")
    for layer in ours.model.language_model.layers:
        layer.mlp.control.down_proj.weight.add_(1.0)
    assert torch.equal(our_states(ours, "understanding"), before)
    assert not torch.allclose(our_states(ours, "control"), spoken)


@torch.no_grad()
def test_a_cache_is_filled(ours):
    cache = DynamicCache()
    our_states(ours, "control", cache=cache)
    assert cache.get_seq_length() == 10


@torch.no_grad()
def test_our_checkpoint_opens_as_a_plain_paligemma(ours, stock, tmp_path):
    for layer in ours.model.language_model.layers:
        layer.mlp.control.down_proj.weight.add_(1.0)
    ours.save_pretrained(tmp_path)
    plain = PaliGemmaForConditionalGeneration.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(plain[k], v) for k, v in stock[0].state_dict().items())


def test_a_checkpoint_of_another_architecture_or_size_is_refused(config, stock, tmp_path):
    weights = {k: v for k, v in stock[0].state_dict().items() if "multi_modal_projector.linear.weight" not in k}
    stock[0].save_pretrained(tmp_path, state_dict=weights)
    with pytest.raises(ValueError, match=r"does not fit PaliGemma: missing 1 \(model.multi_modal_projector.linear.weight\)"):
        pretrained_backbone(tmp_path, config)
    with pytest.raises(ValueError, match=r"intermediate_size 48 \(preset small: 64\)"):
        pretrained_backbone(stock[1], replace(config, text=replace(config.text, intermediate_size=64)))
    with pytest.raises(ValueError, match="paligemma sees squares of one size"):
        replace(config, image_size=(16, 24))


def test_a_fresh_networks_experts_are_alike(config):
    for layer in build_backbone(config).model.language_model.layers:
        assert torch.equal(layer.mlp.control.up_proj.weight, layer.mlp.up_proj.weight)


def test_the_network_on_it_learns_one_batch():
    torch.manual_seed(0)
    config = small()
    model = ChatVLA(config, NormStats.unit())
    batch = small_batch(config=config)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for step in range(40):
        torch.manual_seed(step % 4)
        parts = model(batch)
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        losses.append({k: float(v) for k, v in parts.items()})
    assert losses[-1]["lm"] < 0.2 * losses[0]["lm"]
    assert losses[-1]["action"] < 0.8 * losses[0]["action"]


@torch.no_grad()
def test_a_policy_on_it_speaks_acts_and_answers():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["Put the yellow duck into the box.", "How many toys?"], vocab_size=400, chat=PALIGEMMA)
    config = config_for(preset("chatvla_paligemma_tiny"), tokenizer)
    policy = ChatVLAPolicy(ChatVLA(config, NormStats.unit()), Processor(tokenizer, config))
    rng = np.random.default_rng(0)
    pixels = {c: rng.integers(0, 256, (240, 320, 3), dtype=np.uint8) for c in config.cameras}
    observation = {"pixels": pixels, "agent_pos": np.zeros(17, np.float32)}
    assert policy.infer(observation, "Sort the toys.").action_chunk.shape == (16, 10)  # type: ignore[arg-type]
    frames = [pixels["left"], pixels["right"]]
    questions = ["How many toys?", "How many toys into the box?"]
    assert policy.answer_batch(frames, questions) == [policy.answer(f, q) for f, q in zip(frames, questions, strict=True)]
    ids = policy.processor.prompt_ids("control", 3, "Sort the toys.")
    assert str(tokenizer.decode(ids[3 * 48 :])).replace(" ", "").startswith("<bos>Predictrobotaction\n")


def test_it_has_paligemmas_size():
    with torch.device("meta"):
        backbone = build_backbone(preset("chatvla_paligemma_3b"))
    experts = sum(p.numel() for n, p in backbone.named_parameters() if ".mlp.control." in n)
    assert experts == 18 * 3 * 2048 * 16384
    assert sum(p.numel() for p in backbone.parameters()) - experts == 2_923_466_480  # google/paligemma-3b-pt-224
