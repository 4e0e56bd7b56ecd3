"""Marks to rates: by family and ring, beside the majority's and the blank picture's, with intervals over scenes.

Questions about one scene are not independent, so a resample draws whole scenes (research/understanding.md, 3.3).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.vqa.scoring import chance, mark

RESAMPLES = 2000
ALPHA = 0.05


@dataclass(frozen=True)
class Score:
    """Of a group of questions. `low`, `high`: 95 % over resampled scenes. `pairs`: share of opposite groups (and of a
    choice's rotations) that are right in all their questions; nan where there are none. `majority`: always the commonest
    answer of the family and form. `blank`: the same model before a grey picture. `chance`: guessing among what is offered.
    """

    n: int
    scenes: int
    score: float
    low: float
    high: float
    pairs: float
    valid: float
    majority: float
    blank: float
    chance: float


def scores(records: Sequence[Mapping[str, Any]], answers: Sequence[str], blank: Sequence[str], seed: int = 0) -> dict[str, Score]:
    """Score by name: each family, each ring, group A and B, held-out wordings and objects, and `all`.

    Raises:
        ValueError: not as many answers as questions.
    """
    if not len(records) == len(answers) == len(blank):
        raise ValueError(f"{len(records)} questions, {len(answers)} answers and {len(blank)} before a blank picture; expected as many of each")
    metas = [r["meta"] for r in records]
    marks, blind = ([mark(r, a) for r, a in zip(records, said, strict=True)] for said in (answers, blank))
    value, unseeing = np.array([m.score for m in marks]), np.array([m.score for m in blind])
    valid, common = np.array([m.valid for m in marks]), _majority(records)
    table = {}
    for name, members in _groups(metas).items():
        at = np.array(members)
        low, high = scene_interval(value[at], [metas[i]["scene"] for i in members], np.random.default_rng(seed))
        table[name] = Score(
            len(at), len({metas[i]["scene"] for i in members}), float(value[at].mean()), low, high, _pairs(metas, value, members),
            float(valid[at].mean()), float(common[at].mean()), float(unseeing[at].mean()), float(np.mean([chance(metas[i]) for i in members])),
        )  # fmt: skip
    return table


def scene_interval(value: NDArray[np.floating], scenes: Sequence[str], rng: np.random.Generator) -> tuple[float, float]:
    """95 % percentile interval of the mean when whole scenes are drawn again, as many as there are.

    One scene alone tells nothing of the others: (0, 1).
    """
    _, which = np.unique(np.asarray(scenes), return_inverse=True)
    total, count = np.bincount(which, value), np.bincount(which)
    if len(count) < 2:
        return 0.0, 1.0
    drawn = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), RESAMPLES)
    means = (drawn @ total) / (drawn @ count)
    low, high = np.quantile(means, (ALPHA / 2, 1 - ALPHA / 2))
    return float(low), float(high)


def _groups(metas: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Name of a row of the table -> its questions."""
    names: tuple[Callable[[Mapping[str, Any]], str | None], ...] = (
        lambda m: m["family"],
        lambda m: f"ring {m['ring']}",
        lambda m: f"group {m['group']}",
        lambda m: "held-out wording" if m["held_out_wording"] else None,
        lambda m: "held-out object" if m["held_out_object"] else None,
        lambda m: "all",
    )
    groups: dict[str, list[int]] = {}
    for name in names:
        found: dict[str, list[int]] = defaultdict(list)
        for i, meta in enumerate(metas):
            if (key := name(meta)) is not None:
                found[key].append(i)
        groups |= dict(sorted(found.items(), key=lambda item: (metas[item[1][0]]["ring"], item[0])))
    return groups


def _majority(records: Sequence[Mapping[str, Any]]) -> NDArray[np.floating]:
    """(n,) the mark of always giving the commonest answer of the family and form; 0 where answers are never repeated."""
    metas = [r["meta"] for r in records]
    kinds = [(m["family"], m["format"], m["key"] if m["format"] != "yesno" else "") for m in metas]
    answers: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for kind, meta in zip(kinds, metas, strict=True):
        answers[kind][meta["answer"]] += 1
    commonest = {kind: counts.most_common(1)[0][0] for kind, counts in answers.items()}
    return np.array([mark(r, commonest[kind]).score for kind, r in zip(kinds, records, strict=True)])


def _pairs(metas: Sequence[Mapping[str, Any]], value: NDArray[np.floating], members: Sequence[int]) -> float:
    groups: dict[str, list[bool]] = defaultdict(list)
    for i in members:
        if metas[i]["pair_id"]:
            groups[metas[i]["pair_id"]].append(value[i] == 1)
    return float(np.mean([all(g) for g in groups.values()])) if groups else float("nan")
