"""The layers that a large network is made of, and what can be done to each: recompute it, compile it, shard it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.utils.checkpoint import checkpoint

# Of the vision towers (Qwen2-VL's, SigLIP's and CLIP's, DINOv2's), the language model, Octo's transformer and T5, and the
# heads (DiT's, pi0's), where a network has them.
LAYERS = (
    "vlm.model.visual.blocks",
    "vlm.model.vision_tower.encoder.layers",
    "vlm.model.dino.encoder.layer",
    "vlm.model.language_model.layers",
    "vlm.transformer.layers",
    "vlm.words.word_encoder.block",
    "head.blocks",
    "head.layers",
)


def layers(policy: nn.Module) -> list[nn.Module]:
    """Every layer of the vision tower, of the language model and of the head."""
    found: list[nn.Module] = []
    for path in LAYERS:
        try:
            found += attrgetter(path)(policy)
        except AttributeError:
            continue
    return found


@contextmanager
def prepared(policy: nn.Module, checkpointed: bool, compiled: bool) -> Iterator[None]:
    """Inside, layers keep no activations but are computed again on the way back, and run compiled; afterwards as before.

    Neither changes the name of a parameter, nor what is learnt.

    Raises:
        ValueError: layers cannot be computed twice, since the head reads the keys and values that they leave.
    """
    if checkpointed and getattr(getattr(policy, "head", None), "needs_prefix", False):
        raise ValueError(
            "train.checkpoint_activations=true computes layers twice, but this network's head reads the keys and values "
            "that they leave; leave it out, and split the batch further (train.accumulate)"
        )
    chosen = layers(policy)
    for layer in chosen:
        if checkpointed:
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        if compiled:
            layer.compile()
    try:
        yield
    finally:
        for layer in chosen:
            layer.__dict__.pop("forward", None)
            layer._compiled_call_impl = None


def shard(policy: nn.Module, mesh: DeviceMesh, low_precision: bool) -> None:
    """Shards every parameter over `mesh` (FSDP2): layers one by one, then the rest.

    `low_precision`: layers are gathered and computed in bfloat16; the shards, their gradients and states are float32.
    """
    dtypes = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if low_precision else MixedPrecisionPolicy()
    for parameter in policy.parameters():
        parameter.data = parameter.data.contiguous()  # the stem's are channels last, which FSDP2 does not take
    for layer in layers(policy):
        fully_shard(layer, mesh=mesh, mp_policy=dtypes)
    fully_shard(policy, mesh=mesh, mp_policy=dtypes)
