"""The process that is the robot: physics, controller and gripper in one loop at 1 kHz, told over a pipe what to do besides."""

from __future__ import annotations

import gc
import os
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from envs.types import Trial
from sim2real.identification.dynamics import Dynamics
from sim2real.twin import faults
from sim2real.twin.arm_model import urdf
from sim2real.twin.clock import Clock, Mode
from sim2real.twin.control_box import ControlBox
from sim2real.twin.fci import FciServer
from sim2real.twin.gripper import Gripper
from sim2real.twin.gripper_port import GripperPort
from sim2real.twin.model_library import model_library
from sim2real.twin.plant import Plant
from sim2real.twin.robots import ROBOTS
from sim2real.twin.state_ring import StateRing
from sim2real.twin.wire import DIALECTS

NICENESS = 10  # ahead of others, where the system allows it: a late millisecond is a lost command


@dataclass(frozen=True)
class Delays:
    """What hardware takes longer than simulation. The default is none, which makes the twin the simulation.

    `command_ticks`: ms from a command's arrival to its effect. `camera_s`: from what happens to the frame that shows it (at
    most 0.2). `gripper`: the jaws move at the 2F-85's speeds, 20 to 150 mm/s; the simulation's close in 0.26 s. `gripper_ticks`:
    ms from what is asked of the gripper to its motion.
    """

    command_ticks: int = 0
    camera_s: float = 0.0
    gripper: bool = False
    gripper_ticks: int = 0


@dataclass(frozen=True)
class ArmConfig:
    """What the process needs to know. `listener`: the socket of its address, bound already. `bell`: see `Clock`."""

    trial: Trial
    robot: str
    version: int
    mode: Mode
    listener: socket.socket
    delays: Delays
    dynamics: Dynamics | None
    ring: Path
    bell: socket.socket


def main(config: ArmConfig, pipe: Connection) -> None:
    """Serve until the pipe says "close" or breaks; first tells the gripper's port."""
    try:
        desk = _Desk(config, pipe)
    except BaseException as error:
        pipe.send(error)
        return
    pipe.send(desk.port.path)
    with suppress(OSError):  # only a privileged user may
        os.nice(-NICENESS)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection takes longer than a millisecond
    try:
        desk.clock.run()
    except KeyboardInterrupt:
        pass
    finally:
        desk.fci.close()
        desk.port.close()


class _Desk:
    """Takes what the twin's owner asks for, between two milliseconds or while the arm waits."""

    def __init__(self, config: ArmConfig, pipe: Connection):
        self.pipe, self.config = pipe, config
        robot = ROBOTS[config.robot]
        plant = Plant(config.trial.env, robot, config.dynamics)
        plant.reset(config.trial)
        library = model_library() if config.version < 10 else b""
        box = ControlBox(plant, DIALECTS[config.version], urdf(robot).encode(), library)
        gripper = Gripper(plant, config.delays.gripper, config.delays.gripper_ticks)
        self.port = GripperPort(gripper)
        self.fci = FciServer(box, config.listener, (self.port, self))
        self.clock = Clock(config.mode, config.delays.command_ticks, box, gripper, self.fci, StateRing(config.ring), config.bell)
        self.clock.restart()

    def fileno(self) -> int:
        """The pipe, to select on."""
        return self.pipe.fileno()

    def send_due(self, now: float) -> None:
        """Nothing is ever due: each request is answered at once."""

    def receive(self, now: float) -> None:
        """Carry out one request."""
        try:
            name, argument = self.pipe.recv()
        except (EOFError, OSError):
            self.clock.running = False
            return
        try:
            answer = getattr(self, f"do_{name}")(argument)
        except Exception as error:
            error.add_note("".join(traceback.format_exception(error)))
            answer = error
        self.pipe.send(answer)

    def do_close(self, _: None) -> None:
        """End."""
        self.clock.running = False

    def do_reset(self, trial: Trial) -> None:
        """Start another trial."""
        box = self.fci.box
        if box.motion is not None:
            raise RuntimeError("a motion is under way; stop it before the twin is reset (and let go of the gate: Twin.free)")
        box.plant.reset(trial)
        self.clock.restart()

    def do_go(self, _: None) -> None:
        """Past the gate."""
        self.clock.ring.header["at_gate"] = 0
        self.clock.go = True

    def do_hold(self, held: tuple[bool, int]) -> None:
        """Stop at gates, or no longer."""
        self.clock.held, self.clock.every = held

    def do_heal(self, _: None) -> None:
        """End the faults that last."""
        self.port.heal()
        self.fci.silent_until, self.clock.late_for = 0.0, 0
        self.fci.drop_commands = self.fci.drop_states = 0

    def do_inject(self, fault: faults.ArmFault | faults.GripperFault) -> None:
        """Something goes wrong."""
        fci, clock, box = self.fci, self.clock, self.fci.box
        match fault:
            case faults.Reflex(errors):
                box.reflex(errors)
                fci.send_replies()
            case faults.UserStop(pressed):
                box.user_stop(pressed)
                fci.send_replies()
            case faults.DropCommands(count):
                fci.drop_commands = count
            case faults.LateCommands(ticks, count):
                clock.late_by, clock.late_for = ticks, count
            case faults.DropStates(count):
                fci.drop_states = count
            case faults.Silence(seconds):
                fci.silent_until = time.monotonic() + seconds
            case faults.ConnectionLost():
                fci.disconnect()
            case _:
                self.port.inject(fault)

