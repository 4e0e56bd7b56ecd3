"""LLaVA's records, one JSON object a line (or all in one list), with pictures in files beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.understanding.sample import BadRow, BadRowError


class JsonlSource:
    """`image` of a record is a file or a list of them, in the folder of the JSONL or in its `images`."""

    def __init__(self, path: Path) -> None:
        self.files = (path,)
        self._folder = path.parent

    def rows(self) -> Iterator[dict[str, Any] | BadRow]:
        """Every record, or what is wrong with the line."""
        yield from self._rows

    def pictures(self, position: int) -> list[bytes]:
        """The files that the record names."""
        row = self._rows[position]
        if isinstance(row, BadRow):
            raise BadRowError(row.reason)
        named = row.get("image") or []
        return [self._file(str(name)) for name in (named if isinstance(named, list) else [named])]

    @cached_property
    def _rows(self) -> list[dict[str, Any] | BadRow]:
        text = self.files[0].read_text(errors="replace")
        if text.lstrip().startswith("["):
            return [_checked(i, entry) for i, entry in enumerate(json.loads(text))]
        return [_parsed(i, line) for i, line in enumerate(line for line in text.split("\n") if line.strip())]

    def _file(self, name: str) -> bytes:
        for path in (self._folder / name, self._folder / "images" / name):
            if path.is_file():
                return path.read_bytes()
        raise BadRowError(f"no picture {name} in {self._folder}")


def _parsed(position: int, line: str) -> dict[str, Any] | BadRow:
    try:
        return _checked(position, json.loads(line))
    except ValueError as error:
        return BadRow(position, "", f"no JSON ({error})")


def _checked(position: int, entry: Any) -> dict[str, Any] | BadRow:
    if isinstance(entry, dict) and isinstance(entry.get("conversations"), list):
        return entry
    return BadRow(position, str(entry.get("id", "")) if isinstance(entry, dict) else "", "no conversations")
