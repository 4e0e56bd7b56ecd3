"""Prismatic, OpenVLA's trunk: patches of DINOv2 and SigLIP side by side, an MLP of three layers, Llama-2.

Of both towers the layer before the last is read, so that the last one and what pools it are not built: they would be
kept, moved and stored for nothing. Positions count from 0, everything is causal (arXiv:2402.07865, section 4; policy.md 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    LlamaConfig,
    LlamaModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from policy.attention import PLAIN, register_plain_attention
from policy.backbones import loading
from policy.backbones.decoder import RoutedLayer, run
from policy.backbones.openvla_names import ours
from policy.config import ChatVLAConfig, VisionConfig
from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.feed_forward import copy_experts, make_experts

DIMENSIONS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
REGISTERS = 4  # tokens of DINOv2 that stand for no patch, beside its class token (timm's vit_large_patch14_reg4_dinov2)
RMS_EPS = 1e-6  # transformers' own, which openvla-7b's config.json leaves as it is
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ExpertLlamaLayer(RoutedLayer, LlamaDecoderLayer):  # type: ignore[misc]
    """Llama's decoder layer with experts."""


class ExpertLlama(LlamaModel):
    """Llama with `ExpertLlamaLayer`s."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(ExpertLlamaLayer(config, i) for i in range(config.num_hidden_layers))
        self.post_init()


class PrismaticModel(nn.Module):
    """Towers, projector and language model."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        assert config.second_vision is not None, "prismatic has two towers"
        self.dino = _dino(config, config.second_vision)
        self.vision_tower = _siglip(config, config.vision)
        width, hidden = config.vision.embed_dim + config.second_vision.embed_dim, config.text.hidden_size
        self.multi_modal_projector = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, hidden), nn.GELU(), nn.Linear(hidden, hidden)
        )
        self.language_model = ExpertLlama(llama_config(config))

    def features(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """(N, h, w, 3) uint8 to (N, patches, both widths): DINOv2's, then SigLIP's."""
        pixels = images.permute(0, 3, 1, 2).to(dtype).div(255)
        mean, std = (pixels.new_tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        states = self.dino.embeddings((pixels - mean) / std)
        for layer in self.dino.encoder.layer:
            states = layer(states)
        seen = self.vision_tower.encoder(inputs_embeds=self.vision_tower.embeddings(2 * pixels - 1)).last_hidden_state
        return torch.cat([states[:, 1 + REGISTERS :], seen], -1)


class PrismaticBackbone(nn.Module):
    """See `policy.backbones.build.Backbone`."""

    prefix_lm = False

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        self.model = PrismaticModel(config)
        self.lm_head = nn.Linear(config.text.hidden_size, config.text.vocab_size, bias=False)
        nn.init.normal_(self.lm_head.weight, std=config.text.initializer_range)
        self.config = SimpleNamespace(text_config=self.model.language_model.config)

    def get_input_embeddings(self) -> nn.Module:
        """Of the language model."""
        return self.model.language_model.embed_tokens

    def tie_weights(self) -> None:
        """Nothing: Llama-2 reads and speaks through two matrices."""

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of the one size to (N x tokens, d)."""
        features = self.model.features(images, self.lm_head.weight.dtype)
        return self.model.multi_modal_projector(features).flatten(0, 1)

    def hidden_states(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        mask: Tensor | None,
        route: Route,
        cache: Any = None,
        routings: list[Routing] | None = None,
    ) -> Any:
        """The language model alone, after its last norm; see `policy.backbones.build.Backbone`."""
        return run(self.model.language_model, embeds, position_ids[0], mask, route, cache, routings)


def build(config: ChatVLAConfig) -> PrismaticBackbone:
    """A randomly initialised network, the experts of a layer alike."""
    register_plain_attention()
    backbone = PrismaticBackbone(config)
    copy_experts(backbone)
    return backbone


def pretrained(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> PrismaticBackbone:
    """OpenVLA's weights from a local folder such as openvla-7b's; raises as `policy.backbones.build.pretrained_backbone`."""
    register_plain_attention()
    loading.check_dimensions(path, llama_config(config).to_dict(), DIMENSIONS, config.name)
    backbone = PrismaticBackbone(config.with_experts("dense")).to(dtype)
    assert config.second_vision is not None
    unread = (config.second_vision.depth - 1, config.vision.depth - 1)
    loading.fill(backbone, (new for name, t in loading.tensors(path) for new in ours(name, t, *unread)), path, "OpenVLA")
    make_experts(backbone, config.experts)
    return backbone


def llama_config(config: ChatVLAConfig) -> LlamaConfig:
    """The language model's configuration in transformers' words."""
    text = config.text
    further: dict[str, Any] = {"experts": asdict(config.experts)}
    made = LlamaConfig(
        vocab_size=text.vocab_size,
        hidden_size=text.hidden_size,
        intermediate_size=text.intermediate_size,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        num_key_value_heads=text.kv_heads,
        head_dim=text.head_width,
        max_position_embeddings=text.max_positions,
        initializer_range=text.initializer_range,
        rms_norm_eps=RMS_EPS,
        rope_parameters={"rope_type": "default", "rope_theta": text.rope_theta},
        pad_token_id=text.pad_token_id,
        bos_token_id=None,
        eos_token_id=None,
        **further,
    )
    made._attn_implementation = _attention(config)
    return made


def _dino(config: ChatVLAConfig, vision: VisionConfig) -> Any:
    made = Dinov2WithRegistersConfig(
        hidden_size=vision.embed_dim,
        num_hidden_layers=vision.depth - 1,
        num_attention_heads=vision.heads,
        mlp_ratio=vision.mlp_width // vision.embed_dim,
        image_size=config.image_size[0],
        patch_size=vision.patch_size,
        num_register_tokens=REGISTERS,
        initializer_range=vision.initializer_range,
    )
    made._attn_implementation = _attention(config)
    tower: Any = Dinov2WithRegistersModel(made)
    tower.layernorm = nn.Identity()
    tower.embeddings.mask_token = None  # of its pretraining
    return tower


def _siglip(config: ChatVLAConfig, vision: VisionConfig) -> Any:
    made = SiglipVisionConfig(
        hidden_size=vision.embed_dim,
        intermediate_size=vision.mlp_width,
        num_hidden_layers=vision.depth - 1,
        num_attention_heads=vision.heads,
        image_size=config.image_size[0],
        patch_size=vision.patch_size,
        hidden_act="gelu",  # timm's tower, which OpenVLA took, has the exact one; Google's own has tanh's
        vision_use_head=False,
    )
    made._attn_implementation = _attention(config)
    tower: Any = SiglipVisionModel(made)
    tower.post_layernorm = nn.Identity()
    return tower


def _attention(config: ChatVLAConfig) -> str:
    return PLAIN if config.options.plain_attention else "sdpa"
