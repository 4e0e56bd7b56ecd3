"""Experts that nobody chooses token by token: who computes what, what does not leak, how they start."""

from __future__ import annotations

import pytest
import torch

from policy.backbones.qwen2_vl import qwen_text_config
from policy.experts import DenseMLP, TwoExpertMLP, WideMLP, is_control_expert, is_understanding_expert
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


@pytest.mark.parametrize("n_control", range(5))
def test_routing_gives_what_computing_both_and_masking_gives(mlp, n_control):
    x, wanted = torch.randn(4, 3, 32), torch.randn(4, 3, 32)
    acts = (torch.arange(4) < n_control)[:, None, None].float()
    masked = acts * mlp(x, "control") + (1 - acts) * mlp(x, "understanding")
    expected = torch.autograd.grad((masked - wanted).square().sum(), list(mlp.parameters()))
    routed = mlp(x, n_control)
    torch.testing.assert_close(routed, masked, atol=1e-5, rtol=1e-5)
    found = torch.autograd.grad((routed - wanted).square().sum(), list(mlp.parameters()), allow_unused=True)
    for gradient, like in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient if gradient is not None else torch.zeros_like(like), like, atol=1e-5, rtol=1e-4)


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


@pytest.mark.parametrize("kind", [DenseMLP, WideMLP, TwoExpertMLP])
@pytest.mark.parametrize("route", ["control", "understanding", "dense", 1])
def test_every_kind_starts_as_the_network_that_was_pretrained(kind, route):
    torch.manual_seed(1)
    config = qwen_text_config(small_config())
    dense, made, x = DenseMLP(config), kind(config), torch.randn(4, 3, 32)
    assert not torch.allclose(made(x, route), dense(x))
    made.start_from(dense)
    torch.testing.assert_close(made(x, route), dense(x), atol=1e-6, rtol=1e-5)


def test_the_wide_network_has_as_many_parameters_as_two_experts_and_its_new_units_learn(mlp):
    config = qwen_text_config(small_config())
    wide = WideMLP(config)
    assert sum(p.numel() for p in wide.parameters()) == sum(p.numel() for p in mlp.parameters())
    assert config.intermediate_size == 48
    wide.start_from(DenseMLP(config))
    wide(torch.randn(4, 3, 32)).square().sum().backward()
    assert wide.down_proj.weight.grad is not None
    assert wide.down_proj.weight.grad[:, 48:].abs().min() > 0


def test_parameters_are_told_apart_by_name():
    names = [n for n, _ in small_model().named_parameters()]
    control, understanding = [n for n in names if is_control_expert(n)], [n for n in names if is_understanding_expert(n)]
    assert len(control) == len(understanding) == 2 * 3
    assert not set(control) & set(understanding)
