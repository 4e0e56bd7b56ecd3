"""pi0's head: an action expert of its own width that looks, layer by layer, at what the language model computed.

State and noised actions are tokens behind the prompt. In every layer they attend to the prompt's keys and values and to
each other (the state not to the actions); the prompt never sees them, so it runs once for all steps. Flow matching: with
x_t = t e + (1 - t) a the network predicts e - a, and Euler steps go from noise at t = 1 to actions at t = 0. Here t is 1
at noise, as in pi0's code and against its paper (policy.md 3.6). Legend: B rows, n actions, w width, S tokens of the prompt.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.diffusion import NoiseSource, gaussian
from policy.heads.base import Context, Head, Prefix, masked_mse

MIN_PERIOD, MAX_PERIOD = 4e-3, 4.0  # of the time's sines
BETA = (1.5, 1.0)  # t is drawn near noise more often


class ExpertLayer(nn.Module):
    """A decoder layer of width w whose attention has the language model's heads, so that keys and values fit together."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        text, width = config.text, config.head.width
        self.heads, self.kv_heads, self.head_width = text.heads, text.kv_heads, text.head_width
        self.norm_attention, self.norm_mlp = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        self.q_proj = nn.Linear(width, self.heads * self.head_width, bias=False)
        self.k_proj = nn.Linear(width, self.kv_heads * self.head_width, bias=False)
        self.v_proj = nn.Linear(width, self.kv_heads * self.head_width, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head_width, width, bias=False)
        mlp = config.head.mlp_width or 4 * width
        self.gate_proj, self.up_proj = nn.Linear(width, mlp, bias=False), nn.Linear(width, mlp, bias=False)
        self.down_proj = nn.Linear(mlp, width, bias=False)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, visible: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """x (B, 1 + n, w); keys and values (B, kv_heads, S, width); visible (B, 1, 1 + n, S + 1 + n) bool."""
        inside = self.norm_attention(x)
        q = rotated(self.q_proj(inside).unflatten(-1, (self.heads, -1)).transpose(1, 2), rotary)
        k = rotated(self.k_proj(inside).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2), rotary)
        v = self.v_proj(inside).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
        k, v = torch.cat([keys.to(k.dtype), k], 2), torch.cat([values.to(v.dtype), v], 2)
        attended = F.scaled_dot_product_attention(q, k, v, visible, enable_gqa=self.heads != self.kv_heads)
        x = x + self.o_proj(attended.transpose(1, 2).flatten(2))
        inside = self.norm_mlp(x)
        return x + self.down_proj(F.gelu(self.gate_proj(inside), approximate="tanh") * self.up_proj(inside))


class FlowHead(Head):
    """Flow matching behind the language model; the condition's `rest` is the state token."""

    needs_prefix = True

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__(config)
        width = config.head.width
        self.hidden, self.head_width, self.theta = config.text.hidden_size, config.text.head_width, config.text.rope_theta
        self.steps, self.width = config.head.inference_steps, width
        self.embed_state = nn.Linear(rest_dim, width)
        self.embed_action = nn.Linear(config.action_dim, width)
        self.mix = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(ExpertLayer(config) for _ in range(config.text.layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.last = nn.Linear(width, config.action_dim)

    def loss(self, context: Context, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Flow-matching loss; see `Head.loss`."""
        copies = self.noise_samples
        state, prefix = context.vector[:, self.hidden :].repeat(copies, 1), _repeated(_found(context), copies)
        clean, weight = actions.float().repeat(copies, 1, 1), mask.float().repeat(copies, 1)[..., None]
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        t = beta_times(len(clean), generator, clean.device)
        x = t[:, None, None] * noise + (1 - t[:, None, None]) * clean
        return masked_mse(self.velocity(x, t, state, prefix).float(), noise - clean, weight)

    @torch.no_grad()
    def sample(self, context: Context, source: NoiseSource = None) -> Tensor:
        """Euler steps from noise to actions; see `Head.sample`."""
        state, prefix = context.vector[:, self.hidden :], _found(context)
        x = gaussian(len(state), self.shape, source, state.device)
        for step in range(self.steps):
            t = torch.full((len(x),), 1 - step / self.steps, device=x.device)
            x = x - self.velocity(x, t, state, prefix).float() / self.steps
        return x.clamp(-1, 1)

    def velocity(self, x: Tensor, t: Tensor, state: Tensor, prefix: Prefix) -> Tensor:
        """The predicted e - a for x (B, n, D) at times t (B,), with the state (B, rest)."""
        action = self.embed_action(x)
        time = sine_time(t, self.width)[:, None].expand(-1, action.shape[1], -1)
        hidden = torch.cat([self.embed_state(state)[:, None], self.mix(torch.cat([action, time], -1))], 1)
        count = hidden.shape[1]
        rotary = rope(prefix.position[:, None] + torch.arange(count, device=x.device), self.head_width, self.theta)
        own = torch.ones(count, count, dtype=torch.bool, device=x.device)
        own[0, 1:] = False  # the state does not look at the actions
        seen = prefix.visible[:, None, None].expand(-1, 1, count, -1)
        visible = torch.cat([seen, own.expand(len(x), 1, count, count)], -1)
        for layer, keys, values in zip(self.layers, prefix.keys, prefix.values, strict=True):
            hidden = layer(hidden, keys, values, visible, rotary)
        return self.last(self.norm(hidden[:, 1:]))


def beta_times(count: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """(count,) times in [0.001, 1]: Beta(1.5, 1) by its inverse distribution function u^(1 / 1.5), shrunk by 0.999."""
    u = torch.rand(count, generator=generator, device=device)
    return u ** (1 / BETA[0]) * 0.999 + 0.001


def sine_time(t: Tensor, width: int) -> Tensor:
    """(B, width): sines and cosines of t with periods from 4e-3 to 4."""
    share = torch.linspace(0, 1, width // 2, device=t.device)
    period = MIN_PERIOD * (MAX_PERIOD / MIN_PERIOD) ** share
    angle = 2 * math.pi * t[:, None] / period
    return torch.cat([angle.sin(), angle.cos()], -1)


def rope(position: Tensor, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, n, width) of positions (B, n), in the halves that Qwen and Gemma rotate."""
    frequency = theta ** (-torch.arange(0, width, 2, device=position.device).float() / width)
    angle = (position[..., None].float() * frequency).repeat(1, 1, 2)[:, None]
    return angle.cos(), angle.sin()


def rotated(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """(B, heads, n, width) turned by its positions."""
    cos, sin = rotary
    first, second = x.chunk(2, -1)
    return (x * cos + torch.cat([-second, first], -1) * sin).to(x.dtype)


def _found(context: Context) -> Prefix:
    if context.prefix is None:
        raise ValueError("a flow head looks at the prompt's keys and values, and the context has none; cached vectors are not enough for it")
    return context.prefix


def _repeated(prefix: Prefix, copies: int) -> Prefix:
    keys, values = (tuple(x.repeat(copies, 1, 1, 1) for x in part) for part in (prefix.keys, prefix.values))
    return Prefix(keys, values, prefix.visible.repeat(copies, 1), prefix.position.repeat(copies))
