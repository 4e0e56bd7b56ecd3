"""The losses on language: answers at supervised positions, and words at image tokens.

Logits are computed only where a label stands; at 152,000 words they are the largest tensor of the network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -100
Logits = Callable[[Tensor], Tensor]


def language_loss(logits: Logits, hidden: Tensor, labels: Tensor, segment: Tensor) -> Tensor:
    """Mean cross-entropy over the supervised tokens; 0, connected, where there is none.

    `hidden` (B, S, d), `labels` (B, S) unshifted, `segment` (B, S): each token is predicted from the state before it.
    """
    row, position = (labels != IGNORE).nonzero(as_tuple=True)
    states = hidden[row, predecessor(segment)[row, position]]
    error = F.cross_entropy(logits(states).float(), labels[row, position], reduction="sum")
    return error / max(len(row), 1)


def predecessor(segment: Tensor) -> Tensor:
    """(B, S) index of the token before each token, as the token sees it.

    Before the first token of a packed text stands the end of the prefix, not the end of the text packed before it.
    """
    here = torch.arange(segment.shape[1], device=segment.device).expand_as(segment)
    starts = torch.ones_like(segment, dtype=torch.bool)
    starts[:, 1:] = segment[:, 1:] != segment[:, :-1]
    prefix_end = (segment == 0).sum(1, keepdim=True) - 1
    return torch.where(starts & (segment > 0), prefix_end, here - 1).clamp_min(0)


def word_loss(logits: Logits, states: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy of each image token's words over the whole vocabulary.

    `states` (T, d) of the image tokens, not shifted: a token names what lies under itself. `words` (T, A), `weight`
    (T, A). A token with A words can give each at most 1/A, so the least loss is log A.
    """
    weight = weight * (words >= 0)
    rows = (weight.sum(1) > 0).nonzero()[:, 0]
    if not len(rows):
        return states.sum() * 0.0
    log_p = logits(states[rows]).float().log_softmax(-1).gather(1, words[rows].clamp_min(0))
    return -(log_p * weight[rows]).sum() / weight[rows].sum()
