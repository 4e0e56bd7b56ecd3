"""PaliGemma with experts in every decoder layer, made from PaliGemma's own checkpoints.

SigLIP sees pictures of one square size, Gemma reads: pictures and prompt see each other in both directions, the answer
is causal, positions count from 1 (arXiv:2407.07726, sections 3.1 and 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration
from transformers.conversion_mapping import get_checkpoint_conversion_mapping, register_checkpoint_conversion_mapping
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.gemma.modeling_gemma import GemmaDecoderLayer

from policy.attention import PLAIN, register_plain_attention
from policy.backbones import loading
from policy.backbones.decoder import RoutedLayer, run
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.feed_forward import copy_experts

DIMENSIONS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


class ExpertGemmaLayer(RoutedLayer, GemmaDecoderLayer):  # type: ignore[misc]
    """Gemma's decoder layer with experts."""


class PaliGemmaBackbone(PaliGemmaForConditionalGeneration):
    """PaliGemma whose layers take a `route`."""

    _no_split_modules = ["ExpertGemmaLayer", "SiglipEncoderLayer"]  # noqa: RUF012
    prefix_lm = True

    def __init__(self, config: PaliGemmaConfig) -> None:
        super().__init__(config)
        text = config.text_config
        self.model.language_model.layers = nn.ModuleList(
            ExpertGemmaLayer(text, i) for i in range(text.num_hidden_layers)  # type: ignore[arg-type]
        )
        self.post_init()

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of one size to (N x tokens, d)."""
        tower = self.model.vision_tower
        pixels = images.permute(0, 3, 1, 2).to(self.dtype).div(127.5).sub(1)  # mean and std of SigLIP are 0.5
        patches = tower.embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
        return self._encoded(patches + tower.embeddings.position_embedding.weight[None])

    def see_patches(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        """Patch tokens (N, P, e), row by row and with positions, to (N x tokens, d)."""
        return self._encoded(patches)

    def drop_patch_embedding(self) -> None:
        """Leaves patch tokens and their positions to others."""
        self.model.vision_tower.embeddings = nn.Identity()  # type: ignore[assignment]

    def hidden_states(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        mask: Tensor | None,
        route: Route,
        cache: Any = None,
        routings: list[Routing] | None = None,
    ) -> BaseModelOutputWithPast:
        """The language model alone, after its last norm; see `policy.backbones.build.Backbone`."""
        return run(self.model.language_model, embeds, position_ids[0], mask, route, cache, routings)

    def _encoded(self, patches: Tensor) -> Tensor:
        tower = self.model.vision_tower
        states = tower.post_layernorm(tower.encoder(inputs_embeds=patches).last_hidden_state)
        return self.model.multi_modal_projector(states).flatten(0, 1)


def build(config: ChatVLAConfig) -> PaliGemmaBackbone:
    """A randomly initialised network, the experts of a layer alike."""
    _prepare_transformers()
    backbone = PaliGemmaBackbone(paligemma_config(config))
    copy_experts(backbone)
    return backbone


def pretrained(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> PaliGemmaBackbone:
    """PaliGemma's weights from a local folder; raises as `policy.backbones.build.pretrained_backbone`."""
    _prepare_transformers()
    ours = paligemma_config(config)
    loading.check_dimensions(path, ours.text_config.to_dict(), DIMENSIONS, config.name)  # type: ignore[union-attr]
    dense = paligemma_config(config.with_experts("dense"))
    return loading.load(PaliGemmaBackbone, path, dense, config.experts, dtype, "PaliGemma")


def paligemma_config(config: ChatVLAConfig) -> PaliGemmaConfig:
    """Our configuration in transformers' words."""
    text, vision = config.text, config.vision
    made = PaliGemmaConfig(
        text_config={
            "model_type": "gemma",
            "vocab_size": text.vocab_size,
            "hidden_size": text.hidden_size,
            "intermediate_size": text.intermediate_size,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "num_key_value_heads": text.kv_heads,
            "head_dim": text.head_width,
            "max_position_embeddings": text.max_positions,
            "initializer_range": text.initializer_range,
            "rope_parameters": {"rope_type": "default", "rope_theta": text.rope_theta},
            "pad_token_id": text.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": None,
            "experts": asdict(config.experts),
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": vision.embed_dim,
            "intermediate_size": vision.mlp_width,
            "num_hidden_layers": vision.depth,
            "num_attention_heads": vision.heads,
            "patch_size": vision.patch_size,
            "image_size": config.image_size[0],
            "vision_use_head": False,
        },
        image_token_index=text.image_token_id,
        projection_dim=text.hidden_size,
        hidden_size=text.hidden_size,
        vocab_size=text.vocab_size,
        tie_word_embeddings=True,
    )
    made._attn_implementation = PLAIN if config.options.plain_attention else "sdpa"
    return made


def _prepare_transformers() -> None:
    """Tells transformers that our class reads PaliGemma's keys; see `policy.backbones.qwen2_vl`."""
    mapping = get_checkpoint_conversion_mapping("paligemma")
    assert mapping is not None, "transformers knows no conversion of PaliGemma"
    register_checkpoint_conversion_mapping("PaliGemmaBackbone", mapping, overwrite=True)
    register_plain_attention()
