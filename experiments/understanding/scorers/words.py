"""Soft VQA accuracy, and the normalisation of answers that it rests on: punctuation, number words, articles, contractions.

The rule is VQA v2's as VLMEvalKit runs it (research/understanding.md 1.4), oddities included, because scores depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_DIGIT_COMMA_DIGIT = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_PERIODS = 32  # the original passes re.UNICODE (32) where sub() takes a count
_NUMBERS: dict[str, str] = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10",
}  # fmt: skip
_ARTICLES = ("a", "an", "the")
# Written with one apostrophe missing, each is put right. Those of the table with a capital can never match: the text is
# lower case by then.
_CONTRACTIONS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock
oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd
someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's
they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've
y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""
_MISSPELT = {text[:i] + text[i + 1 :]: text for text in _CONTRACTIONS.split() for i, c in enumerate(text) if c == "'"}
_MISSPELT["somebody'd"] = "somebodyd"  # the table has this one the wrong way round


def without_punctuation(text: str) -> str:
    """A mark is removed where it stands beside a space anywhere, or the text has digit,digit; else it becomes a space."""
    grouped = _DIGIT_COMMA_DIGIT.search(text) is not None
    out = text
    for mark in _PUNCTUATION:
        beside_space = f"{mark} " in text or f" {mark}" in text
        out = out.replace(mark, "" if grouped or beside_space else " ")
    return _PERIOD.sub("", out, count=_PERIODS)


def normalised(text: str) -> str:
    """An answer as answers are compared: `The Two cats.` -> `2 cats`."""
    text = without_punctuation(text.replace("\n", " ").replace("\t", " ").strip())
    words = [_NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(_MISSPELT.get(word, word) for word in words if word not in _ARTICLES)


def vqa_soft(prediction: str, answers: Sequence[str]) -> float:
    """Mean over the annotators of min(1, matches among the others / 3): of ten, 0, .3, .6, .9, 1 for 0, 1, 2, 3, more matches."""
    said = normalised(prediction)
    matches = [normalised(answer) == said for answer in answers]
    total = sum(matches)
    return sum(min(1.0, (total - match) / 3) for match in matches) / len(answers)
