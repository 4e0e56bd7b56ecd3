"""What the simulation did when it was last recorded, it still does: every task, two fixed test layouts, no cameras.

tests/regression/ is the OUT of a run of the expert; `make regression` records it anew. The final state must be the
recorded one to the last bit. Where it is not, the test says which task drifted and by how much. On another version of
MuJoCo that is all; on another processor, whose libraries round differently, the settled scene may differ by a hair.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from envs.expert import Expert
from envs.sim_env import SimEnv
from envs.tasks import TASKS
from envs.types import CONTROL_HZ, Trial
from experiments import provenance
from experiments.replay import replay_trial
from experiments.results import RESULTS_FILE, Result, read
from experiments.rollout import Provenance, rollout
from experiments.tape import Tape, TapeRecorder, read_tape
from policy.baselines import hold_action

RECORDED = Path(__file__).parent / "regression"
LAYOUTS = 2
IDLE_S = 10  # of doing nothing: what does not move by then does not move
HAIR = 1e-6  # m and rad after the reset, between processors; a change of an asset or a layout is larger
CASES = [(name, trial) for name in TASKS for trial in range(LAYOUTS)]


@cache
def make(name: str) -> SimEnv:
    return SimEnv(name, cameras=False)


def recorded(name: str, trial: int) -> tuple[Result, Tape]:
    rows = {row.trial: row for row in read(RECORDED / name / RESULTS_FILE)}
    assert trial in rows, f"{name}, trial {trial} was never recorded; run: make regression"
    return rows[trial], read_tape(RECORDED / name / str(rows[trial].states))


def told(then: Result, tape: Tape, now: Result, again: Tape) -> str:
    """What is different, from the first cause on."""
    same = min(len(tape.actions), len(again.actions))
    differ = np.flatnonzero((tape.actions[:same] != again.actions[:same]).any(1))
    first = differ[0] if len(differ) else same
    decided = "as recorded" if len(tape.actions) == len(again.actions) and not len(differ) else f"otherwise from {first / CONTROL_HZ:.1f} s on"
    drift = replay_trial(make(then.env), then, tape)
    return f"{drift}; the expert acts {decided}, and ends with {now.steps_done} steps done after {now.seconds} s ({then.steps_done} after {then.seconds} s then)"


@pytest.mark.parametrize(("name", "trial"), CASES)
def test_the_expert_completes_the_task_and_ends_in_the_recorded_state(name, trial, tmp_path):
    env = make(name)
    row = rollout(env, Expert(env), Trial(name, trial), [TapeRecorder(tmp_path, trial)], Provenance("expert", ""))
    assert row.success, f"{name}, trial {trial}: {row.outcome} with {row.steps_done}/{row.steps} steps done {row.error or ''}"
    then, tape = recorded(name, trial)
    if row.state_hash == then.state_hash:
        return
    message = told(then, tape, row, read_tape(tmp_path / str(row.states)))
    versions = provenance.versions()
    changed = [k for k in ("mujoco", "numpy", "cpu") if versions[k] != then.versions.get(k)]
    if "mujoco" not in changed:
        drift = replay_trial(env, then, tape).reset
        assert changed, f"{message}. If that is meant: make regression"
        assert max(drift.metres, drift.radians) < HAIR, f"{message}. If that is meant: make regression"
    warnings.warn(f"{message} (other {', '.join(changed)} than recorded)", stacklevel=1)


@pytest.mark.parametrize(("name", "trial"), CASES)
def test_doing_nothing_completes_no_step(name, trial):
    env = make(name)
    observation, _ = env.reset(options={"trial": Trial(name, trial)})
    for _ in range(IDLE_S * CONTROL_HZ):
        env.advance(hold_action(observation))
    assert env.steps_done == 0


def test_no_recording_is_of_a_task_that_is_gone():
    assert {path.name for path in RECORDED.iterdir() if path.is_dir()} <= set(TASKS)
