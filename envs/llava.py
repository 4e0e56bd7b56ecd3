"""Questions as LLaVA's JSONL: worded, balanced, with a `meta` beside them that LLaVA's own readers ignore."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.questions import Question, Rng, Seen
from envs.types import Split
from envs.wordings import WORDINGS


def worded(question: Question, split: Split, rng: Rng) -> tuple[str, int, bool]:
    """The question's text, its wording's number, and whether that wording is kept out of training.

    Test questions take a held-out wording half of the time, where the family has one.
    """
    common, held_out = WORDINGS[question.family, question.key]
    if split == "test" and held_out and rng.random() < 0.5:
        number = len(common) + int(rng.integers(len(held_out)))
    else:
        number = int(rng.integers(len(common)))
    return (*common, *held_out)[number].format(**question.words), number, number >= len(common)


def record(question: Question, number: int, scene: Mapping[str, Any], camera: str, seen: Mapping[str, Seen], rng: Rng) -> dict[str, Any]:
    """One line of LLaVA JSONL; `scene` needs `id` and `split`, the rest of it goes to `meta` unchanged."""
    text, wording, held_out = worded(question, scene["split"], rng)
    picture = f"{scene['id']}_{camera}"
    meta = {
        "family": question.family, "format": question.format, "answer": question.answer,
        "accept": list(question.accept or (question.answer,)), "options": None, "key": question.key,
        "pair_id": f"{picture}/{question.pair}" if question.pair else None, "margin_px": question.margin,
        "wording": wording, "held_out_wording": held_out, "camera": camera, "snapshot": scene["id"],
        "visible": {name: s.pixels for name, s in seen.items() if s.pixels}, **{k: v for k, v in scene.items() if k != "id"},
    }  # fmt: skip
    turns = [{"from": "human", "value": f"<image>\n{text}"}, {"from": "gpt", "value": question.answer}]
    return {"id": f"{picture}/{question.family}/{number}", "image": [f"images/{picture}.png"], "conversations": turns, "meta": meta}


def balanced(records: Iterable[dict[str, Any]], rng: Rng, most: float = 2.0) -> list[dict[str, Any]]:
    """The records without the surplus of common answers, in their order; opposite pairs stay together.

    Within a family and template: yes and no equally often; any other answer at most `most` times the mean of the rest.
    """
    records = list(records)
    groups: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, r in enumerate(records):
        if r["meta"]["pair_id"] is None and r["meta"]["format"] != "list":
            groups[r["meta"]["family"], r["meta"]["key"]][r["meta"]["answer"]].append(i)
    dropped: set[int] = set()
    for answers in groups.values():
        sizes = {a: len(v) for a, v in answers.items()}
        for answer, members in answers.items():
            rest = [n for a, n in sizes.items() if a != answer]
            factor = 1.0 if set(answers) <= {"yes", "no"} else most
            limit = math.ceil(factor * float(np.mean(rest))) if rest else 0 if answer in ("yes", "no") else len(members)
            if len(members) > limit:
                dropped |= set(rng.permutation(members)[limit:].tolist())
    return [r for i, r in enumerate(records) if i not in dropped]


def answer_counts(records: Iterable[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Family -> how often each answer is right."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for r in records:
        counts[r["meta"]["family"]][r["meta"]["answer"]] += 1
    return dict(counts)


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write one record a line, whole or not at all; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    lines = [json.dumps(r) + "\n" for r in records]
    temporary.write_text("".join(lines))
    os.replace(temporary, path)
    return len(lines)
