from __future__ import annotations

import pytest

from sim2real.twin.modbus import answer, checksum, split

# Robotiq 2F-85 instruction manual, section 4.7.
ACTIVATE = bytes.fromhex("09 10 03 E8 00 03 06 00 00 00 00 00 00 73 30")
CLOSE = bytes.fromhex("09 10 03 E8 00 03 06 09 00 00 00 FF FF 72 19")
WRITTEN = bytes.fromhex("09 10 03 E8 00 03 01 30")


def test_the_manuals_frames_have_right_checksums():
    for frame in (ACTIVATE, CLOSE, WRITTEN):
        assert checksum(frame[:-2]) == frame[-2:]


def test_the_manuals_write_is_carried_out_and_answered_as_printed():
    (request,), rest = split(CLOSE)
    written = {}
    reply = answer(request, lambda address, count: [0] * count, lambda address, values: written.update({address: list(values)}))
    assert (reply, rest) == (WRITTEN, b"")
    assert written == {1000: [0x0900, 0x0000, 0xFFFF]}


@pytest.mark.parametrize("function", [3, 4])
def test_registers_are_read_high_byte_first(function):
    body = bytes([9, function, 0x07, 0xD0, 0, 2])
    (request,), _ = split(body + checksum(body))
    reply = answer(request, lambda address, count: [address, 0x00BD], lambda *_: pytest.fail("written"))
    assert reply[:-2] == bytes([9, function, 4, 0x07, 0xD0, 0x00, 0xBD])
    assert checksum(reply[:-2]) == reply[-2:]


def test_one_frame_writes_and_reads():
    body = bytes.fromhex("09 17 07 D0 00 01 03 E9 00 01 02 00 40")
    (request,), _ = split(body + checksum(body))
    log = []
    reply = answer(request, lambda a, n: log.append(("read", a, n)) or [7], lambda a, v: log.append(("write", a, *v)))
    assert log == [("write", 1001, 0x40), ("read", 2000, 1)]
    assert reply[:-2] == bytes([9, 23, 2, 0, 7])


def test_a_frame_in_pieces_waits_for_the_rest_and_two_at_once_are_two():
    assert split(CLOSE[:9]) == ([], CLOSE[:9])
    requests, rest = split(CLOSE + ACTIVATE + CLOSE[:3])
    assert (len(requests), rest) == (2, CLOSE[:3])


def test_a_damaged_frame_is_not_answered():
    damaged = CLOSE[:-1] + bytes([CLOSE[-1] ^ 1])
    assert split(damaged) == ([], b"")
    assert split(bytes.fromhex("09 2B 00 00 00 00 00 00")) == ([], b"")
