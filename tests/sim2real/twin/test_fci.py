"""The network side, driven by a client of a few lines that speaks any version, without libfranka."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from envs.types import Trial
from sim2real.twin import wire
from sim2real.twin.arm_model import urdf
from sim2real.twin.clock import Clock, Mode
from sim2real.twin.control_box import ControlBox
from sim2real.twin.fci import FciServer, listen
from sim2real.twin.gripper import Gripper
from sim2real.twin.plant import Plant
from sim2real.twin.robots import FR3
from sim2real.twin.state_ring import StateRing
from sim2real.twin.wire import DIALECTS, HEADER


class Server:
    """A clock in a thread of this process."""

    def __init__(self, folder: Path, version: int = 10, mode: Mode = "lockstep"):
        plant = Plant("close_drawer")
        plant.reset(Trial("close_drawer", 0))
        self.box = ControlBox(plant, DIALECTS[version], urdf(FR3).encode(), b"\x7fELF")
        self.fci = FciServer(self.box, listen(None), ())
        self.ring = StateRing(folder / f"states_{version}_{mode}", create=True)
        self.bell = socket.socketpair()
        self.clock = Clock(mode, 0, self.box, Gripper(plant, False), self.fci, self.ring, self.bell[1])
        self.clock.restart()
        self.thread = threading.Thread(target=self.clock.run, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.clock.running = False
        self.thread.join(5)
        self.fci.close()


class Client:
    def __init__(self, server: Server, version: int):
        self.dialect = DIALECTS[version]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(2.0)
        self.tcp = socket.create_connection((server.fci.ip, wire.PORT), timeout=2.0)
        self.count = 0
        self.hello = self.ask("connect", struct.pack("<HH", version, self.udp.getsockname()[1]))

    def send(self, name: str, payload: bytes = b"") -> int:
        self.count += 1
        number = self.dialect.commands.index(name)
        self.tcp.sendall(HEADER.pack(number, self.count, HEADER.size + len(payload)) + payload)
        return self.count

    def reply(self) -> tuple[int, bytes]:
        """Command id, and what follows the header."""
        _, command_id, size = HEADER.unpack(self._exactly(HEADER.size))
        return command_id, self._exactly(size - HEADER.size)

    def ask(self, name: str, payload: bytes = b"") -> bytes:
        sent = self.send(name, payload)
        command_id, body = self.reply()
        assert command_id == sent
        return body

    def state(self) -> np.void:
        self.udp.setblocking(True)
        datagram, self.address = self.udp.recvfrom(4096)
        return np.frombuffer(datagram, self.dialect.state)[0]

    def newest(self) -> np.void:
        """The newest state; waits for one."""
        state = self.state()
        self.udp.setblocking(False)
        while True:
            try:
                state = np.frombuffer(self.udp.recv(4096), self.dialect.state)[0]
            except BlockingIOError:
                return state

    def command(self, message_id: int, finished: bool = False, joint_vel: float = 0.0) -> None:
        values = [message_id, *np.zeros(7), joint_vel, *np.zeros(6), *np.eye(4).ravel(), *np.zeros(6), 0, -1, False, finished]
        values += [*np.zeros(7)] + ([False] if self.dialect.version > 6 else [])
        self.udp.sendto(self.dialect.command.pack(*values), self.address)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.tcp.recv(size - len(data))
            assert more, "the server closed the connection"
            data += more
        return data


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("fci"))
    yield server
    server.close()


def move_payload(version: int) -> bytes:
    return struct.pack("<II", wire.JOINT_IMPEDANCE, wire.JOINT_VELOCITY) + bytes(48 + (57 if version == 10 else 0))


@pytest.mark.parametrize("version", [5, 9, 10])
def test_each_version_connects_reads_states_and_carries_out_a_motion(tmp_path, version):
    server = Server(tmp_path, version)
    try:
        client = Client(server, version)
        assert client.hello == struct.pack("<BH", 0, version)
        assert client.state()["robot_mode"] == wire.MODE_IDLE
        if version > 5:
            assert client.ask("get_robot_model")[:6] == b"\x00<?xml"
        if version < 10:
            assert client.ask("load_model", bytes(2)) == b"\x00\x7fELF"
        move = client.send("move", move_payload(version))
        assert client.reply() == (move, b"\x01")  # started
        state = client.newest()
        while state["motion_generator_mode"] != wire.JOINT_VELOCITY + 1:
            state = client.newest()
        assert state["robot_mode"] == wire.MODE_MOVE  # in the same state
        for i in range(30):
            client.command(int(state["message_id"]), joint_vel=0.005 * min(i, 20))
            state = client.state()
        assert state["dq_d"][0] == pytest.approx(0.1)
        while state["motion_generator_mode"] != wire.IDLE_GENERATOR:
            client.command(int(state["message_id"]), finished=True)
            state = client.state()
        assert client.reply() == (move, b"\x00")
        assert server.box.lost_total == 0
    finally:
        server.close()


def test_another_version_is_told_which_one_is_spoken(server):
    client = Client(server, 9)
    assert client.hello == struct.pack("<BH", 1, 10)


def test_lockstep_waits_for_a_slow_client_and_counts_nothing_as_lost(server):
    client = Client(server, 10)
    client.ask("move", move_payload(10))
    state = client.newest()
    while state["robot_mode"] != wire.MODE_MOVE:
        state = client.newest()
    client.command(int(state["message_id"]))
    lost = server.box.lost_total
    for _ in range(5):
        state = client.newest()
        threading.Event().wait(0.03)
        client.command(int(state["message_id"]))
    assert server.box.lost_total == lost
    client.ask("stop_move")


def test_a_new_client_takes_the_place_of_the_old_and_the_arm_is_held(server):
    first = Client(server, 10)
    first.ask("move", move_payload(10))
    second = Client(server, 10)
    assert second.newest()["robot_mode"] == wire.MODE_IDLE
    assert first.tcp.recv(1) == b""


def test_only_loopback_addresses_are_listened_on():
    with pytest.raises(ValueError, match="no loopback address"):
        listen("0.0.0.0")


def test_an_address_in_use_is_said_so_and_without_one_the_next_is_taken(server):
    with pytest.raises(OSError, match="in use"):
        listen(server.fci.ip)
    other = listen(None)
    assert other.getsockname()[0] != server.fci.ip
    other.close()


def test_real_time_counts_what_does_not_come_and_stops_at_the_twentieth(tmp_path):
    server = Server(tmp_path, mode="real_time")
    try:
        client = Client(server, 10)
        move = client.send("move", move_payload(10))
        assert client.reply() == (move, b"\x01")
        state = client.newest()
        while state["robot_mode"] != wire.MODE_MOVE:
            state = client.newest()
        client.command(int(state["message_id"]))
        assert client.reply() == (move, b"\x08")  # reflex aborted
        assert server.box.last_errors == ("communication_constraints_violation",)
        assert server.box.lost_total == 20
    finally:
        server.close()


def test_an_answer_that_comes_too_late_does_not_begin_a_motion_past_its_gate(tmp_path):
    server = Server(tmp_path, mode="gated")
    try:
        client = Client(server, 10)
        move = client.send("move", move_payload(10))
        assert client.reply() == (move, b"\x01")
        late = client.newest()
        while late["motion_generator_mode"] != wire.JOINT_VELOCITY + 1:
            late = client.newest()
        newer = client.state()
        client.command(int(late["message_id"]))
        while client.newest()["message_id"] <= newer["message_id"] + 1:
            pass
        assert server.box.motion is not None
        assert not server.box.motion.started
        while not server.ring.header["at_gate"]:
            client.command(int(client.newest()["message_id"]))
        assert server.box.plant.ticks == 0
    finally:
        server.close()
