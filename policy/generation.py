"""Greedy text from the language model with a key-value cache, keeping the hidden states that the action head pools.

Every token that is spoken is also run, so that its state exists, as in training; the token that ends the text is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from policy.chatvla import ChatVLA
from policy.experts import Route
from policy.loops import CompiledLoops, StaticPasses


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
    """A prompt that has been run: its cache and last hidden states (B, S, d). `loops`: what runs further tokens compiled."""

    prompt: Prompt
    cache: DynamicCache
    hidden: Tensor
    route: Route
    loops: CompiledLoops | None = None


@dataclass(frozen=True)
class Spoken:
    """`tokens` (B, T) long, their states `hidden` (B, T, d) and `position_ids` (3, B, T); `valid` (B, T): what was spoken."""

    tokens: Tensor
    hidden: Tensor
    valid: Tensor
    position_ids: Tensor


def prefill(model: ChatVLA, prompt: Prompt, route: Route, loops: CompiledLoops | None = None) -> Prefilled:
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
    return Prefilled(prompt, cache, out.last_hidden_state, route, loops)


def speak(
    model: ChatVLA,
    prefilled: Prefilled,
    end_id: int,
    max_new_tokens: int,
    silent: Tensor | None = None,
    first_action_id: int | None = None,
    on_token: Callable[[Tensor], None] | None = None,
) -> Spoken:
    """Up to `max_new_tokens` most likely tokens per row, ended by `end_id`, which is not part of the answer.

    Rows that `silent` (B,) marks say nothing. Actions that are words, from `first_action_id` on, end a text as well.
    `on_token` is told each row's token (B,) as it is chosen.
    """
    reader = _Reader(model, prefilled, max_new_tokens)
    first, state = reader.position, prefilled.hidden[torch.arange(reader.rows), prefilled.prompt.valid.sum(1) - 1]
    open_rows = torch.ones_like(first, dtype=torch.bool) if silent is None else ~silent
    tokens, states, valid = [], [], []
    for _ in range(max_new_tokens):
        token = model.vlm.lm_head(state).argmax(-1)
        open_rows = open_rows & (token != end_id)
        if first_action_id is not None:
            open_rows = open_rows & (token < first_action_id)
        if not bool(open_rows.any()):
            break
        if on_token is not None:
            on_token(token)
        state = reader.read(token, open_rows)
        tokens.append(token)
        states.append(state)
        valid.append(open_rows)
    position_ids = (first[:, None] + torch.arange(len(tokens), device=first.device)).expand(3, -1, -1)
    if not tokens:
        width = prefilled.hidden.shape[-1]
        nothing = prefilled.hidden.new_zeros(reader.rows, 0, width)
        return Spoken(first.new_zeros(reader.rows, 0), nothing, prefilled.prompt.valid[:, :0], position_ids)
    return Spoken(torch.stack(tokens, 1), torch.stack(states, 1), torch.stack(valid, 1), position_ids)


def spell(model: ChatVLA, prefilled: Prefilled, spoken: Spoken, first_id: int, end_id: int, count: int) -> Tensor:
    """(B, count) the most likely tokens from `first_id` to before `end_id`, behind prompt and text: a chunk of actions and nothing else."""
    reader = _Reader(model, prefilled, count, spoken)
    hidden = torch.cat([prefilled.hidden, spoken.hidden], 1)
    place = torch.arange(hidden.shape[1], device=hidden.device)
    state = hidden[torch.arange(reader.rows), (reader.visible * place).amax(1)]
    said = []
    for _ in range(count):
        said.append(model.vlm.lm_head(state)[:, first_id:end_id].argmax(-1) + first_id)
        if len(said) < count:  # nothing is read from the state of the last
            state = reader.read(said[-1], torch.ones_like(reader.position, dtype=torch.bool))
    return torch.stack(said, 1)


class _Reader:
    """Runs up to `room` more tokens of every row behind what stands in a prefilled cache (and, if given, was spoken since)."""

    def __init__(self, model: ChatVLA, prefilled: Prefilled, room: int, spoken: Spoken | None = None) -> None:
        prompt = prefilled.prompt
        self.model, self.prefilled, self.rows, self.room = model, prefilled, len(prompt.valid), room
        self.passes: StaticPasses | None = None  # made with the first token: often nothing is said
        self.visible = prompt.valid
        self.position = prompt.position_ids.masked_fill(~prompt.valid, -1).amax((0, 2)) + 1
        if spoken is not None:
            self.visible = torch.cat([self.visible, spoken.valid], 1)
            self.position = self.position + spoken.valid.sum(1)
        self.masked = self.rows > 1 or not bool(self.visible.all())

    def read(self, token: Tensor, kept: Tensor) -> Tensor:
        """The states (B, d) of tokens (B,); those that are not `kept` are seen by nothing that follows."""
        self.visible = torch.cat([self.visible, kept[:, None]], 1)
        # A row that has ended keeps running and is ignored; it sees its own token, so that attention is finite.
        seen = self.visible.clone()
        seen[:, -1] = True
        state = self._run(token, seen)
        self.position = self.position + 1
        return state

    def _run(self, token: Tensor, seen: Tensor) -> Tensor:
        cache, route, loops = self.prefilled.cache, self.prefilled.route, self.prefilled.loops
        if loops is not None:
            self.passes = self.passes or loops.passes(cache, self.rows, self.room, route)
            return self.passes.run(token, self.position, seen)
        embeds = self.model.vlm.get_input_embeddings()(token)[:, None]
        mask = self.model.attention_bias(seen[:, None, None], embeds) if self.masked else None
        positions = self.position.expand(3, 1, self.rows).mT
        out = self.model.vlm.hidden_states(embeds, positions, mask, route, cache)
        return out.last_hidden_state[:, 0]
