"""Scores of short texts: ANLS, ChartQA's relaxed accuracy, containment (OCRBench, MTVQA), yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from experiments.understanding.scorers.words import without_punctuation

ANLS_THRESHOLD = 0.5
TOLERANCE = 0.05
FORMULAS = "Handwritten Mathematical Expression Recognition"  # OCRBench's category in which spaces do not count and case does

Tolerance = Literal["gold", "prediction"]
YesNoRule = Literal["word", "start"]


def anls(prediction: str, answers: Sequence[str]) -> float:
    """1 - the least normalised edit distance, and 0 below one half (DocVQA, arXiv:2007.00398).

    Texts are compared in lower case with white space collapsed; lengths are those before collapsing, as both tools have it.
    """
    best = 0.0
    for answer in answers:
        longest = max(len(answer), len(prediction))
        said, right = (" ".join(text.lower().split()) for text in (prediction, answer))
        # One length alone may tell that the distance is over one half.
        if longest and abs(len(said) - len(right)) > longest * (1 - ANLS_THRESHOLD):
            continue
        best = max(best, 1 - edit_distance(said, right) / longest if longest else 1.0)
    return best if best >= ANLS_THRESHOLD else 0.0


def edit_distance(a: str, b: str) -> int:
    """Levenshtein: insertions, deletions and replacements that make one text the other."""
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (char != other))
    return row[-1]


def relaxed(prediction: str, answers: Sequence[str], tolerance: Tolerance = "gold") -> bool:
    """Whether a number is within 5 % of an answer, or a text equal to it but for case (ChartQA, arXiv:2203.10244, 5.1).

    `tolerance`: what the 5 % are of. The paper's own copy of VLMEvalKit passes the two in the other order, so that it
    takes them of the prediction: 95 for 100 is wrong then, and 105.2 right.
    """
    said = prediction.strip()
    return any(_close(said, right, tolerance) for right in answers)


def contains_ocr(prediction: str, answers: Sequence[str], category: str) -> bool:
    """OCRBench: whether some answer stands in the prediction."""
    if category == FORMULAS:
        return any(_one_line(a).replace(" ", "") in _one_line(prediction).replace(" ", "") for a in answers)
    return any(_one_line(a.lower()) in _one_line(prediction.lower()) for a in answers)


def contains_words(prediction: str, answers: Sequence[str]) -> bool:
    """MTVQA: whether some answer stands in the prediction, full stops and case aside."""
    return any(_plain(answer) in _plain(prediction) for answer in answers)


def yes_no(prediction: str, rule: YesNoRule = "word") -> str | None:
    """`Yes` or `No`, None for neither or both.

    `word`: one of the two as a word anywhere (VLMEvalKit); `start`: in the first four characters, or Y or N alone (lmms-eval).
    """
    if rule == "start":
        return _yes_no_at_start(prediction)
    words = without_punctuation(prediction.lower()).split()
    yes, no = "yes" in words, "no" in words
    return None if yes == no else "Yes" if yes else "No"


def _yes_no_at_start(prediction: str) -> str | None:
    said = prediction.lower().strip().replace(".", "")
    if len(said) == 1:
        return {"y": "Yes", "n": "No"}.get(said)
    return "Yes" if "yes" in said[:4] else "No" if "no" in said[:4] else None


def _close(said: str, right: str, tolerance: Tolerance) -> bool:
    a, b = _number(said), _number(right)
    base = b if tolerance == "gold" else a
    if a is not None and b is not None and base:
        return abs(a - b) / abs(base) <= TOLERANCE
    return said.lower() == right.lower()


def _number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _one_line(text: str) -> str:
    return text.strip().replace("\n", " ")


def _plain(text: str) -> str:
    return text.lower().strip().replace(".", "")
