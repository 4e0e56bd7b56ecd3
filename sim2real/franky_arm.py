"""A Franka Research 3 through franky: torques of the simulation's joint impedance, computed at 1 kHz in franky's own thread.

`franky-control` 2.0.0 speaks version 10 of the Franka Control Interface (system 5.9 or newer).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import franky
import numpy as np

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS
from envs.motion import MOTIONS, Motion
from sim2real.arm import NO_TARGET, ArmState, Collision, Vector
from sim2real.lead import Lead
from sim2real.outcomes import LinkLost, OperatorStop, ReflexError, RobotError
from sim2real.scheduling import Scheduling, borrowed, urgent
from sim2real.twin.robots import FR3, RobotKind

SLOW = 0.1  # share of the arm's speed, acceleration and jerk with which it goes to where a trial starts
LEAD_S = 0.002  # between two words to the controller: the wrist's motors are at their limit for some 20 ms of a step
NO_LIMIT = 1e6  # Nm per ms
UNFILTERED = 1000.0  # Hz; franky's own 100 Hz low-pass would let the torque change by 0.4 Nm per ms only, which overshoots
LIMIT_SPRING = 0.05  # rad before a joint's end from where franky's own springs push back


class FrankyArm:
    """One connection; it is made anew by `recover` where the old one is dead.

    Args:
        ip: of the control box.
        kind: whose limits are written to franky where they are the lower ones: its defaults are the Panda's (franky 2.0.0).
        motion: how targets reach the controller (`envs.motion`).
        threaded: the controller is led by a thread; else whoever owns the arm's time calls `lead`.
        realtime: whether the kernel's real-time scheduling is required, as it should be on the robot.
    """

    def __init__(
        self, ip: str, kind: RobotKind = FR3, collision: Collision = Collision(), motion: Motion = MOTIONS["smooth"], threaded: bool = True,  # noqa: B008 (frozen)
        realtime: bool = True,
    ):  # fmt: skip
        self.ip, self.kind, self.collision, self.threaded = ip, kind, collision, threaded
        self._lead = Lead(motion)
        self._thread: threading.Thread | None = None
        self._realtime = franky.RealtimeConfig.Enforce if realtime else franky.RealtimeConfig.Ignore
        self._motion: franky.JointImpedanceTrackingMotion | None = None
        self._connect()

    def _connect(self) -> None:
        self._motion = None
        with _told(), borrowed():
            robot = franky.Robot(self.ip, relative_dynamics_factor=SLOW, realtime_config=self._realtime)
            for limit, ours in (
                (robot.joint_velocity_limit, self.kind.velocity),
                (robot.joint_acceleration_limit, self.kind.acceleration),
                (robot.joint_jerk_limit, self.kind.jerk),
            ):
                limit.set(np.minimum(ours, limit.max))
            self._robot = robot
            self._control = Scheduling.now()  # for franky's own thread, which inherits that of whoever starts a motion
            self._set_collision()

    def _set_collision(self) -> None:
        torque, force = [self.collision.torque] * 7, [self.collision.force] * 6
        self._robot.set_collision_behavior(torque, torque, force, force)

    def state(self) -> ArmState:
        """Where it is now."""
        with self._checked():
            s = self._robot.state
        told = NO_TARGET if self._motion is None else self._target
        return ArmState(np.array(s.q), np.array(s.dq), np.array(s.tau_ext_hat_filtered), np.array(s.tau_J_d), told, s.time.to_msec() / 1000)

    def move_to(self, joint_pos: Vector) -> None:
        """Go there slowly and stand still; returns then."""
        self.stop()
        with self._checked(), borrowed(self._control):
            self._robot.move(franky.JointMotion(np.asarray(joint_pos, float)))

    def start(self, joint_pos: Vector) -> None:
        """Follow targets from now on."""
        self.stop()
        motion = franky.JointImpedanceTrackingMotion(
            stiffness=JOINT_STIFFNESS, damping=JOINT_DAMPING, compensate_coriolis=False, max_delta_tau=min(self.kind.torque_rate / 1000, NO_LIMIT),
            lower_joint_limits=self.kind.low, upper_joint_limits=self.kind.high, joint_limit_activation_distance=LIMIT_SPRING,
        )  # fmt: skip
        motion.set_reference(franky.JointReference(q=joint_pos))
        self._target = np.array(joint_pos, float)
        with self._checked(), borrowed(self._control):
            self._robot.move(motion, asynchronous=True, cutoff_frequency=UNFILTERED)
        self._lead.start(np.array(joint_pos, float))
        self._motion = motion
        if self.threaded:
            self._thread = threading.Thread(target=self._lead_on, args=(motion,), name="lead", daemon=True)
            self._thread.start()

    def follow(self, joint_pos: Vector) -> None:
        """The next target (7,) rad."""
        motion = self._motion
        if motion is None:
            raise RobotError("the arm follows nothing: call start first")
        with self._checked():
            if not self._robot.is_in_control:
                self._robot.join_motion()  # raises what ended it
                raise ReflexError("the arm's motion has ended by itself")
            self._lead.follow(np.array(joint_pos, float), self._robot.state.time.to_msec() / 1000)
            self._aim(motion, LEAD_S)

    def lead(self, period_s: float) -> None:
        """Tell the controller what is right for the next `period_s`."""
        motion = self._motion
        if motion is not None:
            with self._checked():
                self._aim(motion, period_s)

    def _aim(self, motion: franky.JointImpedanceTrackingMotion, period_s: float) -> None:
        """Tell the controller what is right for the next period."""
        state = self._robot.state
        near = self._lead.aim(state.time.to_msec() / 1000, np.array(state.q), np.array(state.dq), period_s, within=not self.kind.cuts_torque)
        motion.set_reference(franky.JointReference(q=near))
        self._target = near

    def _lead_on(self, motion: franky.JointImpedanceTrackingMotion) -> None:
        """`lead`, for as long as the motion lasts."""
        urgent()
        pause = threading.Event()
        while self._motion is motion and not pause.wait(LEAD_S):
            try:
                self._aim(motion, LEAD_S)
            except (franky.Exception, RuntimeError):  # `follow` and `state` will tell
                return

    def stop(self) -> None:
        """Come to rest and follow nothing any more."""
        motion, self._motion = self._motion, None
        if motion is not None:
            with self._checked():
                if self._robot.is_in_control:
                    self._robot.move(franky.TorqueStopMotion(), asynchronous=True)
                self._robot.join_motion()

    def recover(self) -> None:
        """Be able to move again."""
        try:
            mode = self._robot.state.robot_mode
        except (franky.NetworkException, RuntimeError):
            self._connect()
            mode = self._robot.state.robot_mode
        if mode == franky.RobotMode.UserStopped:
            raise OperatorStop("the robot's stop button is pressed; pull it out and try again")
        self._motion = None
        with self._checked():
            with contextlib.suppress(franky.ControlException):  # what ended the last motion was told when it ended
                self._robot.join_motion()
            self._robot.recover_from_errors()
            self._set_collision()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(RobotError):
            self.stop()
        if self._thread is not None:
            self._thread.join(1)
        del self._robot

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        """What franky raises inside, in our words; a motion that has ended is forgotten."""
        try:
            with _told():
                yield
        except RobotError as error:
            self._motion = None
            if isinstance(error, ReflexError) and self._user_stopped():
                raise OperatorStop("the robot's stop button was pressed") from error
            raise

    def _user_stopped(self) -> bool:
        try:
            return self._robot.state.robot_mode == franky.RobotMode.UserStopped
        except (franky.NetworkException, RuntimeError):
            return False


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """franky's exceptions as ours."""
    try:
        yield
    except (franky.NetworkException, franky.ProtocolException) as error:
        raise LinkLost(f"the arm's controller does not answer ({_line(error)})") from error
    except franky.IncompatibleVersionException as error:
        raise LinkLost(f"the arm's controller speaks another version of the interface ({_line(error)}); for a Panda use robot_kind=panda") from error
    except (franky.ControlException, franky.CommandException) as error:
        raise ReflexError(_line(error)) from error
    except RuntimeError as error:
        if "Net Exception" not in str(error):
            raise
        raise LinkLost(f"the arm's controller does not answer ({_line(error)})") from error  # what a dead link raises later


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
