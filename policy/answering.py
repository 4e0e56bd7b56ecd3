"""Questions about pictures as a benchmark asks them, and who answers: our own networks here, others in `policy.hf_vlm`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

if TYPE_CHECKING:  # the command line reads `Limits` and starts without torch
    from policy.inference import ChatVLAPolicy


@dataclass(frozen=True)
class Limits:
    """`max_new_tokens` of an answer; pixels of a picture as the network gets it, where the network leaves a choice."""

    max_new_tokens: int
    min_pixels: int
    max_pixels: int


@dataclass(frozen=True)
class Question:
    """Pictures (RGB) and the words after them."""

    pictures: tuple[Image.Image, ...]
    text: str


class Answerer(Protocol):
    """Answers a batch of questions greedily; `facts`: what a result has to say about it."""

    @property
    def facts(self) -> dict[str, str]: ...

    def answer(self, questions: Sequence[Question], limits: Limits, /) -> list[str]: ...


class FixedSizeAnswerer:
    """A network that sees every picture at its own size, whatever the protocol's: those with a convolutional stem."""

    def __init__(self, policy: ChatVLAPolicy) -> None:
        self._policy = policy

    @property
    def facts(self) -> dict[str, str]:
        """Its size and its system prompt."""
        height, width = self._policy.model.config.image_size
        return {"pictures": f"squashed to {width}x{height}", "prompt": "the network's own system prompt"}

    def answer(self, questions: Sequence[Question], limits: Limits) -> list[str]:
        """One answer per question; several pictures are seen as several cameras'."""
        pictures = [[np.asarray(picture) for picture in question.pictures] for question in questions]
        return self._policy.answer_about(pictures, [question.text for question in questions], limits.max_new_tokens)
