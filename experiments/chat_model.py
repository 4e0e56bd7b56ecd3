"""A chat model behind any OpenAI-compatible endpoint (OpenAI, vLLM, llama.cpp, Ollama, ...): words and pictures in, words out."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envs.imaging import Pixels, encode_png

KEY_VARIABLE = "OPENAI_API_KEY"
TRIED_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})  # HTTP statuses that may pass by themselves


class ChatError(RuntimeError):
    """The endpoint gave no answer."""


@dataclass(frozen=True)
class ChatModel:
    """`url`: the API's base, such as http://localhost:8000/v1. The key comes from OPENAI_API_KEY; local servers need none.

    `tries` per question; `pause_s` before the second, doubled before each further one.
    """

    url: str
    model: str
    timeout_s: float = 60.0
    tries: int = 4
    pause_s: float = 1.0

    def ask(self, text: str, images: Sequence[Pixels] = ()) -> str:
        """The model's answer to a text and pictures (H, W, 3) uint8 RGB.

        Raises:
            ChatError: no answer after all tries, a refusal (such as a wrong key), or an answer of another form.
        """
        request = self._request(text, images)
        for number in range(1, self.tries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                    return _content(response.read())
            except urllib.error.HTTPError as error:
                told, again = f"{error.code} {error.reason}: {error.read()[:300].decode(errors='replace')}", error.code in TRIED_AGAIN
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                told, again = str(getattr(error, "reason", error)), True
            if not again or number == self.tries:
                break
            time.sleep(self.pause_s * 2 ** (number - 1))
        hint = f"; is {KEY_VARIABLE} set?" if "401" in told[:3] else ""
        raise ChatError(f"{self.endpoint} ({self.model}) gave no answer after {number} tries: {told}{hint}")

    @property
    def endpoint(self) -> str:
        """Where questions are posted."""
        return self.url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"

    def _request(self, text: str, images: Sequence[Pixels]) -> urllib.request.Request:
        pictures = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        message = {"role": "user", "content": [{"type": "text", "text": text}, *pictures]}
        body = {"model": self.model, "messages": [message], "temperature": 0}
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        return urllib.request.Request(self.endpoint, json.dumps(body).encode(), headers)


def _data_url(image: Pixels) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(image)).decode()


def _content(body: bytes) -> str:
    try:
        content: Any = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise ChatError(f"the endpoint's answer is no chat completion: {body[:300]!r}") from error
    if not isinstance(content, str):
        raise ChatError(f"the endpoint's answer has no text: {body[:300]!r}")
    return content.strip()
