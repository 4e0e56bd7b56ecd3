"""FiLM of the prompt by the reasoning."""

from __future__ import annotations

import torch

from policy.fusion import ReasoningFusion, masked_mean


def test_a_fresh_fusion_does_not_depend_on_the_reasoning():
    torch.manual_seed(0)
    fusion = ReasoningFusion(8)
    hidden, other = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    prompt = torch.tensor([[True, True, True, False, False]] * 2)
    other[:, :3] = hidden[:, :3]
    torch.testing.assert_close(fusion(hidden, prompt, ~prompt), fusion(other, prompt, ~prompt))
    expected = hidden[:, :3].mean(1)
    torch.testing.assert_close(fusion(hidden, prompt, ~prompt), fusion.prompt(expected) + expected)


def test_a_trained_fusion_depends_on_the_reasoning():
    torch.manual_seed(0)
    fusion = ReasoningFusion(8)
    torch.nn.init.normal_(fusion.scale.weight)
    hidden = torch.randn(2, 5, 8)
    prompt = torch.tensor([[True, True, True, False, False]] * 2)
    before = fusion(hidden, prompt, ~prompt)
    hidden[:, 4] += 1
    assert not torch.allclose(fusion(hidden, prompt, ~prompt), before)


def test_gradients_reach_the_zero_initialised_film():
    fusion = ReasoningFusion(8)
    prompt = torch.tensor([[True, True, False]])
    fusion(torch.randn(1, 3, 8), prompt, ~prompt).sum().backward()
    assert fusion.scale.weight.grad is not None
    assert fusion.scale.weight.grad.abs().sum() > 0


def test_the_mean_of_nothing_is_zero():
    assert not masked_mean(torch.randn(1, 3, 8), torch.zeros(1, 3, dtype=torch.bool)).any()
