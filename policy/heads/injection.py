"""ChatVLA-2's reasoning-following module: which blocks of the action head follow the reasoning, and which the observation.

A projection e_r of the reasoning takes the observation's place as the source of a block's scales and shifts (supplement
D.2; policy.md 2.1). The paper puts it into the latter half of the blocks and the final layer, and compares with all
blocks and with the former half. The blocks that follow the observation get h = e_in + e_r; FiLM is off.
The module belongs to the head: the network behind it can be frozen, its states cached, and this still learns.
"""

from __future__ import annotations

from torch import Tensor, nn

from policy.config import Reasoning
from policy.fusion import ActionProjector


class Injection(nn.Module):
    """Means over prompt and reasoning (B, 2 d) to the vectors that blocks follow, (B, d) each: [h, e_r], or [e_r] for `all`."""

    def __init__(self, reasoning: Reasoning, width: int) -> None:
        super().__init__()
        self.reasoning = ActionProjector(width)
        self.prompt = ActionProjector(width) if reasoning != "all" else None

    def forward(self, means: Tensor) -> list[Tensor]:
        prompt, reasoning = means.chunk(2, -1)
        e_r = self.reasoning(reasoning)
        return [e_r] if self.prompt is None else [self.prompt(prompt) + e_r, e_r]


def followed(reasoning: Reasoning, depth: int) -> tuple[int, ...]:
    """Which of the vectors each of `depth` blocks follows and, last, the final layer: 0 the first, 1 the reasoning's.

    Of an odd depth the latter half is the larger one.
    """
    half = depth // 2
    if reasoning == "latter":
        return (*[0] * half, *[1] * (depth - half), 1)
    if reasoning == "former":
        return (*[1] * half, *[0] * (depth - half), 0)
    return (0,) * (depth + 1)
