"""Answers on disk: one JSON line per question, from which every score can be made anew without the data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TextIO

from experiments.errors import UsageError
from experiments.understanding.sample import BadRow, Sample

FILE = "answers.jsonl"

Outcome = Literal["answered", "corrupt", "error"]


@dataclass(frozen=True)
class Answer:
    """`corrupt`: the row is no question or its picture cannot be read; `error`: asking failed. Both are outside the scores.

    `sample` is None for a row that could not be read at all; `seconds`: of the batch, divided by its questions.
    """

    key: str
    outcome: Outcome
    sample: Sample | None = None
    prompt: str = ""
    prediction: str = ""
    error: str = ""
    seconds: float = 0.0
    config_hash: str = ""

    def to_line(self) -> str:
        """One line of JSON, with its newline; what is empty is left out."""
        values = {k: v for k, v in vars(self).items() if v or k in ("key", "prediction")}
        if self.sample is not None:
            values["sample"] = self.sample.to_json()
        return json.dumps(values, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Answer:
        """The answer of a parsed line."""
        sample = values.get("sample")
        return cls(**{**values, "sample": Sample.from_json(sample) if sample else None})


def bad_answer(row: BadRow) -> Answer:
    """The line that names a row which is no question."""
    told = f"{row.id}: {row.reason}" if row.id else row.reason
    return Answer(f"row {row.position}", "corrupt", error=told)


def read_answers(path: Path) -> dict[str, Answer]:
    """The last answer of each key; a last line that was cut off is left out.

    Raises:
        UsageError: a line that is not the last is no answer.
    """
    found: dict[str, Answer] = {}
    lines = path.read_text().split("\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answer = Answer.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if number == len(lines):  # no newline behind it: the run ended while it was written
                break
            raise UsageError(f"{path}, line {number}: not an answer ({error}); repair or delete that line") from error
        found[answer.key] = answer
    return found


class AnswersFile:
    """Appends answers, each on disk when `add` returns; `finished`: keys that need not be asked again (errors are).

    Raises:
        UsageError: the file holds answers of another configuration.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        self.answers, self._hash = read_answers(path), config_hash
        if any(answer.config_hash != config_hash for answer in self.answers.values()):
            raise UsageError(f"{path} holds answers of another policy, protocol or data; choose another out= or delete it")
        text = path.read_bytes() if path.exists() else b""
        if text and not text.endswith(b"\n"):
            path.write_bytes(text[: text.rfind(b"\n") + 1])
        self._file: TextIO = path.open("a")

    @property
    def finished(self) -> set[str]:
        """Keys of answered and of corrupt questions."""
        return {key for key, answer in self.answers.items() if answer.outcome != "error"}

    def add(self, answers: Iterable[Answer]) -> None:
        """Write them, stamped with the configuration."""
        for answer in answers:
            stamped = replace(answer, config_hash=self._hash)
            self._file.write(stamped.to_line())
            self.answers[answer.key] = stamped
        self._file.flush()

    def close(self) -> None:
        """Release the file."""
        self._file.close()
