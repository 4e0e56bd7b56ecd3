"""One trial: reset, infer, execute, until done; a crash becomes an error row, never a failed trial.

The env is the simulation's or the robot's. A robot's trial can end in more ways, which `outcome` and `error` in its info tell;
one that cannot begin raises `NotATrial` and is invalid.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.types import CONTROL_HZ, HORIZON, Inference, Policy, Trial
from experiments.errors import NotATrial
from experiments.pacing import Pacing, thinking_s
from experiments.planners import NO_PLANNER, Plan, Planner
from experiments.results import Result
from policy.baselines import hold_action

ERROR_FRAMES = 3  # traceback frames kept in an error row


class Recorder(Protocol):
    """What a rollout tells while it goes on: the settled scene, words, actions, control steps, and how it ended."""

    def start(self, env: Any) -> None: ...

    def say(self, env: Any, text: str) -> None: ...

    def execute(self, actions: NDArray[np.float32]) -> None: ...

    def step(self, env: Any) -> None: ...

    def end(self, outcome: str) -> Mapping[str, Any]:
        """Fields of the row: paths of what was recorded, relative to OUT, or what was seen."""
        ...


@dataclass(frozen=True)
class Provenance:
    """What every row of a run carries besides its trial."""

    policy: str  # its name on the command line
    config_hash: str
    checkpoint: str | None = None
    checkpoint_hash: str | None = None
    clock: str = "stepped"
    execution: str = "sync"
    reason_every: int = 1
    quality: str = "fast"
    motion: str = "step"
    planner: str = "none"
    planner_model: str | None = None
    planner_every: int | None = None
    policy_adapter: str | None = None
    backend: str = "mujoco"
    commit: str | None = None
    command: str = ""
    gl: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Log:
    """What accumulates during a trial."""

    infer_s: list[float] = field(default_factory=list)
    parts_s: dict[str, list[float]] = field(default_factory=dict)
    reasoning: list[tuple[float, str]] = field(default_factory=list)
    plan: Plan | None = None


def rollout(
    env: Any, policy: Policy, trial: Trial, recorders: Sequence[Recorder], provenance: Provenance, planner: Planner = NO_PLANNER
) -> Result:
    """The row of one trial; an exception of env, policy or planner is an `error` row (Ctrl-C still rises).

    `clock` says what planning and inference cost, `execution` what the arm does meanwhile; see `experiments.pacing`.
    """
    start, log = time.perf_counter(), _Log()
    row: dict[str, Any] = {
        "env": trial.env, "trial": trial.index, "seed": trial.seed, "split": trial.split, "shift": trial.shift,
        "execute": policy.execute, **asdict(provenance),
    }  # fmt: skip
    try:
        row |= _run(env, policy, planner, trial, recorders, provenance, log)
    except Exception as error:
        row |= {"outcome": "invalid" if isinstance(error, NotATrial) else "error", "error": _told(error)}
    row |= {"wall_s": round(time.perf_counter() - start, 3), "reasoning": tuple(log.reasoning), "inferences": len(log.infer_s)}
    row |= _percentiles("infer", log.infer_s)
    row |= {"infer_parts_ms": {part: round(float(np.median(s)) * 1000, 2) for part, s in log.parts_s.items()}}
    if log.plan is not None:
        row |= {"plan": tuple(log.plan.log), "plan_unmatched": log.plan.unmatched, **_percentiles("plan", log.plan.seconds)}
    for recorder in recorders:
        row |= recorder.end(row["outcome"])
    return Result(**row)


def _run(
    env: Any, policy: Policy, planner: Planner, trial: Trial, recorders: Sequence[Recorder], how: Provenance, log: _Log
) -> dict[str, Any]:
    env.cameras = getattr(policy, "uses_pixels", True) or planner.uses_pixels
    observation, info = env.reset(options={"trial": trial})
    reset_hash = env.state_hash()
    pacing = Pacing(policy.execute, hold_action(observation), how.execution == "async")
    real_time = getattr(env, "real_time", False)
    policy.reset(trial)
    log.plan = Plan(planner, env, policy)
    ended = truncated = False
    control_steps = 0
    for recorder in recorders:
        recorder.start(env)

    def count(stepped: Any) -> None:
        nonlocal control_steps
        control_steps += 1
        for recorder in recorders:
            recorder.step(stepped)

    def execute(actions: NDArray[np.float32]) -> None:
        nonlocal observation, truncated, info, ended
        for recorder in recorders:
            recorder.execute(actions)
        observation, _, terminated, truncated, info = env.step_chunk(actions, on_step=count)
        ended = terminated or truncated

    def inference_meanwhile() -> tuple[Inference, int]:
        """The policy's answer, and how many control steps the arm has gone on with the chunk before until it came."""
        if not (pacing.asynchronous and real_time):
            return policy.infer(observation, instruction), 0
        with ThreadPoolExecutor(1) as thread:
            answer, steps = thread.submit(policy.infer, observation, instruction), 0
            while not (answer.done() or ended):
                execute(pacing.meanwhile(steps)[None])
                steps += 1
            return answer.result(), steps

    while not ended:
        began = time.perf_counter()
        instruction = log.plan.instruction(observation, control_steps / CONTROL_HZ)
        planned = time.perf_counter()
        inference, executed = inference_meanwhile()
        answered = time.perf_counter()
        log.infer_s.append(answered - planned)
        for part, seconds in inference.seconds.items():
            log.parts_s.setdefault(part, []).append(seconds)
        _note(log, recorders, env, control_steps, inference.reasoning)
        # Where time passes by itself, the arm has been held or has gone on already.
        thought = executed / CONTROL_HZ if real_time else thinking_s(how.clock, answered - began)
        actions = pacing.actions(_checked_chunk(inference.action_chunk, policy), thought)
        if not ended:
            execute(actions[executed:])
    return _end(env, info, truncated, control_steps) | {"reset_hash": reset_hash}


def _note(log: _Log, recorders: Sequence[Recorder], env: Any, control_steps: int, text: str) -> None:
    if not log.reasoning or log.reasoning[-1][1] != text:
        if text:
            log.reasoning.append((round(control_steps / CONTROL_HZ, 3), text))
        for recorder in recorders:
            recorder.say(env, text)


def _percentiles(what: str, seconds: list[float]) -> dict[str, float]:
    return {f"{what}_ms_p{q}": round(float(np.percentile(seconds, q)) * 1000, 2) for q in (50, 95)} if seconds else {}


def _checked_chunk(chunk: Any, policy: Policy) -> np.ndarray:
    chunk = np.asarray(chunk)
    if chunk.ndim != 2 or not len(chunk) >= 1 or policy.execute > max(len(chunk), 1):
        raise ValueError(f"{policy.name} answered a chunk of shape {chunk.shape}, expected (n, 10) with n >= {policy.execute} (it executes {policy.execute}; the usual n is {HORIZON})")
    return chunk


def _end(env: Any, info: Mapping[str, Any], truncated: bool, control_steps: int) -> dict[str, Any]:
    success = bool(info["success"])
    return {
        "outcome": info.get("outcome", "success" if success else "timeout" if truncated else "failure"), "error": info.get("error"),
        "instruction": env.instruction, "layout": plain(env.layout),
        "steps_done": int(info["steps_done"]), "steps": int(info["steps"]), "success": success, "progress": float(info["progress"]),
        "step_done_s": tuple(round(float(t), 3) for t in info["step_done_s"] if math.isfinite(t)),
        "seconds": round(control_steps / CONTROL_HZ, 3), "state_hash": env.state_hash(),
    }  # fmt: skip


def _told(error: Exception) -> str:
    """`ValueError: text (file.py:12 f < file.py:3 g)`: enough to find it, on one line."""
    frames = traceback.extract_tb(error.__traceback__)[-ERROR_FRAMES:]
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__}: {error} ({where})"


def plain(value: Any) -> Any:
    """Dataclasses, mappings, tuples and arrays as what JSON can say; floats to 0.1 mm."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain({k: v for k, v in vars(value).items() if not callable(v)})
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 4)
    return value.item() if isinstance(value, np.generic) else value


