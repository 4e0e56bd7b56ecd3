"""What can stand in the place of a layer's feed-forward network when nothing has to be chosen token by token.

`TwoExpertMLP` is ChatVLA's: one expert that understands, one that acts. The module's own gate, up and down projections
are the understanding expert, so that a Qwen2-VL checkpoint fits as it is; `control.*` is added. A sample takes one of the
two, and the other is not computed for it (policy.md 1.2). `DenseMLP` and `WideMLP` are what it is compared with.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Literal

import torch
from torch import Tensor
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2MLP

Route = int | Literal["control", "understanding", "dense"]
"""Which expert a batch takes: all rows one of them, or the first n rows `control` and the rest `understanding`. `dense`
is the network that the experts are made from: the understanding expert, or the first of dynamic ones."""


class DenseMLP(Qwen2MLP):
    """(B, S, d) -> (B, S, d), the same network whatever the route."""

    def forward(self, x: Tensor, route: Route = "understanding", routings: Any = None) -> Tensor:
        return super().forward(x)

    @torch.no_grad()
    def start_from(self, mlp: Qwen2MLP) -> None:
        """Computes what `mlp` does."""
        self.load_state_dict(mlp.state_dict())


class WideMLP(DenseMLP):
    """A dense network with as many parameters as two experts: twice the hidden units."""

    def __init__(self, config: Qwen2VLTextConfig) -> None:
        wide = copy(config)
        wide.intermediate_size = 2 * config.intermediate_size
        super().__init__(wide)

    @torch.no_grad()
    def start_from(self, mlp: Qwen2MLP) -> None:
        """Computes what `mlp` does: its units first, then new ones that read at random and are not heard yet.

        Copies of its units with halved outputs would be heard, but would get the same gradients and stay copies.
        """
        units = mlp.gate_proj.weight.shape[0]
        for wide, narrow in ((self.gate_proj, mlp.gate_proj), (self.up_proj, mlp.up_proj)):
            wide.weight[:units] = narrow.weight
        self.down_proj.weight[:, :units] = mlp.down_proj.weight
        self.down_proj.weight[:, units:] = 0


class TwoExpertMLP(Qwen2MLP):
    """(B, S, d) -> (B, S, d) through the expert that `route` names for each row."""

    def __init__(self, config: Qwen2VLTextConfig) -> None:
        super().__init__(config)
        self.control = Qwen2MLP(config)

    def forward(self, x: Tensor, route: Route = "understanding", routings: Any = None) -> Tensor:
        """Each row through its own expert.

        Raises:
            ValueError: the route is neither a name nor a number of rows of this batch.
        """
        rows = x.shape[0]
        named = {"control": rows, "understanding": 0, "dense": 0}
        n_control = named.get(route, -1) if isinstance(route, str) else route
        if not 0 <= n_control <= rows:
            raise ValueError(f"route is {route!r}; expected 'control', 'understanding', 'dense' or 0..{rows} control rows")
        if n_control == rows:
            return self.control(x)
        if n_control == 0:
            return super().forward(x)
        return torch.cat([self.control(x[:n_control]), super().forward(x[n_control:])])

    @torch.no_grad()
    def start_from(self, mlp: Qwen2MLP) -> None:
        """Computes what `mlp` does on every route."""
        self.load_state_dict(mlp.state_dict(), strict=False)
        self.copy_expert()

    @torch.no_grad()
    def copy_expert(self) -> None:
        """Makes the control expert a copy of the understanding expert, as both start in the paper."""
        own = {k: v for k, v in self.state_dict().items() if not k.startswith("control.")}
        self.control.load_state_dict(own)


def is_control_expert(name: str) -> bool:
    """Whether a parameter of the network belongs to the control experts."""
    return ".mlp.control." in name


def is_understanding_expert(name: str) -> bool:
    """Whether a parameter belongs to the understanding experts (frozen in stage 1)."""
    return "language_model.layers." in name and ".mlp." in name and not is_control_expert(name)
