"""MMMU's own rule (its eval_utils, which lmms-eval runs): a random option where none is found, numbers and phrases for open questions.

On a model that babbles it gives about 25 % where VLMEvalKit's rule gives 0. The original draws unseeded; here the draw is handed in.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

_ENDS = ",.!?;:'"
_LONG = 5  # words beyond which an option's text is looked for
_CUES = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_TRIVIAL = frozenset((*":,.!?;'",))
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)


def found_option(response: str, options: Mapping[str, str]) -> str | None:
    """The letter that a response names last: `(A)`, else `A `, else `A.`, else in a long response an option's text."""
    for mark in _ENDS:
        response = response.strip(mark)
    response = f" {response} "
    for form in ("({})", "{} ", "{}."):
        found = [letter for letter in options if form.format(letter) in response]
        if found:
            # Of several, the original looks for `(A)` or ` A `; one that stands otherwise is at -1.
            last = "({})" if form == "({})" else " {} "
            return max(found, key=lambda letter: response.rfind(last.format(letter)))
    if len(response.split()) > _LONG:
        lower = response.lower()
        found = [letter for letter, text in options.items() if text.lower() in lower]
        return max(found, key=lambda letter: lower.rfind(options[letter].lower())) if found else None
    return None


def choose_option(response: str, options: Mapping[str, str], rng: random.Random) -> str:
    """`found_option`, or a random one."""
    return found_option(response, options) or rng.choice(list(options))


def open_right(response: str, answers: Sequence[str]) -> bool:
    """Whether an open response holds an answer: a number equal to two decimals, or a phrase within a key phrase."""
    right = [value for answer in answers for value in _values(answer)]
    phrases = _key_phrases(response)
    numbers = [number for phrase in phrases for pattern in _NUMBERS for number in pattern.findall(phrase)]
    for said in (value for text in (*phrases, *numbers) for value in _values(text)):
        if isinstance(said, str) and any(isinstance(r, str) and r in said for r in right):
            return True
        if isinstance(said, float) and said in right:
            return True
    return False


def _key_phrases(response: str) -> list[str]:
    """What stands behind the last cue of each line, the shortest such tail; the whole response where there is no cue.

    An empty tail wins over those before it and loses to those behind it, as in the original.
    """
    response = response.strip().strip(".").lower()
    lines, found = response.split("\n"), []  # the original also splits before capitals, of which none are left by then
    for i, line in enumerate(lines):
        shortest = ""
        for cue in (*_CUES, "=") if i == len(lines) - 1 else _CUES:
            tail = line.split(cue)[-1].strip()
            if cue in line and (not shortest or len(tail) < len(shortest)):
                shortest = tail
        if shortest and shortest not in _TRIVIAL:
            found.append(shortest)
    return found or [response]


def _values(text: str) -> list[float | str]:
    """A number to two decimals, or the text in lower case; one character alone must stand beside a space."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]
