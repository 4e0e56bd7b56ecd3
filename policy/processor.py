"""From observations and words to token ids, pictures at the model's size and M-RoPE positions.

Rows are ChatML as Qwen2-VL writes it. Each piece of a row is encoded by itself and the ids are joined, so that a row
built for training and the prompt that the policy generates from are equal by construction. No torchvision is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import PreTrainedTokenizerFast

from policy.tokenizer import IMAGE, TURN_END, TURN_START, VISION_END, VISION_START

# System prompts as in ChatVLA, section 3.3 (its released code has none and routes by a flag alone).
System = Literal["control", "understanding"]
SYSTEM_PROMPTS: dict[System, str] = {"control": "Predict robot action", "understanding": "Answer based on question"}
NEXT_ACTION = " Next Action:"  # closes every reasoning (ChatVLA's data loader)


@dataclass(frozen=True)
class Processor:
    """`config` has image_height, image_width (px, after resizing), patch_size and merge_size.

    leading_space: a space before every text, so that a word is the same token wherever it stands (tiny); Qwen's own
    tokenizer was trained without (2b).
    """

    tokenizer: PreTrainedTokenizerFast
    config: Any

    @property
    def leading_space(self) -> bool:
        """True for our small vocabularies."""
        return len(self.tokenizer) < 10_000

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in px of a picture as the model takes it."""
        return self.config.image_height, self.config.image_width

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of image tokens in one picture."""
        cell = self.cell
        return self.image_size[0] // cell, self.image_size[1] // cell

    @property
    def cell(self) -> int:
        """Side in px of the square that one image token stands for."""
        return self.config.patch_size * self.config.merge_size

    @property
    def image_tokens(self) -> int:
        """Tokens of one picture."""
        return self.grid[0] * self.grid[1]

    @cached_property
    def end_id(self) -> int:
        """<|im_end|>: generation stops there."""
        return self._special(TURN_END)

    @cached_property
    def pad_id(self) -> int:
        """<|endoftext|>, which fills rows up."""
        return int(self.tokenizer.pad_token_id)  # type: ignore[arg-type]

    @cached_property
    def image_id(self) -> int:
        """<|image_pad|>, whose embedding the vision tower replaces."""
        return self._special(IMAGE)

    def encode(self, text: str) -> list[int]:
        """Ids of a question, instruction, reasoning or answer."""
        text = f" {text.strip()}" if self.leading_space else text
        return self._ids(text)

    def decode(self, ids: list[int] | NDArray[np.integer]) -> str:
        """The text of ids up to <|im_end|>, without special tokens and outer spaces."""
        ids = [int(i) for i in ids]
        if self.end_id in ids:
            ids = ids[: ids.index(self.end_id)]
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def opening_ids(self, system: System, n_images: int) -> list[int]:
        """System turn and the user turn up to and with its pictures."""
        picture = [self._special(VISION_START), *[self.image_id] * self.image_tokens, self._special(VISION_END)]
        head = f"{TURN_START}system\n{SYSTEM_PROMPTS[system]}{TURN_END}\n{TURN_START}user\n"
        return self._ids(head) + picture * n_images

    def user_ids(self, text: str) -> list[int]:
        """The words of the user turn, its end, and the header under which the assistant answers."""
        return self.encode(text) + self._ids(f"{TURN_END}\n{TURN_START}assistant\n")

    def answer_ids(self, text: str) -> list[int]:
        """What the assistant says, with <|im_end|>."""
        return [*self.encode(text), self.end_id]

    def prompt_ids(self, system: System, n_images: int, text: str) -> list[int]:
        """Everything that stands before the assistant's answer."""
        return self.opening_ids(system, n_images) + self.user_ids(text)

    def image(self, frame: NDArray[np.uint8], camera: str = "") -> NDArray[np.uint8]:
        """A camera's frame (H, W, 3) uint8 RGB at the model's size.

        Half the size is the exact average of 2x2 pixels; anything else is bicubic, as Qwen2-VL's own processor does.

        Raises:
            ValueError: the frame is not (H, W, 3) uint8.
        """
        frame = np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(f"camera {camera!r} gave {frame.shape} {frame.dtype}, expected (height, width, 3) uint8 RGB")
        height, width = self.image_size
        if frame.shape[:2] == (height, width):
            return frame
        if frame.shape[:2] == (2 * height, 2 * width):
            return box_average(frame)
        return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC))

    def mrope(self, ids: NDArray[np.integer], segment: NDArray[np.integer]) -> NDArray[np.int64]:
        """(3, S) time, height and width positions of one row; see `mrope`."""
        return mrope(np.asarray(ids), np.asarray(segment), self.image_id, self.grid)

    def _special(self, token: str) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(token))  # type: ignore[arg-type]

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))


def box_average(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., H, W, 3) uint8 to (..., H/2, W/2, 3): the mean of 2x2 pixels, halves rounded up."""
    x = image.astype(np.uint16)
    total = x[..., 0::2, 0::2, :] + x[..., 0::2, 1::2, :] + x[..., 1::2, 0::2, :] + x[..., 1::2, 1::2, :]
    return ((total + 2) >> 2).astype(np.uint8)


def mrope(
    ids: NDArray[np.integer], segment: NDArray[np.integer], image_id: int, grid: tuple[int, int]
) -> NDArray[np.int64]:
    """(3, S) positions as Qwen2-VL's `get_rope_index`, restarting behind the prefix for each packed segment.

    Text counts up by one in all three; a picture's tokens share a time, count rows in height and columns in width, and
    what follows goes on behind the larger side of the picture. Padding is at 0.
    """
    rows, columns = grid
    out = np.zeros((3, len(ids)), np.int64)
    height = np.repeat(np.arange(rows), columns)
    width = np.tile(np.arange(columns), rows)
    starts = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]])
    prefix_end = 0
    for start, stop in zip(starts, np.r_[starts[1:], len(ids)], strict=True):
        if segment[start] < 0:
            continue
        position = 0 if segment[start] == 0 else prefix_end
        i = int(start)
        while i < stop:
            if ids[i] == image_id:
                n = rows * columns
                out[:, i : i + n] = position + np.stack([np.zeros(n, np.int64), height, width])
                i, position = i + n, position + max(rows, columns)
            else:
                images = np.flatnonzero(ids[i:stop] == image_id)
                n = int(images[0]) if len(images) else int(stop) - i
                out[:, i : i + n] = position + np.arange(n)
                i, position = i + n, position + n
        if segment[start] == 0:
            prefix_end = position
    return out
