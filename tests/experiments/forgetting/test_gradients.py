"""The cosine of two losses' gradients: known angles, laws, and what a network shares."""

import math

import pytest
import torch
from torch import nn

from experiments.forgetting.gradients import Alignment, alignment, layer_of, share_opposed
from tests.policy.small import small_batch, small_model


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Parameter(torch.zeros(2))
        self.own = nn.Parameter(torch.zeros(2))

    def towards(self, x, y):
        return lambda: -(self.shared @ torch.tensor([x, y]))


@pytest.mark.parametrize(("second", "cosine"), [((2.0, 0.0), 1), ((0.0, 3.0), 0), ((-1.0, 0.0), -1), ((1.0, 1.0), math.sqrt(0.5))])
def test_the_cosine_is_that_of_the_two_directions(second, cosine):
    model = Two()
    assert alignment(model, model.towards(1.0, 0.0), model.towards(*second)).cosine == pytest.approx(cosine, abs=1e-6)


def test_weights_of_one_loss_alone_do_not_count():
    model = Two()
    found = alignment(model, model.towards(1.0, 0.0), lambda: model.towards(1.0, 0.0)() + 100 * model.own.sum())
    assert (found.cosine, found.shared) == (pytest.approx(1), 2)


def test_losses_that_share_nothing_are_refused():
    model = Two()
    with pytest.raises(ValueError, match="reach no weight in common"):
        alignment(model, model.towards(1.0, 0.0), lambda: model.own.sum())


def test_a_loss_agrees_with_itself_and_opposes_its_negative():
    model, batch = small_model(), small_batch()
    loss = lambda: model(batch)["loss"]  # noqa: E731
    same, opposed = alignment(model, loss, loss), alignment(model, loss, lambda: -loss())
    assert same.cosine == pytest.approx(1)
    assert opposed.cosine == pytest.approx(-1)
    assert all(c == pytest.approx(1) for c in same.layers.values())
    assert model.head is not None
    assert all(p.grad is None for p in model.parameters())


def test_answers_and_actions_share_attention_and_not_their_experts():
    model, questions, robot = small_model(), small_batch(0, 2), small_batch(2, 0)
    found = alignment(model, lambda: model(questions)["lm"], lambda: model(robot)["action"])
    layers = [name for name in found.layers if "layers." in name]
    assert len(layers) == 2
    assert -1 <= found.cosine <= 1
    experts = sum(p.numel() for n, p in model.named_parameters() if "mlp" in n)
    assert found.shared < sum(p.numel() for p in model.parameters()) - experts


def test_the_noise_of_a_loss_is_seeded_and_the_generator_is_left_alone():
    model, batch = small_model(), small_batch()
    torch.manual_seed(5)
    first = alignment(model, lambda: model(batch)["lm"], lambda: model(batch)["action"], seed=3)
    drawn = torch.rand(1)
    assert alignment(model, lambda: model(batch)["lm"], lambda: model(batch)["action"], seed=3) == first
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


def test_opposed_batches_are_counted():
    found = [Alignment(c, {}, 1) for c in (-0.5, 0.1, -0.1, 0.9)]
    assert share_opposed(found) == 0.5
    with pytest.raises(ValueError, match="no batches"):
        share_opposed([])


@pytest.mark.parametrize(("name", "layer"), [("vlm.model.layers.3.self_attn.q.weight", "vlm.model.layers.3"), ("stem.conv.weight", "stem.conv"), ("scale", "scale")])
def test_a_weight_belongs_to_its_layer(name, layer):
    assert layer_of(name) == layer
