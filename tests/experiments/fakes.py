"""A small honest world for the harness: a point that integrates its target, steps at places along x, no simulator."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from envs.types import ACTION_EE_POS, CAMERAS, EXECUTE, HORIZON, IMAGE_SHAPE, Inference, Trial
from policy.baselines import hold_action

GOALS = (0.45, 0.50, 0.55, 0.60)  # m along x
LIMIT = 60  # control steps
SPEED = 0.01  # m per control step


@dataclass(frozen=True)
class FakeLayout:
    start: float


class FakeEnv:
    """Moves at most `SPEED` a step towards the target."""

    instruction = "Sort toys."

    def __init__(self, name: str = "sort_toys") -> None:
        steps = tuple(SimpleNamespace(goal=goal, instruction=f"Go to {goal:.2f} m.") for goal in GOALS)
        self.task = SimpleNamespace(name=name, steps=steps, instruction=self.instruction)
        self.cameras, self.renders = True, 0

    def reset(self, *, options):
        trial = options["trial"]
        self.layout = FakeLayout(0.40 + float(trial.rng().uniform(0, 0.02)))
        self.pos = np.array([self.layout.start, 0.0, 0.2])
        self.steps_done, self.step_done_s, self.count = 0, [], 0
        return self.observe(), self.info()

    def step_chunk(self, actions, on_step=None):
        for action in actions:
            gap = np.asarray(action)[ACTION_EE_POS] - self.pos
            self.pos = self.pos + gap * min(1.0, SPEED / max(float(np.linalg.norm(gap)), 1e-9))
            self.count += 1
            while self.steps_done < 4 and self.pos[0] >= GOALS[self.steps_done]:
                self.steps_done += 1
                self.step_done_s.append(self.count / 15)
            if on_step:
                on_step(self)
            if self.terminated or self.truncated:
                break
        return self.observe(), 0.0, self.terminated, self.truncated, self.info()

    @property
    def terminated(self):
        return self.steps_done == 4

    @property
    def truncated(self):
        return self.count >= LIMIT and not self.terminated

    def observe(self):
        state = np.concatenate([np.zeros(7), self.pos, [1, 0, 0, 0, -1, 0], [0]]).astype(np.float32)
        return {"pixels": {c: np.zeros(IMAGE_SHAPE, np.uint8) for c in CAMERAS}, "agent_pos": state}

    def info(self):
        times = np.array(self.step_done_s + [np.nan] * (4 - self.steps_done))
        return {"success": self.terminated, "steps_done": self.steps_done, "steps": 4, "progress": self.steps_done / 4, "step_done_s": times}

    def render(self):
        self.renders += 1
        frame = np.full((240, 960, 3), 90, np.uint8)
        x = int((self.pos[0] - 0.4) * 4000)
        frame[100:140, x : x + 40] = (220, 120, 60)
        return frame

    @property
    def data(self):
        return SimpleNamespace(qpos=self.pos)

    def full_state(self):
        return self.pos.copy()

    def state_hash(self):
        return hashlib.sha256(self.pos.tobytes()).hexdigest()[:16]

    def close(self):
        pass


class Forward:
    """Goes along +x and says so."""

    name, execute, uses_pixels = "forward", EXECUTE, False

    def reset(self, trial: Trial) -> None:
        self.trial = trial

    def infer(self, observation, instruction):
        chunk = np.tile(hold_action(observation), (HORIZON, 1))
        chunk[:, 0] += 1.0
        return Inference(chunk, "Put the yellow duck into the box.")


class Crashing(Forward):
    """Raises on trial 1."""

    def infer(self, observation, instruction):
        if self.trial.index == 1:
            raise RuntimeError("the network caught fire")
        return super().infer(observation, instruction)


class Dying(Forward):
    """Kills its process on trial 1."""

    def infer(self, observation, instruction):
        if self.trial.index == 1:
            os._exit(7)
        return super().infer(observation, instruction)


def make_forward(env):
    return Forward()


def make_crashing(env):
    return Crashing()


def make_dying(env):
    return Dying()
