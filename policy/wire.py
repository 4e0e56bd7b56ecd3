"""Messages as openpi sends them: msgpack, with numpy arrays as bytes, dtype and shape. Nothing is ever unpickled."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import numpy as np

KINDS = "biuf"  # numpy's letters for truth values and real numbers: all that observations and actions are made of


class WireError(ValueError):
    """Bytes that are no message of this protocol, or a value that none can hold."""


def pack(message: Any) -> bytes:
    """Numbers, texts, lists, mappings and arrays as bytes.

    Raises:
        WireError: an array of objects, or a value that msgpack has no form for.
    """
    try:
        return msgpack.Packer(default=_array_as_map).pack(message)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"cannot send this: {error}") from error


def unpack(data: bytes) -> Any:
    """The message that `pack` (or openpi's client) made; its arrays are copies that may be written to.

    Raises:
        WireError: no msgpack, or an array whose dtype, shape and number of bytes do not fit.
    """
    try:
        return msgpack.unpackb(data, object_hook=_map_as_array)
    except WireError:
        raise
    except Exception as error:  # msgpack raises a dozen kinds for bytes that are none of its own
        raise WireError(f"{len(data)} bytes are no msgpack message: {type(error).__name__} {error}") from error


def _array_as_map(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        _checked(value.dtype)
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        _checked(value.dtype)
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} is neither number, text, list, mapping nor array")


def _map_as_array(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        return _array(value)
    if b"__npgeneric__" in value:
        return _dtype(value).type(value.get(b"data"))
    return value


def _array(value: dict[Any, Any]) -> np.ndarray:
    dtype, data, shape = _dtype(value), value.get(b"data"), value.get(b"shape")
    if not isinstance(data, bytes) or not isinstance(shape, list) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise WireError(f"an array has data {type(data).__name__} and shape {shape!r}, expected bytes and a list of sizes")
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise WireError(f"an array of shape {tuple(shape)} {dtype} has {len(data)} bytes, expected {math.prod(shape) * dtype.itemsize}")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _dtype(value: dict[Any, Any]) -> np.dtype:
    try:
        return _checked(np.dtype(value.get(b"dtype")))
    except TypeError as error:
        raise WireError(f"an array has dtype {value.get(b'dtype')!r}, which numpy does not know") from error


def _checked(dtype: np.dtype) -> np.dtype:
    if dtype.kind not in KINDS or dtype.fields:
        raise WireError(f"arrays of dtype {dtype} are refused; send truth values, integers or floats (never objects, never pickle)")
    return dtype
