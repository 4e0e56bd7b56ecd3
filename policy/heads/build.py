"""The action head that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from policy.config import ChatVLAConfig, HeadKind
from policy.heads.base import Head
from policy.heads.dit import DiTHead
from policy.heads.flow import FlowHead
from policy.heads.readout import ReadoutHead
from policy.heads.unet import UnetHead

HEADS: Mapping[HeadKind, Callable[[ChatVLAConfig, int], Head]] = {
    "dit": DiTHead,
    "unet": UnetHead,
    "readout": ReadoutHead,
    "flow": FlowHead,
}


def build_head(config: ChatVLAConfig, rest_dim: int) -> Head | None:
    """A fresh head; `rest_dim` numbers stand behind the language model's vector. None where actions are spoken."""
    return None if config.head.kind == "tokens" else HEADS[config.head.kind](config, rest_dim)
