"""Many experts, of which a router chooses a few for each token: ChatVLA-2's dynamic mixture (policy.md 2.1).

Tokens are sorted by their expert, so that no token is computed by an expert that it did not choose, and none is dropped.
On a GPU each of the three projections is one grouped matrix product over the sorted tokens, and nothing loops over
experts; on a CPU experts take turns (`policy.experts_cpu`), which is faster there.
Legend: B rows, S tokens, T = B x S, E experts, K chosen per token, d the network's width, I an expert's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.activations import ACT2FN
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2MLP

from policy.experts import Route
from policy.experts_cpu import routed_sum, takes_turns


class Routing(NamedTuple):
    """What a layer's router decided: `logits` (B, S, E) float32 and the experts `chosen` (B, S, K)."""

    logits: Tensor
    chosen: Tensor


class Experts(nn.Module):
    """The gate, up and down projections of all experts, stacked: (E, I, d), (E, I, d), (E, d, I)."""

    def __init__(self, count: int, width: int, inner: int, activation: str) -> None:
        super().__init__()
        self.activation, self.act_fn = activation, ACT2FN[activation]
        self.gate_proj = nn.Parameter(torch.empty(count, inner, width))
        self.up_proj = nn.Parameter(torch.empty(count, inner, width))
        self.down_proj = nn.Parameter(torch.empty(count, width, inner))

    def forward(self, x: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """(T, d) to the sums (T, d) of what the `chosen` (T, K) experts make of it, weighed by `weights` (T, K)."""
        dtype = product_dtype(x)
        x, weights = x.to(dtype), weights.to(dtype)
        gate, up, down = (p.to(dtype) for p in self.parameters())
        if takes_turns(x, self.activation):
            return routed_sum(x, weights, chosen, gate, up, down)
        order, ends = sorted_by_expert(chosen, len(self.gate_proj))
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device)).view_as(chosen)
        taken = x.index_select(0, order // chosen.shape[1])
        hidden = self.act_fn(F.grouped_mm(taken, gate.mT, offs=ends)) * F.grouped_mm(taken, up.mT, offs=ends)
        # Back to the tokens' order, weighed and summed, in one pass.
        return F.embedding_bag(back, F.grouped_mm(hidden, down.mT, offs=ends), mode="sum", per_sample_weights=weights)

    def first(self, x: Tensor) -> Tensor:
        """(..., d) through the first expert alone."""
        return F.linear(self.act_fn(F.linear(x, self.gate_proj[0])) * F.linear(x, self.up_proj[0]), self.down_proj[0])


class RoutedMLP(nn.Module):
    """(B, S, d) -> (B, S, d): the weighted sum of each token's K experts. The weights, over the chosen alone, sum to 1."""

    def __init__(self, config: Qwen2VLTextConfig) -> None:
        super().__init__()
        chosen: dict[str, int] = config.experts  # type: ignore[attr-defined]
        self.count, self.top_k = chosen["count"], chosen["top_k"]
        self.router = nn.Linear(config.hidden_size, self.count, bias=False)
        self.experts = Experts(self.count, config.hidden_size, config.intermediate_size, config.hidden_act)
        for weight in self.parameters():
            nn.init.normal_(weight, std=getattr(config, "initializer_range", 0.02))

    def forward(self, x: Tensor, route: Route = "understanding", routings: list[Routing] | None = None) -> Tensor:
        """Each token through its own experts, whatever the task; `dense` sends all to the first, with weight 1.

        The router's decision is added to `routings` where such a list is given.
        """
        if route == "dense":
            return self.experts.first(x)
        flat_Td = x.flatten(0, -2)
        logits_TE = self.router(flat_Td).float()
        top_TK, chosen_TK = logits_TE.topk(self.top_k)
        if routings is not None:
            routings.append(Routing(logits_TE.view(*x.shape[:-1], -1), chosen_TK.view(*x.shape[:-1], -1)))
        weights_TK = top_TK.T.softmax(0).T  # over the longer side a CPU takes a fifth of the time (57 us, not 310, for 4096 tokens)
        return self.experts(flat_Td, weights_TK, chosen_TK).view(x.shape)

    @torch.no_grad()
    def start_from(self, mlp: Qwen2MLP) -> None:
        """Computes what `mlp` does: every expert is its copy, and the weights sum to 1. The router stays random."""
        for name, stacked in self.experts.named_parameters():
            stacked.copy_(getattr(mlp, name).weight)

    @torch.no_grad()
    def copy_expert(self) -> None:
        """Makes every expert a copy of the first."""
        for stacked in self.experts.parameters():
            stacked.copy_(stacked[:1].clone())


def sorted_by_expert(chosen: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(T, K) experts to the order (T x K,) in which places of the flattened `chosen` stand expert by expert, and where
    each expert's part ends, (E,) int32."""
    experts, order = chosen.flatten().sort(stable=True)
    return order, torch.searchsorted(experts, torch.arange(count, device=chosen.device), right=True).int()


def product_dtype(x: Tensor) -> torch.dtype:
    """Of matrix products with `x`: autocast's where it is on."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
