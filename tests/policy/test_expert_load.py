"""Balance of dynamic experts: known values of the loss, shares, and the file that training writes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from policy.chatvla import ChatVLA
from policy.config import ExpertsConfig, LossWeights
from policy.expert_load import ExpertLoad, balance_loss, evenness, shares, tokens_taken
from policy.experts_dynamic import Routing
from policy.normalizer import NormStats
from tests.policy.small import small_batch, small_config

EVERYWHERE = torch.ones(1, 4, dtype=torch.bool)


def routing(logits: list[list[float]], top_k: int = 1) -> Routing:
    """One row of tokens."""
    made = torch.tensor(logits)[None]
    return Routing(made, made.topk(top_k).indices)


EVEN = [[9.0 * (i == j) for j in range(4)] for i in range(4)]
ONE_FOR_ALL = [[50.0, 0, 0, 0]] * 4


def test_the_loss_is_1_where_tokens_are_shared_alike_and_the_number_of_experts_where_one_takes_all():
    assert balance_loss([routing(EVEN)], EVERYWHERE).item() == pytest.approx(1)
    assert balance_loss([routing(ONE_FOR_ALL)], EVERYWHERE).item() == pytest.approx(4)
    assert balance_loss([routing(EVEN), routing(ONE_FOR_ALL)], EVERYWHERE).item() == pytest.approx(2.5)


def test_it_is_a_product_of_shares_and_probabilities():
    # Experts 0, 0, 1 chosen: shares 2/3 and 1/3. Probabilities 0.75, 0.75, 0.25 of the first: mean 7/12.
    three = torch.log(torch.tensor([3.0])).item()
    found = balance_loss([routing([[three, 0], [three, 0], [0, three]])], torch.ones(1, 3, dtype=torch.bool))
    assert found.item() == pytest.approx(2 * (2 / 3 * 7 / 12 + 1 / 3 * 5 / 12))


def test_with_two_choices_a_token_two_experts_that_take_all_cost_half_the_number_of_experts():
    assert balance_loss([routing([[50.0, 50, 0, 0]] * 4, top_k=2)], EVERYWHERE).item() == pytest.approx(2)


def test_padding_does_not_count():
    padded = torch.tensor([[True, True, True, True, False, False]])
    with_padding = routing([*EVEN, [50.0, 0, 0, 0], [50.0, 0, 0, 0]])
    assert balance_loss([with_padding], padded).item() == pytest.approx(1)
    assert tokens_taken([with_padding], padded).tolist() == [[1, 1, 1, 1]]


def test_its_gradient_moves_probability_from_busy_experts_to_idle_ones():
    logits = torch.tensor([[[1.0, 0, 0, 0]] * 4], requires_grad=True)
    balance_loss([Routing(logits, logits.topk(1).indices)], EVERYWHERE).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 0] > 0).all()
    assert (logits.grad[..., 1:] < 0).all()


def test_evenness_is_1_for_all_alike_and_0_for_one():
    share = torch.tensor([[0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0], [0.5, 0.5, 0, 0]])
    torch.testing.assert_close(evenness(share), torch.tensor([1.0, 0.0, 0.5]))


def test_a_load_is_read_once():
    load = ExpertLoad(layers=1, experts=4)
    load.add([routing(EVEN)], EVERYWHERE)
    load.add([routing(ONE_FOR_ALL)], EVERYWHERE)
    torch.testing.assert_close(load.take(), torch.tensor([[5, 1, 1, 1]]) / 8)
    assert not load.take().any()
    assert not load.state_dict()


@pytest.fixture
def model() -> ChatVLA:
    torch.manual_seed(0)
    experts, loss = ExpertsConfig("dynamic", count=4, top_k=2), LossWeights(balance=0.5)
    return ChatVLA(replace(small_config(), experts=experts, loss=loss), NormStats.unit())


def test_the_network_counts_its_tokens_in_training_alone(model):
    batch = small_batch()
    with torch.no_grad():
        model(batch)
    assert not model.load.tokens.any()
    model.eval()(batch)  # as a network is that was loaded to be trained on
    assert model.load.tokens.sum(1).tolist() == [2 * int((batch.segment >= 0).sum())] * 2
    torch.testing.assert_close(shares(model.load.tokens).sum(1), torch.ones(2))


def test_balance_is_a_part_of_the_networks_loss(model):
    losses = model(small_batch())
    weights = model.config.loss
    parts = sum(getattr(weights, name) * losses[name] for name in ("lm", "action", "words", "positions", "balance"))
    assert losses["balance"] >= 1
    torch.testing.assert_close(losses["loss"], parts)
    losses["balance"].backward()
    assert model.vlm.model.language_model.layers[1].mlp.router.weight.grad.any()


def test_nothing_is_routed_while_the_experts_are_one(model):
    assert model(small_batch(), route="dense")["balance"] == 0
    assert not model.load.tokens.any()


def test_a_weight_without_a_router_is_refused():
    with pytest.raises(ValueError, match="static experts have no router; set it to 0"):
        replace(small_config(), loss=LossWeights(balance=0.01))
