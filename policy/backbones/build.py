"""The backbone that a configuration names, fresh or with a pretrained model's weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from policy.backbones import llava_pythia, octo, paligemma, prismatic, qwen2_vl
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.experts_dynamic import Routing


class Backbone(Protocol):
    """A vision-language model whose decoder layers take a `route`. All its own names are those of transformers.

    `prefix_lm`: whether the tokens of a prompt see each other in both directions.
    """

    prefix_lm: bool
    lm_head: nn.Module

    def get_input_embeddings(self) -> nn.Module: ...

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of one size, of cameras by index, to (N x tokens, d)."""
        ...

    def tie_weights(self) -> None:
        """Makes one of the matrices that are one, after loading."""
        ...

    def hidden_states(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        mask: Tensor | None,
        route: Route,
        cache: Any = None,
        routings: list[Routing] | None = None,
    ) -> Any:
        """`last_hidden_state` (B, S, d) after the last norm.

        `embeds` (B, S, d); `position_ids` (3, B, S); `mask` (B, 1, S, keys) as attention takes it (None: one new token
        that sees everything); `cache` is filled when given, and so is `routings`, by the router of each layer.
        """
        ...


class Stemmed(Backbone, Protocol):
    """A backbone that takes patch tokens which others made (`policy.config.STEMMED`)."""

    def see_patches(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        """Patch tokens (N, P, e) of images of `size` (height, width), in the model's order, to (N x tokens, d)."""
        ...

    def drop_patch_embedding(self) -> None:
        """Leaves the making of patch tokens to others."""
        ...


MODULES = {"qwen2_vl": qwen2_vl, "paligemma": paligemma, "prismatic": prismatic, "llava_pythia": llava_pythia, "octo": octo}


def build_backbone(config: ChatVLAConfig) -> Any:
    """A randomly initialised `Backbone`, all experts of a layer alike."""
    return MODULES[config.backbone].build(config)


def pretrained_backbone(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> Any:
    """A `Backbone` with the weights of a local folder, its experts made of that model's feed-forward networks.

    Raises:
        ValueError: the folder holds another architecture, or a weight is missing or unexpected.
    """
    return MODULES[config.backbone].pretrained(path, config, dtype)
