"""Octo's head: one state of the network, read out, conditions a small residual MLP that denoises the whole chunk at once.

The network runs once a decision and only this MLP iterates: learned Fourier features of the time, three residual blocks
of width 256, 20 steps of DDPM with fresh noise at each (policy.md 3.4).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.diffusion import NoiseSource, ancestral_sample, gaussian
from policy.heads.base import Context, DiffusionHead

TIME_DIM, TIME_HIDDEN = 32, 64


class ResidualBlock(nn.Module):
    """x + Linear(swish(Linear(LayerNorm(x)))), four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class ReadoutHead(DiffusionHead):
    """Condition, time and the flattened chunk (n x D) through `head.depth` residual blocks of `head.width`."""

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__(config)
        width, actions = config.head.width, config.horizon * config.action_dim
        self.frequency = nn.Parameter(torch.randn(TIME_DIM // 2))
        self.embed_time = nn.Sequential(nn.Linear(TIME_DIM, TIME_HIDDEN), nn.SiLU(), nn.Linear(TIME_HIDDEN, TIME_DIM))
        self.first = nn.Linear(TIME_DIM + config.text.hidden_size + rest_dim + actions, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(config.head.depth)))
        self.last = nn.Sequential(nn.SiLU(), nn.Linear(width, actions))

    def embed(self, vector: Tensor) -> Tensor:
        """The vector as it is."""
        return vector

    def denoise(self, x: Tensor, t: Tensor, embedded: Tensor) -> Tensor:
        """The predicted noise of x (B, n, D) at timesteps t (B,)."""
        angle = 2 * math.pi * t[:, None].float() * self.frequency
        time = self.embed_time(torch.cat([angle.cos(), angle.sin()], -1))
        inside = self.first(torch.cat([time, embedded, x.flatten(1)], -1))
        return self.last(self.blocks(inside)).view(x.shape)

    @torch.no_grad()
    def sample(self, context: Context, source: NoiseSource = None) -> Tensor:
        """Chunks by ancestral sampling; see `Head.sample`."""
        rows, device = len(context.vector), context.vector.device

        def noise() -> Tensor:
            return gaussian(rows, self.shape, source, device)

        return ancestral_sample(self.diffusion, lambda x, t: self.denoise(x, t, context.vector), noise)
