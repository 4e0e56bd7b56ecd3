"""The diffusion transformer: zero initialisation, masks, and that noise copies change the cost only."""

from __future__ import annotations

import pytest
import torch

from policy.heads.base import Context
from policy.heads.dit import DiTHead, time_embedding
from tests.policy.small import small_config

REST = 17


@pytest.fixture
def head() -> DiTHead:
    torch.manual_seed(0)
    return DiTHead(small_config(), REST)


def predicted(head: DiTHead) -> torch.Tensor:
    return head.denoise(torch.randn(2, 16, 10), torch.tensor([3, 90]), head.embed(torch.randn(2, 32 + REST)))


def woken(head: DiTHead) -> DiTHead:
    for parameter in head.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return head


def test_a_fresh_head_predicts_zero(head):
    out = predicted(head)
    assert not out.any()


def test_zero_init_restores_what_a_generic_initialiser_broke(head):
    for module in head.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.02)
    head.zero_init()
    x, c = torch.randn(2, 16, 32), torch.randn(2, 32)
    assert torch.equal(head.blocks[0](x, c), x)
    assert not predicted(head).any()


def test_padding_actions_do_not_change_the_loss(head):
    woken(head)
    context, actions = Context(torch.randn(2, 32 + REST)), torch.rand(2, 16, 10)
    mask = torch.arange(16)[None] < torch.tensor([[10], [16]])
    other = torch.where(mask[..., None], actions, torch.full_like(actions, 0.5))

    def loss(a: torch.Tensor) -> torch.Tensor:
        return head.loss(context, a, mask, torch.Generator().manual_seed(1))

    # Attention lets a padded action's noise reach the others, so its clean value is compared at the target only.
    head.blocks = torch.nn.ModuleList()
    torch.testing.assert_close(loss(actions), loss(other))


def test_the_loss_is_a_mean_over_marked_elements(head):
    context, actions = Context(torch.randn(2, 32 + REST)), torch.full((2, 16, 10), 0.5)
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[0, :3] = True
    assert head.loss(context, actions, mask).item() == pytest.approx(0.25)  # x0 is predicted as 0


@pytest.mark.parametrize("rows", [0, 2])
def test_without_any_label_the_loss_is_zero_with_gradients_connected(head, rows):
    loss = head.loss(Context(torch.randn(rows, 32 + REST)), torch.rand(rows, 16, 10), torch.zeros(rows, 16, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None for p in head.parameters())


def test_sampling_with_the_same_generator_repeats(head):
    woken(head)
    context = Context(torch.randn(2, 32 + REST))
    first, second, other = (head.sample(context, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.shape == (2, 16, 10)


def test_timesteps_embed_apart():
    embedded = time_embedding(torch.arange(100))
    assert embedded.shape == (100, 256)
    assert torch.cdist(embedded, embedded).fill_diagonal_(9).min() > 0.1
