"""The wire holds numbers, texts and arrays, as openpi's client writes them, and nothing that could run."""

import pickle
from typing import Any

import msgpack
import numpy as np
import pytest

from policy import wire
from tests.policy import serving

packb: Any = msgpack.packb  # its own types say that it may give None


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64, np.bool_])
def test_an_array_comes_back_the_same(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = wire.unpack(wire.pack({"a": array, "b": [array[0], "text", 1.5, None]}))
    assert back["a"].dtype == dtype
    assert np.array_equal(back["a"], array)
    assert np.array_equal(back["b"][0], array[0])
    assert back["b"][1:] == ["text", 1.5, None]


def test_an_array_that_came_may_be_written_to():
    wire.unpack(wire.pack(np.zeros(3)))[0] = 1


def test_it_writes_and_reads_what_openpis_client_does():
    message = {"prompt": "Sort toys.", "x": np.eye(3, dtype=np.float32)}
    assert wire.pack(message) == serving.encode(message)
    assert np.array_equal(serving.decode(wire.pack(message))["x"], message["x"])


def test_a_numpy_number_comes_back_as_one():
    assert wire.unpack(wire.pack(np.float32(0.5))) == np.float32(0.5)


def test_an_array_of_objects_is_not_sent():
    with pytest.raises(wire.WireError, match=r"arrays of dtype object are refused; .*never pickle"):
        wire.pack(np.array([{}], object))


def test_an_array_of_objects_is_not_read():
    data = packb({b"__ndarray__": True, b"data": b"12345678", b"dtype": "|O", b"shape": [1]})
    with pytest.raises(wire.WireError, match="arrays of dtype object are refused"):
        wire.unpack(data)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_a_pickle_is_refused_and_never_run():
    with pytest.raises(wire.WireError, match="are no msgpack message"):
        wire.unpack(pickle.dumps(Bomb()))
    inside = {b"nd": True, b"kind": b"O", b"type": b"O", b"shape": [1], b"data": pickle.dumps(Bomb())}
    assert wire.unpack(packb(inside)) == inside  # msgpack_numpy's form of a pickle: left as bytes


@pytest.mark.parametrize(
    ("dtype", "data", "shape", "message"),
    [
        ("<f4", b"1234", [2], r"an array of shape \(2,\) float32 has 4 bytes, expected 8"),
        ("<f4", b"", [-1, 0], "expected bytes and a list of sizes"),
        ("<f4", "text", [1], "expected bytes and a list of sizes"),
        ("<z9", b"1234", [1], "which numpy does not know"),
        ("i4,f4", b"12345678", [1], "are refused"),
        ("<c8", b"12345678", [1], "arrays of dtype complex64 are refused"),
    ],
)
def test_an_array_that_does_not_fit_itself_is_refused(dtype, data, shape, message):
    with pytest.raises(wire.WireError, match=message):
        wire.unpack(packb({b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape}))


def test_what_msgpack_has_no_form_for_is_not_sent():
    with pytest.raises(wire.WireError, match="cannot send this: Bomb is neither number"):
        wire.pack({"x": Bomb()})
