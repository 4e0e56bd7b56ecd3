"""ChatVLA: one network that answers questions about what it sees and turns the same states into actions.

Images and text go through Qwen2-VL, control rows by the control experts and the others by the understanding experts;
the control rows' last hidden states condition a diffusion head. Legend: B rows, C control rows (the first of B), S
tokens, N images, P tokens per image, R references per row, V cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from policy.attention import additive_mask
from policy.backbones.build import Backbone, build_backbone, pretrained_backbone
from policy.batch import Batch, attention_mask
from policy.config import ChatVLAConfig
from policy.diffusion import NoiseSource
from policy.experts import Route
from policy.fusion import ReasoningFusion
from policy.heads.dit import DiTHead
from policy.losses import language_loss, word_loss
from policy.normalizer import Normalizer, NormStats
from policy.pixels import resized
from policy.readout import KeypointReadout, ObjectPositions
from policy.stem import ConvStem

RELATIVE_DIM = 12


@dataclass(frozen=True)
class Seen:
    """Images as the network sees them: `tokens` (all image tokens in order, d) and, with a stem, its map."""

    tokens: Tensor
    stem_map: Tensor | None


@dataclass(frozen=True)
class Conditioned:
    """`condition` (C, D) float32 for the action head; `positions` (C, R, 6) normalised, with that option."""

    condition: Tensor
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
        self.fusion = ReasoningFusion(config.text.hidden_size)
        relative = RELATIVE_DIM if options.object_positions else 0
        self.head = DiTHead(config, config.agent_pos_dim + keypoints + relative)
        self.zero_init()

    @classmethod
    def from_pretrained_backbone(cls, path: str | Path, config: ChatVLAConfig, stats: NormStats) -> ChatVLA:
        """A pretrained backbone from a local folder under a fresh head; raises as `pretrained_backbone`."""
        return cls(config, stats, pretrained_backbone(path, config))

    def zero_init(self) -> None:
        """The head's adaLN-Zero and the reasoning's FiLM start as the identity (policy.md 1.5: published code loses both)."""
        self.head.zero_init()
        self.fusion.zero_init()

    def forward(self, batch: Batch, route: Route | None = None) -> dict[str, Tensor]:
        """`loss` and its parts `lm`, `action`, `words`, `positions` (unweighted scalars).

        `route` sends the rows to other experts than their own (before the experts are split, all to one).
        """
        seen = self.see(batch.images, batch.cameras)
        hidden = self.hidden_states(batch, seen, route)
        made = self._conditioned(batch, hidden, seen)
        zero = hidden.new_zeros(())
        losses = {
            "lm": language_loss(self.vlm.lm_head, hidden, batch.labels, batch.segment),
            "action": self.head_loss(made.condition, batch.actions, batch.action_mask),
            "words": self._word_loss(batch, hidden) if self.config.options.image_words else zero,
            "positions": zero,
        }
        if self.positions is not None and made.positions is not None:
            losses["positions"] = self.positions.loss(made.positions, batch.target_pos, batch.readout_mask)
        weight = self.config.loss
        total = (
            weight.lm * losses["lm"]
            + weight.action * losses["action"]
            + weight.words * losses["words"]
            + weight.positions * losses["positions"]
        )
        return {"loss": total, **losses}

    def condition(self, batch: Batch) -> Tensor:
        """(C, D) float32: all that the action head gets of the control rows, for training the head on cached features."""
        seen = self.see(batch.images, batch.cameras)
        return self._conditioned(batch, self.hidden_states(batch, seen), seen).condition

    def head_loss(
        self, condition: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Diffusion loss of raw `actions` (C, 16, 10) where `mask` (C, 16) is True; 0, connected, where none is."""
        return self.head.loss(condition, self.normalize_action.normalize(actions), mask, generator)

    @torch.no_grad()
    def sample_actions(self, condition: Tensor, source: NoiseSource = None) -> Tensor:
        """(C, 16, 10) raw actions."""
        return self.normalize_action.unnormalize(self.head.sample(condition, source))

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

    def hidden_states(self, batch: Batch, seen: Seen, route: Route | None = None) -> Tensor:
        """(B, S, d) after the last norm; packed texts do not see each other."""
        embeds = self.embeds(batch.input_ids, seen)
        mask = self.attention_bias(attention_mask(batch.segment, self.vlm.prefix_lm), embeds)
        out = self.vlm.hidden_states(embeds, batch.position_ids, mask, batch.n_control if route is None else route)
        assert out.last_hidden_state is not None
        return out.last_hidden_state

    def attention_bias(self, visible: Tensor, embeds: Tensor) -> Tensor:
        """The (B, 1, S, keys) mask in the form that is fastest for the chosen attention."""
        if not self.config.options.plain_attention:
            return visible
        device = embeds.device.type
        autocast = torch.is_autocast_enabled(device)
        return additive_mask(visible, torch.get_autocast_dtype(device) if autocast else embeds.dtype)

    def control_condition(
        self, hidden: Tensor, prompt: Tensor, answer: Tensor, readout: Tensor, agent_pos: Tensor, seen: Seen
    ) -> Conditioned:
        """What the action head gets, from states of control rows.

        `hidden` (C, S, d); `prompt`, `answer` (C, S) bool; `readout` (C, R) indices; `agent_pos` (C, 17) raw; the
        first C x V images of `seen` are those of these rows, in the order of `config.cameras`.
        """
        proprio = self.normalize_agent_pos.normalize(agent_pos)
        parts, positions = [self.fusion(hidden, prompt, answer), proprio], None
        if self.readout is not None and seen.stem_map is not None:
            state = hidden.gather(1, readout[..., None].expand(-1, -1, hidden.shape[-1]))
            keypoints = self.readout(seen.stem_map[: len(hidden) * len(self.config.cameras)], state)
            parts.append(keypoints[:, 0])
            if self.positions is not None:
                positions = self.positions(keypoints, proprio, state)
                parts.append(self.positions.relative(positions[:, 0], agent_pos))
        return Conditioned(torch.cat([p.float() for p in parts], -1), positions)

    def _conditioned(self, batch: Batch, hidden: Tensor, seen: Seen) -> Conditioned:
        c = batch.n_control
        prompt = batch.segment[:c] == 0
        return self.control_condition(hidden[:c], prompt, batch.answer, batch.readout, batch.agent_pos, seen)

    def _word_loss(self, batch: Batch, hidden: Tensor) -> Tensor:
        states = hidden[batch.input_ids == self.config.text.image_token_id]
        words, weight = batch.image_words.flatten(0, 1), batch.image_words_weight.flatten(0, 1)
        return word_loss(self.vlm.lm_head, states, words, weight)

    def _see_patches(self, images: Tensor, cameras: Tensor) -> Tensor:
        """Image tokens by way of the backbone's own patch embedding; images of one size run together."""
        sizes = [self.config.size(self.config.cameras[i]) for i in cameras.tolist()]
        tokens: list[Tensor] = [images] * len(images)
        for size in sorted(set(sizes)):
            chosen = [i for i, s in enumerate(sizes) if s == size]
            pieces = self.vlm.see(resized(images[chosen], size)).unflatten(0, (len(chosen), -1))
            for i, piece in zip(chosen, pieces, strict=True):
                tokens[i] = piece
        return torch.cat(tokens)
