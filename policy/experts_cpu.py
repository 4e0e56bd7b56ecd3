"""The routed sum on a CPU: expert by expert, so that what an expert makes of its tokens is still in the cache when it is used.

There the grouped product is itself a loop in C++, and the widest tensors, of all tokens at once, pass through memory for
each elementwise step and are given back to the system after it (page faults alone took 15 of 47 ms). Here only the two
projections that the way back needs are kept, half of what autograd would keep. Legend: see `policy.experts_dynamic`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor


def takes_turns(x: Tensor) -> bool:
    """Whether experts are computed in turn: on a CPU, where the sizes of their parts are known (not traced or fake)."""
    return x.is_cpu and not isinstance(x, FakeTensor) and not torch.compiler.is_compiling()


class RoutedSum(torch.autograd.Function):
    """x (T, d), weights (T, K), projections (E, I, d), (E, I, d), (E, d, I), all of one dtype, to the weighted sums (T, d).

    `order` (T x K,), `back` (T, K): places of the flattened choices, expert by expert, and the inverse; `sizes`: the E
    parts of `order`. Gradients for x, the weights and the projections, once.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weights: Tensor, gate: Tensor, up: Tensor, down: Tensor,
        order: Tensor, back: Tensor, sizes: list[int], act_fn: Callable[[Tensor], Tensor],
    ) -> Tensor:  # fmt: skip
        made, kept = x.new_empty(len(order), x.shape[1]), []
        tokens = order // weights.shape[1]
        for part, given, e_gate, e_up, e_down in zip(tokens.split(sizes), made.split(sizes), gate, up, down, strict=True):
            if len(part):
                taken = x.index_select(0, part)
                gated, raised = taken @ e_gate.T, taken @ e_up.T
                torch.mm(act_fn(gated).mul_(raised), e_down.T, out=given)
                kept += [gated, raised] if any(ctx.needs_input_grad) else []
        ctx.save_for_backward(x, weights, gate, up, down, order, back, made, *kept)
        ctx.sizes, ctx.act_fn = sizes, act_fn
        return F.embedding_bag(back, made, mode="sum", per_sample_weights=weights)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weights, gate, up, down, order, back, made, *kept = ctx.saved_tensors
        learns = any(ctx.needs_input_grad[2:5])
        grad_taken, grad_weights = torch.empty_like(made), made.new_empty(len(order))
        stacked = [torch.zeros_like(w) if learns else w for w in (gate, up, down)]
        by_place = (order // weights.shape[1], weights.flatten()[order, None], made, grad_taken, grad_weights)
        parts = zip(*(t.split(ctx.sizes) for t in by_place), gate, up, down, *stacked, strict=True)
        pairs = zip(kept[::2], kept[1::2], strict=True)
        for part, weight, given, to_taken, to_weight, e_gate, e_up, e_down, to_gate, to_up, to_down in parts:
            if not len(part):
                continue
            above = grad.index_select(0, part)
            torch.sum(above * given, 1, out=to_weight)
            above *= weight
            with torch.enable_grad():
                gated, raised = (t.detach().requires_grad_() for t in next(pairs))
                hidden = ctx.act_fn(gated) * raised
            grad_gated, grad_raised = torch.autograd.grad(hidden, (gated, raised), above @ e_down)
            torch.mm(grad_gated, e_gate, out=to_taken).addmm_(grad_raised, e_up)
            if learns:
                taken = x.index_select(0, part)
                torch.mm(grad_gated.T, taken, out=to_gate)
                torch.mm(grad_raised.T, taken, out=to_up)
                torch.mm(above.T, hidden.detach(), out=to_down)
        to_stacked = stacked if learns else (None, None, None)
        return F.embedding_bag(back, grad_taken, mode="sum"), grad_weights[back], *to_stacked, None, None, None, None
