"""The routed sum on a CPU: expert by expert, so that what an expert makes of its tokens is still in the cache when it is used.

There the grouped product is itself a loop in C++, and the widest tensors, of all tokens at once, pass through memory for
each elementwise step and are given back to the system after it (page faults alone took 15 of 47 ms). The way back is
written out for the SiLU gate of Qwen2's network. Legend: see `policy.experts_dynamic`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor


def takes_turns(x: Tensor, activation: str) -> bool:
    """Whether experts are computed in turn: with a SiLU, on a CPU where the sizes of their parts are known (not traced or fake)."""
    return activation == "silu" and x.is_cpu and not isinstance(x, FakeTensor) and not torch.compiler.is_compiling()


def routed_sum(x: Tensor, weights: Tensor, chosen: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """x (T, d), weights (T, K), the experts `chosen` (T, K), projections (E, I, d), (E, I, d), (E, d, I), all of one dtype,
    to the weighted sums (T, d)."""
    sizes = chosen.flatten().bincount(minlength=len(gate)).tolist()
    experts = chosen.flatten().to(torch.int16)  # NumPy sorts by their digits: 45 us, where torch's sort takes 417
    order = torch.from_numpy(experts.numpy().argsort(kind="stable"))
    back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order))).view_as(chosen)
    given = x, weights, gate, up, down, order, back, sizes
    return RoutedSum.apply(*given) if torch.is_grad_enabled() else _summed(*given)[0]


class RoutedSum(torch.autograd.Function):
    """`_summed` with gradients, once, for x, the weights and the projections."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        kept: list[Tensor] = []
        summed, made = _summed(*given, kept=kept)
        _, *tensors, ctx.sizes = given
        ctx.save_for_backward(*tensors, made, *kept)
        return summed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weights, gate, up, down, order, back, made, *kept = ctx.saved_tensors
        learns = any(ctx.needs_input_grad[2:5])
        grad_taken, grad_weights = torch.empty_like(made), made.new_empty(len(order))
        stacked = [torch.empty_like(w) if learns else w for w in (gate, up, down)]
        tokens, by_place = order // weights.shape[1], weights.flatten()[order, None]
        for (expert, part), (taken, gated, raised, acted) in zip(parts(ctx.sizes), batched(kept, 4), strict=True):
            above = grad.index_select(0, tokens[part])
            torch.sum(above * made[part], 1, out=grad_weights[part])
            above *= by_place[part]
            grad_hidden = above @ down[expert]
            grad_gated = torch.ops.aten.silu_backward(grad_hidden * raised, gated)
            grad_raised = grad_hidden.mul_(acted)
            torch.mm(grad_gated, gate[expert], out=grad_taken[part]).addmm_(grad_raised, up[expert])
            if learns:
                for each, left, right in zip(stacked, (grad_gated, grad_raised, above), (taken, taken, acted * raised), strict=True):
                    torch.mm(left.T, right, out=each[expert])
        idle = [expert for expert, size in enumerate(ctx.sizes) if not size]
        if learns and idle:
            for each in stacked:
                each[idle] = 0.0
        to_stacked = stacked if learns else (None, None, None)
        return F.embedding_bag(back, grad_taken, mode="sum"), grad_weights[back], *to_stacked, None, None, None


def parts(sizes: list[int]) -> Iterator[tuple[int, slice]]:
    """The experts that have tokens, and where those stand in the order."""
    end = 0
    for expert, size in enumerate(sizes):
        start, end = end, end + size
        if size:
            yield expert, slice(start, end)


def batched(items: Sequence[Tensor], size: int) -> Iterator[Sequence[Tensor]]:
    """The items, `size` at a time."""
    return (items[i : i + size] for i in range(0, len(items), size))


def _summed(
    x: Tensor, weights: Tensor, gate: Tensor, up: Tensor, down: Tensor,
    order: Tensor, back: Tensor, sizes: list[int], kept: list[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The sums (T, d), and what experts made in `order` (T x K, d).

    `order` (T x K,), `back` (T, K): places of the flattened choices, expert by expert, and the inverse; `sizes`: the E parts
    of `order`. Adds to `kept` of each expert its tokens, both projections and the gate.
    """
    made, tokens = x.new_empty(len(order), x.shape[1]), order // weights.shape[1]
    for expert, part in parts(sizes):
        taken = x.index_select(0, tokens[part])
        gated, raised = F.linear(taken, gate[expert]), F.linear(taken, up[expert])
        acted = F.silu(gated)
        torch.mm(acted * raised if kept is not None else acted.mul_(raised), down[expert].T, out=made[part])
        if kept is not None:
            kept += taken, gated, raised, acted
    return F.embedding_bag(back, made, mode="sum", per_sample_weights=weights), made
