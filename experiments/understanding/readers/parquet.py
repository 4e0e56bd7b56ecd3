"""A Hugging Face data set as a folder of parquet files: columns without pictures at once, pictures by row group."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.understanding.sample import BadRowError


class ParquetSource:
    """Files in the order of their names; rows are counted through all of them.

    Raises:
        ValueError: a file is no parquet file.
    """

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files
        self._read_last: tuple[tuple[int, int], list[dict[str, Any]]] | None = None
        try:
            self._open = [pq.ParquetFile(path) for path in files]
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"not all of {[str(p) for p in files]} are whole parquet files: {error}") from error

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row's columns that hold no picture."""
        for file in self._open:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group, self._columns(file, pictures=False)).to_pylist()

    def pictures(self, position: int) -> list[bytes]:
        """The bytes of every picture column, lists in their order; a row's neighbours are kept for the next call."""
        place, row = self._find(position)
        if self._read_last is None or self._read_last[0] != place:
            file = self._open[place[0]]
            self._read_last = place, file.read_row_group(place[1], self._columns(file, pictures=True)).to_pylist()
        values = self._read_last[1][row].values()
        return [_bytes(entry) for value in values for entry in (value if isinstance(value, list) else [value]) if entry is not None]

    @cached_property
    def _sizes(self) -> list[tuple[tuple[int, int], int]]:
        """((file, row group), rows) in order."""
        return [((i, g), f.metadata.row_group(g).num_rows) for i, f in enumerate(self._open) for g in range(f.num_row_groups)]

    def _find(self, position: int) -> tuple[tuple[int, int], int]:
        for place, size in self._sizes:
            if position < size:
                return place, position
            position -= size
        raise IndexError(position)

    def _columns(self, file: pq.ParquetFile, pictures: bool) -> list[str]:
        return [f.name for f in file.schema_arrow if _holds_pictures(f.type) == pictures]


def _holds_pictures(kind: pa.DataType) -> bool:
    """Bytes, a struct with `bytes` in it (as `datasets` stores a picture), or a list of one of the two."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_pictures(kind.value_type)
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _bytes(value: Any) -> bytes:
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise BadRowError("its image holds no bytes, only a path elsewhere")
    return data
