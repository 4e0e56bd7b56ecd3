"""The language losses: what predicts what, and what counts."""

from __future__ import annotations

import math

import torch

from policy.losses import language_loss, predecessor, word_loss


def test_a_packed_text_begins_at_the_end_of_the_prefix():
    segment = torch.tensor([[0, 0, 0, 1, 1, 2, 2, -1]])
    assert predecessor(segment)[0, 1:7].tolist() == [0, 1, 2, 3, 2, 5]


def test_each_label_is_predicted_from_the_state_before_it():
    hidden = torch.eye(4)[None] * 50  # the state at i says token i
    labels = torch.tensor([[-100, 0, 1, -100]])
    loss = language_loss(lambda x: x, hidden, labels, torch.zeros(1, 4, dtype=torch.long))
    assert loss.item() < 1e-6


def test_no_label_is_a_zero_loss_with_gradients_connected():
    hidden = torch.randn(1, 4, 4, requires_grad=True)
    loss = language_loss(lambda x: x, hidden, torch.full((1, 4), -100), torch.zeros(1, 4, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert hidden.grad is not None


def test_two_words_at_a_token_cost_at_least_log_2():
    logits = torch.tensor([[50.0, 50.0, 0.0]])
    words = torch.tensor([[0, 1]])
    assert abs(word_loss(lambda x: x, logits, words, torch.ones(1, 2)).item() - math.log(2)) < 1e-5


def test_unknown_and_unweighted_words_do_not_count():
    logits = torch.tensor([[50.0, 0.0, 0.0], [0.0, 50.0, 0.0]])
    words = torch.tensor([[0, -100], [0, 0]])
    weight = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert word_loss(lambda x: x, logits, words, weight).item() < 1e-5
