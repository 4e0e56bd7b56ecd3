"""From observations and words to token ids, pictures at the model's size and M-RoPE positions.

Rows are written as the backbone's chat format has them. Each piece of a row is encoded by itself and the ids are joined, so that a row
built for training and the prompt that the policy generates from are equal by construction. No torchvision is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import PreTrainedTokenizerFast

from envs.imaging import halve
from policy.action_tokens import BINS, ActionTokens
from policy.chat_format import FORMATS, ChatFormat
from policy.config import ChatVLAConfig
from policy.normalizer import NormStats
from policy.positions import blocks, mrope

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
    action_tokens: ActionTokens | None = None  # where actions are words; see `of`

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, config: ChatVLAConfig, stats: NormStats) -> Processor:
        """The words of a network with these statistics, its actions among them if it speaks them."""
        return cls(tokenizer, config, ActionTokens(config, stats.action) if config.head.kind == "tokens" else None)

    @property
    def leading_space(self) -> bool:
        """True for our small vocabularies."""
        return len(self.tokenizer) < 10_000

    @cached_property
    def chat(self) -> ChatFormat:
        """How the backbone wants a conversation written."""
        return FORMATS[self.config.backbone]

    @cached_property
    def end_id(self) -> int:
        """The token that ends an answer: generation stops there."""
        return self._special(self.chat.end)

    @cached_property
    def pad_id(self) -> int:
        """The token that fills rows up."""
        return int(self.tokenizer.pad_token_id)  # type: ignore[arg-type]

    @cached_property
    def image_id(self) -> int:
        """The token whose embedding the vision tower replaces."""
        return self._special(self.chat.image)

    def encode(self, text: str) -> list[int]:
        """Ids of a question, instruction, reasoning or answer."""
        text = f" {text.strip()}" if self.leading_space else text
        return self._ids(text)

    def decode(self, ids: list[int] | NDArray[np.integer]) -> str:
        """The text of ids up to the end of the answer, without special tokens and outer spaces."""
        ids = [int(i) for i in ids]
        if self.end_id in ids:
            ids = ids[: ids.index(self.end_id)]
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def opening_ids(self, system: System, n_images: int, cameras: Sequence[str] | None = None) -> list[int]:
        """System prompt and pictures, of `cameras` or of the config's first `n_images`: all that stands before the user's words."""
        prompt, (before, after) = SYSTEM_PROMPTS[system], self.chat.around_image
        ids = self._ids(self.chat.before_images.format(system=prompt))
        for camera in self.config.cameras[:n_images] if cameras is None else cameras:
            tokens = [self.image_id] * self.config.image_tokens(camera)
            ids += [*self._ids(before), *tokens, *self._ids(after)]
        return ids + self._ids(self.chat.after_images.format(system=prompt))

    def user_ids(self, text: str) -> list[int]:
        """The user's words and what stands between them and the answer."""
        return self.encode(text)[: self.chat.longest] + self._ids(self.chat.before_answer)

    def next_turn_ids(self) -> list[int]:
        """What stands between an answer and the next question of a dialogue."""
        return self._ids(self.chat.before_next)

    def harmless(self, text: str) -> str:
        """Words from elsewhere, in which no mark of the conversation's is taken for one, such as `<|im_end|>`."""
        for token in self.chat.special_tokens:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def answer_ids(self, text: str) -> list[int]:
        """What the assistant says, with the token that ends it."""
        return [*self.encode(text), self.end_id]

    def control_ids(self, reasoning: str, actions: NDArray[np.floating] | None) -> list[int]:
        """What is said of a control row: reasoning, the actions (n, 10) where they are words and known, and the end."""
        text = [] if self.config.reasoning == "none" else self.encode(reasoning + NEXT_ACTION)
        spoken = self.action_tokens.encode(actions) if self.action_tokens and actions is not None else []
        return [*text, *spoken, self.end_id]

    def prompt_ids(self, system: System, n_images: int, text: str, cameras: Sequence[str] | None = None) -> list[int]:
        """Everything that stands before the assistant's answer; `cameras` as for `opening_ids`."""
        asked = self.chat.asked(text) if system == "control" else text
        return self.opening_ids(system, n_images, cameras) + self.user_ids(asked)

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

    def positions(self, ids: NDArray[np.integer], segment: NDArray[np.integer]) -> NDArray[np.int64]:
        """(3, S) positions of one row.

        Qwen2-VL: time, height and width (see `mrope`). Octo: the block (see `blocks`). Others: thrice a count, PaliGemma's from 1.
        """
        ids, segment = np.asarray(ids), np.asarray(segment)
        if self.config.backbone == "qwen2_vl":
            return mrope(ids, segment, self.image_id, self.grids)
        if self.config.backbone == "octo":
            assert self.config.text.readout_token_id is not None
            return blocks(ids, segment, self.image_id, self.config.text.readout_token_id)
        return mrope(ids, segment, -1, {}) + (self.config.backbone == "paligemma")

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


def config_for(config: ChatVLAConfig, tokenizer: PreTrainedTokenizerFast) -> ChatVLAConfig:
    """The same network with the tokenizer's vocabulary and special ids, and room for actions where they are words."""
    ids = {
        name: int(tokenizer.convert_tokens_to_ids(token))  # type: ignore[arg-type]
        for name, token in FORMATS[config.backbone].token_ids.items()
    }
    words = len(tokenizer) + (BINS if config.head.kind == "tokens" and config.text.action_end is None else 0)
    return config.with_vocabulary(max(words, config.text.vocab_size), **ids)
