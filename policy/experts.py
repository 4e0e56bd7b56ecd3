"""Two experts in the place of one feed-forward network: one that understands, one that acts.

The module's own gate, up and down projections are the understanding expert, so that a Qwen2-VL checkpoint fits as it
is; `control.*` is added. A sample takes one of the two, and the other is not computed for it (policy.md 1.2).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2MLP

Route = int | Literal["control", "understanding"]
"""Which expert a batch takes: all rows one of them, or the first n rows `control` and the rest `understanding`."""


class TwoExpertMLP(Qwen2MLP):
    """(B, S, d) -> (B, S, d) through the expert that `route` names for each row."""

    def __init__(self, config: Qwen2VLTextConfig) -> None:
        super().__init__(config)
        self.control = Qwen2MLP(config)

    def forward(self, x: Tensor, route: Route = "understanding") -> Tensor:
        """Each row through its own expert.

        Raises:
            ValueError: the route is neither a name nor a number of rows of this batch.
        """
        rows = x.shape[0]
        n_control = {"control": rows, "understanding": 0}.get(route, -1) if isinstance(route, str) else route
        if not 0 <= n_control <= rows:
            raise ValueError(f"route is {route!r}; expected 'control', 'understanding' or 0..{rows} control rows")
        if n_control == rows:
            return self.control(x)
        if n_control == 0:
            return super().forward(x)
        return torch.cat([self.control(x[:n_control]), super().forward(x[n_control:])])

    @torch.no_grad()
    def init_control(self) -> None:
        """Makes the control expert a copy of the understanding expert, as both start in the paper."""
        own = {k: v for k, v in self.state_dict().items() if not k.startswith("control.")}
        self.control.load_state_dict(own)


def is_control_expert(name: str) -> bool:
    """Whether a parameter of the network belongs to the control experts."""
    return ".mlp.control." in name


def is_understanding_expert(name: str) -> bool:
    """Whether a parameter belongs to the understanding experts (frozen in stage 1)."""
    return "language_model.layers." in name and ".mlp." in name and not is_control_expert(name)
