"""The two loops of an inference with static shapes, compiled: word after word, and denoising step after denoising step.

A word is a pass of one token through every layer, and what that costs is mostly the launching of small operations. Here
such passes have the same shapes all the time: keys and values lie in a cache of fixed length, of which a mask hides what
is not there yet. So they are compiled once for each length, and on a GPU recorded as CUDA graphs. chatvla_tiny on two
threads of an EPYC: reasoning 16 -> 9 ms, action 13 -> 10, a chunk 43 -> 32 (`experiments.benchmarks.inference_speed`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import StaticLayer

from policy.chatvla import ChatVLA
from policy.experts import Route

LENGTH_STEP = 64  # caches are as long as the next multiple of it, so that few lengths occur
OneToken = Callable[[Tensor, Tensor, Tensor], Tensor]


class CompiledLoops:
    """Compiled passes of `model` (its head's `denoise` is replaced), and their caches, kept from one inference to the next.

    backend: of `torch.compile`.

    Raises:
        ValueError: a router's experts in float32, whose grouped product torch 2.13 traces in bfloat16 alone.
    """

    def __init__(self, model: ChatVLA, backend: str = "inductor") -> None:
        dtype = next(p for p in model.vlm.parameters() if p.ndim > 1).dtype
        if model.config.experts.kind == "dynamic" and dtype != torch.bfloat16:
            raise ValueError(f"{model.config.name} chooses its experts by a router, which compiles in bfloat16 alone, and it is in {dtype}; leave compile=loops out")
        graphs = backend == "inductor" and next(model.parameters()).is_cuda
        self.model = model
        self._options: dict[str, Any] = {"dynamic": False, "backend": backend} | ({"mode": "reduce-overhead"} if graphs else {})
        self._passes: dict[tuple[int, int, Route], tuple[list[Any], OneToken]] = {}  # transformers types layers as any kind's
        denoise = getattr(model.head, "denoise", None)
        if denoise is not None:
            model.head.denoise = torch.compile(denoise, **self._options)  # type: ignore[union-attr, assignment]

    def passes(self, filled: Cache, rows: int, room: int, route: Route) -> StaticPasses:
        """Passes behind what stands in `filled`, with room for `room` tokens."""
        length = -(-(filled.get_seq_length() + room) // LENGTH_STEP) * LENGTH_STEP
        key = (rows, length, route)
        if key not in self._passes:
            layers: list[Any] = [StaticLayer(length) for _ in filled.layers]
            for own, layer in zip(layers, filled.layers, strict=True):
                own.lazy_initialization(*_contents(layer))
            self._passes[key] = layers, self._one_token(Cache(layers=layers), route)
        return StaticPasses(*self._passes[key], filled, length)

    def _one_token(self, cache: Cache, route: Route) -> OneToken:
        vlm, bias = self.model.vlm, self.model.attention_bias

        def one_token(token: Tensor, position: Tensor, seen: Tensor) -> Tensor:
            embeds = vlm.get_input_embeddings()(token)[:, None]
            places = position.expand(3, 1, len(position)).mT
            return vlm.hidden_states(embeds, places, bias(seen[:, None, None], embeds), route, cache).last_hidden_state[:, 0]

        return torch.compile(one_token, **self._options)


class StaticPasses:
    """The passes of one inference, in caches that others use after it."""

    def __init__(self, layers: list[Any], one_token: OneToken, filled: Cache, length: int) -> None:
        self._layers, self._one_token, self._length = layers, one_token, length
        self._filled: list[Any] = filled.layers
        used = filled.get_seq_length()
        for own, layer in zip(layers, self._filled, strict=True):
            for buffer, given in zip(_contents(own), _contents(layer), strict=True):
                buffer[:, :, :used] = given
            own.cumulative_length.fill_(used)

    def run(self, token: Tensor, position: Tensor, seen: Tensor) -> Tensor:
        """States (B, d) of tokens (B,) at `position` (B,), which see of the keys so far those that `seen` (B, keys) marks, theirs last."""
        state = self._one_token(token, position, F.pad(seen, (0, self._length - seen.shape[1])))
        for own, layer in zip(self._layers, self._filled, strict=True):
            layer.keys, layer.values = (buffer[:, :, : seen.shape[1]] for buffer in _contents(own))
        return state.clone()  # the next run of a CUDA graph overwrites what this one gave


def _contents(layer: Any) -> tuple[Tensor, Tensor]:
    return layer.keys, layer.values
