"""The diffusion transformer that turns one condition vector and noise into an action chunk (policy.md 1.5).

Each of the 16 actions is a token; attention over the chunk is full; the condition enters only through adaLN-Zero:
c = t_emb + Linear([LayerNorm(h), rest]), where h comes from the language model and `rest` is proprioception (and, by
option, keypoints and object positions).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.heads.base import DiffusionHead

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
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + gate_a * self.proj(attended)
        return x + gate_m * self.mlp(modulated(x, shift_m, scale_m))


class DiTHead(DiffusionHead):
    """The diffusion transformer; `rest_dim`: numbers of the condition behind the language model's vector."""

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__(config)
        head, hidden = config.head, config.text.hidden_size
        self.hidden, self.width = hidden, head.width
        self.embed_action = nn.Linear(config.action_dim, head.width)
        self.position = nn.Parameter(torch.empty(1, config.horizon, head.width))
        self.embed_time = nn.Sequential(nn.Linear(TIME_DIM, head.width), nn.SiLU(), nn.Linear(head.width, head.width))
        self.norm = nn.LayerNorm(hidden)
        layers: list[nn.Module] = [nn.Linear(hidden + rest_dim, head.width)]
        if config.options.condition_mlp:
            layers = [nn.Linear(hidden + rest_dim, 2 * head.width), nn.GELU(), nn.Linear(2 * head.width, head.width)]
        self.embed_condition = nn.Sequential(*layers)
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
        """The timestep-independent part of c, (B, width): computed once for all denoising steps."""
        return self.embed_condition(torch.cat([self.norm(vector[:, : self.hidden]), vector[:, self.hidden :]], -1))

    def denoise(self, x: Tensor, t: Tensor, embedded: Tensor) -> Tensor:
        """The prediction for x (B, n, 10) at timesteps t (B,)."""
        c = F.silu(self.embed_time(time_embedding(t)) + embedded)
        hidden = self.embed_action(x) + self.position
        for block in self.blocks:
            hidden = block(hidden, c)
        shift, scale = self.last_modulation(c)[:, None].chunk(2, -1)
        return self.last(modulated(hidden, shift, scale))


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """LayerNorm without weights, then scale and shift."""
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + scale) + shift


def time_embedding(t: Tensor) -> Tensor:
    """(B,) timesteps to (B, 256) cosines and sines, float32."""
    frequency = torch.exp(-math.log(10000) * torch.arange(TIME_DIM // 2, device=t.device) / (TIME_DIM // 2))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.cos(), angle.sin()], -1)
