"""What a worker does: reads the pictures of a batch of questions, and has the network answer them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from experiments.errors import UsageError
from experiments.understanding.answers import Answer
from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.prompts import prompt
from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.readers.find import find
from experiments.understanding.sample import BadRowError, Sample, Source
from policy.answering import Answerer, Limits, Question


@dataclass(frozen=True)
class Batch:
    """Some questions of one benchmark."""

    benchmark: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Job:
    """What a worker needs; `make_answerer` is picklable and called in the worker."""

    make_answerer: Callable[[], Answerer]
    protocol: str
    data: Path


@dataclass(frozen=True)
class Answered:
    """A batch's answers, and what the answerer says about itself."""

    answers: tuple[Answer, ...]
    facts: Mapping[str, str]


class Asker:
    """`experiments.pool.Worker`: a batch in, its answers out.

    Raises:
        UsageError: there is no such model.
    """

    def __init__(self, job: Job) -> None:
        try:
            self._answerer = job.make_answerer()
        except (ValueError, FileNotFoundError) as error:
            raise UsageError(str(error)) from error
        self._protocol, self._data = PROTOCOLS[job.protocol], job.data
        self._sources: dict[str, Source] = {}

    def __call__(self, batch: Batch, tell: Callable[[Any], None]) -> Answered:
        """An answer for each question; a picture that cannot be read makes its question corrupt and no other."""
        if batch.benchmark not in self._sources:
            self._sources[batch.benchmark] = find(BENCHMARKS[batch.benchmark], self._data)[0]
        made = [self._asked(batch.benchmark, sample) for sample in batch.samples]
        ready = [(answer, question) for answer, question in made if question is not None]
        answered = self._answer(ready, self._protocol.limits_of(batch.benchmark))
        return Answered((*(answer for answer, question in made if question is None), *answered), self._answerer.facts)

    def close(self) -> None:
        """Nothing is held."""

    def _asked(self, benchmark: str, sample: Sample) -> tuple[Answer, Question | None]:
        text = prompt(self._protocol, benchmark, sample)
        try:
            pictures = tuple(decoded(data) for data in self._sources[benchmark].pictures(sample.position))
            if not pictures:
                raise BadRowError("no picture")
        except BadRowError as error:
            return Answer(sample.id, "corrupt", sample, text, error=str(error)), None
        return Answer(sample.id, "answered", sample, text), Question(pictures, text)

    def _answer(self, asked: Sequence[tuple[Answer, Question]], limits: Limits) -> list[Answer]:
        """Together; if that fails each alone, so that one question cannot take others with it."""
        if not asked:
            return []
        start = time.perf_counter()
        try:
            said = self._answerer.answer([question for _, question in asked], limits)
        except Exception as error:
            if len(asked) > 1:
                return [answer for one in asked for answer in self._answer([one], limits)]
            return [replace(asked[0][0], outcome="error", error=f"{type(error).__name__}: {error}")]
        seconds = round((time.perf_counter() - start) / len(asked), 4)
        return [replace(answer, prediction=text, seconds=seconds) for (answer, _), text in zip(asked, said, strict=True)]


def decoded(data: bytes) -> Image.Image:
    """The picture as RGB.

    Raises:
        BadRowError: the bytes are no whole picture.
    """
    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadRowError(f"its picture cannot be decoded ({error})") from None
