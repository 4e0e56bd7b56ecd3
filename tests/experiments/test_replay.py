"""A recorded trial repeats exactly; where it does not, the drift says how far, from when on, and in which joint."""

import dataclasses

import numpy as np
import pytest

from envs.sim_env import SimEnv
from envs.types import Trial
from experiments.policies import make_policy
from experiments.replay import Drift, measure, print_replays, replay_folder, replay_trial
from experiments.results import RESULTS_FILE, to_line
from experiments.rollout import Provenance, rollout
from experiments.tape import MARKS, TapeRecorder, read_tape
from tests.experiments.fakes import FakeEnv, Forward


@pytest.fixture(scope="module")
def env():
    env = SimEnv("sort_toys", cameras=False)
    env.task = dataclasses.replace(env.task, time_limit_s=6.0)
    return env


@pytest.fixture(scope="module")
def recorded(env, tmp_path_factory):
    """Six seconds of the expert: OUT, its row and its tape."""
    out = tmp_path_factory.mktemp("out")
    row = rollout(env, make_policy("expert", env), Trial("sort_toys", 0), [TapeRecorder(out, 0)], Provenance("expert", "abc"))
    (out / RESULTS_FILE).write_text(to_line(row))
    return out, row, read_tape(out / str(row.states))


def test_a_tape_holds_the_settled_state_the_executed_actions_and_marks(tmp_path):
    env = FakeEnv()
    row = rollout(env, Forward(), Trial("sort_toys", 0), [TapeRecorder(tmp_path, 0)], Provenance("forward", "abc"))
    tape = read_tape(tmp_path / "states/trial_0000.npz")
    assert row.states == "states/trial_0000.npz"
    assert len(tape.actions) == env.count == round(15 * row.seconds)  # not the rest of the last chunk
    assert tape.marks == (*(k for k in MARKS if k < env.count), env.count)
    np.testing.assert_array_equal(tape.qpos[0], tape.state)
    np.testing.assert_array_equal(tape.qpos[-1], env.pos)


def test_the_same_simulator_repeats_a_trial_to_the_last_bit(env, recorded):
    _, row, tape = recorded
    replay = replay_trial(env, row, tape)
    assert replay.exact
    assert replay.steps_done == row.steps_done == 1
    assert replay.reset == Drift()
    assert replay.later == tuple((k, Drift()) for k in (1, 15, 75, 90))


def test_another_settled_state_is_drift_after_the_reset_but_not_from_the_recorded_state(env, recorded):
    _, row, tape = recorded
    qpos = tape.qpos.copy()
    qpos[0, -7] += 0.002  # the last toy, along x
    replay = replay_trial(env, row, dataclasses.replace(tape, qpos=qpos))
    assert replay.reset.metres == pytest.approx(0.002)
    assert replay.reset.slid == "block_1"
    assert replay.exact
    assert "drift after the reset 2.0e-03 m (block_1)" in str(replay)


def test_other_dynamics_are_drift_from_the_recorded_state(env, recorded):
    _, row, tape = recorded
    state = tape.state.copy()
    state[-1] += 0.01  # the commanded last joint
    replay = replay_trial(env, row, dataclasses.replace(tape, state=state))
    assert not replay.exact
    assert replay.reset == Drift()
    assert replay.later[-1][1].radians > 0


def test_a_tape_of_another_model_is_told_and_does_not_fail(env, recorded):
    _, row, tape = recorded
    replay = replay_trial(env, row, dataclasses.replace(tape, qpos=tape.qpos[:, :-7]))
    assert f"another model: {env.model.nq} positions, {env.model.nq - 7} then" in str(replay)
    shorter = replay_trial(env, row, dataclasses.replace(tape, state=tape.state[:-1]))
    assert "it belongs to another model or MuJoCo version" in str(shorter)


def test_a_folder_is_repeated_and_summed_up(env, recorded, capsys):
    out, *_ = recorded
    print_replays(replay_folder(out, lambda quality, motion, name: env))
    told = capsys.readouterr().out
    assert "1 of 1 trials end in the very same state" in told
    assert "mujoco unknown then, 4.0.0 now" in " ".join(told.split())


def test_drift_is_measured_in_metres_and_radians_by_joint(env):
    env.reset(options={"trial": Trial("sort_toys", 0)})
    then, now = env.data.qpos.copy(), env.data.qpos.copy()
    joint = env.model.joint("block_1").qposadr[0]
    now[joint + 2] += 0.01
    turn = 0.3  # rad about z
    w, x, y, z = now[joint + 3 : joint + 7]
    c, s = np.cos(turn / 2), np.sin(turn / 2)
    now[joint + 3 : joint + 7] = -np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])  # q and -q are one turn
    drift = measure(env.model, then, now)
    assert (drift.slid, drift.turned) == ("block_1", "block_1")
    assert drift.metres == pytest.approx(0.01)
    assert drift.radians == pytest.approx(turn)
    now[0] += 0.5
    assert measure(env.model, then, now).radians == pytest.approx(0.5)
