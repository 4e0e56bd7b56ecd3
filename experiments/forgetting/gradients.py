"""Whether two losses pull a network the same way: the cosine of their gradients, over all shared weights and by layer.

Below 0 a step for one undoes part of the other. Weights that only one of the losses reaches (an expert, the head) have
nothing to disagree about and are left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Loss = Callable[[], Tensor]


@dataclass(frozen=True)
class Alignment:
    """`cosine` over all shared weights, `layers` by layer (both from -1 to 1), `shared`: number of those weights."""

    cosine: float
    layers: dict[str, float]
    shared: int


def alignment(model: nn.Module, first: Loss, second: Loss, seed: int = 0) -> Alignment:
    """How the gradients of two losses of `model` lie to each other.

    Such as `alignment(policy, lambda: policy(questions)["lm"], lambda: policy(robot)["action"])`. The noise that a loss
    draws is seeded; no gradient is left on the weights.

    Raises:
        ValueError: no weight has a gradient from both losses.
    """
    a, b = _gradients(model, first, seed), _gradients(model, second, seed)
    shared = [name for name in a if name in b]
    if not shared:
        raise ValueError("the two losses reach no weight in common; is what they share frozen (requires_grad)?")
    layers: dict[str, list[str]] = defaultdict(list)
    for name in shared:
        layers[layer_of(name)].append(name)
    return Alignment(
        _cosine(a, b, shared), {layer: _cosine(a, b, names) for layer, names in layers.items()}, sum(a[n].numel() for n in shared)
    )  # fmt: skip


def share_opposed(alignments: Iterable[Alignment]) -> float:
    """The share of batches whose gradients point against each other.

    Raises:
        ValueError: there are none.
    """
    cosines = [a.cosine for a in alignments]
    if not cosines:
        raise ValueError("no batches to compare")
    return sum(c < 0 for c in cosines) / len(cosines)


def layer_of(name: str) -> str:
    """The layer of a weight: its name up to the first number, or its module where there is none."""
    found = re.match(r".*?\.\d+(?=\.)", name)
    return found.group() if found else name.rpartition(".")[0] or name


def _gradients(model: nn.Module, loss: Loss, seed: int) -> dict[str, Tensor]:
    """Name -> gradient, of the weights that the loss reaches."""
    weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = torch.autograd.grad(loss(), list(weights.values()), allow_unused=True)
    return {n: g.detach().flatten() for n, g in zip(weights, found, strict=True) if g is not None and bool(g.any())}


def _cosine(a: dict[str, Tensor], b: dict[str, Tensor], names: list[str]) -> float:
    x, y = (torch.cat([g[n] for n in names]).double() for g in (a, b))
    return float(x @ y / (x.norm() * y.norm()))
