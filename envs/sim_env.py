"""A task in simulation as a Gymnasium environment: 15 Hz, three cameras, resets that depend on the trial alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

from envs import shifts
from envs.cameras import calibrated
from envs.distractors import distractors
from envs.geometry import matrix_from_rot6d, rot6d_from_matrix
from envs.ik import IK
from envs.impedance import TorqueLaw
from envs.layout import Layout
from envs.looks import LOOKS
from envs.motion import MOTIONS, TICK, ticks_until
from envs.names import SHIFTS, checked_name
from envs.push import PushEstimate
from envs.render import CameraRenderer
from envs.robot import ARM_JOINTS, GRIPPER_MAX, HOME_QPOS
from envs.scenes import SCENES
from envs.spaces import action_space, checked_action, observation_space
from envs.tasks import get_task
from envs.types import (
    ACTION_EE_POS,
    ACTION_GRIPPER,
    ACTION_ROT6D,
    CAMERAS,
    CONTROL_HZ,
    IMAGE_SHAPE,
    Observation,
    Task,
    Trial,
)
from envs.world import World

StepResult = tuple[Observation, float, bool, bool, dict[str, Any]]
Array = NDArray[np.floating]

SUBSTEPS = 20  # of 1/300 s: exactly one control period
SETTLE_STEPS = 6  # control periods
START_SPREAD = np.array([0.02, 0.02, 0.02])  # m, +-, of the ee at the start
FULL_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class ResetError(RuntimeError):
    """A trial's scene did not settle into what the task takes for granted."""


class SimEnv(gymnasium.Env):
    """One task in MuJoCo.

    Args:
        task: a task or its name.
        quality: `fast` for policies, `high` (shadows, anti-aliasing, full meshes) for pictures.
        cameras: False leaves `pixels` black and needs no OpenGL.
        render_mode: `rgb_array`.
        motion: how joint targets reach the arm's controller (`envs.motion`): `step`, or `smooth` as on a robot, where an arm that is
            pushed with more than it may be stops itself: `reflex` is true then, and the episode truncated.
        calibration: a file of `python -m sim2real.calibration`: the cameras as they really stand and see.

    Raises:
        ValueError: the task is unknown, or the calibration none.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self, task: str | Task, quality: str = "fast", cameras: bool = True, render_mode: str | None = "rgb_array",
        calibration: str | Path | None = None, motion: str = "step",
    ):  # fmt: skip
        self.task = get_task(task) if isinstance(task, str) else task
        self.scene = SCENES[self.task.scene]
        if calibration is not None:
            self.scene = replace(self.scene, cameras=calibrated(Path(calibration), self.scene.cameras))
        self.quality, self.cameras, self.render_mode = quality, cameras, render_mode
        self.observation_space, self.action_space = observation_space(), action_space()
        self.motion = MOTIONS[checked_name(motion, MOTIONS, "motion")]
        self._ik = IK()
        self._renderer = CameraRenderer(quality)
        self._wording = self.task.instruction
        self._law: TorqueLaw | None = None
        self.trial: Trial
        self.layout: Layout
        self.world: World
        self.model: mujoco.MjModel
        self.data: mujoco.MjData

    @property
    def instruction(self) -> str:
        """What the policy is told in this trial."""
        return self.told(self._wording)

    def told(self, wording: str) -> str:
        """A wording of the instruction, filled with what this trial decides."""
        return wording.format(**self.world.words) if "{" in wording else wording

    @property
    def segments(self) -> tuple[str, ...]:
        """What the values 1, 2, ... of `segmentation` stand for."""
        return (*self.world.roles, *self.world.fixtures, "robot")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start the trial `options["trial"]`, or else the test trial that `seed` names (a random one without either).

        Raises:
            ResetError: the settled scene breaks a premise (an object moves, fell, or a step is done already).
        """
        super().reset(seed=seed)
        trial = (options or {}).get("trial")
        if trial is None:
            trial = Trial(self.task.name, int(self.np_random.integers(2**31)))
        self._start(trial)
        return self.observe(), self._info()

    def step(self, action: Array) -> StepResult:
        """Execute one action, (10,), for 1/15 s.

        Raises:
            ValueError: wrong shape, dtype, a value that is not finite, or no rotation; nothing is executed.
        """
        reward = self.advance(action)
        return self._result(reward)

    def step_chunk(self, actions: Array, on_step: Callable[[SimEnv], None] | None = None) -> StepResult:
        """Execute actions (n, 10) one after the other and render once at the end; stops early when the episode ends.

        `on_step` is called after each control step, for recording.
        """
        reward = 0.0
        for action in actions:
            reward += self.advance(action)
            if on_step is not None:
                on_step(self)
            if self.terminated or self.truncated:
                break
        return self._result(reward)

    def advance(self, action: Array) -> float:
        """Execute one action, (10,), without looking; the reward. Raises as `step` does."""
        target = checked_action(action)
        mat = matrix_from_rot6d(target[ACTION_ROT6D])
        last, self._command = self._command, self._ik.step(self._command, target[ACTION_EE_POS].astype(float), mat, self.motion.max_step)
        self.data.ctrl[7] = GRIPPER_MAX * float(target[ACTION_GRIPPER][0])
        self._move(last)
        mujoco.mj_forward(self.model, self.data)
        sent_pos, sent_mat = self._ik.pose(self._command)
        self._action_sent = np.r_[sent_pos, rot6d_from_matrix(sent_mat), target[ACTION_GRIPPER]].astype(np.float32)
        return self.count_step()

    def _move(self, last: Array) -> None:
        """A control step passes: at the present command from its start, or led there from the command `last` (7,) rad until a reflex."""
        if self._law is None:
            self.data.ctrl[:7] = self._command
            for _ in range(SUBSTEPS):
                mujoco.mj_step(self.model, self.data)
                self.pushed.watch()
            return
        for k in range(ticks_until(self.control_steps + 1) - ticks_until(self.control_steps)):
            self._law.push(self.motion.target(last, self._command, (k + 0.5) * TICK * CONTROL_HZ))
            mujoco.mj_step(self.model, self.data)
            self.pushed.watch()
            if self.reflex:
                return

    @property
    def reflex(self) -> bool:
        """Whether the arm has stopped itself."""
        return self._law is not None and self.pushed.peak > 1

    def count_step(self) -> float:
        """A control step has passed, here or (on the twin) under the robot's controller: score it; the reward."""
        self.control_steps += 1
        return 0.0 if self.reflex else self._score()

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What happens inside leaves no trace: physics and progress are put back at the end."""
        physics = self.full_state()
        progress = self.steps_done, list(self.step_done_s), self.control_steps, self._action_sent, copy(self.pushed)
        try:
            yield
        finally:
            self.set_full_state(physics)
            self.steps_done, self.step_done_s, self.control_steps, self._action_sent, self.pushed = progress

    def observe(self) -> Observation:
        """What the policy sees now; renders."""
        if self.cameras:
            pixels = self._renderer.frames(self.model, self.data)
        else:
            pixels = {name: np.zeros(IMAGE_SHAPE, np.uint8) for name in CAMERAS}
        return {"pixels": pixels, "agent_pos": self.agent_pos()}

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) float32: joint_pos 7 rad, ee_pos 3 m, ee rot6d 6, gripper_closed 1."""
        w = self.world
        return np.r_[w.joint_pos, w.ee_pos, rot6d_from_matrix(w.ee_mat), w.gripper_closed].astype(np.float32)

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """(240, 960, 3) uint8: left, right, wrist, side by side."""
        frames = self._renderer.frames(self.model, self.data)
        return np.concatenate([frames[name] for name in CAMERAS], 1)

    def segmentation(self) -> dict[str, NDArray[np.uint8]]:
        """Camera name -> (240, 320) uint8: i + 1 where `segments[i]` is seen, 0 elsewhere."""
        label = np.zeros(self.model.nbody, np.uint8)
        for body in range(1, self.model.nbody):
            name = self.model.body(self.model.body_rootid[body]).name
            if name in self.segments:  # not the table, the room, a distractor
                label[body] = self.segments.index(name) + 1
        return {name: label[ids] for name, ids in self._renderer.body_ids(self.model, self.data).items()}

    def pixels_alone(self, roles: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """Camera name -> (n,) pixels at 320x240 that each of these things would have if nothing stood before it."""
        return self._renderer.alone(self.model, self.data, [self.model.body(role).id for role in roles])

    def full_state(self) -> NDArray[np.float64]:
        """Everything that MuJoCo integrates and the joint command; `set_full_state` restores it exactly."""
        state = np.empty(mujoco.mj_stateSize(self.model, FULL_STATE))
        mujoco.mj_getState(self.model, self.data, state, FULL_STATE)
        return np.r_[state, self._command]

    def set_full_state(self, state: NDArray[np.float64]) -> None:
        """Restore a state of this trial's model."""
        size = mujoco.mj_stateSize(self.model, FULL_STATE)
        if state.shape != (size + 7,):
            raise ValueError(
                f"state has shape {state.shape}, expected ({size + 7},): it belongs to another model or MuJoCo version"
            )
        mujoco.mj_setState(self.model, self.data, state[:size], FULL_STATE)
        self._command = state[size:].copy()
        mujoco.mj_forward(self.model, self.data)

    def state_hash(self) -> str:
        """16 hex digits of the full state: equal where two rollouts are bit-identical."""
        return hashlib.sha256(self.full_state().tobytes()).hexdigest()[:16]

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()

    def _start(self, trial: Trial) -> None:
        if trial.env != self.task.name:
            raise ValueError(f"trial is of env '{trial.env}', this environment is '{self.task.name}'")
        checked_name(trial.shift, SHIFTS, "shift")
        self._wording = shifts.instruction(trial, self.task)
        self.trial = trial
        self._compile(shifts.start_layout(trial, self.task, self.scene.region))
        if trial.shift == "distractors":
            mujoco.mj_forward(self.model, self.data)
            self._compile(replace(self.layout, distractors=distractors(trial, self.task, self.world)))
        pos, mat = self._ik.pose(HOME_QPOS)
        start = pos + trial.rng("arm").uniform(-START_SPREAD, START_SPREAD)
        self._command = self._ik.solve(HOME_QPOS, start, mat)
        self._open_fixtures()
        self.set_arm(self._command)
        for _ in range(SETTLE_STEPS):
            mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        mujoco.mj_forward(self.model, self.data)
        self._action_sent = np.r_[start, rot6d_from_matrix(mat), 0.0].astype(np.float32)
        self.steps_done, self.step_done_s, self.control_steps = 0, [], 0
        self._check_premises()
        self._law = TorqueLaw(self.model, self.data) if self.motion.name == "smooth" else None

    def _compile(self, layout: Layout) -> None:
        """The model of this layout, as the trial's shift dresses it."""
        self.layout = layout
        spec = self.scene.build(layout, self.quality)
        shifts.dress(spec, self.trial, layout, LOOKS[self.quality])
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.world = World(self.model, self.data, layout)
        self.pushed = PushEstimate(self.model, self.data)

    def _open_fixtures(self) -> None:
        """Drawers and doors stand as far open as the layout says."""
        travel = {self.model.body(f.role).id: f.travel for f in self.layout.fixtures if f.travel}
        for joint in range(self.model.njnt):
            root = int(self.model.body_rootid[self.model.jnt_bodyid[joint]])
            if root in travel:
                low, high = self.model.jnt_range[joint]
                self.data.qpos[self.model.jnt_qposadr[joint]] = low + travel[root] * (high - low)

    def set_arm(self, joint_pos: Array) -> None:
        """Put the arm at these joints (7,) rad, at rest, gripper open (used by resets and still scenes)."""
        for joint, value in zip(ARM_JOINTS, joint_pos, strict=True):
            self.data.joint(joint).qpos[0] = value
        self.data.ctrl[:7], self.data.ctrl[7] = joint_pos, 0.0
        self._command = np.array(joint_pos, float)
        mujoco.mj_forward(self.model, self.data)

    def _check_premises(self) -> None:
        broken = []
        for placed in (*self.layout.objects, *self.layout.distractors):
            moved = float(np.linalg.norm(self.world.pos(placed.role)[:2] - placed.pos))
            if moved > 0.01:
                broken.append(f"{placed.role} ({placed.kind}) slid {1000 * moved:.0f} mm")
            if not self.world.at_rest(placed.role):
                broken.append(f"{placed.role} ({placed.kind}) moves at {self.world.speed(placed.role):.2f} m/s")
        depth = -float(self.data.contact.dist.min()) if self.data.ncon else 0.0
        if depth > 0.001:
            broken.append(f"a contact is {1000 * depth:.1f} mm deep")
        if any(step.predicate(self.world) for step in self.task.steps):
            broken.append("a step is done before the start")
        if broken:
            raise ResetError(f"{self.trial} did not settle: {'; '.join(broken)}")

    def _score(self) -> float:
        """The reward of this control step: newly done steps / steps. A step counts only after those before it."""
        before = self.steps_done
        while self.steps_done < len(self.task.steps) and self.task.steps[self.steps_done].predicate(self.world):
            self.steps_done += 1
            self.step_done_s.append(self.control_steps / CONTROL_HZ)
        return (self.steps_done - before) / len(self.task.steps)

    @property
    def terminated(self) -> bool:
        """All steps are done."""
        return self.steps_done == len(self.task.steps)

    @property
    def truncated(self) -> bool:
        """The time limit is reached, or the arm has stopped itself."""
        return (self.reflex or self.control_steps >= self.task.time_limit_s * CONTROL_HZ) and not self.terminated

    def _result(self, reward: float) -> StepResult:
        return self.observe(), reward, self.terminated, self.truncated, self._info()

    def _info(self) -> dict[str, Any]:
        steps = len(self.task.steps)
        stopped = {"outcome": "reflex", "error": f"the arm stopped itself, pushed with {self.pushed.peak:.1f} times what it may be"}
        return {
            "is_success": self.terminated,
            "success": self.terminated,
            "steps_done": self.steps_done,
            "steps": steps,
            "progress": self.steps_done / steps,
            "step_done_s": np.array(self.step_done_s + [np.inf] * (steps - self.steps_done)),
            "action_sent": self._action_sent.copy(),
            **(stopped if self.reflex else {}),
        }
