"""A Franka Panda (FER) through panda-python, whose wheel brings libfranka 0.9.2, the last that speaks to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import panda_py
from panda_py import controllers, libfranka

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS
from envs.motion import MOTIONS, Motion
from sim2real.arm import NO_TARGET, ArmState, Collision, Vector
from sim2real.lead import Lead
from sim2real.outcomes import LinkLost, OperatorStop, ReflexError, RobotError
from sim2real.scheduling import borrowed, urgent
from sim2real.twin.robots import PANDA, RobotKind

LEAD_S = 0.002  # between two words to the controller
SLOW = 0.1  # share of the arm's speed with which it goes to where a trial starts


class PandaArm:
    """As `FrankyArm`."""

    def __init__(
        self, ip: str, kind: RobotKind = PANDA, collision: Collision = Collision(), motion: Motion = MOTIONS["smooth"], threaded: bool = True,  # noqa: B008 (frozen)
    ):  # fmt: skip
        self.ip, self.kind, self.collision, self.threaded = ip, kind, collision, threaded
        self._lead = Lead(motion)
        self._thread: threading.Thread | None = None
        self._controller: controllers.JointPosition | None = None
        self._reads, self._moves = threading.Lock(), False
        self._connect()

    def _connect(self) -> None:
        self._controller = None
        with _told():
            self._panda = panda_py.Panda(self.ip)
            self._set_collision()

    def _set_collision(self) -> None:
        torque, force = [self.collision.torque] * 7, [self.collision.force] * 6
        self._panda.get_robot().set_collision_behavior(torque, torque, torque, torque, force, force, force, force)

    def state(self) -> ArmState:
        """Where it is now. panda-python has it from its control loop; while there is none it would tell where the last one ended."""
        with _told(), self._reads:
            in_loop = self._moves or self._controller is not None
            s = self._panda.get_state() if in_loop else self._panda.get_robot().read_once()
        told = NO_TARGET if self._controller is None else self._target
        return ArmState(np.array(s.q), np.array(s.dq), np.array(s.tau_ext_hat_filtered), np.array(s.tau_J_d), told, s.time.to_sec())

    def move_to(self, joint_pos: Vector) -> None:
        """Go there slowly and stand still; returns then."""
        self.stop()
        with _told(), borrowed(), self._moving():
            self._panda.move_to_joint_position(np.asarray(joint_pos, float), speed_factor=SLOW)

    def start(self, joint_pos: Vector) -> None:
        """Follow targets from now on."""
        self.stop()
        controller = controllers.JointPosition(stiffness=JOINT_STIFFNESS, damping=JOINT_DAMPING, filter_coeff=1.0)
        self._target = np.array(joint_pos, float)
        self._lead.start(self._target)
        with _told(), self._moving():
            self._panda.start_controller(controller)
            controller.set_control(self._target, np.zeros(7))
            self._controller = controller
        if self.threaded:
            self._thread = threading.Thread(target=self._lead_on, args=(controller,), name="lead", daemon=True)
            self._thread.start()

    def follow(self, joint_pos: Vector) -> None:
        """The next target (7,) rad."""
        if self._controller is None:
            raise RobotError("the arm follows nothing: call start first")
        with self._checked():
            self._panda.raise_error()  # what ended the motion, if anything did
            self._lead.follow(np.array(joint_pos, float), self._panda.get_state().time.to_sec())
            self._aim(self._controller, LEAD_S)

    def lead(self, period_s: float) -> None:
        """Tell the controller what is right for the next `period_s`."""
        controller = self._controller
        if controller is not None:
            with self._checked():
                self._aim(controller, period_s)

    def _aim(self, controller: controllers.JointPosition, period_s: float) -> None:
        """Tell the controller what is right for the next period."""
        state = self._panda.get_state()
        self._target = self._lead.aim(state.time.to_sec(), np.array(state.q), np.array(state.dq), period_s)
        controller.set_control(self._target, np.zeros(7))

    def _lead_on(self, controller: controllers.JointPosition) -> None:
        """`lead`, for as long as the controller is in charge."""
        urgent()
        pause = threading.Event()
        while self._controller is controller and not pause.wait(LEAD_S):
            try:
                self._aim(controller, LEAD_S)
            except RuntimeError:  # `follow` and `state` will tell
                return

    def stop(self) -> None:
        """Come to rest and follow nothing any more."""
        with _told(), self._moving():
            controller, self._controller = self._controller, None
            if controller is not None:
                self._panda.stop_controller()

    @contextlib.contextmanager
    def _moving(self) -> Iterator[None]:
        """A control loop begins or ends inside: nobody reads a state beside it."""
        with self._reads:
            self._moves = True
        try:
            yield
        finally:
            self._moves = False

    def recover(self) -> None:
        """Be able to move again."""
        self._controller = None
        try:
            mode = self._panda.get_robot().read_once().robot_mode
        except RuntimeError:
            self._connect()
            mode = self._panda.get_robot().read_once().robot_mode
        if mode == libfranka.RobotMode.kUserStopped:
            raise OperatorStop("the robot's stop button is pressed; pull it out and try again")
        with _told():
            self._panda.recover()
            self._set_collision()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(RobotError):
            self.stop()
        if self._thread is not None:
            self._thread.join(1)
        del self._panda

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        """As `_told`; a motion that has ended is forgotten."""
        try:
            with _told():
                yield
        except RobotError:
            self._controller = None
            raise


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """panda-python's exceptions, all of them RuntimeErrors by their text, as ours."""
    try:
        yield
    except RobotError:
        raise
    except RuntimeError as error:
        text = " ".join(str(error).split())
        if "User Stop" in text:
            raise OperatorStop("the robot's stop button was pressed") from error
        if any(word in text for word in ("reflex", "aborted", "rejected", "not possible")):
            raise ReflexError(text) from error
        raise LinkLost(f"the arm's controller does not answer ({text})") from error
