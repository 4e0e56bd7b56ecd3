"""Greedy text from the language model with a key-value cache, keeping the hidden states that the action head pools.

Every token that is spoken is also run, so that its state exists, as in training; the token that ends the text is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from policy.chatvla import ChatVLA
from policy.experts import Route


@dataclass(frozen=True)
class Prompt:
    """Right-padded rows: `embeds` (B, S, d), `position_ids` (3, B, S), `valid` (B, S) bool.

    `prefix` (B, S) bool: what a prefix language model sees in both directions, as in training.
    """

    embeds: Tensor
    position_ids: Tensor
    valid: Tensor
    prefix: Tensor


@dataclass(frozen=True)
class Prefilled:
    """A prompt that has been run: its cache and last hidden states (B, S, d)."""

    prompt: Prompt
    cache: DynamicCache
    hidden: Tensor
    route: Route


@dataclass(frozen=True)
class Spoken:
    """`tokens` (B, T) long and their states `hidden` (B, T, d); `valid` (B, T) is True on what was spoken."""

    tokens: Tensor
    hidden: Tensor
    valid: Tensor


def prefill(model: ChatVLA, prompt: Prompt, route: Route) -> Prefilled:
    """Runs the prompt once."""
    size = prompt.valid.shape[1]
    causal = torch.ones(size, size, dtype=torch.bool, device=prompt.valid.device).tril()
    own = torch.eye(size, dtype=torch.bool, device=prompt.valid.device)
    prefix = prompt.prefix[:, None] & prompt.prefix[:, :, None]
    visible = causal | prefix if model.vlm.prefix_lm else causal
    mask = model.attention_bias(((visible & prompt.valid[:, None]) | own)[:, None], prompt.embeds)
    cache = DynamicCache()
    out = model.vlm.hidden_states(prompt.embeds, prompt.position_ids, mask, route, cache)
    assert out.last_hidden_state is not None
    return Prefilled(prompt, cache, out.last_hidden_state, route)


def speak(model: ChatVLA, prefilled: Prefilled, end_id: int, max_new_tokens: int, silent: Tensor | None = None) -> Spoken:
    """Up to `max_new_tokens` most likely tokens per row, ended by `end_id`, which is not part of the answer.

    Rows that `silent` (B,) marks say nothing.
    """
    prompt = prefilled.prompt
    rows = len(prompt.valid)
    last = prompt.valid.sum(1) - 1
    state = prefilled.hidden[torch.arange(rows, device=last.device), last]
    position = prompt.position_ids.masked_fill(~prompt.valid, -1).amax((0, 2)) + 1
    visible, open_rows = prompt.valid, torch.ones_like(last, dtype=torch.bool) if silent is None else ~silent
    padded = not bool(prompt.valid.all())
    tokens, states, valid = [], [], []
    for _ in range(max_new_tokens):
        token = model.vlm.lm_head(state).argmax(-1)
        open_rows = open_rows & (token != end_id)
        if not bool(open_rows.any()):
            break
        visible = torch.cat([visible, open_rows[:, None]], 1)
        embeds = model.vlm.get_input_embeddings()(token)[:, None]
        # A row that has ended keeps running and is ignored; it sees its own token, so that attention is finite.
        seen = visible.clone()
        seen[:, -1] = True
        mask = model.attention_bias(seen[:, None, None], embeds) if padded or rows > 1 else None
        out = model.vlm.hidden_states(embeds, position.expand(3, 1, rows).mT, mask, prefilled.route, prefilled.cache)
        assert out.last_hidden_state is not None
        state, position = out.last_hidden_state[:, 0], position + 1
        tokens.append(token)
        states.append(state)
        valid.append(open_rows)
    if not tokens:
        width = prefilled.hidden.shape[-1]
        return Spoken(last.new_zeros(rows, 0), prefilled.hidden.new_zeros(rows, 0, width), prompt.valid[:, :0])
    return Spoken(torch.stack(tokens, 1), torch.stack(states, 1), torch.stack(valid, 1))
