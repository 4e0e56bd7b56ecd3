"""A task on the robot as a Gymnasium environment: the spaces, trials, rewards and inverse kinematics of the simulation."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.geometry import rot6d_from_matrix
from envs.sim_env import SimEnv, StepResult
from envs.spaces import action_space, observation_space
from envs.types import CAMERAS, CONTROL_HZ, IMAGE_SHAPE, Observation, Trial
from envs.world import World
from sim2real.cameras import Frame, ages_s, skew_s
from sim2real.motion_log import MotionLog, MotionRow
from sim2real.operators import Operator, Setting
from sim2real.outcomes import GripperError, NotHomeError, RobotError
from sim2real.rig import Rig
from sim2real.rubric import rubric
from sim2real.safety import Guard, SafetyLimits, Sent
from sim2real.view_check import check_views
from sim2real.watchdog import Signs, Verdict, judge

WATCH_S = 0.05  # between two looks of the watchdog while the policy thinks
OPENED, OPENING_S = 0.05, 3.0  # the gripper counts as open below that share; it has so long
NOTHING = np.full(10, np.nan)


class FrankaEnv(gymnasium.Env):
    """One task on a rig.

    What ends an episode from outside (a reflex, the operator, a camera) never raises from `step`: the episode is truncated,
    with `outcome` and `error` in its info, and the arm stopped. `reset` raises it, as a `RobotError` that knows its outcome.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, rig: Rig, task: str, operator: Operator, limits: SafetyLimits | None = None, render_mode: str | None = "rgb_array"):
        self.rig, self.operator, self.limits = rig, operator, limits or SafetyLimits()
        self.plan = SimEnv(task)  # the trial as it is meant: layout, words, where the arm starts, what the cameras should see
        self.task, self.scene = self.plan.task, self.plan.scene
        self.render_mode, self.cameras = render_mode, True
        self.observation_space, self.action_space = observation_space(), action_space()
        self.guard = Guard(self.limits, rig.kind)
        self.held = False  # no action moved the arm in the control step that has just passed
        self._arm_lock = threading.RLock()
        self._watch: threading.Thread | None = None
        self._running = threading.Event()
        self._forget()

    def _forget(self) -> None:
        self.steps_done, self.control_steps = 0, 0
        self.step_done_s: list[float] = []
        self.rows: list[MotionRow] = []
        self.ended: RobotError | None = None
        self.given_up = False
        self._frames: dict[str, Frame] = {}
        self._apart_since: float | None = None
        self._action_at = 0.0
        self._gripper = self._gripper_asked = 0.0

    @property
    def instruction(self) -> str:
        """What the policy is told in this trial."""
        return self.plan.instruction

    @property
    def real_time(self) -> bool:
        """Whether time goes on while the policy thinks."""
        return self.rig.clock.real_time

    @property
    def layout(self) -> Any:
        """Where the trial's things are meant to be."""
        return self.plan.layout

    @property
    def log(self) -> MotionLog:
        """What was asked, sent and done in this episode."""
        return MotionLog.of(self.rows)

    # --- an episode begins ---

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Bring the arm to the trial's start, have the scene laid out, check both, and be ready to move.

        Raises:
            RobotError: a device is in trouble, the arm is not at the start, a camera sees something else, or the operator stops.
        """
        super().reset(seed=seed)
        trial = (options or {}).get("trial") or Trial(self.task.name, int(self.np_random.integers(2**31)))
        self.stop()
        self._forget()
        self.plan.reset(options={"trial": trial})
        self._wanted = self.plan.observe()["pixels"]
        self._command = self.plan.full_state()[-7:].copy()
        self._action_sent = self._pose_action(self._command, 0.0)
        self._recover()
        self.rig.scene.prepare(trial)
        self._open_gripper()
        self._go_to_start()
        self.operator.prepare(self.setting())
        self._look()
        check_views({name: frame.rgb for name, frame in self._frames.items()}, self.wanted())
        self._check_start()
        self.rig.arm.start(self._command)
        self.rig.clock.start()
        self._apart_since = None
        self._action_at = self.rig.clock.now()
        self._start_watch()
        return self.observe(), self._info()

    def setting(self) -> Setting:
        """What the operator is asked to lay out."""
        return Setting(self.task, self.plan.trial, self.layout, self.instruction, rubric(self.task, self.plan.world), self.wanted(), self.live)

    def wanted(self) -> dict[str, NDArray[np.uint8]]:
        """What the cameras should see at the start, drawn by the simulation."""
        return self._wanted

    def live(self) -> dict[str, NDArray[np.uint8]]:
        """What the cameras see now, before the arm moves."""
        self.rig.cameras.expire()
        return {name: frame.rgb for name, frame in self.rig.cameras.newest().items()}

    def seen(self) -> dict[str, NDArray[np.uint8]]:
        """What the cameras saw when they were last looked at."""
        return {name: frame.rgb for name, frame in self._frames.items()}

    @property
    def log_why(self) -> str:
        """What the last control step was held or changed for."""
        return self.rows[-1].why if self.rows else ""

    def _recover(self) -> None:
        self.rig.arm.recover()
        try:
            self._gripper = self.rig.gripper.go_to(0.0)
        except GripperError:
            self.rig.gripper.recover()
        self.rig.cameras.forget()
        self.rig.cameras.wait_ready()

    def _open_gripper(self) -> None:
        until = time.monotonic() + OPENING_S
        while (closed := self.rig.gripper.go_to(0.0)) > OPENED:
            if time.monotonic() > until:
                raise GripperError(f"the gripper is still {100 * closed:.0f} % closed {OPENING_S:g} s after it was told to open; is something in it?")
            time.sleep(0.05)
        self._gripper = closed

    def _go_to_start(self) -> None:
        if np.abs(self.rig.arm.state().joint_pos - self._command).max() > self.limits.home / 2:
            self.rig.arm.move_to(self._command)

    def _check_start(self) -> None:
        off = np.abs(self.rig.arm.state().joint_pos - self._command)
        if off.max() > self.limits.home:
            joint = int(off.argmax())
            raise NotHomeError(f"joint {joint + 1} is {off[joint]:.3f} rad from where the trial starts, allowed are {self.limits.home}; was the arm pushed?")

    # --- an episode goes on ---

    def step(self, action: NDArray[np.floating]) -> StepResult:
        """Execute one action, (10,), for 1/15 s.

        Raises:
            ValueError: wrong shape, dtype, a value that is not finite, or no rotation; the arm holds still.
        """
        return self.step_chunk(np.asarray(action)[None])

    def step_chunk(self, actions: NDArray[np.floating], on_step: Callable[[FrankaEnv], None] | None = None) -> StepResult:
        """Execute actions (n, 10) one after the other and look once at the end; stops early when the episode ends.

        `on_step` is called after each control step, also for those that passed while the arm was only held.
        """
        done = self.steps_done
        for _ in range(self.rig.clock.missed()):
            self._passed(True, on_step)
        for action in actions:
            self._advance(action, on_step)
            if self.terminated or self.truncated:
                break
        if self.terminated or self.truncated:
            self.stop()
        return self.observe(), (self.steps_done - done) / len(self.task.steps), self.terminated, self.truncated, self._info()

    def _advance(self, action: NDArray[np.floating], on_step: Callable[[FrankaEnv], None] | None) -> None:
        """One action reaches the arm, unless the watchdog holds it or something ends the episode first."""
        self._action_at = self.rig.clock.now()
        while not (self.terminated or self.truncated):
            verdict = self._verdict()
            if verdict.order == "stop" and verdict.why:
                self._end(verdict.why)
            elif verdict.order == "hold":
                self._send(self._held(verdict))
                self._passed(True, on_step)
                self._look()
                self._action_at = self.rig.clock.now()
            else:
                self._send(self.guard.command(self._command, action))
                self._passed(False, on_step)
                return

    def _held(self, verdict: Verdict) -> Sent:
        return Sent(NOTHING, NOTHING, NOTHING, self._command, (f"held: {verdict.why}",))

    def _send(self, sent: Sent) -> None:
        """Tell arm and gripper, wait for the period's end, and write down what came of it."""
        clock, began = self.rig.clock, self.rig.clock.now()
        held = not np.isfinite(sent.sent[0])
        try:
            with self._arm_lock:
                if self.ended is None:
                    self.rig.arm.follow(sent.joint_pos)
            self._command = sent.joint_pos
            self._gripper_asked = self._gripper_asked if held else float(sent.sent[-1])
            self._gripper = self.rig.gripper.go_to(self._gripper_asked)
            clock.wait()
            state = self.rig.arm.state()
        except RobotError as error:
            self._end(error)
            return
        finally:
            if not held:
                self._action_sent = sent.sent
        captured = [self._frames[name].captured_s for name in CAMERAS]
        self.rows.append(
            MotionRow(began, clock.now(), sent.asked, sent.clamped, sent.sent, self._command, state.joint_pos, state.joint_vel, state.torque_ext,
                      self._gripper_asked, self._gripper, np.array(captured), "; ".join(sent.why))
        )  # fmt: skip

    def _passed(self, held: bool, on_step: Callable[[FrankaEnv], None] | None) -> None:
        """A control step is over: count it, and ask how far the task is."""
        self.held = held
        self.control_steps += 1
        if self.ended is None:
            now_done = max(self.steps_done, self.operator.steps_done(self))
            self.step_done_s += [self.control_steps / CONTROL_HZ] * (now_done - self.steps_done)
            self.steps_done = now_done
            self.given_up = self.operator.given_up()
        if on_step is not None:
            on_step(self)

    # --- watching ---

    def _verdict(self) -> Verdict:
        if self.ended is not None:
            return Verdict("stop", self.ended)
        return judge(self._signs(), self.limits)

    def _signs(self) -> Signs:
        now = self.rig.clock.now()
        if self.rig.clock.real_time:  # else new pictures come with the next observation only
            self._look()
        camera = min(self._frames, key=lambda name: self._frames[name].captured_s)
        return Signs(
            ages_s(self._frames)[camera] if self.rig.clock.real_time else 0.0, now - self._action_at, self.operator.dead_man_s(),
            now - self._apart_since if self._apart_since is not None else 0.0, camera, self.operator.stop_pressed(),
        )  # fmt: skip

    def _start_watch(self) -> None:
        if self.rig.clock.real_time:
            self._running.set()
            self._watch = threading.Thread(target=self._watch_on, name="watchdog", daemon=True)
            self._watch.start()

    def _watch_on(self) -> None:
        """While the policy thinks nobody else looks whether the arm must be stopped."""
        while self._running.wait(0) and self.ended is None:
            verdict = self._verdict()
            if verdict.order == "stop" and verdict.why:
                self._end(verdict.why)
            time.sleep(WATCH_S)

    def _end(self, error: RobotError) -> None:
        """The episode is over; the arm stops, if it is not still already."""
        with self._arm_lock:
            if self.ended is None:
                self.ended = error
                with contextlib.suppress(RobotError):  # it has stopped itself, or cannot be reached
                    self.rig.arm.stop()

    def stop(self) -> None:
        """The arm comes to rest and takes no more actions until the next reset."""
        self._running.clear()
        with self._arm_lock, contextlib.suppress(RobotError):
            self.rig.arm.stop()
        if self._watch is not None and self._watch is not threading.current_thread():
            self._watch.join(5)
            self._watch = None

    # --- what is seen ---

    def observe(self) -> Observation:
        """What the policy sees now."""
        if self.cameras:
            self._look()
            pixels = {name: frame.rgb.copy() for name, frame in self._frames.items()}
        else:
            pixels = {name: np.zeros(IMAGE_SHAPE, np.uint8) for name in CAMERAS}
        return {"pixels": pixels, "agent_pos": self.agent_pos()}

    def _look(self) -> None:
        """Take the newest pictures, and note since when they have been too far apart in time."""
        try:
            self._frames = self.rig.cameras.newest()
        except RobotError as error:
            if not self._frames:  # at the start there is nothing to go on with
                raise
            self._end(error)
        if skew_s(self._frames) <= self.limits.skew_s:
            self._apart_since = None
        elif self._apart_since is None:
            self._apart_since = self.rig.clock.now()

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) float32: joint_pos 7 rad, ee_pos 3 m, ee rot6d 6, gripper_closed 1; the last known where the arm is silent."""
        try:
            self._joint_pos = self.rig.arm.state().joint_pos
        except RobotError as error:
            self._end(error)
        pos, mat = self.guard.ik.pose(self._joint_pos)
        return np.r_[self._joint_pos, pos, rot6d_from_matrix(mat), self._gripper].astype(np.float32)

    def _pose_action(self, joint_pos: NDArray[np.float64], closed: float) -> NDArray[np.float32]:
        pos, mat = self.guard.ik.pose(joint_pos)
        return np.r_[pos, rot6d_from_matrix(mat), closed].astype(np.float32)

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """(240, 960, 3) uint8: left, right, wrist, side by side."""
        with contextlib.suppress(RobotError):
            self._frames = self.rig.cameras.newest()
        return np.concatenate([self._frames[name].rgb for name in CAMERAS], 1)

    def known_world(self) -> World | None:
        """Everything as it is now, where anybody knows it: on a twin."""
        state = self.rig.scene.full_state()
        if state is None:
            return None
        self.plan.set_full_state(state)
        return self.plan.world

    def state_hash(self) -> str | None:
        """16 hex digits of the twin's full state; nobody knows the real world's."""
        state = self.rig.scene.full_state()
        return None if state is None else hashlib.sha256(state.tobytes()).hexdigest()[:16]

    @property
    def action_sent(self) -> NDArray[np.float32]:
        """(10,) float32: the action of the last control step as the arm was told."""
        return self._action_sent.copy()

    @property
    def terminated(self) -> bool:
        """All steps are done."""
        return self.steps_done == len(self.task.steps)

    @property
    def truncated(self) -> bool:
        """The time limit is reached, or something ended the episode."""
        late = self.control_steps >= self.task.time_limit_s * CONTROL_HZ
        return (late or self.ended is not None or self.given_up) and not self.terminated

    def _info(self) -> dict[str, Any]:
        steps = len(self.task.steps)
        ended = {"outcome": self.ended.outcome, "error": str(self.ended)} if self.ended else {"outcome": "failure"} if self.given_up else {}
        return {
            "is_success": self.terminated, "success": self.terminated, "steps_done": self.steps_done, "steps": steps,
            "progress": self.steps_done / steps, "step_done_s": np.array(self.step_done_s + [np.inf] * (steps - self.steps_done)),
            "action_sent": self.action_sent, **ended,
        }  # fmt: skip

    def close(self) -> None:
        """Stop, and let go of the rig."""
        self.stop()
        self.plan.close()
        self.rig.close()
