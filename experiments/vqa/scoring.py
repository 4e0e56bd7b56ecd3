"""The mark of an answer to a scene question, by the rules of `stage=understand`: one scorer serves both.

A model that babbles and a model that is wrong must look different: every score stands beside the rate of valid answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.readers.llava_rows import llava_samples
from experiments.understanding.scorers.judge import Rules, judge

SCENE = BENCHMARKS["scene"]
RULES = Rules()


@dataclass(frozen=True)
class Mark:
    """`score`: 0 - 1. `valid`: the answer has the form that was asked for."""

    score: float
    valid: bool


def mark(record: Mapping[str, Any], answer: str) -> Mark:
    """The mark of an answer to a question as `envs.vqa.records` writes it."""
    (sample,) = llava_samples(SCENE, 0, record)
    verdict = judge(SCENE.judge, sample, answer, RULES)
    return Mark(verdict.score, verdict.read is not None)


def chance(meta: Mapping[str, Any]) -> float:
    """What guessing among the answers that are offered gives: a half, one in so many options, or nothing."""
    return 0.5 if meta["format"] == "yesno" else 1 / len(meta["options"]) if meta["format"] == "choice" else 0.0
