"""The diffusion transformer that turns one condition vector and noise into an action chunk (policy.md 1.5).

Each of the 16 actions is a token; attention over the chunk is full; the condition enters only through adaLN-Zero:
c = t_emb + Linear([LayerNorm(h), rest]), where h comes from the language model and `rest` is proprioception (and, by
option, keypoints and object positions). With ChatVLA-2's reasoning there are two such c, and each block follows one.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from policy.attention import short_attention
from policy.config import INJECTED, ChatVLAConfig
from policy.heads.base import DiffusionHead
from policy.heads.injection import Injection, followed

TIME_DIM = 256


class Block(nn.Module):
    """Attention and feed-forward, each shifted, scaled and gated by the condition; gates start at zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x (B, n, width), c (B, width) after SiLU."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(c)[:, None].chunk(6, -1)
        q, k, v = self.qkv(modulated(x, shift_a, scale_a)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = short_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + gate_a * self.proj(attended)
        return x + gate_m * self.mlp(modulated(x, shift_m, scale_m))


class DiTHead(DiffusionHead):
    """The diffusion transformer; `rest_dim`: numbers of the condition behind the language model's vector."""

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__(config)
        head, hidden = config.head, config.text.hidden_size
        self.width, self.rest = head.width, rest_dim
        self.followed = followed(config.reasoning, head.depth)
        self.embed_action = nn.Linear(config.action_dim, head.width)
        self.position = nn.Parameter(torch.empty(1, config.horizon, head.width))
        self.embed_time = nn.Sequential(nn.Linear(TIME_DIM, head.width), nn.SiLU(), nn.Linear(head.width, head.width))
        self.norm = nn.LayerNorm(hidden)
        self.embed_condition = condition_layers(config, rest_dim)
        self.injection = Injection(config.reasoning, hidden) if config.reasoning in INJECTED else None
        self.embed_reasoning = condition_layers(config, rest_dim) if 1 in self.followed else None
        self.blocks = nn.ModuleList(Block(head.width, head.heads) for _ in range(head.depth))
        self.last_modulation = nn.Linear(head.width, 2 * head.width)
        self.last = nn.Linear(head.width, config.action_dim)
        nn.init.normal_(self.position, std=0.02 if head.width > 256 else 0.1)
        self.zero_init()

    def zero_init(self) -> None:
        """adaLN-Zero: every block starts as the identity and the prediction as 0. Call after anything that re-inits."""
        for block in self.blocks:
            nn.init.zeros_(block.modulation.weight)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.modulation.bias)  # type: ignore[union-attr, arg-type]
        for layer in (self.last_modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(self, vector: Tensor) -> Tensor:
        """The timestep-independent part of each c, (B, number of them x width): computed once for all denoising steps."""
        pooled, rest = vector.split([vector.shape[1] - self.rest, self.rest], -1)
        sources = self.injection(pooled) if self.injection is not None else [pooled]
        layers = [layer for layer in (self.embed_condition, self.embed_reasoning) if layer is not None]
        pairs = zip(layers, sources, strict=True)
        return torch.cat([layer(torch.cat([self.norm(source), rest], -1)) for layer, source in pairs], -1)

    def denoise(self, x: Tensor, t: Tensor, embedded: Tensor) -> Tensor:
        """The prediction for x (B, n, 10) at timesteps t (B,)."""
        time = self.embed_time(time_embedding(t))
        conditions = [F.silu(time + part) for part in embedded.split(self.width, -1)]
        hidden = self.embed_action(x) + self.position
        for block, source in zip(self.blocks, self.followed, strict=False):
            hidden = block(hidden, conditions[source])
        shift, scale = self.last_modulation(conditions[self.followed[-1]])[:, None].chunk(2, -1)
        return self.last(modulated(hidden, shift, scale))


def condition_layers(config: ChatVLAConfig, rest_dim: int) -> nn.Sequential:
    """From a vector of the language model and `rest_dim` further numbers to the head's width."""
    inputs, width = config.text.hidden_size + rest_dim, config.head.width
    if config.options.condition_mlp:
        return nn.Sequential(nn.Linear(inputs, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
    return nn.Sequential(nn.Linear(inputs, width))


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """LayerNorm without weights, then scale and shift."""
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + scale) + shift


def time_embedding(t: Tensor) -> Tensor:
    """(B,) timesteps to (B, 256) cosines and sines, float32."""
    frequency = torch.exp(-math.log(10000) * torch.arange(TIME_DIM // 2, device=t.device) / (TIME_DIM // 2))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.cos(), angle.sin()], -1)
