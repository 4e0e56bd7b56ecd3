"""A task on the robot as a Gymnasium environment: the spaces, trials, rewards and inverse kinematics of the simulation."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.sim_env import SimEnv, StepResult
from envs.spaces import action_space, observation_space
from envs.types import CAMERAS, CONTROL_HZ, IMAGE_SHAPE, Observation, Trial
from envs.world import World
from sim2real import start
from sim2real.executor import Executor
from sim2real.motion_log import MotionLog
from sim2real.operators import Operator, Setting
from sim2real.outcomes import RobotError
from sim2real.rig import Rig
from sim2real.rubric import rubric
from sim2real.safety import Guard, SafetyLimits
from sim2real.view_check import check_views
from sim2real.watch import Watch


class FrankaEnv(gymnasium.Env):
    """One task on a rig.

    What ends an episode from outside (a reflex, the operator, a camera) never raises from `step`: the episode is truncated,
    with `outcome` and `error` in its info, and the arm stopped. `reset` raises it, as a `RobotError` that knows its outcome.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, rig: Rig, task: str, operator: Operator, limits: SafetyLimits | None = None, motion: str = "smooth"):
        self.rig, self.operator, self.limits = rig, operator, limits or SafetyLimits()
        self.plan = SimEnv(task, motion=motion)  # the trial as it is meant: layout, words, where the arm starts, what the cameras should see
        self.task, self.scene = self.plan.task, self.plan.scene
        self.render_mode, self.cameras = "rgb_array", True
        self.observation_space, self.action_space = observation_space(), action_space()
        self.held = False  # no action moved the arm in the control step that has just passed
        self.watch = Watch(rig, self.limits)
        self.executor = Executor(Guard(self.limits, rig.kind, self.plan.motion), self.watch)
        self._forget()

    def _forget(self) -> None:
        self.steps_done, self.control_steps = 0, 0
        self.step_done_s: list[float] = []
        self.given_up = False
        self.watch.forget()

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
    def ended(self) -> RobotError | None:
        """What ended the episode from outside; None as long as nothing has."""
        return self.watch.ended

    @property
    def log(self) -> MotionLog:
        """What was asked, sent and done in this episode."""
        return self.executor.log

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
        home = self.plan.full_state()[-7:].copy()
        self.executor.begin(home)
        start.recover(self.rig)
        self.rig.scene.prepare(trial)
        self.executor.gripper = start.open_gripper(self.rig)
        start.go_to(self.rig, home, self.limits.home / 2)
        self.operator.prepare(self.setting())
        self.watch.look()
        check_views(self.seen(), self.wanted())
        start.check_start(self.rig, home, self.limits.home)
        self.watch.start(home, self.operator)
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
        return {name: frame.rgb for name, frame in self.watch.frames.items()}

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
        self.watch.acted()
        while not (self.terminated or self.truncated):
            verdict = self.watch.verdict()
            if verdict.order == "stop" and verdict.why:
                self.watch.end(verdict.why)
            elif verdict.order == "hold":
                self.executor.hold(verdict.why)
                self._passed(True, on_step)
                self.watch.look()
                self.watch.acted()
            else:
                self.executor.execute(action)
                self._passed(False, on_step)
                return

    def _passed(self, held: bool, on_step: Callable[[FrankaEnv], None] | None) -> None:
        """A control step is over: count it, and ask how far the task is."""
        self.held = held
        self.control_steps += 1
        if self.watch.ended is None:
            now_done = max(self.steps_done, self.operator.steps_done(self))
            self.step_done_s += [self.control_steps / CONTROL_HZ] * (now_done - self.steps_done)
            self.steps_done = now_done
            self.given_up = self.operator.given_up()
        if on_step is not None:
            on_step(self)

    def stop(self) -> None:
        """The arm comes to rest and takes no more actions until the next reset."""
        self.watch.stop()

    # --- what is seen ---

    def observe(self) -> Observation:
        """What the policy sees now."""
        if self.cameras:
            self.watch.look()
            pixels = {name: frame.rgb.copy() for name, frame in self.watch.frames.items()}
        else:
            pixels = {name: np.zeros(IMAGE_SHAPE, np.uint8) for name in CAMERAS}
        return {"pixels": pixels, "agent_pos": self.agent_pos()}

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) float32: joint_pos 7 rad, ee_pos 3 m, ee rot6d 6, gripper_closed 1."""
        return self.executor.agent_pos()

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """(240, 960, 3) uint8: left, right, wrist, side by side."""
        with contextlib.suppress(RobotError):
            self.watch.frames = self.rig.cameras.newest()
        return np.concatenate([self.watch.frames[name].rgb for name in CAMERAS], 1)

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
        return self.executor.action_sent.copy()

    @property
    def terminated(self) -> bool:
        """All steps are done."""
        return self.steps_done == len(self.task.steps)

    @property
    def truncated(self) -> bool:
        """The time limit is reached, or something ended the episode."""
        late = self.control_steps >= self.task.time_limit_s * CONTROL_HZ
        return (late or self.watch.ended is not None or self.given_up) and not self.terminated

    def _info(self) -> dict[str, Any]:
        steps = len(self.task.steps)
        ended = {"outcome": self.watch.ended.outcome, "error": str(self.watch.ended)} if self.watch.ended else {"outcome": "failure"} if self.given_up else {}
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
