"""What Qwen2-VL's processor does with pictures and words, without the video part for which transformers wants torchvision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer

from policy.answering import Limits

IMAGE = "<|image_pad|>"


class QwenInputs:
    """Called as a transformers processor is; of its results those that pictures and words have."""

    image_token = IMAGE

    def __init__(self, tokenizer: Any, image_processor: Any, chat_template: str) -> None:
        self.tokenizer, self.image_processor, self.chat_template = tokenizer, image_processor, chat_template

    @classmethod
    def open(cls, path: Path) -> QwenInputs | None:
        """Those of a folder; None where its model is none of Qwen's with vision."""
        if not AutoConfig.from_pretrained(path, local_files_only=True).model_type.startswith("qwen"):
            return None
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        images = AutoImageProcessor.from_pretrained(path, local_files_only=True)
        file = path / "chat_template.json"  # as Qwen2-VL's own repositories have it
        template = json.loads(file.read_text())["chat_template"] if file.is_file() else tokenizer.chat_template
        return cls(tokenizer, images, template)

    def apply_chat_template(self, conversation: Any, **options: Any) -> str:
        """The conversation as text, one image token per picture."""
        return str(self.tokenizer.apply_chat_template(conversation, chat_template=self.chat_template, **options))

    def __call__(self, images: Sequence[Sequence[Image.Image]], text: Sequence[str], padding: bool, return_tensors: str) -> dict[str, Tensor]:
        """`input_ids`, `attention_mask`, `mm_token_type_ids` (B, S); `pixel_values` (patches, d), `image_grid_thw` (N, 3)."""
        flat = [picture for row in images for picture in row]
        seen = dict(self.image_processor(images=flat, return_tensors=return_tensors)) if flat else {}
        sizes = iter((seen["image_grid_thw"].prod(-1) // self.image_processor.merge_size**2).tolist() if flat else ())
        rows = [_filled(row, [next(sizes) for _ in pictures]) for row, pictures in zip(text, images, strict=True)]
        words = self.tokenizer(rows, padding=padding, return_tensors=return_tensors, add_special_tokens=False)
        ids, mask = words["input_ids"], words["attention_mask"]
        kinds = (ids == self.tokenizer.convert_tokens_to_ids(IMAGE)).to(torch.int64)
        return {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": kinds, **seen}


def _filled(text: str, sizes: Sequence[int]) -> str:
    """Each picture's token as often as it has tokens."""
    parts = text.split(IMAGE)
    if len(parts) != len(sizes) + 1:
        raise ValueError(f"the prompt has {len(parts) - 1} places for pictures, the question {len(sizes)} pictures")
    return parts[0] + "".join(IMAGE * size + part for size, part in zip(sizes, parts[1:], strict=True))


def set_pixels(image_processor: Any, limits: Limits) -> None:
    """Let pictures have between `min_pixels` and `max_pixels`, however the processor's version calls them."""
    image_processor.size = {"shortest_edge": limits.min_pixels, "longest_edge": limits.max_pixels}
    for name in ("min_pixels", "max_pixels"):
        if getattr(image_processor, name, None) is not None:
            setattr(image_processor, name, getattr(limits, name))
