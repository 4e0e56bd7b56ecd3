"""The twin's millisecond: who waits for whom, in the three modes.

- `lockstep`: the arm waits for each answer, so that no command is ever missed; it goes at 1 kHz where the client keeps up.
- `real_time`: the arm waits for nobody, as the real one; what has not come within its millisecond is lost.
- `gated`: lockstep as fast as both sides can, but the arm stands still at the end of each control period (67, 67, 66 ms, ...)
  until it is told to go on. The same commands then give the same bits, whatever the timing of the processes, because
  nothing moves before a motion's first command, a motion starts at a fixed time, and its first command waits at the gate too.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from contextlib import suppress
from typing import Literal

from envs.motion import TICK, ticks_until
from sim2real.twin.control_box import ControlBox, Motion
from sim2real.twin.fci import FciServer
from sim2real.twin.gripper import Gripper
from sim2real.twin.state_record import StateRecord
from sim2real.twin.state_ring import StateRing
from sim2real.twin.wire import Command

Mode = Literal["lockstep", "real_time", "gated"]
MODES: tuple[Mode, ...] = ("lockstep", "real_time", "gated")

ANSWER_S = {"lockstep": 1.0, "gated": 20.0}  # after which a command that is waited for is lost
AGAIN_S = 0.2  # libfranka gives up after 1 s without a state; one that it has had already keeps it alive
BEHIND_S = 0.05  # that lockstep makes up for
START_S = (0.02, 0.1)  # after the first and the further states of a motion that begins at the gate
START_EVERY = 16384  # ms of the robot's time, at a multiple of which such a motion begins


class Clock:
    """Runs plant, controller and gripper, a millisecond at a time. `bell` gets a byte at every gate and at the end of every motion."""

    def __init__(self, mode: Mode, delay: int, box: ControlBox, gripper: Gripper, fci: FciServer, ring: StateRing, bell: socket.socket):
        self.mode, self.delay, self.bell = mode, delay, bell
        self.box, self.gripper, self.fci, self.ring = box, gripper, fci, ring
        self.record = StateRecord(box)
        self.running = True
        self.held, self.every = False, 0  # the arm stops at gates: after each control period, and every so many ms of it
        self.go = False  # past the one where it stands
        self.late_for, self.late_by = 0, 0  # ms; fault: commands come later than they do
        self.late_ticks = 0
        self._ticks = 0
        self._queue: deque[tuple[int, Command]] = deque()
        self._next = time.monotonic()
        self._motion: Motion | None = None
        self._starts = 0
        self._told = True  # the last state was sent
        fci.on_connect = self._connected

    def _connected(self) -> None:
        self.record.message_id = 0
        self.fci.answered = 0
        self._queue.clear()

    def restart(self) -> None:
        """A trial begins: the arm is held where the scene has put it."""
        self._queue.clear()
        self.box.hold()
        self.gripper.reset()
        self.ring.header["episode"] += 1
        self.held, self.every = self.mode == "gated", 0
        self.go = False

    def run(self) -> None:
        """Until `running` is no longer set."""
        while self.running:
            self.tick()

    def tick(self) -> None:
        """One millisecond of the robot's time."""
        box = self.box
        self._motion = self._begin(box.motion)
        command = self._command()
        frozen = self.held and not (box.motion is not None and (box.motion.started or command is not None))
        box.tick(command)
        self.gripper.tick(moves=not frozen)
        if not frozen:
            box.plant.step()
        contact = box.after_step()
        self.record.message_id += 1
        self.record.fill(box, contact)
        self._publish()
        self._told = self.fci.send_state(self.record.packet())
        self.fci.send_replies()
        self._wait()

    def _begin(self, motion: Motion | None) -> Motion | None:
        """Take note of a motion that is new, or over."""
        if self._motion is not None and motion is not self._motion:
            self.ring.header["ended"] += 1
            self._strike()
        if motion is not None and motion is not self._motion:
            self._starts = 0
            self.fci.answered = 0
            self.fci.received.clear()
            self._queue.clear()
            if self.held:
                self.record.message_id = START_EVERY * (self.record.message_id // START_EVERY + 1)
        return motion

    def _command(self) -> Command | None:
        """The newest command whose delay is over."""
        self._queue.extend((self._ticks, command) for command in self.fci.received)
        self.fci.received.clear()
        delay = self.delay
        if self.late_for:
            self.late_for, delay = self.late_for - 1, delay + self.late_by
        newest = None
        while self._queue and self._ticks - self._queue[0][0] >= delay:
            newest = self._queue.popleft()[1]
        return newest

    def _publish(self) -> None:
        ring, plant, box = self.ring, self.box.plant, self.box
        row = ring.row(self._ticks)
        row["stamp_ns"], row["episode"] = time.time_ns(), ring.header["episode"]
        row["control_steps"], row["steps_done"] = plant.env.control_steps, plant.env.steps_done
        row["step_done_s"][: plant.env.steps_done] = plant.env.step_done_s
        row["robot_mode"], row["commands"], row["lost"] = box.mode, box.commands, box.lost_total
        row["late_ticks"], row["gripper_closed"] = self.late_ticks, plant.gripper[0]
        row["size"] = plant.write_state(row["state"])
        ring.header["held"] = self.held
        ring.publish(self._ticks)
        self._ticks += 1

    # --- waiting ---

    def _wait(self) -> None:
        motion, serve = self.box.motion, self.fci.serve
        if self.mode == "real_time" or motion is None or not self.fci.connected:
            self._pace(catch_up=False)
        elif not motion.started and self.held:
            self._starts += 1
            if serve(time.monotonic() + START_S[self._starts > 1], self._answered):
                self._gate()
            else:
                self.fci.received.clear()  # an answer to an older state would begin the motion past its gate
        elif not motion.started:
            if not serve(time.monotonic() + TICK, self._answered):
                self._next = time.monotonic()
        else:
            if self._told:
                self._await_answer(ANSWER_S[self.mode])
            if self.held and self._at_gate():
                self._gate()
            elif self.mode == "gated":
                self._next = time.monotonic()
            else:
                self._pace(catch_up=True)

    def _at_gate(self) -> bool:
        began, now = ticks_until(self.box.plant.env.control_steps), self.box.plant.ticks
        return now == began or bool(self.every and (now - began) % self.every == 0)

    def _await_answer(self, timeout_s: float) -> None:
        """Wait for the answer to the last state; a client that a busy machine keeps from answering is kept alive meanwhile."""
        packet, end = self.record.packet(), time.monotonic() + timeout_s
        while not self.fci.serve(min(time.monotonic() + AGAIN_S, end), self._answered) and time.monotonic() < end:
            self.fci.send_state(packet, again=True)

    def _answered(self) -> bool:
        """Whether the last state has its answer, or none will come."""
        return self.fci.answered >= self.record.message_id or self.box.motion is None or not self.running

    def _pace(self, catch_up: bool) -> None:
        """Serve until the millisecond is over."""
        self._next += TICK
        now = time.monotonic()
        if catch_up:
            self._next = max(self._next, now - BEHIND_S)
        elif now > self._next:  # the twin is late itself: its client gets its whole millisecond all the same
            self.late_ticks += 1
            self._next = now + TICK
        self.fci.serve(self._next)

    def _gate(self) -> None:
        """Stand still until told to go on, or until nothing moves any more."""
        header = self.ring.header
        if self.box.motion is None:
            return
        header["gate"] += 1
        header["at_gate"] = 1
        self._strike()
        packet = self.record.packet()
        while not self.fci.serve(time.monotonic() + AGAIN_S, self._may_go):
            self.fci.send_state(packet, again=True)
        header["at_gate"] = 0
        self.go = False
        self._next = time.monotonic()

    def _may_go(self) -> bool:
        return self.go or not self.held or self.box.motion is None or not self.running

    def _strike(self) -> None:
        """Wake the twin's owner; one who does not listen has enough to read when he does."""
        with suppress(OSError):
            self.bell.send(b".")
