"""Qwen2-VL with experts in every decoder layer, made from Qwen2-VL's own checkpoints.

`route` travels as an ordinary keyword from `forward` to the layers. A network with dense or two static experts has
Qwen2-VL's keys: its checkpoint opens as a plain Qwen2-VL, which shows its understanding path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.conversion_mapping import get_checkpoint_conversion_mapping, register_checkpoint_conversion_mapping
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig, Qwen2VLVisionConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import (
    PatchEmbed,
    Qwen2VisionTransformerPretrainedModel,
    Qwen2VLAttention,
    Qwen2VLDecoderLayer,
    Qwen2VLModel,
    Qwen2VLTextModel,
)
from transformers.vision_utils import get_vision_position_ids

from policy.attention import PLAIN, BatchedVisionAttention, register_plain_attention
from policy.backbones import loading
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.feed_forward import copy_experts, feed_forward
from policy.pixels import patchify

DIMENSIONS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


class ExpertLayer(Qwen2VLDecoderLayer):
    """x + Attention(norm(x)), then + Experts(norm(x)); attention and norms are shared."""

    def __init__(self, config: Qwen2VLTextConfig, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.mlp = feed_forward(config)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = False,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        route: Route = "understanding",
        routings: list[Routing] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        attended, _ = self.self_attn(
            hidden_states=self.input_layernorm(hidden_states),
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            position_embeddings=position_embeddings,
            **kwargs,
        )
        hidden_states = hidden_states + attended
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states), route, routings)


class ExpertTextModel(Qwen2VLTextModel):
    """Qwen2-VL's language model with `ExpertLayer`s."""

    _can_record_outputs = {"hidden_states": ExpertLayer, "attentions": Qwen2VLAttention}  # noqa: RUF012

    def __init__(self, config: Qwen2VLTextConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(ExpertLayer(config, i) for i in range(config.num_hidden_layers))
        self.post_init()


class LinearPatchEmbed(PatchEmbed):
    """The Conv3d whose stride is its kernel, computed as the matrix product that it is; same weights."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        weight = self.proj.weight.flatten(1)
        return F.linear(hidden_states.view(-1, weight.shape[1]).to(weight.dtype), weight)


class VisionTower(Qwen2VisionTransformerPretrainedModel):
    """Qwen2-VL's vision tower, with the options `linear_patch_embed` and `plain_attention`."""

    def __init__(self, config: Qwen2VLVisionConfig) -> None:
        super().__init__(config)
        if getattr(config, "linear_patch_embed", False):
            self.patch_embed = LinearPatchEmbed(
                config.patch_size, config.temporal_patch_size, config.in_channels, config.embed_dim  # type: ignore[arg-type]
            )
        for block in self.blocks:
            block.attn = BatchedVisionAttention(config)
        self.post_init()


class ChatVLAModel(Qwen2VLModel):
    """Vision tower and language model."""

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__(config)
        self.visual = VisionTower._from_config(config.vision_config)
        self.language_model = ExpertTextModel._from_config(config.text_config)
        self.post_init()


class ChatVLABackbone(Qwen2VLForConditionalGeneration):
    """Qwen2-VL whose `forward` takes a `route`; use `build` or `pretrained` to make one."""

    _no_split_modules = ["ExpertLayer", "Qwen2VLVisionBlock"]  # noqa: RUF012
    prefix_lm = False

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__(config)
        self.model = ChatVLAModel(config)
        self.post_init()

    # generate() checks its keywords against this signature, so it is written out.
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        mm_token_type_ids: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        route: Route = "understanding",
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        stock: Any = super().forward  # typed for LongTensor, which no operation returns, and without `route`
        return stock(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            use_cache=use_cache,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            logits_to_keep=logits_to_keep,
            route=route,
            **kwargs,
        )

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of one size to (N x tokens, d)."""
        vision: Any = self.config.vision_config
        pixels = patchify(images, vision.patch_size, vision.spatial_merge_size)
        return self._encoded(pixels.to(self.dtype), len(images), (images.shape[1], images.shape[2]))

    def see_patches(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        """Patch tokens (N, P, e) of images of `size`, in the merger's order, to (N x tokens, d)."""
        return self._encoded(patches.flatten(0, 1), len(patches), size)

    def drop_patch_embedding(self) -> None:
        """Leaves the making of patch tokens to others."""
        self.model.visual.register_module("patch_embed", nn.Identity())

    def _encoded(self, patches: Tensor, images: int, size: tuple[int, int]) -> Tensor:
        vision: Any = self.config.vision_config
        patch = vision.patch_size
        grid = torch.tensor([[1, size[0] // patch, size[1] // patch]], device=patches.device)
        places = get_vision_position_ids(grid, vision.spatial_merge_size).repeat(images, 1)  # transformers would make them image by image
        return self.model.visual(patches, grid_thw=grid.expand(images, 3), position_ids=places).pooler_output

    def hidden_states(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        mask: Tensor | None,
        route: Route,
        cache: Any = None,
        routings: list[Routing] | None = None,
    ) -> BaseModelOutputWithPast:
        """The language model alone, after its last norm.

        `embeds` (B, S, d); `position_ids` (3, B, S); `mask` (B, 1, S, keys) as attention takes it, used as it is
        (None: a single new token that sees everything); `cache` is filled when given, and so is `routings`, by the
        router of each layer.
        """
        return self.model.language_model(
            inputs_embeds=embeds,
            attention_mask={"full_attention": mask},
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=cache is not None,
            route=route,
            routings=routings,
        )


def build(config: ChatVLAConfig) -> ChatVLABackbone:
    """A randomly initialised network, the experts of a layer alike."""
    prepare_transformers()
    backbone = ChatVLABackbone(qwen_config(config))
    copy_experts(backbone)
    return backbone


def pretrained(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> ChatVLABackbone:
    """Qwen2-VL's weights from a local folder; raises as `policy.backbones.build.pretrained_backbone`."""
    prepare_transformers()
    loading.check_dimensions(path, qwen_text_config(config).to_dict(), DIMENSIONS, config.name)
    dense = qwen_config(config.with_experts("dense"))
    return loading.load(ChatVLABackbone, path, dense, config.experts, dtype, "Qwen2-VL")


def prepare_transformers() -> None:
    """Tells transformers about our class names, which it needs to read checkpoints and to run `plain` attention.

    It rewrites checkpoint keys by class name (on disk `visual.*`, `model.layers.*`), so without this a subclass
    would load nothing of the text tower and only report it.
    """
    for ours, theirs in (("ChatVLABackbone", "Qwen2VLForConditionalGeneration"), ("ChatVLAModel", "Qwen2VLModel")):
        mapping = get_checkpoint_conversion_mapping(theirs)
        assert mapping is not None, f"transformers knows no conversion of {theirs}"
        register_checkpoint_conversion_mapping(ours, mapping, overwrite=True)
    register_plain_attention()


def qwen_config(config: ChatVLAConfig) -> Qwen2VLConfig:
    """Our configuration in transformers' words."""
    text, vision = config.text, config.vision
    further: dict[str, Any] = {"initializer_range": text.initializer_range}  # accepted, but not in the class's signature
    made = Qwen2VLConfig(
        text_config={
            "vocab_size": text.vocab_size,
            "hidden_size": text.hidden_size,
            "intermediate_size": text.intermediate_size,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "num_key_value_heads": text.kv_heads,
            "max_position_embeddings": text.max_positions,
            "initializer_range": text.initializer_range,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": text.rope_theta,
                "mrope_section": list(text.mrope_section),
            },
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": text.pad_token_id,
            "tie_word_embeddings": text.tied,
            "experts": asdict(config.experts),
        },
        vision_config={
            "depth": vision.depth,
            "embed_dim": vision.embed_dim,
            "hidden_size": text.hidden_size,
            "num_heads": vision.heads,
            "patch_size": vision.patch_size,
            "spatial_merge_size": vision.spatial_merge_size,
            "initializer_range": vision.initializer_range,
            "linear_patch_embed": config.options.linear_patch_embed,
        },
        image_token_id=text.image_token_id,
        video_token_id=text.video_token_id,
        vision_start_token_id=text.vision_start_token_id,
        vision_end_token_id=text.vision_end_token_id,
        tie_word_embeddings=text.tied,
        **further,
    )
    made._attn_implementation = PLAIN if config.options.plain_attention else "sdpa"
    return made


def qwen_text_config(config: ChatVLAConfig) -> Qwen2VLTextConfig:
    """The language model's part of `qwen_config`."""
    text = qwen_config(config).text_config
    assert isinstance(text, Qwen2VLTextConfig)
    return text
