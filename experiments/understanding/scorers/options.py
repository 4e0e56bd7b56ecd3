"""Which option an answer means, without a language model as judge: VLMEvalKit's exact matching, in two versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

REFUSED = "Z"
_SEPARATORS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_FAILED = "Failed to obtain answer via API"
_BOLD = re.compile(r"answer is \*\*([A-D])\*\*")
_LAST = 4  # tokens among which `head` wants the letter

OptionRule = Literal["0.2rc1", "head"]
"""`0.2rc1`: VLMEvalKit as the authors of ChatVLA had it; `head`: e8e78f05 (2026-08). `head` wants the letter among the last
four words, and reads no option's text out of an answer more than twice as long as all options together."""


def infer_option(answer: str, options: Mapping[str, str], rule: OptionRule = "head") -> str | None:
    """The letter of the option that an answer means, `Z` for a refusal, None where nothing is clear.

    A letter counts if it is the only one among the words, in its own case; else the only option whose text stands in it.
    """
    if _FAILED not in answer:
        if any(text in answer for text in _REFUSALS):
            return REFUSED
        letter = _letter(answer, options, rule)
        if letter:
            return letter
    return _by_text(answer.lower(), options, rule)


def _letter(answer: str, options: Mapping[str, str], rule: OptionRule) -> str | None:
    words = answer.translate(_SEPARATORS).split()
    found = [letter for letter in options if letter in words]
    if len(found) == 1 and (rule == "0.2rc1" or words.index(found[0]) >= len(words) - _LAST):
        return found[0]
    if not found and REFUSED in words:
        return REFUSED
    bold = _BOLD.search(answer) if rule == "head" else None
    return bold.group(1) if bold and bold.group(1) in options else None


def _by_text(answer: str, options: Mapping[str, str], rule: OptionRule) -> str | None:
    if rule == "head" and len(answer) > 2 * sum(map(len, options.values())):
        return None
    found = [letter for letter, text in options.items() if text.lower() in answer]
    return found[0] if len(found) == 1 else None
