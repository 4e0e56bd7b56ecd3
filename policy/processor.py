"""From observations and words to token ids, pictures at the model's size and M-RoPE positions.

Rows are ChatML as Qwen2-VL writes it. Each piece of a row is encoded by itself and the ids are joined, so that a row
built for training and the prompt that the policy generates from are equal by construction. No torchvision is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import PreTrainedTokenizerFast

from envs.imaging import halve
from policy.config import ChatVLAConfig
from policy.tokenizer import END_OF_TEXT, IMAGE, TURN_END, TURN_START, VIDEO, VISION_END, VISION_START

# System prompts as in ChatVLA, section 3.3 (its released code has none and routes by a flag alone).
System = Literal["control", "understanding"]
SYSTEM_PROMPTS: dict[System, str] = {"control": "Predict robot action", "understanding": "Answer based on question"}
REMEMBERED_TEXTS = 50_000
NEXT_ACTION = " Next Action:"  # closes every reasoning (ChatVLA's data loader)


@dataclass(frozen=True)
class Processor:
    """Words and pictures of one network. For the tiny preset every text gets a leading space, so that a word is the same
    token wherever it stands; Qwen's own tokenizer was trained without and gets none.
    """

    tokenizer: PreTrainedTokenizerFast
    config: ChatVLAConfig

    @property
    def leading_space(self) -> bool:
        """True for our small vocabularies."""
        return len(self.tokenizer) < 10_000

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
        """System turn and the user turn up to and with its pictures: the first `n_images` of the config's cameras."""
        ids = self._ids(f"{TURN_START}system\n{SYSTEM_PROMPTS[system]}{TURN_END}\n{TURN_START}user\n")
        for camera in self.config.cameras[:n_images]:
            tokens = [self.image_id] * self.config.image_tokens(camera)
            ids += [self._special(VISION_START), *tokens, self._special(VISION_END)]
        return ids

    def user_ids(self, text: str) -> list[int]:
        """The words of the user turn, its end, and the header under which the assistant answers."""
        return self.encode(text) + self._ids(f"{TURN_END}\n{TURN_START}assistant\n")

    def next_turn_ids(self) -> list[int]:
        """What stands between an answer and the next question of a dialogue."""
        return self._ids(f"\n{TURN_START}user\n")

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
            raise ValueError(
                f"camera {camera!r} gave {frame.shape} {frame.dtype}, expected (height, width, 3) uint8 RGB"
            )
        height, width = self.config.image_size
        if frame.shape[:2] == (height, width):
            return frame
        if frame.shape[:2] == (2 * height, 2 * width):
            return halve(frame)
        return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC))

    @cached_property
    def grids(self) -> dict[int, tuple[int, int]]:
        """Tokens of a picture -> its rows and columns of tokens (the wrist's may be smaller)."""
        return {self.config.image_tokens(c): self.config.token_grid(c) for c in self.config.cameras}

    def mrope(self, ids: NDArray[np.integer], segment: NDArray[np.integer]) -> NDArray[np.int64]:
        """(3, S) time, height and width positions of one row; see `mrope`."""
        return mrope(np.asarray(ids), np.asarray(segment), self.image_id, self.grids)

    def _special(self, token: str) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(token))  # type: ignore[arg-type]

    def _ids(self, text: str) -> list[int]:
        known = self._known  # the same few thousand texts come again and again, and encoding was a quarter of a batch
        if text not in known:
            if len(known) > REMEMBERED_TEXTS:
                known.clear()
            known[text] = tuple(self.tokenizer.encode(text, add_special_tokens=False))
        return list(known[text])

    @cached_property
    def _known(self) -> dict[str, tuple[int, ...]]:
        return {}


def mrope(
    ids: NDArray[np.integer], segment: NDArray[np.integer], image_id: int, grids: Mapping[int, tuple[int, int]]
) -> NDArray[np.int64]:
    """(3, S) positions as Qwen2-VL's `get_rope_index`, restarting behind the prefix for each packed segment.

    Text counts up by one in all three; a picture's tokens share a time, count rows in height and columns in width, and
    what follows goes on behind the larger side of the picture. Padding is at 0.
    """
    out = np.zeros((3, len(ids)), np.int64)
    is_image = ids == image_id
    changes = np.flatnonzero((segment[1:] != segment[:-1]) | (is_image[1:] != is_image[:-1])) + 1
    position, prefix_end = 0, 0
    for start, stop in zip([0, *changes], [*changes, len(ids)], strict=True):
        if segment[start] < 0:
            continue
        if segment[start] > 0 and segment[start] != segment[start - 1]:
            position = prefix_end
        if is_image[start]:
            rows, columns = grids[int(stop - start)]
            out[0, start:stop] = position
            out[1, start:stop] = position + np.repeat(np.arange(rows), columns)
            out[2, start:stop] = position + np.tile(np.arange(columns), rows)
            position += max(rows, columns)
        else:
            out[:, start:stop] = position + np.arange(stop - start)
            position += int(stop - start)
        if segment[start] == 0:
            prefix_end = position
    return out


def config_for(config: ChatVLAConfig, tokenizer: PreTrainedTokenizerFast) -> ChatVLAConfig:
    """The same network with the tokenizer's vocabulary and special ids."""
    ids = {
        name: int(tokenizer.convert_tokens_to_ids(token))  # type: ignore[arg-type]
        for name, token in (
            ("pad_token_id", END_OF_TEXT),
            ("image_token_id", IMAGE),
            ("video_token_id", VIDEO),
            ("vision_start_token_id", VISION_START),
            ("vision_end_token_id", VISION_END),
        )
    }
    return config.with_vocabulary(max(len(tokenizer), config.text.vocab_size), **ids)
