"""ChatVLA: one network that answers questions about what it sees and turns the same states into actions.

Images and text go through Qwen2-VL, control rows by the control experts and the others by the understanding experts;
the control rows' last hidden states condition an action head. Legend: B rows, C control rows (the first of B), S
tokens, N images, P tokens per image, R references per row, V cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache

from policy.attention import additive_mask
from policy.backbones.build import Backbone, build_backbone, pretrained_backbone
from policy.batch import Batch, attention_mask
from policy.config import INJECTED, ChatVLAConfig
from policy.diffusion import NoiseSource
from policy.expert_load import ExpertLoad, balance_loss
from policy.experts import Route
from policy.experts_dynamic import Routing
from policy.fusion import ReasoningFusion, build_fusion
from policy.heads.base import Context, Prefix
from policy.heads.build import build_head
from policy.losses import language_loss, word_loss
from policy.normalizer import Normalizer, NormStats
from policy.pixels import resized
from policy.readout import KeypointReadout, ObjectPositions
from policy.stem import ConvStem

RELATIVE_DIM = 12
POOLING = ("dit", "unet")  # heads whose vector is a mean over prompt and reasoning; the others read the prompt's last state


@dataclass(frozen=True)
class Seen:
    """Images as the network sees them: `tokens` (all image tokens in order, d) and, with a stem, its map."""

    tokens: Tensor
    stem_map: Tensor | None


@dataclass(frozen=True)
class Conditioned:
    """`context` for the action head; `positions` (C, R, 6) normalised, with that option; 0 where none was asked for."""

    context: Context
    positions: Tensor | None


class ChatVLA(nn.Module):
    """The network with its normaliser; `forward` gives the losses of a `Batch`."""

    def __init__(self, config: ChatVLAConfig, stats: NormStats, backbone: Backbone | None = None) -> None:
        super().__init__()
        options = config.options
        self.config, self.stats = config, stats
        self.vlm: Any = backbone if backbone is not None else build_backbone(config)
        self.normalize_action = Normalizer(stats.action)
        self.normalize_agent_pos = Normalizer(stats.agent_pos)
        self.stem = ConvStem(config) if options.conv_stem else None
        if self.stem is not None:
            self.vlm.drop_patch_embedding()
        self.readout = KeypointReadout(config) if options.keypoint_readout else None
        keypoints = self.readout.dim if self.readout is not None else 0
        self.positions = ObjectPositions(config, keypoints, stats) if options.object_positions else None
        self.fusion: Any = build_fusion(config.reasoning, config.text.hidden_size) if config.head.kind in POOLING else None
        relative = RELATIVE_DIM if options.object_positions else 0
        rest = config.agent_pos_dim + keypoints + relative
        self.head: Any = build_head(config, rest)
        self.vector_dim = config.text.hidden_size * (2 if config.reasoning in INJECTED else 1) + rest
        is_dynamic = config.experts.kind == "dynamic"
        self.load = ExpertLoad(config.text.layers, config.experts.count) if is_dynamic else None
        self.zero_init()

    @classmethod
    def from_pretrained_backbone(cls, path: str | Path, config: ChatVLAConfig, stats: NormStats) -> ChatVLA:
        """A pretrained backbone from a local folder under a fresh head; raises as `pretrained_backbone`."""
        return cls(config, stats, pretrained_backbone(path, config))

    def zero_init(self) -> None:
        """The head's adaLN-Zero and the reasoning's FiLM start as the identity (policy.md 1.5: published code loses both)."""
        if self.head is not None:
            self.head.zero_init()
        if isinstance(self.fusion, ReasoningFusion):
            self.fusion.zero_init()

    def forward(self, batch: Batch, route: Route | None = None) -> dict[str, Tensor]:
        """`loss` and its parts `lm`, `action`, `words`, `positions`, `balance` (unweighted scalars).

        `route` sends the rows to other experts than their own (before the experts are split, all to one). Where there
        are gradients, `load` counts what each of dynamic experts takes.
        """
        seen = self.see(batch.images, batch.cameras)
        routings: list[Routing] = []
        hidden, cache = self.hidden_states(batch, seen, route, routings)
        made = self._conditioned(batch, hidden, seen, cache)
        zero = hidden.new_zeros(())
        losses = {
            "lm": language_loss(self.vlm.lm_head, hidden, batch.labels, batch.segment),
            "action": self.head_loss(made.context, batch.actions, batch.action_mask),
            "words": self._word_loss(batch, hidden) if self.config.options.image_words else zero,
            "positions": zero,
            "balance": balance_loss(routings, batch.segment >= 0) if routings else zero,
        }
        if self.load is not None and routings and torch.is_grad_enabled():  # training leaves a loaded network in eval mode
            self.load.add(routings, batch.segment >= 0)
        if self.positions is not None and made.positions is not None:
            losses["positions"] = self.positions.loss(made.positions, batch.target_pos, batch.readout_mask)
        weight = self.config.loss
        total = (
            weight.lm * losses["lm"]
            + weight.action * losses["action"]
            + weight.words * losses["words"]
            + weight.positions * losses["positions"]
            + weight.balance * losses["balance"]
        )
        return {"loss": total, **losses}

    def context(self, batch: Batch) -> Context:
        """All that the action head gets of the control rows; its vector is what training the head alone caches."""
        seen = self.see(batch.images, batch.cameras)
        hidden, cache = self.hidden_states(batch, seen)
        return self._conditioned(batch, hidden, seen, cache).context

    def head_loss(
        self, context: Context, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The head's loss of raw `actions` (C, 16, 10) where `mask` (C, 16) is True; 0, connected, where none is."""
        if self.head is None:
            return context.vector.sum() * 0.0
        n = self.config.horizon
        return self.head.loss(context, self.normalize_action.normalize(actions[:, :n]), mask[:, :n], generator)

    @torch.no_grad()
    def sample_actions(self, context: Context, source: NoiseSource = None) -> Tensor:
        """(C, horizon, 10) raw actions of a head that is one."""
        assert self.head is not None, "actions that are spoken are read from the text"
        return self.normalize_action.unnormalize(self.head.sample(context, source))

    def see(self, images: Tensor, cameras: Tensor) -> Seen:
        """Images (N, H, W, 3) uint8 at the config's size, with the index (N,) of their cameras."""
        expected = (*self.config.image_size, 3)
        if tuple(images.shape[1:]) != expected or images.dtype != torch.uint8:
            raise ValueError(
                f"images are {tuple(images.shape)} {images.dtype}, expected (N, {', '.join(map(str, expected))}) "
                "uint8; bring them to the model's size with Processor.image"
            )
        if not len(images):
            return Seen(images.new_zeros(0, self.config.text.hidden_size, dtype=torch.float32), None)
        if self.stem is not None:
            stem_map = self.stem(images)
            patches = self.stem.tokens(stem_map, cameras)
            return Seen(self.vlm.see_patches(patches, self.config.image_size), stem_map)
        return Seen(self._see_patches(images, cameras), None)

    def embeds(self, input_ids: Tensor, seen: Seen) -> Tensor:
        """(B, S, d) token embeddings with the images in their places."""
        places = input_ids == self.config.text.image_token_id
        if int(places.sum()) != len(seen.tokens):
            raise ValueError(
                f"the text has {int(places.sum())} image tokens, the images give {len(seen.tokens)}; "
                f"{self.config.image_tokens(self.config.cameras[0])} are expected per image"
            )
        words = self.vlm.get_input_embeddings()(input_ids)
        return words.masked_scatter(places[..., None], seen.tokens.to(words.dtype))

    def hidden_states(
        self, batch: Batch, seen: Seen, route: Route | None = None, routings: list[Routing] | None = None
    ) -> tuple[Tensor, Cache | None]:
        """(B, S, d) after the last norm, and keys and values if the head wants them; packed texts do not see each other.

        `routings` is filled by the routers of dynamic experts, layer after layer.
        """
        embeds = self.embeds(batch.input_ids, seen)
        mask = self.attention_bias(attention_mask(batch.segment, self.vlm.prefix_lm), embeds)
        cache = DynamicCache() if self.head is not None and self.head.needs_prefix else None
        route = batch.n_control if route is None else route
        out = self.vlm.hidden_states(embeds, batch.position_ids, mask, route, cache, routings)
        assert out.last_hidden_state is not None
        return out.last_hidden_state, cache

    def attention_bias(self, visible: Tensor, embeds: Tensor) -> Tensor:
        """The (B, 1, S, keys) mask in the form that is fastest for the chosen attention."""
        if not self.config.options.plain_attention:
            return visible
        device = embeds.device.type
        autocast = torch.is_autocast_enabled(device)
        return additive_mask(visible, torch.get_autocast_dtype(device) if autocast else embeds.dtype)

    def control_condition(
        self,
        hidden: Tensor,
        prompt: Tensor,
        answer: Tensor,
        readout: Tensor,
        agent_pos: Tensor,
        seen: Seen,
        prefix: Prefix | None = None,
        asks_more: Tensor | None = None,
    ) -> Conditioned:
        """What the action head gets, from states of control rows.

        `hidden` (C, S, d); `prompt`, `answer` (C, S) bool; `readout` (C, R) indices; `agent_pos` (C, 17) raw; the
        first C x V images of `seen` are those of these rows, in the order of `config.cameras`. `asks_more` (C,) bool:
        rows whose further references are looked for too (None: no row's), though the head reads the first alone.
        """
        proprio = self.normalize_agent_pos.normalize(agent_pos)
        parts, positions = [self._pooled(hidden, prompt, answer), proprio], None
        if self.readout is not None and seen.stem_map is not None:
            state = hidden.gather(1, readout[..., None].expand(-1, -1, hidden.shape[-1]))
            # Cut as it lies in memory, channels last: gradients in another layout cost a sixth of stem and readout.
            own = seen.stem_map.permute(0, 2, 3, 1)[: len(hidden) * len(self.config.cameras)].permute(0, 3, 1, 2)
            fine = self.readout.fine(own)
            keypoints = self.readout(fine, state[:, :1])
            parts.append(keypoints[:, 0])
            if self.positions is not None:
                positions = self.positions(keypoints, proprio, state[:, :1])
                parts.append(self.positions.relative(positions[:, 0], agent_pos))
                if asks_more is not None and state.shape[1] > 1:
                    rows, further = asks_more.nonzero()[:, 0], state[asks_more, 1:]
                    found = self.positions(self.readout(fine[rows], further), proprio[rows], further)
                    unasked = positions.new_zeros(len(state), *found.shape[1:])
                    positions = torch.cat([positions, unasked.index_copy(0, rows, found)], 1)
        return Conditioned(Context(torch.cat([p.float() for p in parts], -1), prefix), positions)

    def prefix_of(self, cache: Cache, rows: int, visible: Tensor, position_ids: Tensor) -> Prefix:
        """What of the first `rows` rows a head may look at: `visible` (rows, S), at `position_ids` (3, rows, S)."""
        layers = cache.layers
        keys, values = (tuple(getattr(layer, name)[:rows] for layer in layers) for name in ("keys", "values"))
        position = position_ids.masked_fill(~visible, -1).amax((0, 2)) + 1
        return Prefix(keys, values, visible, position)

    def _pooled(self, hidden: Tensor, prompt: Tensor, answer: Tensor) -> Tensor:
        """(C, d): prompt and reasoning as one vector, or the state that has read all of the prompt."""
        if self.fusion is not None:
            return self.fusion(hidden, prompt, answer)
        last = prompt.sum(1) - 1
        return hidden[torch.arange(len(hidden), device=hidden.device), last]

    def _conditioned(self, batch: Batch, hidden: Tensor, seen: Seen, cache: Cache | None) -> Conditioned:
        c = batch.n_control
        prompt = batch.segment[:c] == 0
        prefix = None
        if cache is not None:
            prefix = self.prefix_of(cache, c, prompt | batch.answer, batch.position_ids[:, :c])
        return self.control_condition(hidden[:c], prompt, batch.answer, batch.readout, batch.agent_pos, seen, prefix, batch.readout_mask[:, 1:].any(1))

    def _word_loss(self, batch: Batch, hidden: Tensor) -> Tensor:
        states = hidden[batch.input_ids == self.config.text.image_token_id]
        words, weight = batch.image_words.flatten(0, 1), batch.image_words_weight.flatten(0, 1)
        return word_loss(self.vlm.lm_head, states, words, weight)

    def _see_patches(self, images: Tensor, cameras: Tensor) -> Tensor:
        """Image tokens by way of the backbone's own patch embedding; images of one size run together."""
        index = cameras.tolist()
        sizes = [self.config.size(self.config.cameras[i]) for i in index]
        tokens: list[Tensor] = [images] * len(images)
        for size in sorted(set(sizes)):
            chosen = [i for i, s in enumerate(sizes) if s == size]
            seen = self.vlm.see(resized(images[chosen], size), [index[i] for i in chosen])
            pieces = seen.unflatten(0, (len(chosen), -1))
            for i, piece in zip(chosen, pieces, strict=True):
                tokens[i] = piece
        return torch.cat(tokens)
