"""One answer to one question: its score from 0 to 1, and how it was read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from experiments.understanding.sample import Sample
from experiments.understanding.scorers.captions import caption_f1
from experiments.understanding.scorers.mmmu_official import choose_option, found_option, open_right
from experiments.understanding.scorers.options import REFUSED, OptionRule, infer_option
from experiments.understanding.scorers.points import parse_points, share_in_mask
from experiments.understanding.scorers.strings import (
    Tolerance,
    YesNoRule,
    anls,
    contains_ocr,
    contains_words,
    relaxed,
    yes_no,
)
from experiments.understanding.scorers.words import normalised, vqa_soft

OTHER = "Other Answers"  # VLMEvalKit's second option of an open MMMU question


@dataclass(frozen=True)
class Rules:
    """Where the tools differ; a protocol fixes them."""

    options: OptionRule = "head"
    chartqa_tolerance: Tolerance = "gold"
    yes_no: YesNoRule = "word"
    mmmu: Literal["vlmevalkit", "official"] = "vlmevalkit"


@dataclass(frozen=True)
class Verdict:
    """`score` 0 to 1; `read`: what the answer was taken for, None where it is no answer of the form that was asked for."""

    score: float
    read: str | None


def judge(how: str, sample: Sample, answer: str, rules: Rules) -> Verdict:
    """The verdict by the rule `how` (`benchmarks.Judge`)."""
    if how == "option":
        return _option(sample, answer, rules)
    if how == "yesno":
        return _yes_no(sample, answer, rules)
    if how == "mmmu":
        return _mmmu(sample, answer, rules)
    if how == "scene":
        return _scene(sample, answer, rules)
    return Verdict(_words(how, sample, answer, rules), answer.strip() or None)


def _words(how: str, sample: Sample, answer: str, rules: Rules) -> float:
    if how == "vqa":
        return vqa_soft(answer, sample.answers)
    if how == "anls":
        return anls(answer, sample.answers)
    if how == "relaxed":
        return float(relaxed(answer, sample.answers, rules.chartqa_tolerance))
    if how == "ocr":
        return float(contains_ocr(answer, sample.answers, sample.category))
    return float(contains_words(answer, sample.answers))


def _option(sample: Sample, answer: str, rules: Rules) -> Verdict:
    if not sample.options:  # RealWorldQA asks some for a word or a number
        said = _plain(answer)
        return Verdict(float(said in map(_plain, sample.answers)), said or None)
    return _lettered(answer, sample.options, sample.answer, rules)


def _lettered(answer: str, options: Mapping[str, str], right: str, rules: Rules) -> Verdict:
    letter = infer_option(answer, options, rules.options)
    return Verdict(float(letter == right), None if letter == REFUSED and REFUSED not in options else letter)


def _yes_no(sample: Sample, answer: str, rules: Rules) -> Verdict:
    said = yes_no(answer, rules.yes_no)
    return Verdict(float(said == sample.answer), said)


def _mmmu(sample: Sample, answer: str, rules: Rules) -> Verdict:
    if sample.form == "open":
        if rules.mmmu == "official":
            return Verdict(float(open_right(answer, sample.answers)), answer.strip() or None)
        return _lettered(answer, {"A": sample.answer, "B": OTHER}, "A", rules)
    if rules.mmmu == "official":
        letter = choose_option(answer, sample.options, random.Random(sample.id))
        return Verdict(float(letter == sample.answer), found_option(answer, sample.options))
    return _lettered(answer, sample.options, sample.answer, rules)


def _scene(sample: Sample, answer: str, rules: Rules) -> Verdict:
    """yesno and choice as above; numbers and words by the VQA normalisation; points by their share in the mask; captions
    by the facts that are their answers.
    """
    if sample.form == "yesno":
        return _yes_no(sample, answer, rules)
    if sample.form == "choice":
        return _lettered(answer, sample.options, sample.answer, rules)
    if sample.form == "points" and sample.mask is not None:
        points = parse_points(answer)
        return Verdict(share_in_mask(points, sample.mask), str(points) if points else None)
    if sample.form == "caption":
        return Verdict(caption_f1(answer, sample.answers), answer.strip() or None)
    said = normalised(answer)
    valid = said.isdecimal() if sample.form == "number" else bool(said)
    return Verdict(float(said in map(normalised, sample.answers)), said if valid else None)


def _plain(text: str) -> str:
    return text.lower().strip().rstrip(".")
