"""LLaVA-Pythia, TinyVLA's trunk: CLIP's patches, an MLP of two layers, Pythia (GPT-NeoX).

As in LLaVA the layer of CLIP before the last is read, without its class token; the last layer is not built. Attention and
feed-forward network of a layer stand side by side, so that there is no place for experts. Positions count from 0,
everything is causal (arXiv:2409.12514, section III; policy.md 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, GPTNeoXConfig, GPTNeoXModel
from transformers.modeling_outputs import BaseModelOutputWithPast

from policy.attention import PLAIN, register_plain_attention
from policy.backbones import loading
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.pixels import MEAN, STD

DIMENSIONS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
ROTARY_SHARE = 0.25  # of a head's width, in every Pythia
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_BUFFER = re.compile(r"(attention\.(bias|masked_bias)|inv_freq|position_ids)$")  # which older checkpoints hold


class LlavaPythiaModel(nn.Module):
    """Tower, projector and language model."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        hidden = config.text.hidden_size
        self.vision_tower = _clip(config)
        self.multi_modal_projector = nn.Sequential(nn.Linear(config.vision.embed_dim, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.language_model = GPTNeoXModel(pythia_config(config))


class LlavaPythiaBackbone(nn.Module):
    """See `policy.backbones.build.Backbone`; every route is the same."""

    prefix_lm = False

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        self.model = LlavaPythiaModel(config)
        self.lm_head = nn.Linear(config.text.hidden_size, config.text.vocab_size, bias=False)
        nn.init.normal_(self.lm_head.weight, std=config.text.initializer_range)

    def get_input_embeddings(self) -> nn.Module:
        """Of the language model."""
        return self.model.language_model.embed_in

    def tie_weights(self) -> None:
        """Nothing: Pythia reads and speaks through two matrices."""

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of the one size to (N x tokens, d)."""
        tower: Any = self.model.vision_tower
        pixels = images.permute(0, 3, 1, 2).to(self.lm_head.weight.dtype).div(255)
        mean, std = (pixels.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
        states = tower.encoder(inputs_embeds=tower.pre_layrnorm(tower.embeddings((pixels - mean) / std))).last_hidden_state
        return self.model.multi_modal_projector(states[:, 1:]).flatten(0, 1)

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
        pythia: Any = self.model.language_model
        rotary = pythia.rotary_emb(embeds, position_ids=position_ids[0])
        hidden = embeds
        for layer in pythia.layers:
            hidden = layer(
                hidden, attention_mask=mask, position_ids=position_ids[0], layer_past=cache,
                use_cache=cache is not None, position_embeddings=rotary,
            )  # fmt: skip
        return BaseModelOutputWithPast(last_hidden_state=pythia.final_layer_norm(hidden), past_key_values=cache)


def build(config: ChatVLAConfig) -> LlavaPythiaBackbone:
    """A randomly initialised network."""
    register_plain_attention()
    return LlavaPythiaBackbone(config)


def pretrained(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> LlavaPythiaBackbone:
    """The weights of a local folder such as Llava-Pythia-400M's; raises as `policy.backbones.build.pretrained_backbone`."""
    loading.check_dimensions(path, pythia_config(config).to_dict(), DIMENSIONS, config.name)
    backbone = build(config).to(dtype)
    last = config.vision.depth - 1
    loading.fill(backbone, (new for name, t in loading.tensors(path) for new in ours(name, t, last)), path, "LLaVA-Pythia")
    return backbone


def ours(name: str, tensor: Tensor, last: int) -> Iterator[tuple[str, Tensor]]:
    """A checkpoint's tensor under our name; none of what is not read: CLIP's layer `last`, the norm behind it, buffers."""
    if _BUFFER.search(name):
        return
    if name.startswith("gpt_neox.vision_tower."):
        inner = name.removeprefix("gpt_neox.vision_tower.").removeprefix("vision_model.")
        found = _LAYER.match(inner)
        if not inner.startswith("post_layernorm.") and not (found and int(found[1]) >= last):
            yield f"model.vision_tower.{inner}", tensor
    elif name.startswith("gpt_neox.mm_projector."):
        yield name.replace("gpt_neox.mm_projector", "model.multi_modal_projector"), tensor
    elif name.startswith("gpt_neox."):
        yield name.replace("gpt_neox", "model.language_model", 1), tensor
    else:
        yield name.replace("embed_out.", "lm_head."), tensor


def pythia_config(config: ChatVLAConfig) -> GPTNeoXConfig:
    """The language model's configuration in transformers' words."""
    text = config.text
    made = GPTNeoXConfig(
        vocab_size=text.vocab_size,
        hidden_size=text.hidden_size,
        intermediate_size=text.intermediate_size,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        max_position_embeddings=text.max_positions,
        initializer_range=text.initializer_range,
        rope_parameters={"rope_type": "default", "rope_theta": text.rope_theta, "partial_rotary_factor": ROTARY_SHARE},
        bos_token_id=None,
        eos_token_id=None,
    )
    made._attn_implementation = _attention(config)
    return made


def _clip(config: ChatVLAConfig) -> Any:
    vision = config.vision
    made = CLIPVisionConfig(
        hidden_size=vision.embed_dim,
        intermediate_size=vision.mlp_width,
        num_hidden_layers=vision.depth - 1,
        num_attention_heads=vision.heads,
        image_size=config.image_size[0],
        patch_size=vision.patch_size,
        initializer_range=vision.initializer_range,
    )
    made._attn_implementation = _attention(config)
    tower: Any = CLIPVisionModel(made)
    tower.post_layernorm = nn.Identity()
    return tower


def _attention(config: ChatVLAConfig) -> str:
    return PLAIN if config.options.plain_attention else "sdpa"
