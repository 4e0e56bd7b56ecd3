"""Watches a simulated trial with privileged state: how near the hand comes, what it closes upon, holds and lets go of."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.skills.skill import FirstUnmet, Skill, grasp_pos
from envs.types import ACTION_GRIPPER, CONTROL_HZ
from envs.world import World
from experiments.failures.kinds import IDLE_S, NEAR, Attempt, cm, told

CLOSING = 0.8  # of a gripper command: some skills hold the fingers at 0.66 on purpose, before a mug's wall
HOLD = 5  # control steps, 1/3 s, that both fingers touch a thing before it counts as held: a brushed one is not
GONE = 5  # control steps after the touch was lost within which an opening command still counts as the cause
STILL = 0.015  # m, and FINGERS of the gripper's range, within which the hand stands still
FINGERS = 0.05


class FailureRecorder:
    """A recorder (`experiments.rollout.Recorder`) that adds `failure` and `grasps` to the row.

    A world that tells nothing (a robot's) leaves both as they are.
    """

    def __init__(self) -> None:
        self._world: World | None = None

    def start(self, env: Any) -> None:
        """The scene is settled, nothing done yet."""
        self._world = getattr(env, "world", None)
        if self._world is None:
            return
        self._steps, self._finished = env.task.steps, env.told(env.task.finished)
        self._commands: deque[float] = deque()
        self._said, self._command = "", 0.0
        self._grasps: list[dict[str, Any]] = []
        self._idle, self._anchor = 0, np.full(4, np.inf)
        self._begin(0)

    def say(self, env: Any, text: str) -> None:
        """Kept: the policy may say that all is done."""
        self._said = text

    def execute(self, actions: NDArray[np.float32]) -> None:
        """The gripper's commands of the next control steps, from actions (n, 10)."""
        self._commands = deque(np.asarray(actions)[:, ACTION_GRIPPER].ravel().tolist())

    def step(self, env: Any) -> None:
        """Look at the state after one control step."""
        if self._world is None:
            return
        if env.steps_done != self._attempt.step - 1:
            self._begin(env.steps_done)
        command = self._commands.popleft()
        if env.steps_done < len(self._steps):
            self._look(self._world, self._steps[env.steps_done].skill, command)
        self._command = command

    def end(self, outcome: str) -> Mapping[str, Any]:
        """`{"failure": why the due step was not done (None where all were), "grasps": first closing of each step}`."""
        if self._world is None or outcome in ("error", "invalid"):
            return {}
        a, failure = self._attempt, None
        if a.step <= len(self._steps):
            a.before = next(iter(self._distances), a.now)
            idle_s = self._idle / CONTROL_HZ
            failure = told(a, idle_s >= IDLE_S or self._said == self._finished, idle_s, outcome)
        return {"failure": failure, "grasps": tuple(self._grasps)}

    def _begin(self, steps_done: int) -> None:
        """The next step is due."""
        self._attempt = Attempt(steps_done + 1)
        self._touched: dict[str, int] = {}  # thing -> control steps for which it has been between the fingers
        self._closing: dict[str, Any] | None = None  # the grasp whose fingers have not opened again
        self._open: tuple[Skill, ...] = ()
        self._distances: deque[float] = deque(maxlen=CONTROL_HZ)
        self._gone = 0

    def _look(self, world: World, skill: Any, command: float) -> None:
        a, ee = self._attempt, world.ee_pos
        now = np.r_[ee, STILL / FINGERS * world.gripper_closed]
        self._idle += 1
        if np.linalg.norm(now - self._anchor) > STILL:
            self._idle, self._anchor = 0, now
        skills: tuple[Skill, ...] = skill.skills if isinstance(skill, FirstUnmet) else (skill,)
        # What stands alone is to be done until the step is; of several, what is reached may be only about to count.
        self._open = (skill.open(world) if isinstance(skill, FirstUnmet) else skills) or self._open
        if not self._open:
            return
        ways = {s: float(np.linalg.norm(ee - grasp_pos(s, world))) for s in self._open}
        nearest = min(ways, key=lambda s: ways[s])
        a.now = ways[nearest]
        self._distances.append(a.now)
        if a.now < a.nearest:
            a.nearest, a.object = a.now, nearest.object
        if not _pushes(nearest):
            self._note_closing(nearest, command)
        self._note_holding(world, {s.object: s for s in skills}, command)

    def _note_closing(self, skill: Skill, command: float) -> None:
        """The first closing of a step is its grasp, whether it succeeds or not."""
        a = self._attempt
        if command < CLOSING and not self._touched:
            self._closing = None
        if not self._command < CLOSING <= command:
            return
        a.closed_near |= a.now < NEAR
        if a.grasp_cm is None:
            a.grasp_cm = cm(a.now)
            self._closing = {"step": a.step, "object": skill.object, "cm": a.grasp_cm, "held": False}
            self._grasps.append(self._closing)

    def _note_holding(self, world: World, skills: Mapping[str, Skill], command: float) -> None:
        """What is held, or is not any more. What is pushed counts as held while a finger touches it."""
        a, fingers = self._attempt, world.fingers_on()
        pushed = {s.object for s in self._open if _pushes(s)}
        self._touched = {name: self._touched.get(name, 0) + 1 for name, count in fingers.items() if count == 2 or name in pushed}
        held = {name for name, steps in self._touched.items() if steps >= HOLD}
        wanted = held & {s.object for s in self._open}
        if wanted:
            a.taken, a.let_go, self._gone = min(wanted), None, 0
            if self._closing and self._closing["object"] == a.taken:
                self._closing["held"] = True
        elif others := held - set(world.fixtures) - {s.object for s in self._open}:
            a.wrong = min(others)
        elif a.taken and a.taken not in self._touched:
            self._note_loss(world, skills[a.taken], command)

    def _note_loss(self, world: World, skill: Skill, command: float) -> None:
        """How the object left the fingers: a command below what they measure opens them. Pushing ends by leaving."""
        a = self._attempt
        self._gone += 1
        opened = command < world.gripper_closed - FINGERS or _pushes(skill)
        if a.let_go is None or (opened and self._gone <= GONE):
            now = world.grip(skill.object) if skill.object in world.fixtures else world.pos(skill.object)
            a.let_go = opened, float(np.linalg.norm((now - skill.target(world))[:2]))


def _pushes(skill: Skill) -> bool:
    return getattr(skill, "pushes", False)
