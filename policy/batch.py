"""The training batch: what the collator makes and the model reads.

Shapes: B rows, S tokens, C control rows (the first C of the B), N images, P image tokens per image, R references per
row, A word attributes per image token. Control rows come first, so that routing to experts is a slice.
Several short texts are packed behind one prefix (system prompt, images, instruction): `segment` is 0 on the prefix,
1, 2, ... on the packed texts and -1 on padding. A token sees earlier tokens of segment 0 and of its own segment, and
`position_ids` restart behind the prefix for each segment, so a packed text sees what it would see alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass
class Batch:
    input_ids: Tensor  # (B, S) long, right padded
    segment: Tensor  # (B, S) long
    position_ids: Tensor  # (3, B, S) long, M-RoPE: time, height, width
    labels: Tensor  # (B, S) long, -100 where unsupervised; NOT shifted (labels[i] is the token at i)
    images: Tensor  # (N, H, W, 3) uint8 RGB at the model's own size, in the order of their tokens in the rows
    cameras: Tensor  # (N,) long: index into envs.types.CAMERAS
    n_control: int
    # Control rows.
    agent_pos: Tensor  # (C, 17) float32, raw units
    actions: Tensor  # (C, 16, 10) float32, raw units
    action_mask: Tensor  # (C, 16) bool: True where the action is a label (False past the end, and in rows without actions)
    answer: Tensor  # (C, S) bool: the reasoning tokens of the text that the actions belong to (packed segment 1)
    readout: Tensor  # (C, R) long: index of the last token of each reference text (its hidden state conditions the keypoints)
    readout_mask: Tensor  # (C, R) bool
    target_pos: Tensor  # (C, R, 6) float32 m, base frame: the object that the text names, then where it goes; R index 0 is the row's own reasoning
    # Dense word supervision at image tokens (stage 0 and co-training), unshifted.
    image_words: Tensor  # (N, P, A) long: vocabulary ids, -100 where unknown
    image_words_weight: Tensor  # (N, P, A) float32

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with every tensor on `device`."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in values.items() if isinstance(v, Tensor)})

    @property
    def batch_size(self) -> int:
        """B."""
        return self.input_ids.shape[0]


def attention_mask(segment: Tensor, prefix_lm: bool = False) -> Tensor:
    """(B, 1, S, S) bool, True where query (row) may look at key (column).

    `prefix_lm`: the prefix (segment 0) sees all of itself, not only what stands before.
    """
    s = segment.shape[1]
    causal = torch.ones(s, s, dtype=torch.bool, device=segment.device).tril()
    query, key = segment[:, :, None], segment[:, None, :]
    visible = (key == 0) | (key == query)
    if prefix_lm:
        causal = causal | ((key == 0) & (query == 0))
    padded = torch.eye(s, dtype=torch.bool, device=segment.device) & (query < 0)  # a padded row sees itself, so softmax is finite
    return ((causal & visible & (key >= 0)) | padded)[:, None]
