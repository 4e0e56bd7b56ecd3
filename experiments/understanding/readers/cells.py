"""Cells that hold more than a word: lists written as JSON or Python, and options written into a question."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ERQA_LETTERS = "ABCD"
_INLINE = re.compile(r"(?:^|[\s,])\(?([A-Z])[.:)]\s*")  # `A. left`, `A: left`, `(A) left`
_HEAD = re.compile(r"[\s,;]*(?:Options|Choices)\s*:?\s*$")
_INSTRUCTION = re.compile(r"\s*(?:Please a|A)nswer (?:directly )?with[^\n]*$")


def literal(cell: str) -> Any:
    """The value of a cell written as JSON or as a Python literal, else the text itself."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return cell


def literal_list(cell: str) -> list[str]:
    """The texts of a cell that may be a list; any other cell is its only text, as it is written."""
    value = literal(cell) if cell[:1] == "[" else cell
    return [str(entry) for entry in value] if isinstance(value, list | tuple) else [cell]


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """A question and the options written behind it, A first and without a gap; no options where there are none.

    A final sentence that tells how to answer belongs to neither.
    """
    text = _INSTRUCTION.sub("", text).strip()
    marks = list(_INLINE.finditer(text))
    for first in reversed([i for i, mark in enumerate(marks) if mark.group(1) == "A"]):
        chain = [marks[first]]
        for mark in marks[first + 1 :]:
            if mark.group(1) == LETTERS[len(chain)]:
                chain.append(mark)
        if len(chain) > 1:
            ends = [*(mark.start() for mark in chain[1:]), len(text)]
            options = {m.group(1): text[m.end() : end].strip(" \n,;") for m, end in zip(chain, ends, strict=True)}
            return _HEAD.sub("", text[: chain[0].start()]).strip(), options
    return text, {}


def options_of_erqa(question: str) -> dict[str, str]:
    """ERQA's options stand in the question; where they cannot be told apart their letters alone are known."""
    return split_options(question)[1] or dict.fromkeys(ERQA_LETTERS, "")
