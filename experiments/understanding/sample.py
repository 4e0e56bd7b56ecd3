"""A question of a benchmark as every reader gives it and every scorer takes it, and a row that could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Sample:
    """`position`: its row in the source, which has the pictures. `options`: letter -> text, empty for an open question.

    `answers`: those accepted; the letter where there are options. `form`: of a scene question, yesno, choice, open,
    number, points or caption (whose answers are facts `thing: place`); of MMMU, open or choice; else empty. `keys`: what groups questions that are scored together.
    """

    id: str
    position: int
    question: str
    answers: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    category: str = ""
    split: str = ""
    form: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    mask: Mapping[str, Any] | None = None

    @property
    def answer(self) -> str:
        """The first accepted answer."""
        return self.answers[0]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; fields at their defaults are left out."""
        return {k: v for k, v in asdict(self).items() if v or k == "position"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Sample:
        """The sample of `to_json`."""
        return cls(**{**values, "answers": tuple(values["answers"])})


@dataclass(frozen=True)
class BadRow:
    """A row that is no question: where it is, what it is called, and what is wrong with it."""

    position: int
    id: str
    reason: str


class BadRowError(ValueError):
    """What a reader raises on a row; it becomes a `BadRow`."""


class Source(Protocol):
    """Rows of one benchmark on disk, whose pictures are read one row at a time."""

    @property
    def files(self) -> tuple[Path, ...]: ...

    def rows(self) -> Iterator[dict[str, Any] | BadRow]:
        """Every row in order, without its pictures."""
        ...

    def pictures(self, position: int) -> list[bytes]:
        """The pictures of a row, encoded as they are in the file.

        Raises:
            BadRowError: they cannot be read.
        """
        ...
