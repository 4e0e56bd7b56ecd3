"""How a conversation is written down for a backbone: its special tokens and what stands between pictures and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policy.config import BackboneName


@dataclass(frozen=True)
class ChatFormat:
    """`special_tokens` get the first ids of a small vocabulary, in this order. {system} is the system prompt.

    A row is: `before_images`, each picture's tokens within `around_image`, `after_images`, the user's words,
    `before_answer`, the answer, `end`; in a dialogue then `before_next`, words, `before_answer`, and so on. `token_ids`: fields of `policy.config.TextConfig` and the tokens they are of.
    """

    name: str
    special_tokens: tuple[str, ...]
    pad: str
    image: str
    end: str
    before_images: str
    around_image: tuple[str, str]
    after_images: str
    before_answer: str
    before_next: str
    token_ids: Mapping[str, str] = field(default_factory=dict)


# Qwen2-VL's own template (ChatML).
CHATML = ChatFormat(
    name="Qwen2-VL",
    special_tokens=("<|endoftext|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>", "<|im_end|>"),
    pad="<|endoftext|>",
    image="<|image_pad|>",
    end="<|im_end|>",
    before_images="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n",
    around_image=("<|vision_start|>", "<|vision_end|>"),
    after_images="",
    before_answer="<|im_end|>\n<|im_start|>assistant\n",
    before_next="\n<|im_start|>user\n",
    token_ids={
        "pad_token_id": "<|endoftext|>",
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    },
)
# PaliGemma knows no turns: pictures, <bos>, the prompt, a newline, the answer (arXiv:2407.07726, section 3.2.2). The
# system prompt, which it has none of either, stands before the words on a line of its own.
PALIGEMMA = ChatFormat(
    name="PaliGemma",
    special_tokens=("<pad>", "<image>", "<bos>", "<eos>"),
    pad="<pad>",
    image="<image>",
    end="<eos>",
    before_images="",
    around_image=("", ""),
    after_images="<bos>{system}\n",
    before_answer="\n",
    before_next="\n",
    token_ids={"pad_token_id": "<pad>", "image_token_id": "<image>"},
)

FORMATS: Mapping[BackboneName, ChatFormat] = {"qwen2_vl": CHATML, "paligemma": PALIGEMMA}
