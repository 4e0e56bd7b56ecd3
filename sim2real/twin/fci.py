"""The robot's network side: requests over TCP, states and commands over UDP, one client at a time."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sim2real.twin import wire
from sim2real.twin.control_box import ControlBox
from sim2real.twin.wire import Command

CONNECT_OK, CONNECT_OTHER_VERSION = 0, 1
LOOPBACK = tuple(f"127.0.0.{i}" for i in range(1, 255))


class Port(Protocol):
    """Something else that is served while the arm waits."""

    def fileno(self) -> int: ...

    def receive(self, now: float) -> None: ...

    def send_due(self, now: float) -> None: ...


def listen(ip: str | None) -> socket.socket:
    """A socket that listens on `ip`, or on the first free loopback address: the port is fixed, so robots differ by address.

    Raises:
        ValueError: the address is not a loopback one; there is no password. OSError: it is in use.
    """
    if ip is not None and not ip.startswith("127."):
        raise ValueError(f"ip={ip} is no loopback address; a twin is served to its own machine only (127.0.0.1, 127.0.0.2, ...)")
    for address in (ip,) if ip else LOOPBACK:
        try:
            return socket.create_server((address, wire.PORT), backlog=2)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    where = ip or "every loopback address"
    raise OSError(f"port {wire.PORT} of {where} is in use, by another twin perhaps; end it, or leave ip= out to take a free address")


class FciServer:
    """Sockets around a control box. `received` holds the commands that have come, with the time; the caller takes them."""

    def __init__(self, box: ControlBox, listener: socket.socket, ports: tuple[Port, ...]):
        self.box, self.listener, self.ports = box, listener, ports
        self.ip = listener.getsockname()[0]
        self.received: deque[Command] = deque()
        self.answered = 0  # id of the newest state that a command answers, lost or not
        self.drop_commands = self.drop_states = 0
        self.silent_until = 0.0
        self.connected = False  # a client has said hello
        self.on_connect: Callable[[], None] = lambda: None
        self._tcp: socket.socket | None = None
        self._udp: socket.socket | None = None
        self._buffer = b""

    def disconnect(self) -> None:
        """Drop the client; the arm is held."""
        for sock in (self._tcp, self._udp):
            if sock is not None:
                sock.close()
        self._tcp = self._udp = None
        self.connected, self._buffer = False, b""
        self.received.clear()
        if self.box.motion is not None:
            self.box.end_motion(wire.PREEMPTED)
        self.box.replies.clear()

    def close(self) -> None:
        """Drop the client and listen no more."""
        self.disconnect()
        self.listener.close()

    def send_state(self, packet: bytes, again: bool = False) -> bool:
        """Send a state; False if it was lost. `again`: it was sent before, which libfranka takes as a sign of life only."""
        if self._udp is None or time.monotonic() < self.silent_until:
            return False
        if self.drop_states and not again:
            self.drop_states -= 1
            return False
        try:
            self._udp.send(packet)
        except OSError:
            return False
        return True

    def send_replies(self) -> None:
        """Send what the box has answered."""
        for name, command_id, status, extra in self.box.replies:
            self._send(self.box.dialect.reply(name, command_id, status, extra))
        self.box.replies.clear()

    def serve(self, until: float, done: Callable[[], bool] | None = None) -> bool:
        """Serve everything until the time `until` (of time.monotonic) or until `done()`; whether it is."""
        while True:
            now = time.monotonic()
            for port in self.ports:
                port.send_due(now)
            sockets = [s for s in (self.listener, self._tcp, self._udp) if s is not None]
            ready, _, _ = select.select([*sockets, *self.ports], [], [], max(0.0, until - now))
            for source in ready:
                if source is self.listener:
                    self._accept()
                elif source is self._tcp:
                    self._receive_requests()
                elif source is self._udp:
                    self._receive_commands()
                elif source in self.ports:
                    source.receive(now)
            if done is not None and done():
                return True
            if time.monotonic() >= until:
                return False

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        self.disconnect()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tcp = client

    def _receive_requests(self) -> None:
        assert self._tcp is not None
        try:
            data = self._tcp.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.disconnect()
            return
        self._buffer += data
        while len(self._buffer) >= wire.HEADER.size:
            number, command_id, size = wire.HEADER.unpack_from(self._buffer)
            if len(self._buffer) < size:
                return
            payload, self._buffer = self._buffer[wire.HEADER.size : size], self._buffer[size:]
            name = self.box.dialect.name(number)
            if name == "connect":
                self._hello(command_id, payload)
                continue
            self.box.request(name, command_id, payload)
            if name != "recover":  # its answer comes after a state that shows no error any more, or clients see the old one
                self.send_replies()

    def _hello(self, command_id: int, payload: bytes) -> None:
        """A client says its version and the port where it wants states."""
        assert self._tcp is not None
        version, port = struct.unpack_from("<HH", payload)
        same = version == self.box.dialect.version
        status = CONNECT_OK if same else CONNECT_OTHER_VERSION
        body = struct.pack("<BH", status, self.box.dialect.version)
        self._send(wire.HEADER.pack(0, command_id, wire.HEADER.size + len(body)) + body)
        if same:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.bind((self.ip, 0))
            self._udp.connect((self._tcp.getpeername()[0], port))
            self._udp.setblocking(False)
            self.box.forget_client()
            self.connected = True
            self.on_connect()

    def _receive_commands(self) -> None:
        assert self._udp is not None
        while True:
            try:
                datagram = self._udp.recv(2048)
            except OSError:
                return
            command = self.box.dialect.decode(datagram)
            if command is None:
                continue
            self.answered = max(self.answered, command.message_id)
            if self.drop_commands:
                self.drop_commands -= 1
            else:
                self.received.append(command)

    def _send(self, data: bytes) -> None:
        if self._tcp is not None:
            try:
                self._tcp.sendall(data)
            except OSError:
                self.disconnect()
