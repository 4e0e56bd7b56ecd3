"""Attention without copies or loops, for CPUs (option `plain_attention`), known to transformers as `plain`.

Keys and values are never copied per query head, the mask is made once for all layers, and vision runs all images of
one size in one batch. In bfloat16 it is two matrix products (0.69 -> 0.47 s a step where the CPU has AMX,
research/vlm_probe.md); in float32 the fused kernel is faster (82 against 97 ms a layer, 32 x 191 tokens, AVX-512).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2_vl.modeling_qwen2_vl import VisionAttention, apply_rotary_pos_emb_vision

PLAIN = "plain"
MASKED = -1e4  # added to a score that must not count; finite in bfloat16 too, so that a padded row stays finite


def register_plain_attention() -> None:
    """Makes `attn_implementation="plain"` known to transformers; calling it again changes nothing."""
    ALL_ATTENTION_FUNCTIONS.register(PLAIN, plain_attention)
    # Without a mask function of its own, transformers would pass no causal mask at all.
    ALL_MASK_ATTENTION_FUNCTIONS.register(PLAIN, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])


def additive_mask(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where `visible` is True and `MASKED` elsewhere: made once, added in every layer."""
    return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill(~visible, MASKED)


def plain_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float = 1.0,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """(B, H, Q, D) queries over (B, K, S, D) keys and values, H a multiple of K; gives (B, Q, H, D)."""
    rows, heads, n_query, width = query.shape
    kv_heads, n_key = key.shape[1], key.shape[2]
    if attention_mask is None and n_query > 1 and getattr(module, "is_causal", False):
        attention_mask = query.new_ones(n_query, n_key, dtype=torch.bool).tril(n_key - n_query)[None, None]
    if query.dtype == torch.float32 and value.dtype == torch.float32:
        mask = None if attention_mask is None else attention_mask[..., :n_key]
        out = F.scaled_dot_product_attention(query, key, value, mask, scale=scaling, enable_gqa=heads != kv_heads)
        return out.transpose(1, 2), None
    grouped = (query * scaling).reshape(rows, kv_heads, heads // kv_heads * n_query, width)
    scores = (grouped @ key.transpose(-1, -2)).view(rows, heads, n_query, n_key)
    if attention_mask is not None:
        mask = additive_mask(attention_mask, scores.dtype) if attention_mask.dtype == torch.bool else attention_mask
        scores = scores + mask[..., :n_key].to(scores.dtype)
    weights = scores.softmax(-1, dtype=scores.dtype).view(rows, kv_heads, -1, n_key)
    return (weights @ value).view(rows, heads, n_query, width).transpose(1, 2), None


def short_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, H, n, D) over a few tokens that all see each other.

    In bfloat16 on a CPU as two products: a step of chatvla_tiny's head, 48 chunks of 16 actions, takes 37 CPU ms instead
    of 85 with the fused kernel (one thread, AMX). In float32 the fused kernel is the faster.
    """
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1) @ value
    return F.scaled_dot_product_attention(query, key, value)


class BatchedVisionAttention(VisionAttention):
    """Qwen2-VL's vision attention over images of one size, in one batch; as its parent unless `plain` is chosen."""

    def forward(
        self,
        hidden_states: Tensor,
        cu_seqlens: Tensor,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        max_seqlen: int | None = None,
        **kwargs: Any,
    ) -> Tensor:
        if self.config._attn_implementation != PLAIN:
            return super().forward(hidden_states, cu_seqlens, position_embeddings, max_seqlen, **kwargs)
        assert position_embeddings is not None
        images = cu_seqlens.shape[0] - 1
        query, key, value = self.qkv(hidden_states).view(hidden_states.shape[0], 3, self.num_heads, -1).unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *position_embeddings)

        def by_image(x: Tensor) -> Tensor:
            return x.view(images, -1, self.num_heads, x.shape[-1]).transpose(1, 2)

        out, _ = plain_attention(self, by_image(query), by_image(key), by_image(value), None, self.scaling)
        return self.proj(out.reshape(hidden_states.shape))
