"""ChatVLA-2's score of the math matching game, beside success: did the policy read the equation, did it solve it?

The paper gives means, out of 4 for reading (OCR) and out of 2 for the answer (math), and not what each point is for.
Here: reading has a point each for the first number, the operator, the second number, and for all of these in this order
and nothing else read; the answer has a point for being said and a point for the card that is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from experiments.results import Result

ENV, BOARD = "math_matching", "board"  # the task; its fixture, whose kind is named after the equation (board_3_plus_4)
OCR_POINTS, MATH_POINTS = 4, 2
OPERATORS = {"+": "+", "-": "-", "\u2212": "-", "\u2013": "-", "x": "x", "\u00d7": "x", "*": "x", "plus": "+", "minus": "-", "times": "x"}
_OPERATOR = "|".join(re.escape(o) for o in OPERATORS)
_EQUATION = re.compile(rf"(\d+)\s*({_OPERATOR})\s*(\d+)", re.IGNORECASE)
_ANSWER = re.compile(r"(?:=|equals|answer(?: is)?:?)\s*(-?\d+)", re.IGNORECASE)
_CARD = re.compile(r"card\s*:?\s*(-?\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class MathScore:
    """`ocr`: 0 to 4; `math`: 0 to 2; of one trial, or the means of several."""

    ocr: float
    math: float


def score(equation: str, reasoning: str) -> MathScore:
    """The score of what a policy said before a board that shows `equation` ("3 + 4"; operators +, -, x).

    What it says first counts, for the equation as for the answer: before a card lies on the stand.
    """
    truth = _terms(equation)
    if truth is None:
        raise ValueError(f"'{equation}' is no equation such as '3 + 4'")
    read = _EQUATION.findall(reasoning)
    terms = (int(read[0][0]), OPERATORS[read[0][1].lower()], int(read[0][2])) if read else None
    matches = [a == b for a, b in zip(terms, truth, strict=True)] if terms else []
    wanted = _value(truth)
    math = sum(found[:1] == [str(wanted)] for found in (_ANSWER.findall(reasoning), _CARD.findall(reasoning)))
    return MathScore(sum(matches) + bool(matches and all(matches)), math)


def mean_score(scores: Iterable[MathScore]) -> MathScore:
    """The means over many trials."""
    scores = tuple(scores)
    if not scores:
        raise ValueError("no trials to score")
    return MathScore(sum(s.ocr for s in scores) / len(scores), sum(s.math for s in scores) / len(scores))


def row_score(row: Result) -> MathScore:
    """The score of one trial of the game, from its row of the results."""
    board = next(f["kind"] for f in row.layout["fixtures"] if f["role"] == BOARD)
    return score(" ".join(board.split("_")[1:]), "\n".join(text for _, text in row.reasoning))


def _terms(equation: str) -> tuple[int, str, int] | None:
    found = _EQUATION.fullmatch(equation.strip())
    return (int(found[1]), OPERATORS[found[2].lower()], int(found[3])) if found else None


def _value(terms: tuple[int, str, int]) -> int:
    first, operator, second = terms
    return {"+": first + second, "-": first - second, "x": first * second}[operator]
