"""Planners: who gives the policy one sub-task instruction at a time, and how what they say is matched to the sub-tasks.

`scripted` knows from the simulator (or the operator) which steps are done. `policy` asks the policy's own network in
understanding mode, `openai` any chat model; both only see the pictures, and both may be wrong.
"""

from __future__ import annotations

import difflib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envs.types import CAMERAS, Observation
from experiments.chat_model import ChatModel

PLANNER_NAMES = ("none", "scripted", "policy", "openai")
ASK_EVERY = {"scripted": 1, "policy": 4, "openai": 4}  # inferences between two questions; 4 are about 2 s of ChatVLA's motion
QUESTION = "{instruction} what should be done next?"  # the words of the question family `next` (envs/wordings.py)
CHAT_PROMPT = (
    "A robot arm is asked: \"{instruction}\" The pictures show the scene now, from these cameras: {cameras}. "
    "It does these sub-tasks in this order:\n{menu}\n"
    "Which sub-task is the first that is not done yet? Answer with that line's words and nothing else."
)
CUTOFF = 0.6  # difflib's ratio below which an answer is none of the sub-tasks

Answer = Callable[[Any, Observation, Any], str]


@dataclass(frozen=True)
class Planner:
    """`answer(env, observation, policy)` says what comes next, in words; it is asked every `every` inferences."""

    name: str
    every: int
    answer: Answer | None
    model: str | None = None

    @property
    def uses_pixels(self) -> bool:
        """Whether it looks at the pictures."""
        return self.name in ("policy", "openai")


NO_PLANNER = Planner("none", 1, None)


def make_planner(name: str, every: int | None = None, chat: ChatModel | None = None) -> Planner:
    """The planner of that name; `every`: inferences between two questions (default: `ASK_EVERY`)."""
    if name == "none":
        return NO_PLANNER
    if name == "openai":
        assert chat is not None
        return Planner(name, every or ASK_EVERY[name], ChatPlanner(chat), chat.model)
    return Planner(name, every or ASK_EVERY[name], {"scripted": scripted, "policy": ask_policy}[name])


def menu(task: Any) -> tuple[str, ...]:
    """The sub-task instructions of a task, in the order of its steps."""
    return tuple(dict.fromkeys(step.instruction or task.instruction for step in task.steps))


def scripted(env: Any, observation: Observation, policy: Any) -> str:
    """The instruction of the first step that is not done."""
    step = env.task.steps[env.steps_done]
    return step.instruction or env.instruction


def ask_policy(env: Any, observation: Observation, policy: Any) -> str:
    """What the policy's network answers to most cameras' pictures; of equally many, the first camera's."""
    cameras = [c for c in CAMERAS if c in observation["pixels"]]
    images = [observation["pixels"][c] for c in cameras]
    question = QUESTION.format(instruction=env.instruction)
    answers = policy.answer_batch(images, [question] * len(images), cameras)
    return Counter(answers).most_common(1)[0][0]


@dataclass(frozen=True)
class ChatPlanner:
    """What a chat model answers that is shown all cameras and the list of sub-tasks."""

    chat: ChatModel

    def __call__(self, env: Any, observation: Observation, policy: Any) -> str:
        pixels = observation["pixels"]
        lines = "\n".join(f"- {text}" for text in menu(env.task))
        prompt = CHAT_PROMPT.format(instruction=env.instruction, cameras=", ".join(pixels), menu=lines)
        return self.chat.ask(prompt, list(pixels.values()))


def match(answer: str, known: Sequence[str]) -> str | None:
    """The sub-task that an answer names: its very words, the only one it contains, or the nearest; None for none of them."""
    plain = {_plain(text): text for text in known}
    said = _plain(answer)
    if said in plain:
        return plain[said]
    contained = [text for key, text in plain.items() if key in said]
    if len(contained) == 1:
        return contained[0]
    near = difflib.get_close_matches(said, plain, 1, CUTOFF)
    return plain[near[0]] if near else None


@dataclass
class Plan:
    """What a planner says during one trial.

    `log`: (control time s, what it said, the sub-task that was taken for it or None), whenever that changes;
    `seconds`: latency of each question; `unmatched`: answers that named no sub-task, after which the last one stays.
    """

    planner: Planner
    env: Any
    policy: Any
    log: list[tuple[float, str, str | None]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    unmatched: int = 0
    _told: str | None = None
    _inferences: int = 0

    def instruction(self, observation: Observation, now: float) -> str:
        """What the policy is told at control time `now` s: the current sub-task, or the task where nobody plans."""
        if self.planner.answer is not None and self._inferences % self.planner.every == 0:
            began = time.perf_counter()
            said = self.planner.answer(self.env, observation, self.policy)
            self.seconds.append(time.perf_counter() - began)
            self._take(said, now)
        self._inferences += 1
        return self._told or self.env.instruction

    def _take(self, said: str, now: float) -> None:
        told = match(said, menu(self.env.task))
        if told is None:
            self.unmatched += 1
        else:
            self._told = told
        if not self.log or self.log[-1][1:] != (said, told):
            self.log.append((round(now, 3), said, told))


def _plain(text: str) -> str:
    return " ".join(text.lower().replace('"', " ").strip().strip("-*.!'`").split()).rstrip(".")
