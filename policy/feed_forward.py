"""The kinds of experts by name, and how all of them start as the network that was pretrained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from torch import nn
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig

from policy.config import ExpertKind, ExpertsConfig
from policy.experts import DenseMLP, TwoExpertMLP, WideMLP
from policy.experts_dynamic import RoutedMLP

FeedForward: TypeAlias = DenseMLP | TwoExpertMLP | RoutedMLP

KINDS: Mapping[ExpertKind, type[FeedForward]] = {
    "static": TwoExpertMLP,
    "dense": DenseMLP,
    "dense_wide": WideMLP,
    "dynamic": RoutedMLP,
}


def feed_forward(config: Qwen2VLTextConfig) -> FeedForward:
    """A layer's, at random; `config.experts` says which (see `policy.config.ExpertsConfig`)."""
    return KINDS[config.experts["kind"]](config)  # type: ignore[attr-defined]


def make_experts(backbone: Any, experts: ExpertsConfig) -> None:
    """Puts experts in the place of a dense backbone's feed-forward networks; it computes what it did."""
    text = backbone.config.text_config
    text.experts = asdict(experts)
    for layer in backbone.model.language_model.layers:
        dense = layer.mlp
        layer.mlp = feed_forward(text).to(dense.gate_proj.weight).train(dense.training)
        layer.mlp.start_from(dense)


def copy_experts(network: nn.Module) -> None:
    """Makes the experts of every layer copies of the one that was pretrained; changes nothing where there is only one."""
    for module in network.modules():
        if isinstance(module, TwoExpertMLP | RoutedMLP):
            module.copy_expert()
