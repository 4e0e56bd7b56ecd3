"""A benchmark's result from its answers alone: score, interval, valid answers, the best constant answer, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from experiments.scoring import wilson
from experiments.understanding.answers import Answer
from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.sample import Sample
from experiments.understanding.scorers.judge import Rules, Verdict, judge
from experiments.understanding.scorers.totals import Floor, Total, floor, total

EXAMPLES = 6


@dataclass(frozen=True)
class Example:
    """One question, what was said to it and what is right."""

    question: str
    prediction: str
    expected: str
    score: float


@dataclass(frozen=True)
class Scored:
    """`interval`: 95 % Wilson, in the unit of the value, where it is a rate. `valid`: answers of the form asked for.

    `corrupt`, `errors`: (key, reason) of the rows outside the score.
    """

    benchmark: Benchmark
    total: Total
    interval: tuple[float, float] | None
    questions: int
    valid: int
    floor: Floor
    corrupt: tuple[tuple[str, str], ...]
    errors: tuple[tuple[str, str], ...]
    seconds: float
    examples: tuple[Example, ...]

    @property
    def whole(self) -> bool:
        """Whether all questions of the benchmark were scored."""
        return self.questions >= self.benchmark.size

    def to_json(self, stamp: Mapping[str, Any]) -> dict[str, Any]:
        """What summary.json holds of it."""
        return {
            "value": round(self.total.value, 4), "metric": self.benchmark.metric, "maximum": self.total.maximum,
            "interval": [round(x, 4) for x in self.interval] if self.interval else None, "questions": self.questions,
            "of": self.benchmark.size, "valid": self.valid, "floor": asdict(self.floor),
            "parts": {k: round(v, 4) for k, v in self.total.parts.items()}, "corrupt": dict(self.corrupt), "errors": dict(self.errors),
            "seconds_per_question": round(self.seconds, 4), **stamp,
        }  # fmt: skip


def score(benchmark: Benchmark, answers: Iterable[Answer], rules: Rules) -> Scored:
    """The result of one benchmark's answers; those that failed and rows that are corrupt are named and left out."""
    answers = list(answers)
    kept = [(a.sample, a) for a in answers if a.outcome == "answered" and a.sample is not None]
    judged = [(sample, judge(benchmark.judge, sample, a.prediction, rules)) for sample, a in kept]
    summed = total(benchmark, judged)
    return Scored(
        benchmark, summed, _interval(summed), len(kept), sum(v.read is not None for _, v in judged),
        floor(benchmark, [sample for sample, _ in kept], rules),
        tuple((a.key, a.error) for a in answers if a.outcome == "corrupt"), tuple((a.key, a.error) for a in answers if a.outcome == "error"),
        sum(a.seconds for _, a in kept) / len(kept) if kept else 0.0, _examples(kept, judged),
    )  # fmt: skip


def _interval(summed: Total) -> tuple[float, float] | None:
    if summed.done is None or not summed.tried:
        return None
    low, high = wilson(summed.done, summed.tried)
    return low * summed.maximum, high * summed.maximum


def _examples(kept: Sequence[tuple[Sample, Answer]], judged: Sequence[tuple[Sample, Verdict]]) -> tuple[Example, ...]:
    """The first wrong answers, then right ones."""
    order = sorted(range(len(kept)), key=lambda i: judged[i][1].score)[:EXAMPLES]
    return tuple(
        Example(sample.question, kept[i][1].prediction, _expected(sample), judged[i][1].score) for i in order for sample in [kept[i][0]]
    )


def _expected(sample: Sample) -> str:
    if sample.options.get(sample.answer):
        return f"{sample.answer}. {sample.options[sample.answer]}"
    return " | ".join(dict.fromkeys(sample.answers))
