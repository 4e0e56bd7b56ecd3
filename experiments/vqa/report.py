"""The report on scene questions: a table by family and ring with its baselines, and answers to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.vqa.rates import Score
from experiments.vqa.scoring import mark

EXAMPLES = 12
NOTE = """Score: mean mark, with the 95 % interval over resampled scenes. Pairs: opposite questions (and the rotations of a choice) right in all of \
them, so that always saying yes, or A, gives 0. Valid: answers of the form that was asked for. Majority: always the commonest answer of the family \
and form. Blank: the same model before a grey picture. Chance: guessing among the answers that are offered. Answers are matched by rule, no model judges."""
HEAD = "| | n | scenes | score | 95 % | pairs | valid | majority | blank | chance |"


def report(title: str, table: Mapping[str, Score], records: Sequence[Mapping[str, Any]], answers: Mapping[str, Mapping[str, str]]) -> str:
    """Markdown."""
    lines = [f"# {title}", "", NOTE, "", HEAD, "|---|" + "---|" * (HEAD.count("|") - 2)]
    lines += [_row(name, score) for name, score in table.items()]
    lines += ["", "| family | question | right | said |", "|---|---|---|---|"]
    shown: set[str] = set()
    for record in records:
        meta = record["meta"]
        if meta["family"] in shown or len(shown) >= EXAMPLES:
            continue
        said = answers[record["id"]]["answer"]
        if mark(record, said).score < 1:
            shown.add(meta["family"])
            question = record["conversations"][0]["value"].removeprefix("<image>\n").replace("\n", " / ")
            lines.append(f"| {meta['family']} | {question} | {meta['answer']} | {said or '(nothing)'} |")
    return "\n".join(lines) + "\n"


def _row(name: str, s: Score) -> str:
    pairs = "" if math.isnan(s.pairs) else f"{s.pairs:.2f}"
    bold = f"**{s.score:.3f}**" if name == "all" else f"{s.score:.3f}"
    return f"| {name} | {s.n} | {s.scenes} | {bold} | {s.low:.2f}-{s.high:.2f} | {pairs} | {s.valid:.2f} | {s.majority:.2f} | {s.blank:.2f} | {s.chance:.2f} |"
