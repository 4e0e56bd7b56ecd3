"""Prismatic against OpenVLA: its size to the last number, its weights by timm's names, its prompt and its tokens of actions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaForCausalLM

from policy.action_tokens import ActionTokens
from policy.backbones.build import build_backbone, pretrained_backbone
from policy.backbones.prismatic import IMAGENET_MEAN, IMAGENET_STD, PrismaticBackbone
from policy.batch import attention_mask
from policy.chat_format import OPENVLA
from policy.config import ChatVLAConfig, ExpertsConfig
from policy.normalizer import NormStats
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer
from tests.policy import published
from tests.policy.small import toy

OPENVLA_7B = 7_541_237_184  # numbers in openvla/openvla-7b's safetensors (the hub's own count; its index: 15,082,474,368 bytes of bfloat16)
DEPTH, WIDTH, HEADS, PATCH = 3, 24, 2, 20
SIZE = {"text_config": {"vocab_size": 64}}
IMAGES = torch.randint(0, 256, (2, 40, 40, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
IDS = torch.tensor([[1, 0, 0, 0, 0, 20, 21, 22, 30]])  # <s>, a picture of four tokens, words


def seen_by(w: dict[str, Tensor], prefix: str, pixels: Tensor) -> Tensor:
    """What timm's ViT of these weights gives behind its last block but one, for patches alone."""
    def get(name: str) -> Tensor:
        return w[prefix + name]

    x = F.conv2d(pixels, get("patch_embed.proj.weight"), get("patch_embed.proj.bias"), PATCH).flatten(2).mT + get("pos_embed")
    first = 0
    if prefix + "cls_token" in w:
        others = torch.cat([get("cls_token"), get("reg_token")], 1).expand(len(x), -1, -1)
        x, first = torch.cat([others, x], 1), others.shape[1]
    for i in range(DEPTH - 1):
        def linear(name: str, y: Tensor, i: int = i) -> Tensor:
            return F.linear(y, get(f"blocks.{i}.{name}.weight"), get(f"blocks.{i}.{name}.bias"))

        def norm(name: str, y: Tensor, i: int = i) -> Tensor:
            return F.layer_norm(y, (WIDTH,), get(f"blocks.{i}.{name}.weight"), get(f"blocks.{i}.{name}.bias"), 1e-6)

        def scale(name: str, i: int = i) -> Tensor | float:
            return w.get(f"{prefix}blocks.{i}.{name}.scale_factor", 1.0)

        query, key, value = linear("attn.qkv", norm("norm1", x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        weights = (query @ key.mT * (WIDTH // HEADS) ** -0.5).softmax(-1)
        x = x + scale("ls1") * linear("attn.proj", (weights @ value).transpose(1, 2).flatten(2))
        x = x + scale("ls2") * linear("mlp.fc2", F.gelu(linear("mlp.fc1", norm("norm2", x))))
    return x[:, first:]


@pytest.fixture(scope="module")
def config() -> ChatVLAConfig:
    made = toy(preset("openvla_prismatic_tiny"))
    towers = {name: replace(getattr(made, name), depth=DEPTH) for name in ("vision", "second_vision")}
    return replace(made, text=replace(made.text, vocab_size=64), **towers)


@pytest.fixture(scope="module")
def openvla(config, tmp_path_factory) -> tuple[LlamaForCausalLM, dict[str, Tensor], Path]:
    """A small OpenVLA at random: its language model, all its weights by their names, and its folder."""
    folder = tmp_path_factory.mktemp("openvla")
    return *published.openvla(config, folder), folder


def states(backbone: PrismaticBackbone, route: str = "understanding") -> Tensor:
    embeds = backbone.get_input_embeddings()(IDS)
    embeds = embeds.masked_scatter((IDS == 0)[..., None], backbone.see(IMAGES[:1]))
    positions = torch.arange(IDS.shape[1]).expand(3, 1, -1)
    return backbone.hidden_states(embeds, positions, attention_mask(torch.zeros_like(IDS)), route).last_hidden_state  # type: ignore[arg-type]


@torch.no_grad()
def test_both_towers_of_openvla_see_what_timms_see(openvla, config):
    weights = openvla[1]
    pixels = IMAGES.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    dino = seen_by(weights, "vision_backbone.featurizer.", (pixels - mean) / std)
    siglip = seen_by(weights, "vision_backbone.fused_featurizer.", (pixels - 0.5) / 0.5)
    ours = pretrained_backbone(openvla[2], config).model.features(IMAGES, torch.float32)
    torch.testing.assert_close(ours, torch.cat([dino, siglip], -1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["dense", "static"])
@torch.no_grad()
def test_openvlas_weights_give_llamas_logits_behind_the_projected_patches(openvla, config, kind):
    llama, weights, folder = openvla
    ours = pretrained_backbone(folder, replace(config, experts=ExpertsConfig(kind))).eval()
    x = ours.model.features(IMAGES[:1], torch.float32)
    for name in ("fc1", "fc2", "fc3"):
        x = F.linear(x if name == "fc1" else F.gelu(x), weights[f"projector.{name}.weight"], weights[f"projector.{name}.bias"])
    embeds = llama.get_input_embeddings()(IDS)
    embeds = torch.cat([embeds[:, :1], x, embeds[:, 5:]], 1)  # as OpenVLA does: <s>, patches, words
    expected = llama(inputs_embeds=embeds).logits
    for route in ("control", "understanding"):
        torch.testing.assert_close(ours.lm_head(states(ours, route)), expected, atol=1e-4, rtol=1e-4)


def test_a_folder_that_is_no_openvla_of_this_size_is_refused(openvla, config, tmp_path):
    weights = openvla[1]
    published.write(tmp_path, {k: v for k, v in weights.items() if k != "projector.fc3.bias"} | {"more": torch.zeros(1)}, SIZE)
    with pytest.raises(ValueError, match=r"does not fit OpenVLA: missing 1 \(model.multi_modal_projector.4.bias\), unexpected 1 \(more\)"):
        pretrained_backbone(tmp_path, config)
    published.write(tmp_path, weights | {"projector.fc3.bias": torch.zeros(5)}, SIZE)
    with pytest.raises(ValueError, match=r"has model.multi_modal_projector.4.bias \(5,\), this preset \(32,\); choose the preset"):
        pretrained_backbone(tmp_path, config)
    with pytest.raises(ValueError, match=r"vocab_size 64 \(preset openvla_prismatic_tiny: 65\)"):
        pretrained_backbone(openvla[2], replace(config, text=replace(config.text, vocab_size=65)))
    for file in tmp_path.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(ValueError, match=r"holds no \*.safetensors"):
        pretrained_backbone(tmp_path, config)


def test_it_has_every_number_of_openvla_7b_but_those_that_are_never_read():
    with torch.device("meta"):
        backbone = build_backbone(preset("openvla_7b"))
    d, s, m = 1024, 1152, 4304
    dino_block = 4 * (d * d + d) + 8 * d * d + 5 * d + 4 * d + 2 * d
    siglip_block = 4 * (s * s + s) + 2 * s * m + m + s + 4 * s
    pool = s + 4 * (s * s + s) + 2 * s + 2 * s * m + m + s
    unread = dino_block + 2 * d + siglip_block + 2 * s + pool
    ours_alone = d  # the class token's position, which timm adds to the token
    assert sum(p.numel() for p in backbone.parameters()) == OPENVLA_7B - unread + ours_alone
    assert unread < 0.01 * OPENVLA_7B


def test_it_is_asked_as_openvla_is():
    tokenizer = train_tokenizer(["Sort the toys.", "sort the toys"], vocab_size=400, chat=OPENVLA)
    processor = Processor(tokenizer, config_for(preset("openvla_prismatic_tiny"), tokenizer))
    asked = str(tokenizer.decode(processor.prompt_ids("control", 3, "Sort the toys.")))
    assert asked == "<s>" + "<unk>" * 3 * 36 + "In: What action should the robot take to sort the toys?\nOut:"
    question = str(tokenizer.decode(processor.prompt_ids("understanding", 1, "How many toys?")))
    assert question == "<s>" + "<unk>" * 36 + "In: How many toys?\nOut:"
    row = processor.prompt_ids("control", 1, "Sort the toys.")
    assert processor.positions(torch.tensor(row).numpy(), torch.zeros(len(row)).numpy())[1].tolist() == list(range(len(row)))


def test_its_actions_are_llamas_rarest_words_and_not_the_padding_behind_them():
    tokens = ActionTokens(preset("openvla_7b"), NormStats.unit().action)
    assert (tokens.first_id, tokens.end_id) == (31744, 32000)
    least, most = tokens.encode([[-1.0] * 10]), tokens.encode([[1.0] * 10])  # type: ignore[arg-type]
    assert {*least, *most} <= set(range(31744, 32000))
    assert len(tokens.encode([[0.0] * 10])) == 10  # type: ignore[arg-type]
