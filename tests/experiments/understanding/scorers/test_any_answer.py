"""Whatever a network says, it gets a score between 0 and 1: 10,000 random answers to random questions, by every rule."""

import random
from typing import get_args

import pytest

from experiments.understanding.benchmarks import Judge
from experiments.understanding.sample import Sample
from experiments.understanding.scorers.judge import Rules, judge

RULES = (Rules(), Rules("0.2rc1", "prediction", "start", "official"))
PIECES = [
    *"ABCDZabcz0123456789", "yes", "no", "Yes.", "(A)", "**B**", "answer is ", "the", "two", "dont", "y'all'd've", "1,000", "3.5", "-1e999", "5%",
    "nan", "inf", "%", "0x1F", "١٢", "²", "\n", "\t", " ", "  ", ".", "..", ",", "'", '"', "\\", "(0.5, 0.5)", "[(", "é", "请", "🙂", "\ud800", "\x00",
    "Cannot determine the answer", "\u2028", "I", "=", "is ", "^", "<image>",
]  # fmt: skip


@pytest.mark.parametrize("how", get_args(Judge))
def test_any_answer_has_a_score(how):
    rng = random.Random(how)

    def text(longest):
        return "".join(rng.choices(PIECES, k=rng.randrange(longest)))

    for i in range(10_000):
        options = {letter: text(4) for letter in "ABCD"[: rng.randrange(5)]}
        form = rng.choice(("yesno", "choice", "open", "number", "points", "caption", "")) if how == "scene" else rng.choice(("open", "choice")) if options else "open"
        if form == "choice" and not options:
            form = "open"
        answers = tuple(text(4) or "x" for _ in range(rng.choice((1, 2, 10)))) if not options else (rng.choice(list(options)),)
        sample = Sample(str(i), i, text(9), answers, options, form=form, category=text(2), mask={"size": [2, 2], "runs": [1, 2, 1]})
        verdict = judge(how, sample, text(9), RULES[i % 2])
        assert 0 <= verdict.score <= 1
