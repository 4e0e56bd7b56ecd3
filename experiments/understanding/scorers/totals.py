"""From verdicts to a benchmark's number: means, points, MME, HallusionBench, circular choice; and the best constant answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.sample import Sample
from experiments.understanding.scorers.judge import Rules, Verdict, judge

PERCEPTION = ("existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR")
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
CONSTANTS = ("A", "B", "C", "D", "Yes", "No", "")

Judged = Sequence[tuple[Sample, Verdict]]


@dataclass(frozen=True)
class Total:
    """`value` in the unit of the paper's table, `maximum` on these questions; `parts`: name -> value, in the same unit.

    `done` of `tried` is what the value is a rate of, where it is one: for an interval.
    """

    value: float
    maximum: float
    parts: Mapping[str, float] = field(default_factory=dict)
    done: float | None = None
    tried: int = 0


@dataclass(frozen=True)
class Floor:
    """What one answer to everything would score."""

    answer: str
    value: float


def total(benchmark: Benchmark, judged: Judged) -> Total:
    """The benchmark's number; 0 where nothing was judged."""
    return _SUMS[benchmark.sum](judged)


def floor(benchmark: Benchmark, samples: Sequence[Sample], rules: Rules) -> Floor:
    """The best score that one answer to everything gives: a letter, yes, no, nothing, or the commonest right answer."""
    commonest = Counter(answer for sample in samples for answer in set(sample.answers)).most_common(1)
    best = Floor("", 0.0)
    for said in dict.fromkeys((*CONSTANTS, *(answer for answer, _ in commonest))):
        value = total(benchmark, [(s, judge(benchmark.judge, s, said, rules)) for s in samples]).value
        best = max(best, Floor(said, value), key=lambda f: f.value)
    return best


def mean(judged: Judged) -> Total:
    """Per cent over all questions, and by category."""
    done = sum(v.score for _, v in judged)
    parts = {name: 100 * _mean([v.score for _, v in members]) for name, members in by(judged, lambda s: s.category).items() if name}
    return Total(100 * done / len(judged) if judged else 0.0, 100.0, parts, done, len(judged))


def points(judged: Judged) -> Total:
    """Right answers, and by category."""
    done = sum(v.score for _, v in judged)
    parts = {name: sum(v.score for _, v in members) for name, members in by(judged, lambda s: s.category).items()}
    return Total(done, len(judged), parts, done, len(judged))


def mme(judged: Judged) -> Total:
    """Of each category 100 x (accuracy + pair accuracy), summed; always yes gives 50 of 200 (arXiv:2306.13394)."""
    parts = {}
    for name, members in by(judged, lambda s: s.category).items():
        pairs = [all(v.score for _, v in pair) for pair in by(members, lambda s: s.keys["pair"]).values()]
        parts[name] = 100 * (_mean([v.score for _, v in members]) + _mean(pairs))
    sums = {"perception": PERCEPTION, "cognition": COGNITION}
    sides = {side: sum(parts[name] for name in names if name in parts) for side, names in sums.items()}
    return Total(sum(parts.values()), 200.0 * len(parts), sides | parts)


def hallusion(judged: Judged) -> Total:
    """aAcc over answers, fAcc over figures and qAcc over questions that are all right, and their mean (arXiv:2310.14566)."""
    def right(key: str) -> float:
        groups = by(judged, lambda s: f"{s.category}/{s.keys['set']}/{s.keys[key]}").values()
        return 100 * _mean([all(v.score for _, v in group) for group in groups])

    parts = {"aAcc": 100 * _mean([v.score for _, v in judged]), "fAcc": right("figure"), "qAcc": right("question")}
    return Total(_mean(list(parts.values())), 100.0, parts)


def circular(judged: Judged) -> Total:
    """Per cent of questions right under every rotation of their options; beside it what counts each rotation by itself."""
    groups = by(judged, lambda s: s.keys["question"])
    right = {key: float(all(v.score for _, v in group)) for key, group in groups.items()}
    of = {key: group[0][0].category for key, group in groups.items()}
    parts = {name: 100 * _mean([right[key] for key in groups if of[key] == name]) for name in dict.fromkeys(of.values()) if name}
    parts["each rotation"] = 100 * _mean([v.score for _, v in judged])
    done = sum(right.values())
    return Total(100 * done / len(groups) if groups else 0.0, 100.0, parts, done, len(groups))


def by(judged: Judged, key: Callable[[Sample], str]) -> dict[str, list[tuple[Sample, Verdict]]]:
    """Grouped, in order of appearance."""
    groups: dict[str, list[tuple[Sample, Verdict]]] = defaultdict(list)
    for sample, verdict in judged:
        groups[key(sample)].append((sample, verdict))
    return groups


_SUMS: Mapping[str, Callable[[Judged], Total]] = {
    "mean": mean, "points": points, "mme": mme, "hallusion": hallusion, "circular": circular,
}  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
