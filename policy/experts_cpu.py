"""The routed sum on a CPU: expert by expert, so that what an expert makes of its tokens is still in the cache when it is used.

There the grouped product is itself a loop in C++, and the widest tensors, of all tokens at once, pass through memory for
each elementwise step and are given back to the system after it (page faults alone took 15 of 47 ms). Here only the two
projections that the way back needs are kept, half of what autograd would keep. Legend: see `policy.experts_dynamic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor


def takes_turns(x: Tensor) -> bool:
    """Whether experts are computed in turn: on a CPU, where the sizes of their parts are known (not traced or fake)."""
    return x.is_cpu and not isinstance(x, FakeTensor) and not torch.compiler.is_compiling()


def routed_sum(
    x: Tensor, weights: Tensor, gate: Tensor, up: Tensor, down: Tensor,
    order: Tensor, back: Tensor, sizes: list[int], act_fn: Callable[[Tensor], Tensor],
) -> Tensor:  # fmt: skip
    """x (T, d), weights (T, K), projections (E, I, d), (E, I, d), (E, d, I), all of one dtype, to the weighted sums (T, d).

    `order` (T x K,), `back` (T, K): places of the flattened choices, expert by expert, and the inverse; `sizes`: the E
    parts of `order`.
    """
    given = x, weights, gate, up, down, order, back, sizes, act_fn
    return RoutedSum.apply(*given) if torch.is_grad_enabled() else _summed(*given)[0]


class RoutedSum(torch.autograd.Function):
    """`routed_sum` with gradients, once, for x, the weights and the projections."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        *tensors, ctx.sizes, ctx.act_fn = given
        kept: list[Tensor] = []
        summed, made = _summed(*given, kept=kept)
        ctx.save_for_backward(*tensors, made, *kept)
        return summed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weights, gate, up, down, order, back, made, *kept = ctx.saved_tensors
        learns = any(ctx.needs_input_grad[2:5])
        grad_taken, grad_weights = torch.empty_like(made), made.new_empty(len(order))
        stacked = [torch.zeros_like(w) if learns else w for w in (gate, up, down)]
        tokens, by_place = order // weights.shape[1], weights.flatten()[order, None]
        for (expert, part), pair in zip(parts(ctx.sizes), zip(kept[::2], kept[1::2], strict=True), strict=True):
            above = grad.index_select(0, tokens[part])
            torch.sum(above * made[part], 1, out=grad_weights[part])
            above *= by_place[part]
            with torch.enable_grad():
                gated, raised = (t.detach().requires_grad_() for t in pair)
                hidden = ctx.act_fn(gated) * raised
            grad_gated, grad_raised = torch.autograd.grad(hidden, (gated, raised), above @ down[expert])
            torch.mm(grad_gated, gate[expert], out=grad_taken[part]).addmm_(grad_raised, up[expert])
            if learns:
                taken = x.index_select(0, tokens[part])
                for each, left, right in zip(stacked, (grad_gated, grad_raised, above), (taken, taken, hidden.detach()), strict=True):
                    torch.mm(left.T, right, out=each[expert])
        to_stacked = stacked if learns else (None, None, None)
        return F.embedding_bag(back, grad_taken, mode="sum"), grad_weights[back], *to_stacked, None, None, None, None


def parts(sizes: list[int]) -> Iterator[tuple[int, slice]]:
    """The experts that have tokens, and where those stand in the order."""
    end = 0
    for expert, size in enumerate(sizes):
        start, end = end, end + size
        if size:
            yield expert, slice(start, end)


def _summed(
    x: Tensor, weights: Tensor, gate: Tensor, up: Tensor, down: Tensor,
    order: Tensor, back: Tensor, sizes: list[int], act_fn: Callable[[Tensor], Tensor], kept: list[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The sums (T, d), and what experts made in `order` (T x K, d); adds each expert's two projections to `kept`."""
    made, tokens = x.new_empty(len(order), x.shape[1]), order // weights.shape[1]
    for expert, part in parts(sizes):
        taken = x.index_select(0, tokens[part])
        gated, raised = F.linear(taken, gate[expert]), F.linear(taken, up[expert])
        torch.mm(act_fn(gated).mul_(raised), down[expert].T, out=made[part])
        if kept is not None:
            kept += gated, raised
    return F.embedding_bag(back, made, mode="sum", per_sample_weights=weights), made
