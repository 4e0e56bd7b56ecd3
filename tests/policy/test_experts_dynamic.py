"""Experts chosen token by token: what the routed sum is, how it starts, who learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from policy.backbones.qwen2_vl import qwen_text_config
from policy.config import ExpertsConfig
from policy.experts import DenseMLP
from policy.experts_cpu import takes_turns
from policy.experts_dynamic import RoutedMLP, Routing
from policy.optim import build_optimizer, orthogonalised
from tests.policy.small import small_config

CONFIG = replace(small_config(), experts=ExpertsConfig("dynamic", count=6, top_k=2))


@pytest.fixture(params=["in turn", "grouped"])
def mlp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RoutedMLP:
    """As on a CPU, and as on a GPU."""
    if request.param == "grouped":
        monkeypatch.setattr("policy.experts_dynamic.takes_turns", lambda x, activation: False)
    torch.manual_seed(0)
    return RoutedMLP(qwen_text_config(CONFIG))


def expert(mlp: RoutedMLP, index: int, x: Tensor) -> Tensor:
    gate, up, down = (p[index] for p in mlp.experts.parameters())
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def one_by_one(mlp: RoutedMLP, x: Tensor) -> Tensor:
    """Every expert on every token, then the weights of the chosen."""
    logits = mlp.router(x)
    kept = torch.full_like(logits, -torch.inf).scatter(-1, logits.topk(mlp.top_k).indices, logits.topk(mlp.top_k).values)
    weights = kept.softmax(-1)
    return sum((weights[..., i : i + 1] * expert(mlp, i, x) for i in range(mlp.count)), torch.zeros_like(x))


def routed(mlp: RoutedMLP, x: Tensor) -> Routing:
    routings: list[Routing] = []
    mlp(x, routings=routings)
    return routings[0]


def test_the_sum_is_that_of_computing_every_expert_and_masking(mlp):
    x = torch.randn(3, 7, 32)
    torch.testing.assert_close(mlp(x), one_by_one(mlp, x), atol=1e-5, rtol=1e-5)


def test_so_are_its_gradients(mlp):
    x, wanted = torch.randn(3, 7, 32, requires_grad=True), torch.randn(3, 7, 32)
    inputs = [x, *mlp.parameters()]
    found = torch.autograd.grad((mlp(x) - wanted).square().sum(), inputs)
    expected = torch.autograd.grad((one_by_one(mlp, x) - wanted).square().sum(), inputs)
    for gradient, like in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, like, atol=1e-5, rtol=1e-4)


def test_each_token_goes_to_the_experts_of_its_largest_logits(mlp):
    x = torch.randn(3, 7, 32)
    routing = routed(mlp, x)
    assert routing.logits.shape == (3, 7, 6)
    assert routing.chosen.shape == (3, 7, 2)
    torch.testing.assert_close(routing.logits, mlp.router(x))
    least_chosen = routing.logits.gather(-1, routing.chosen).amin(-1)
    assert ((routing.logits > least_chosen[..., None]).sum(-1) == 1).all()


def test_the_weights_of_a_token_sum_to_one(mlp):
    """So experts that all give the same constant give that constant, wherever a token goes."""
    x = torch.randn(3, 7, 32)
    mlp.copy_expert()
    torch.testing.assert_close(mlp(x), expert(mlp, 3, x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("route", ["control", "understanding", "dense", 1])
def test_it_starts_as_the_network_that_was_pretrained(mlp, route):
    dense, x = DenseMLP(qwen_text_config(CONFIG)), torch.randn(3, 7, 32)
    assert not torch.allclose(mlp(x, route), dense(x))
    mlp.start_from(dense)
    torch.testing.assert_close(mlp(x, route), dense(x), atol=1e-6, rtol=1e-5)


def test_the_dense_route_is_the_first_expert_and_routes_nothing(mlp):
    x, routings = torch.randn(3, 7, 32), []
    torch.testing.assert_close(mlp(x, "dense", routings), expert(mlp, 0, x))
    assert not routings


def test_gradients_reach_the_router_and_the_experts_that_were_used_alone(mlp):
    x = torch.randn(1, 1, 32)
    mlp(x).square().sum().backward()
    chosen = set(routed(mlp, x).chosen.flatten().tolist())
    for stacked in mlp.experts.parameters():
        assert stacked.grad is not None
        assert {i for i in range(6) if stacked.grad[i].any()} == chosen
    assert mlp.router.weight.grad is not None
    assert {i for i in range(6) if mlp.router.weight.grad[i].any()} == chosen


def test_frozen_experts_pass_the_gradient_on_and_get_none(mlp):
    x = torch.randn(3, 7, 32, requires_grad=True)
    expected = torch.autograd.grad(one_by_one(mlp, x).square().sum(), [x, mlp.router.weight])
    mlp.experts.requires_grad_(False)
    mlp(x).square().sum().backward()
    torch.testing.assert_close([x.grad, mlp.router.weight.grad], [*expected], atol=1e-5, rtol=1e-4)
    assert all(p.grad is None for p in mlp.experts.parameters())


def test_experts_of_another_activation_have_its_gradient(monkeypatch):
    config, x = qwen_text_config(CONFIG), torch.randn(3, 7, 32)
    config.hidden_act = "gelu"
    mlp = RoutedMLP(config)
    found = torch.autograd.grad(mlp(x).square().sum(), [*mlp.parameters()])
    monkeypatch.setattr(F, "silu", F.gelu)
    expected = torch.autograd.grad(one_by_one(mlp, x).square().sum(), [*mlp.parameters()])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_only_a_cpu_that_knows_its_numbers_takes_turns_and_with_a_silu():
    assert not takes_turns(torch.zeros(1), "gelu")
    assert takes_turns(torch.zeros(1), "silu")
    assert not takes_turns(torch.zeros(1, device="meta"), "silu")
    with FakeTensorMode():
        assert not takes_turns(torch.zeros(1), "silu")


def test_an_expert_that_gets_no_token_and_one_that_gets_all_are_both_computed(mlp):
    x = torch.randn(3, 7, 32).abs()
    with torch.no_grad():
        mlp.router.weight.copy_(torch.linspace(-1, 1, 6)[:, None].expand(6, 32))
    assert (routed(mlp, x).chosen.sort(-1).values == torch.tensor([4, 5])).all()
    torch.testing.assert_close(mlp(x), one_by_one(mlp, x), atol=1e-5, rtol=1e-5)


def test_a_single_token_as_in_speech_goes_the_same_way_as_in_a_text(mlp):
    x = torch.randn(2, 5, 32)
    torch.testing.assert_close(torch.cat([mlp(x[:, i : i + 1]) for i in range(5)], 1), mlp(x), atol=1e-5, rtol=1e-5)


def test_under_autocast_the_products_are_bfloat16_and_the_choice_is_not_rounded_away(mlp):
    x = torch.randn(3, 7, 32)
    with torch.autocast("cpu", torch.bfloat16):
        made, routing = mlp(x), routed(mlp, x)
        made.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in mlp.parameters())
    assert made.dtype == torch.bfloat16
    assert routing.logits.dtype == torch.float32
    agree = (routing.chosen.sort(-1).values == routed(mlp, x).chosen.sort(-1).values).all(-1)
    torch.testing.assert_close(made.detach().float()[agree], mlp(x).detach()[agree], atol=0.05, rtol=0.05)


def test_muon_makes_each_expert_orthogonal_by_itself(mlp):
    before = mlp.experts.up_proj.detach().clone()
    block = torch.nn.Module()
    block.register_module("layers", torch.nn.ModuleList([torch.nn.ModuleDict({"mlp": mlp})]))
    optimizer = build_optimizer(block, "muon", 0.1, (0.9, 0.95), 1e-8)
    gradient = torch.randn_like(before)
    mlp.experts.up_proj.grad = gradient.clone()
    optimizer.step()
    momentum = 0.05 * gradient
    nesterov = gradient + 0.95 * (momentum - gradient)
    moved = before * (1 - 0.1 * 0.01) - torch.stack([orthogonalised(m[None])[0] for m in nesterov]) * 0.1 * 0.2 * 48**0.5
    torch.testing.assert_close(mlp.experts.up_proj.detach(), moved, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("top_k", [0, 7])
def test_more_chosen_than_there_are_is_refused(top_k):
    with pytest.raises(ValueError, match=f"top_k is {top_k} of 6 experts; expected 1 to 6"):
        ExpertsConfig("dynamic", count=6, top_k=top_k)
