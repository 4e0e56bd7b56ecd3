"""VLMEvalKit's TSV: base64 pictures in cells of megabytes, read row by row; a short cell names the row that has the picture."""

from __future__ import annotations

import base64
import binascii
import csv
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from experiments.understanding.readers.cells import literal_list
from experiments.understanding.sample import BadRow, BadRowError

REFERENCE = 64  # characters up to which an image cell is another row's index (VLMEvalKit's rule)


class TsvSource:
    """A table whose rows are found by their place in the file, so that memory holds one at a time."""

    def __init__(self, path: Path) -> None:
        self.files = (path,)
        self._path = path
        csv.field_size_limit(sys.maxsize)  # the default refuses cells over 128 KiB

    def rows(self) -> Iterator[dict[str, str] | BadRow]:
        """Cells by column, of a picture only its first character, or what is wrong."""
        with self._path.open("rb") as file:
            for position, (_, cells) in enumerate(_records(file)):
                name = cells[self.columns.index("index")] if len(cells) == len(self.columns) else ""
                try:
                    yield {k: v[:1] if k == "image" else v for k, v in self._row(cells).items()}
                except BadRowError as error:
                    yield BadRow(position, name, str(error))

    def pictures(self, position: int) -> list[bytes]:
        """The row's pictures, from its own cell, another row's, or files beside the table."""
        row = self._read(position)
        cell = row.get("image", "")
        if cell and len(cell) <= REFERENCE:
            if cell not in self._places:
                raise BadRowError(f"its image is '{cell}', which is no row's index")
            cell = self._read(self._places[cell])["image"]
        if cell:
            return [_decoded(text) for text in literal_list(cell)]
        return [self._file(name) for name in literal_list(row.get("image_path", "")) if name]

    @cached_property
    def columns(self) -> list[str]:
        """The header."""
        with self._path.open("rb") as file:
            return next(csv.reader([file.readline().decode("utf-8-sig")], delimiter="\t"), [])

    @cached_property
    def _offsets(self) -> list[int]:
        with self._path.open("rb") as file:
            return [offset for offset, _ in _records(file)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {row["index"]: i for i, row in enumerate(self.rows()) if not isinstance(row, BadRow)}

    def _read(self, position: int) -> dict[str, str]:
        with self._path.open("rb") as file:
            file.seek(self._offsets[position])
            _, cells = next(_records(file, header=False))
        return self._row(cells)

    def _row(self, cells: list[str]) -> dict[str, str]:
        if len(cells) != len(self.columns):
            raise BadRowError(f"{len(cells)} cells, expected {len(self.columns)}")
        if any("\ufffd" in cell for cell in cells):
            raise BadRowError("not UTF-8")
        return dict(zip(self.columns, cells, strict=True))

    def _file(self, name: str) -> bytes:
        """A picture beside the table: VLMEvalKit puts those of large sets into images/<set>/."""
        folder = self._path.parent
        for path in (folder / name, folder / "images" / self._path.stem.removesuffix("_local") / name):
            if path.is_file():
                return path.read_bytes()
        raise BadRowError(f"no picture {name} in {folder}")


def _records(file: BinaryIO, header: bool = True) -> Iterator[tuple[int, list[str]]]:
    """(place of its first byte, cells) of each record; the reader takes no more lines than a record has."""
    starts: list[int] = []

    def lines() -> Iterator[str]:
        at = file.tell()
        for line in file:
            starts.append(at)
            at += len(line)
            yield line.decode("utf-8", "replace")

    for number, cells in enumerate(csv.reader(lines(), delimiter="\t")):
        if cells and (number or not header):
            yield starts[0], cells
        starts.clear()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRowError(f"its image is no base64 ({error})") from None
