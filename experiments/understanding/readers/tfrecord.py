"""ERQA's TFRecord without tensorflow: the frames of the file, and protobuf's `Example` in its three kinds of feature.

A frame is length u64 LE, masked crc32c of it, payload, masked crc32c of that. The first sum is checked (a wrong length
would lead astray); the second would cost seconds a megabyte here, and a damaged picture shows when it is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.understanding.sample import BadRow, BadRowError

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
_MASK = 0xA282EAD8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
PICTURES = "image/encoded"


class TfRecordSource:
    """Records of one or more files."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files

    def rows(self) -> Iterator[dict[str, Any] | BadRow]:
        """Every record's features less its pictures: lists of bytes, floats or ints; or what is wrong."""
        for position in range(len(self._frames)):
            try:
                yield {k: v for k, v in self._example(position).items() if k != PICTURES}
            except BadRowError as error:
                yield BadRow(position, "", str(error))

    def pictures(self, position: int) -> list[bytes]:
        """The record's encoded pictures."""
        return self._example(position).get(PICTURES, [])

    @cached_property
    def _frames(self) -> list[tuple[Path, int, int] | str]:
        """(file, place, length) of each payload, or why the rest of a file cannot be read."""
        return [frame for path in self.files for frame in _frames(path)]

    def _example(self, position: int) -> dict[str, list[Any]]:
        frame = self._frames[position]
        if isinstance(frame, str):
            raise BadRowError(frame)
        path, place, length = frame
        with path.open("rb") as file:
            file.seek(place)
            return parse_example(file.read(length))


def _frames(path: Path) -> Iterator[tuple[Path, int, int] | str]:
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(12)
            length = int.from_bytes(head[:8], "little")
            if len(head) < 12 or masked_crc(head[:8]) != int.from_bytes(head[8:], "little"):
                yield f"{path.name}, byte {at}: no frame starts here; what follows is lost"
                return
            if at + 16 + length > size:
                yield f"{path.name}, byte {at}: the file ends within this record"
                return
            yield path, at + 12, length
            at += 16 + length


def masked_crc(data: bytes) -> int:
    """TFRecord's checksum: crc32c, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def parse_example(data: bytes) -> dict[str, list[Any]]:
    """The features of a serialised `tf.train.Example`.

    Raises:
        BadRowError: it is none.
    """
    try:
        features = [value for number, value in _fields(data) if number == 1]
        entries = [dict(_fields(entry)) for block in features for number, entry in _fields(block) if number == 1]
        return {entry[1].decode(): _feature(entry.get(2, b"")) for entry in entries}
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise BadRowError(f"not a tf.train.Example ({error})") from None


def _feature(data: bytes) -> list[Any]:
    """`bytes_list` (1), `float_list` (2) or `int64_list` (3); numbers may be packed."""
    out: list[Any] = []
    for kind, block in _fields(data):
        for _, value in _fields(block):
            if kind == 1 or isinstance(value, int | float):
                out.append(value)
            elif kind == 2:
                out += struct.unpack(f"<{len(value) // 4}f", value)
            else:
                out += _varints(value)
    return out


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value - (1 << 64) if value >> 63 else value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError(f"a field of {length} bytes in {len(data) - at}")
            yield number, data[at : at + length]
            at += length
        elif kind in (_FIXED32, _FIXED64):
            width = 4 if kind == _FIXED32 else 8
            yield number, struct.unpack("<f" if width == 4 else "<d", data[at : at + width])[0]
            at += width
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _varints(data: bytes) -> list[int]:
    out, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value - (1 << 64) if value >> 63 else value)
    return out
