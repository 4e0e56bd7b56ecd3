"""ChatVLA-2's reasoning module: which blocks hear of the reasoning, and which of the observation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from policy.config import HeadConfig, Reasoning
from policy.heads.dit import DiTHead
from policy.heads.injection import followed
from tests.policy.small import small_config

REST, DEPTH, HIDDEN = 17, 4, 32


def head(reasoning: Reasoning) -> DiTHead:
    torch.manual_seed(0)
    config = replace(small_config(), reasoning=reasoning, head=HeadConfig(width=32, depth=DEPTH, heads=2))
    made = DiTHead(config, REST)
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return made


def modulations(made: DiTHead, vector: Tensor) -> list[Tensor]:
    """What every block's modulation and, last, the final layer's are made from."""
    heard: list[Tensor] = []
    layers = [*(block.modulation for block in made.blocks), made.last_modulation]
    hooks = [layer.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0])) for layer in layers]  # type: ignore[union-attr]
    made.denoise(torch.ones(2, 16, 10), torch.tensor([3, 90]), made.embed(vector))
    for hook in hooks:
        hook.remove()
    return heard


def changed(reasoning: Reasoning, part: slice) -> list[bool]:
    """Whether each block, and the final layer, hears of a change in that part of the vector."""
    made = head(reasoning)
    vector = torch.randn(2, 2 * HIDDEN + REST)
    other = vector.clone()
    other[:, part] += torch.randn_like(other[:, part])
    return [not torch.allclose(a, b) for a, b in zip(modulations(made, vector), modulations(made, other), strict=True)]


PROMPT, SAID, PROPRIO = slice(0, HIDDEN), slice(HIDDEN, 2 * HIDDEN), slice(2 * HIDDEN, None)


def test_the_latter_half_and_the_final_layer_do_not_hear_the_observation():
    assert changed("latter", PROMPT) == [True, True, False, False, False]


def test_the_former_half_does_not_hear_the_observation_and_the_rest_does():
    assert changed("former", PROMPT) == [False, False, True, True, True]


def test_with_all_no_block_hears_the_observation():
    assert changed("all", PROMPT) == [False] * 5


@pytest.mark.parametrize("reasoning", ["latter", "former", "all"])
def test_every_block_hears_the_reasoning_and_the_arm(reasoning):
    assert changed(reasoning, SAID) == [True] * 5
    assert changed(reasoning, PROPRIO) == [True] * 5


def test_the_blocks_of_one_half_follow_the_same_vector():
    heard = modulations(head("latter"), torch.randn(2, 2 * HIDDEN + REST))
    assert torch.equal(heard[0], heard[1])
    assert torch.equal(heard[2], heard[4])
    assert not torch.allclose(heard[1], heard[2])


@pytest.mark.parametrize(("reasoning", "depth", "expected"), [
    ("latter", 24, (*[0] * 12, *[1] * 12, 1)),  # the source's: block 12 of 24 is the first that follows the reasoning
    ("latter", 3, (0, 1, 1, 1)),
    ("former", 3, (1, 0, 0, 0)),
    ("all", 3, (0, 0, 0, 0)),
    ("film", 3, (0, 0, 0, 0)),
    ("none", 3, (0, 0, 0, 0)),
])  # fmt: skip
def test_halves_are_counted_from_the_front(reasoning, depth, expected):
    assert followed(reasoning, depth) == expected


@pytest.mark.parametrize("reasoning", ["latter", "former", "all"])
def test_every_parameter_of_the_module_learns(reasoning):
    made = head(reasoning)
    vector = torch.randn(2, 2 * HIDDEN + REST)
    made.denoise(torch.randn(2, 16, 10), torch.tensor([3, 90]), made.embed(vector)).square().sum().backward()
    assert [n for n, p in made.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_another_head_has_no_blocks_to_inject_into():
    with pytest.raises(ValueError, match="reasoning=latter is injected into the blocks of a dit head, not unet"):
        replace(small_config(), reasoning="latter", head=HeadConfig(kind="unet"))
