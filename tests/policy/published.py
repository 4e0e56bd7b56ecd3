"""Small checkpoints in the formats in which others publish theirs, at random: OpenVLA's, LLaVA-Pythia's, T5's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5EncoderModel,
)

from policy.backbones.octo import t5_config
from policy.backbones.prismatic import RMS_EPS
from policy.config import ChatVLAConfig
from policy.config_trunk import VisionConfig


def write(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """The weights in two shards, and config.json."""
    names = sorted(weights)
    for i, part in enumerate((names[::2], names[1::2])):
        save_file({n: weights[n].contiguous() for n in part}, folder / f"model-{i + 1:05d}-of-00002.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def openvla(config: ChatVLAConfig, folder: Path) -> tuple[LlamaForCausalLM, dict[str, Tensor]]:
    """Its language model and all its weights by their names, timm's for the towers; written to `folder`."""
    torch.manual_seed(0)
    text, vision, second = config.text, config.vision, config.second_vision
    assert second is not None
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=text.vocab_size, hidden_size=text.hidden_size, intermediate_size=text.intermediate_size, num_hidden_layers=text.layers,
            num_attention_heads=text.heads, num_key_value_heads=text.kv_heads, rms_norm_eps=RMS_EPS, initializer_range=0.2,
        )
    ).eval()  # fmt: skip
    weights = {f"language_model.{k}": v for k, v in llama.state_dict().items()}
    tokens = config.image_tokens(config.cameras[0])
    weights |= tower(second, tokens, "vision_backbone.featurizer.", registers=4, scaled=True, pooled=False)
    weights |= tower(vision, tokens, "vision_backbone.fused_featurizer.", registers=0, scaled=False, pooled=True)
    wide, hidden = vision.embed_dim + second.embed_dim, text.hidden_size
    for name, (out, inner) in {"fc1": (4 * wide, wide), "fc2": (hidden, 4 * wide), "fc3": (hidden, hidden)}.items():
        weights |= {f"projector.{name}.weight": torch.randn(out, inner) / 8, f"projector.{name}.bias": torch.randn(out)}
    write(folder, weights, {"model_type": "openvla", "text_config": {"vocab_size": text.vocab_size}})
    return llama, weights


def tower(vision: VisionConfig, tokens: int, prefix: str, registers: int, scaled: bool, pooled: bool) -> dict[str, Tensor]:
    """Random weights of a ViT by timm's names."""
    width, mlp, patch = vision.embed_dim, vision.mlp_width, vision.patch_size

    def rand(*shape: int) -> Tensor:
        return 0.3 * torch.randn(*shape)

    made = {"pos_embed": rand(1, tokens, width), "patch_embed.proj.weight": rand(width, 3, patch, patch) / 20, "patch_embed.proj.bias": rand(width)}
    made |= {"norm.weight": rand(width), "norm.bias": rand(width)}
    if registers:
        made |= {"cls_token": rand(1, 1, width), "reg_token": rand(1, registers, width)}
    if pooled:
        made |= {"attn_pool.latent": rand(1, 1, width), "attn_pool.kv.weight": rand(2 * width, width)}
    sizes = {"attn.qkv": (3 * width, width), "attn.proj": (width, width), "mlp.fc1": (mlp, width), "mlp.fc2": (width, mlp)}
    for i in range(vision.depth):
        for name, (out, inner) in sizes.items():
            made |= {f"blocks.{i}.{name}.weight": rand(out, inner), f"blocks.{i}.{name}.bias": rand(out)}
        for norm in ("norm1", "norm2"):
            made |= {f"blocks.{i}.{norm}.weight": 1 + rand(width), f"blocks.{i}.{norm}.bias": rand(width)}
        if scaled:
            made |= {f"blocks.{i}.ls{k}.scale_factor": rand(width) for k in (1, 2)}
    return {prefix + key: value for key, value in made.items()}


def llava_pythia(config: ChatVLAConfig, folder: Path) -> tuple[CLIPVisionModel, GPTNeoXForCausalLM, dict[str, Tensor]]:
    """CLIP and Pythia, and both with a projector by LLaVA-Pythia's names; written to `folder`."""
    torch.manual_seed(0)
    vision, text = config.vision, config.text
    clip = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=vision.embed_dim, intermediate_size=vision.mlp_width, num_hidden_layers=vision.depth,
            num_attention_heads=vision.heads, image_size=config.image_size[0], patch_size=vision.patch_size, initializer_factor=3.0,
        )
    ).eval()  # fmt: skip
    pythia = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=text.vocab_size, hidden_size=text.hidden_size, intermediate_size=text.intermediate_size, num_hidden_layers=text.layers,
            num_attention_heads=text.heads, initializer_range=0.2,
        )
    ).eval()  # fmt: skip
    weights = {f"gpt_neox.vision_tower.vision_model.{k}": v for k, v in clip.state_dict().items()}
    weights |= {k: v for k, v in pythia.state_dict().items() if k.startswith("gpt_neox.")}
    weights["embed_out.weight"] = pythia.get_output_embeddings().weight.detach()
    for layer, inner in ((0, vision.embed_dim), (2, text.hidden_size)):
        name = f"gpt_neox.mm_projector.{layer}"
        weights |= {f"{name}.weight": torch.randn(text.hidden_size, inner), f"{name}.bias": torch.randn(text.hidden_size)}
    weights["gpt_neox.layers.0.attention.masked_bias"] = torch.tensor(-1e9)  # a buffer, as older checkpoints have
    write(folder, weights, {"model_type": "llava_pythia", "hidden_size": text.hidden_size})
    return clip, pythia, weights


def t5(config: ChatVLAConfig, folder: Path, kind: Any = T5EncoderModel) -> Any:
    """T5 in the encoder's size, whole or its encoder alone; written to `folder`."""
    torch.manual_seed(0)
    further = {"num_decoder_layers": 1, "decoder_start_token_id": 0}
    made = kind(T5Config(**{**t5_config(config).to_dict(), **further})).eval()
    made.save_pretrained(folder)
    return made
