"""ERQA's TFRecord without tensorflow; a file that is cut off or damaged says where."""

import struct

from experiments.understanding.readers.tfrecord import TfRecordSource, masked_crc, parse_example
from experiments.understanding.sample import BadRow
from tests.experiments.understanding.fixtures import example, frame, png, write_erqa


def test_the_checksum_is_tfrecords():
    # crc32c("123456789") = 0xE3069283 (RFC 3720's polynomial, the usual check value), masked as TFRecord does.
    crc = 0xE3069283
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_records_have_their_features_and_pictures(tmp_path):
    source = TfRecordSource((write_erqa(tmp_path / "erqa.tfrecord"),))
    rows = [row for row in source.rows() if isinstance(row, dict)]
    assert len(rows) == 12
    assert rows[1]["answer"] == [b"B"]
    assert rows[1]["visual_indices"] == [0, 0]
    assert "image/encoded" not in rows[1]
    assert source.pictures(1) == [png(1), png(2)]


def test_numbers_are_read_packed_and_not():
    floats = b"\x0a\x08" + struct.pack("<2f", 1.5, -2)
    packed = b"\x0a" + bytes([7 + len(floats)]) + b"\x0a\x01f\x12" + bytes([len(floats) + 2]) + b"\x12" + bytes([len(floats)]) + floats
    assert parse_example(b"\x0a" + bytes([len(packed)]) + packed) == {"f": [1.5, -2]}
    assert parse_example(example({"n": [3, 300, 2**64 - 1]})) == {"n": [3, 300, -1]}


def test_a_file_that_ends_early_names_the_place(tmp_path):
    path = write_erqa(tmp_path / "erqa.tfrecord", 3)
    path.write_bytes(path.read_bytes()[:-10])
    rows = list(TfRecordSource((path,)).rows())
    assert [isinstance(row, BadRow) for row in rows] == [False, False, True]
    assert "the file ends within this record" in getattr(rows[2], "reason", "")


def test_a_damaged_length_and_a_damaged_record_are_named(tmp_path):
    path = tmp_path / "erqa.tfrecord"
    path.write_bytes(frame(example({"answer": [b"A"]})) + frame(b"\xff\xff\xff") + b"\x05" * 40)
    rows = list(TfRecordSource((path,)).rows())
    assert [getattr(row, "reason", "")[:28] for row in rows] == ["", "not a tf.train.Example (inde", "erqa.tfrecord, byte 54: no f"]
