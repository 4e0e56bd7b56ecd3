"""Modbus RTU, the slave's side: frames out of a stream of bytes, and answers with their checksum."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY, READ_WRITE = 3, 4, 6, 16, 23
Read = Callable[[int, int], Sequence[int]]  # address, count -> registers
Write = Callable[[int, Sequence[int]], None]


@dataclass(frozen=True)
class Request:
    """A whole frame with a right checksum. `body`: all after the function code, without the checksum."""

    slave: int
    function: int
    body: bytes


def checksum(frame: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def framed(slave: int, function: int, body: bytes) -> bytes:
    """A frame ready to send."""
    frame = bytes([slave, function]) + body
    return frame + checksum(frame)


def _length(buffer: bytes) -> int | None:
    """Bytes of the frame that the buffer starts with; None if not enough of it is there, 0 if it is none."""
    if len(buffer) < 2:
        return None
    function = buffer[1]
    if function in (READ_HOLDING, READ_INPUT, WRITE_ONE):
        return 8
    at = {WRITE_MANY: 6, READ_WRITE: 10}.get(function)
    if at is None:
        return 0
    return at + 3 + buffer[at] if len(buffer) > at else None


def split(buffer: bytes) -> tuple[list[Request], bytes]:
    """The requests in a buffer, and the rest that waits for more. What is no request, or damaged, is thrown away."""
    requests = []
    while True:
        length = _length(buffer)
        if length is None or len(buffer) < length:
            return requests, buffer
        frame = buffer[:length]
        if length == 0 or checksum(frame[:-2]) != frame[-2:]:
            return requests, b""  # a slave waits for the silence after a damaged frame; here that is the end of what came
        requests.append(Request(frame[0], frame[1], frame[2:-2]))
        buffer = buffer[length:]


def answer(request: Request, read: Read, write: Write) -> bytes:
    """Carry out a request on registers; the frame to send back."""
    body = request.body
    if request.function in (READ_HOLDING, READ_INPUT):
        return framed(request.slave, request.function, _registers(read(*struct.unpack(">HH", body))))
    if request.function == WRITE_ONE:
        address, value = struct.unpack(">HH", body)
        write(address, [value])
        return framed(request.slave, request.function, body)
    if request.function == WRITE_MANY:
        address, count = struct.unpack_from(">HH", body)
        write(address, struct.unpack_from(f">{count}H", body, 5))
        return framed(request.slave, request.function, body[:4])
    read_address, read_count, address, count = struct.unpack_from(">HHHH", body)
    write(address, struct.unpack_from(f">{count}H", body, 9))
    return framed(request.slave, request.function, _registers(read(read_address, read_count)))


def _registers(values: Sequence[int]) -> bytes:
    return bytes([2 * len(values)]) + struct.pack(f">{len(values)}H", *values)
