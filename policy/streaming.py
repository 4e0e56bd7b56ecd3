"""Text piece by piece while a network speaks it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from policy.processor import Processor


class TokenStream:
    """Tells the text of tokens piece by piece; a character whose bytes are not all there yet waits for them."""

    def __init__(self, processor: Processor, on_text: Callable[[str], None]) -> None:
        self._processor, self._on_text = processor, on_text
        self._ids: list[int] = []
        self._told = ""

    def __call__(self, token: Tensor) -> None:
        self._ids.append(int(token[0]))
        text = self._processor.decode(self._ids)
        if text.startswith(self._told) and not text.endswith("\ufffd"):
            if piece := text[len(self._told) :]:
                self._on_text(piece)
            self._told = text
