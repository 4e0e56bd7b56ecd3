"""Whether an answer to a scene question is right, and whether it is an answer at all: each form has its own rule.

A model that babbles and a model that is wrong must look different: every score stands beside the rate of valid answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.vqa.records import LETTERS

NUMBER_WORDS = {w: str(i) for i, w in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"))}
_POINT = re.compile(r"\(\s*(-?\d*\.?\d+)\s*,\s*(-?\d*\.?\d+)\s*\)")
_MARKS = re.compile(r"[.()\[\],:;!*#{}\"'?]")


@dataclass(frozen=True)
class Mark:
    """`score`: 0 - 1. `valid`: the answer has the form that was asked for."""

    score: float
    valid: bool


def mark(meta: Mapping[str, Any], answer: str) -> Mark:
    """The mark of an answer to a question with this `meta` (see `envs.vqa.records`)."""
    form = meta["format"]
    if form == "yesno":
        said = yes_or_no(answer)
        return Mark(float(said == meta["answer"]), said is not None)
    if form == "choice":
        said = chosen(answer, meta["options"])
        return Mark(float(said == meta["answer"]), said is not None)
    if form == "number":
        said = number(answer)
        return Mark(float(said == meta["answer"]), said is not None)
    if form == "points":
        points = np.array([[float(x), float(y)] for x, y in _POINT.findall(answer)]).reshape(-1, 2)
        return Mark(share_in(points, mask_of(meta["mask"])), len(points) > 0)
    if form == "caption":
        return Mark(caption_f1(answer, meta["facts"]), bool(plain(answer)))
    return Mark(float(plain(answer) in {plain(a) for a in meta["accept"]}), bool(plain(answer)))


def yes_or_no(answer: str) -> str | None:
    """Yes or no as a word of its own; None where there is neither or both."""
    words = set(_MARKS.sub(" ", answer.lower()).split()) & {"yes", "no"}
    return words.pop() if len(words) == 1 else None


def chosen(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the one option that the answer names, by its letter or by its text; None where that is not one."""
    letters = [w for w in _MARKS.sub(" ", answer).split() if w in LETTERS[: len(options)]]
    if len(set(letters)) == 1 and answer.strip() and (letters[0] != "A" or not answer.strip().startswith("A ")):
        return letters[0]
    named = [i for i, option in enumerate(options) if plain(option) == plain(answer)]
    if not named:
        inside = [i for i, option in enumerate(options) if re.search(rf"\b{re.escape(plain(option))}\b", plain(answer))]
        named = [i for i in inside if not any(i != j and plain(options[i]) in plain(options[j]) for j in inside)]
    return LETTERS[named[0]] if len(named) == 1 else None


def number(answer: str) -> str | None:
    """The one number of an answer, in digits; number words count."""
    words = [NUMBER_WORDS.get(w, w) for w in _MARKS.sub(" ", answer.lower()).split()]
    found = {str(int(w)) for w in words if w.isdigit()}
    return found.pop() if len(found) == 1 else None


def share_in(points: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    """The share of points (n, 2), x and y from 0 to 1, that lie in the mask (H, W); 0 without points (RoboPoint's rule)."""
    if not len(points):
        return 0.0
    height, width = mask.shape
    u, v = np.floor(points[:, 0] * width).astype(int), np.floor(points[:, 1] * height).astype(int)
    within = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    return float((within & mask[np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)]).mean())


def mask_of(runs: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The mask of `envs.vqa.records.runs`."""
    lengths = runs["runs"]
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(runs["size"])


def caption_f1(answer: str, facts: Sequence[str]) -> float:
    """F1 of the facts `thing: place` that a caption states, by the words of the facts alone.

    A caption is read clause by clause (at commas, "and" and full stops): a clause states the fact of the thing and of the
    place that it names. Things and places are those of the scene; others are not seen.
    """
    truth = {tuple(plain(part) for part in fact.split(": ")) for fact in facts}
    things, places = {t for t, _ in truth}, {p for _, p in truth} | {"table", "gripper", "box", "basket", "drawer"}
    stated = set()
    for clause in re.split(r",|\.|\band\b", answer.lower()):
        thing = _named(clause, things)
        place = _named(clause.replace(thing, " "), places) if thing else None
        if thing and place:
            stated.add((thing, place))
    hits = len(stated & truth)
    return 2 * hits / (len(stated) + len(truth)) if truth else 0.0


def plain(text: str) -> str:
    """Lower case, single spaces, no outer punctuation."""
    return " ".join(text.lower().strip().strip(".!?\"'").split())


def chance(meta: Mapping[str, Any]) -> float:
    """What guessing among the answers that are offered gives: a half, one in so many options, or nothing."""
    return 0.5 if meta["format"] == "yesno" else 1 / len(meta["options"]) if meta["format"] == "choice" else 0.0


def _named(clause: str, names: set[str]) -> str | None:
    """The longest name in a clause, if any."""
    found = [n for n in names if re.search(rf"\b{re.escape(n)}\b", clause)]
    return max(found, key=len) if found else None
