"""Layers: recomputing them leaves gradients and names as they are, and afterwards the network is as before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policy.layers import layers, prepared
from tests.policy.small import small_batch, small_model


def gradients(policy: nn.Module) -> dict[str, Tensor]:
    policy.zero_grad()
    torch.manual_seed(1)
    policy(small_batch())["loss"].backward()
    return {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}


def test_recomputed_layers_give_the_same_gradients_under_the_same_names():
    policy = small_model()
    assert len(layers(policy)) == 1 + 2 + 2  # vision, language, head
    kept = gradients(policy)
    with prepared(policy, checkpointed=True, compiled=False):
        again = gradients(policy)
    assert kept.keys() == again.keys()
    assert all(torch.equal(kept[n], again[n]) for n in kept)


def test_every_layer_is_prepared_inside_and_as_before_afterwards(monkeypatch):
    monkeypatch.setattr(nn.Module, "compile", lambda self: setattr(self, "_compiled_call_impl", self._call_impl))
    policy = small_model()
    with prepared(policy, checkpointed=True, compiled=True):
        assert all("forward" in m.__dict__ and m._compiled_call_impl is not None for m in layers(policy))
        gradients(policy)
    assert not any("forward" in m.__dict__ or m._compiled_call_impl is not None for m in layers(policy))
