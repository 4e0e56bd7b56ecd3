"""Where each record of a large JSON file stands, so that one is read at a time and the file is never loaded whole.

Takes JSON lines, and one JSON array of objects (as llava_v1_5_mix665k.json is written). The index is made in one pass
over blocks of the file and kept as a memory-mapped array beside the training: 16 bytes a record.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 22
QUOTE, BACKSLASH, OPEN, CLOSE, NEWLINE = b'"\\{}\n'


class BrokenRecord(ValueError):
    """A record that is no JSON object."""


@dataclass(frozen=True)
class LlavaIndex:
    """The records of `path`; `spans` is the file with their places."""

    path: Path
    spans: Path

    @classmethod
    def of(cls, path: Path, folder: Path) -> LlavaIndex:
        """The index of a file, made in `folder` unless it is there already for the file as it is now.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is neither JSON lines nor an array of objects.
        """
        if not path.is_file():
            raise FileNotFoundError(f"no visual-text data at {path}; give train.llava= a file in LLaVA's format (.json or .jsonl)")
        state = path.stat()
        name = hashlib.sha256(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
        spans = folder / f"{name}.npy"
        if not spans.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            half = folder / f"{name}.{os.getpid()}"  # processes that train together may all come here at once
            with half.open("wb") as file:
                np.save(file, find_records(path))
            half.replace(spans)
        return cls(path, spans)

    @cached_property
    def _spans(self) -> NDArray[np.int64]:
        return np.load(self.spans, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._spans)

    def record(self, number: int) -> dict[str, Any]:
        """Record `number`.

        Raises:
            BrokenRecord: it is no JSON object.
        """
        start, stop = map(int, self._spans[number])
        with self.path.open("rb") as file:
            file.seek(start)
            text = file.read(stop - start)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise BrokenRecord(f"no JSON: {error}") from error
        if not isinstance(found, dict):
            raise BrokenRecord(f"a {type(found).__name__}, expected an object")
        return found


def find_records(path: Path) -> NDArray[np.int64]:
    """(n, 2) int64: first byte of each record and the byte behind it.

    Raises:
        ValueError: the file is empty, or an array that does not end.
    """
    with path.open("rb") as file:
        first = next((c for c in iter(lambda: file.read(1), b"") if not c.isspace()), b"")
    if not first:
        raise ValueError(f"{path} is empty; expected JSON lines or an array of records in LLaVA's format")
    found = [*(_objects(path) if first == b"[" else _lines(path))]
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _blocks(path: Path) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(offset, bytes) of one block after the other."""
    offset = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield offset, np.frombuffer(block, np.uint8)
            offset += len(block)


def _lines(path: Path) -> Iterator[NDArray[np.int64]]:
    """Spans of the lines that hold anything."""
    start = 0
    for offset, block in _blocks(path):
        ends = offset + np.flatnonzero(block == NEWLINE)
        starts = np.r_[start, ends[:-1] + 1] if len(ends) else ends
        start = int(ends[-1]) + 1 if len(ends) else start
        yield _filled(np.stack([starts, ends], 1))
    yield _filled(np.array([[start, path.stat().st_size]]))


def _filled(spans: NDArray[np.integer]) -> NDArray[np.int64]:
    return spans[spans[:, 1] - spans[:, 0] > 1].astype(np.int64)  # shorter than {} is no record


def _objects(path: Path) -> Iterator[NDArray[np.int64]]:
    """Spans of the objects in an array: from a brace that opens at depth 0 to the one that closes it, strings left out."""
    depth, in_string, is_escaped, start = 0, False, False, 0
    for offset, block in _blocks(path):
        live, is_escaped = _unescaped(block, is_escaped)
        quotes = (block == QUOTE) & live
        inside = (np.cumsum(quotes) + in_string) % 2 == 1  # a closing quote is outside, which no brace is
        in_string = bool(inside[-1])
        turn = ((block == OPEN).astype(np.int8) - (block == CLOSE)) * ~inside
        at = np.flatnonzero(turn)
        levels = depth + np.cumsum(turn[at])
        opened, closed = at[(turn[at] == 1) & (levels == 1)], at[(turn[at] == -1) & (levels == 0)]
        starts = offset + (np.r_[start - offset, opened] if depth else opened)
        ends = offset + closed + 1
        depth = int(levels[-1]) if len(at) else depth
        start = int(starts[-1]) if depth else 0
        yield np.stack([starts[: len(ends)], ends], 1).astype(np.int64)
    if depth:
        raise ValueError(f"{path} ends inside record that begins at byte {start}; it is cut off: fetch it again")


def _unescaped(block: NDArray[np.uint8], is_escaped: bool) -> tuple[NDArray[np.bool_], bool]:
    """Which bytes no backslash stands before, and whether the byte behind the block is escaped.

    A byte behind an odd run of backslashes is escaped; `is_escaped` says so of the first byte.
    """
    live = np.ones(len(block), bool)
    live[0] = not is_escaped
    slashes = np.flatnonzero(block == BACKSLASH)
    if is_escaped and len(slashes) and slashes[0] == 0:
        slashes = slashes[1:]  # it is escaped itself, and escapes nothing
    if not len(slashes):
        return live, False
    first = np.r_[True, np.diff(slashes) > 1]
    begins = slashes[first]
    lengths = np.diff(np.r_[np.flatnonzero(first), len(slashes)])
    behind = (begins + lengths)[lengths % 2 == 1]
    live[behind[behind < len(block)]] = False
    return live, bool(len(behind) and behind[-1] == len(block))
