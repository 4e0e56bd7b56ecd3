"""What decoders of one making have in common (Gemma's, Llama's): a layer with experts, and the layers run on embeddings."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPast

from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.feed_forward import feed_forward


class RoutedLayer(nn.Module):
    """Before a decoder layer in the list of bases: x + Attention(norm(x)), then + Experts(norm(x)); attention and norms are shared."""

    def __init__(self, config: Any, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.mlp = feed_forward(config)

    def forward(
        self, hidden_states: Tensor, route: Route = "understanding", routings: list[Routing] | None = None, **kwargs: Any
    ) -> Tensor:
        own: Any = self
        attended, _ = own.self_attn(hidden_states=own.input_layernorm(hidden_states), **kwargs)
        hidden_states = hidden_states + attended
        return hidden_states + self.mlp(own.post_attention_layernorm(hidden_states), route, routings)


def run(
    model: Any,
    embeds: Tensor,
    positions: Tensor,
    mask: Tensor | None,
    route: Route,
    cache: Any = None,
    routings: list[Routing] | None = None,
) -> BaseModelOutputWithPast:
    """The states of `model` after its last norm: `embeds` (B, S, d) at `positions` (B, S); `mask` and `cache` as in `policy.backbones.build.Backbone`."""
    rotary = model.rotary_emb(embeds, position_ids=positions)
    hidden = embeds
    for layer in model.layers:
        hidden = layer(
            hidden, route=route, routings=routings, attention_mask=mask, position_ids=positions, past_key_values=cache,
            use_cache=cache is not None, position_embeddings=rotary,
        )  # fmt: skip
    return BaseModelOutputWithPast(last_hidden_state=model.norm(hidden), past_key_values=cache)
