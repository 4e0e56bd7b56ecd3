"""Routing: who computes what, and what does not leak."""

from __future__ import annotations

import pytest
import torch

from policy.backbones.qwen2_vl import qwen_text_config
from policy.experts import TwoExpertMLP, is_control_expert, is_understanding_expert
from tests.policy.small import small_config, small_model


@pytest.fixture
def mlp() -> TwoExpertMLP:
    torch.manual_seed(0)
    return TwoExpertMLP(qwen_text_config(small_config()))


def test_a_number_routes_the_first_rows_to_control(mlp):
    x = torch.randn(4, 3, 32)
    mixed = mlp(x, 1)
    torch.testing.assert_close(mixed[:1], mlp(x[:1], "control"))
    torch.testing.assert_close(mixed[1:], mlp(x[1:], "understanding"))


@pytest.mark.parametrize(("route", "runs"), [("control", [True, False]), ("understanding", [False, True]), (0, [False, True]), (4, [True, False])])
def test_an_expert_without_rows_is_not_computed(mlp, route, runs):
    ran = []
    mlp.control.gate_proj.register_forward_hook(lambda *_: ran.append("control"))
    mlp.gate_proj.register_forward_hook(lambda *_: ran.append("understanding"))
    mlp(torch.randn(4, 3, 32), route)
    assert ["control" in ran, "understanding" in ran] == runs


def test_no_gradient_reaches_the_other_expert(mlp):
    mlp(torch.randn(2, 3, 32), "control").sum().backward()
    assert mlp.gate_proj.weight.grad is None
    assert mlp.control.gate_proj.weight.grad is not None


def test_copy_expert_makes_the_routes_alike(mlp):
    x = torch.randn(2, 3, 32)
    assert not torch.equal(mlp(x, "control"), mlp(x, "understanding"))
    mlp.copy_expert()
    assert torch.equal(mlp(x, "control"), mlp(x, "understanding"))


@pytest.mark.parametrize("route", ["vision", 5, -1])
def test_an_unknown_route_is_refused(mlp, route):
    with pytest.raises(ValueError, match=r"expected 'control', 'understanding', 'dense' or 0\.\.4"):
        mlp(torch.randn(4, 3, 32), route)


def test_parameters_are_told_apart_by_name():
    names = [n for n, _ in small_model().named_parameters()]
    control, understanding = [n for n in names if is_control_expert(n)], [n for n in names if is_understanding_expert(n)]
    assert len(control) == len(understanding) == 2 * 3
    assert not set(control) & set(understanding)
