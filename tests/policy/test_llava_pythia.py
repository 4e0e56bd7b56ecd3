"""LLaVA-Pythia against transformers' own CLIP and GPT-NeoX, and TinyVLA's three sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPVisionModel, DynamicCache, GPTNeoXForCausalLM

from policy.backbones.build import pretrained_backbone
from policy.batch import attention_mask
from policy.chat_format import LLAVA_PYTHIA
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.normalizer import NormStats
from policy.pixels import MEAN, STD
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer
from tests.policy import published
from tests.policy.small import toy

# TinyVLA (arXiv:2409.12514), the table of results: all parameters of S, B and H. Pythia's own, of EleutherAI's model cards.
TINYVLA = {"tinyvla_s": 422e6, "tinyvla_b": 740e6, "tinyvla_h": 1.3e9}
PYTHIA = {"tinyvla_s": 70_426_624, "tinyvla_b": 405_334_016, "tinyvla_h": 1_011_781_632}
IMAGES = torch.randint(0, 256, (1, 40, 40, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
IDS = torch.tensor([[5, 1, 1, 1, 1, 20, 21, 22, 30]])


@pytest.fixture(scope="module")
def config() -> ChatVLAConfig:
    made = toy(preset("tinyvla_pythia_tiny"))
    return replace(made, text=replace(made.text, vocab_size=64), vision=replace(made.vision, depth=3))


@pytest.fixture(scope="module")
def stock(config, tmp_path_factory) -> tuple[CLIPVisionModel, GPTNeoXForCausalLM, dict[str, Tensor], Path]:
    """CLIP and Pythia at random, and both with a projector as a checkpoint of LLaVA-Pythia."""
    folder = tmp_path_factory.mktemp("pythia")
    return *published.llava_pythia(config, folder), folder


@torch.no_grad()
def test_its_weights_give_the_logits_of_clip_projector_and_pythia(stock, config):
    clip, pythia, weights, folder = stock
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    pixels = (IMAGES.permute(0, 3, 1, 2).float() / 255 - mean) / std
    x = clip(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]  # LLaVA's layer and tokens
    x = F.linear(x, weights["gpt_neox.mm_projector.0.weight"], weights["gpt_neox.mm_projector.0.bias"])
    x = F.linear(F.gelu(x), weights["gpt_neox.mm_projector.2.weight"], weights["gpt_neox.mm_projector.2.bias"])
    embeds = pythia.get_input_embeddings()(IDS).masked_scatter((IDS == 1)[..., None], x)
    expected = pythia(inputs_embeds=embeds).logits

    ours = pretrained_backbone(folder, config).eval()
    seen = ours.get_input_embeddings()(IDS).masked_scatter((IDS == 1)[..., None], ours.see(IMAGES))
    positions = torch.arange(IDS.shape[1]).expand(3, 1, -1)
    cache = DynamicCache()
    states = ours.hidden_states(seen, positions, attention_mask(torch.zeros_like(IDS)), "control", cache).last_hidden_state
    torch.testing.assert_close(ours.lm_head(states), expected, atol=1e-4, rtol=1e-4)
    assert cache.get_seq_length() == IDS.shape[1]


def test_a_folder_that_is_no_llava_pythia_of_this_size_is_refused(stock, config, tmp_path):
    weights = {k: v for k, v in stock[2].items() if k != "embed_out.weight"}
    published.write(tmp_path, weights, {"hidden_size": config.text.hidden_size})
    with pytest.raises(ValueError, match=r"does not fit LLaVA-Pythia: missing 1 \(lm_head.weight\), unexpected none"):
        pretrained_backbone(tmp_path, config)
    published.write(tmp_path, stock[2], {"hidden_size": 48})
    with pytest.raises(ValueError, match=r"hidden_size 48 \(preset tinyvla_pythia_tiny: 32\)"):
        pretrained_backbone(tmp_path, config)


@pytest.mark.parametrize("name", TINYVLA)
def test_it_has_tinyvlas_size_and_pythias(name):
    with torch.device("meta"):
        model = ChatVLA(preset(name), NormStats.unit())
    count = {part: sum(p.numel() for n, p in model.named_parameters() if n.startswith(part)) for part in ("vlm.model.language_model", "vlm.lm_head", "")}
    assert count["vlm.model.language_model"] + count["vlm.lm_head"] == PYTHIA[name]
    # TinyVLA's U-Net is in the place of what Pythia speaks through; its CLIP has a last layer that is never read.
    last_layer = 12 * 1024**2 + 13 * 1024 + 2 * 1024
    assert count[""] - count["vlm.lm_head"] + last_layer == pytest.approx(TINYVLA[name], rel=0.014 if name == "tinyvla_h" else 0.01)


def test_a_row_of_three_pictures_is_within_pythias_reach():
    tokenizer = train_tokenizer(["Sort the toys."], vocab_size=400, chat=LLAVA_PYTHIA)
    config = preset("tinyvla_s")
    processor = Processor(tokenizer, config_for(config, tokenizer))
    assert 3 * 576 < len(processor.prompt_ids("control", 3, "Sort the toys.")) < config.text.max_positions
    question = str(tokenizer.decode(processor.prompt_ids("understanding", 1, "Sort the toys.")))
    assert question == "Answer based on question USER: " + "<|padding|>" * 576 + "\n Sort the toys. ASSISTANT:"
