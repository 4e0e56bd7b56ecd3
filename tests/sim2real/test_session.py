"""A session on fakes: rows, scores, repeats, what is kept aside, going on, and the blind comparison."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from envs.types import HORIZON, Inference, Trial
from experiments.config import load as load_simulated
from experiments.errors import UsageError
from experiments.results import ResultsWriter, read
from experiments.rollout import Provenance
from experiments.workers import EnvRun
from policy.baselines import hold_action
from sim2real import blind, options, rollout
from sim2real.motion_log import MotionLog
from sim2real.outcomes import CameraError, ReflexError
from sim2real.session import ATTEMPTS, Turn, play
from tests.sim2real.fakes import FakeOperator, fake_env


class Still:
    """Holds, and does `mischief[trial]` once."""

    name, execute, uses_pixels = "still", 4, False

    def __init__(self, mischief=()):
        self.mischief = dict(mischief)

    def reset(self, trial):
        self.trial = trial

    def infer(self, observation, instruction):
        self.mischief.pop(self.trial.index, lambda: None)()
        return Inference(np.tile(hold_action(observation), (HORIZON, 1)), "I hold still.")


@pytest.fixture(scope="module")
def robot():
    env, sources = fake_env()
    yield env, sources
    env.close()


@pytest.fixture
def env(robot):
    env, _ = robot
    env.operator = FakeOperator(done_at=(4, 8, 12, 16))
    env.rig.arm.trouble = None
    return env


def play_all(env, out, trials, policy, video="none", record=None):
    identity = {"env": "sort_toys", "backend": "twin"}
    events = []
    with ResultsWriter(out, identity) as writer:
        todo = [Trial("sort_toys", i) for i in range(trials) if i not in writer.finished]
        turns = [Turn(trial, policy, EnvRun(Provenance("still", "hash", backend="twin"), out), writer) for trial in todo]
        play(env, turns, video, events.append, record)
    return read(out / "results.jsonl")


def test_a_trial_makes_the_row_of_the_simulation_with_a_log_beside_it(env, tmp_path):
    (row,) = play_all(env, tmp_path, 1, Still(), video="all")
    assert (row.outcome, row.steps_done, row.steps, row.backend, row.operator) == ("success", 4, 4, "twin", "fake")
    assert row.seconds == pytest.approx(16 / 15, abs=1e-3)
    assert row.reasoning == ((0.0, "I hold still."),)
    assert len(MotionLog.load(tmp_path / row.log)) == 16
    assert (tmp_path / row.video).stat().st_size > 1000


def test_a_reflex_counts_and_the_next_trial_runs(env, tmp_path):
    rows = play_all(env, tmp_path, 2, Still({0: lambda: setattr(env.rig.arm, "trouble", ReflexError("joint_reflex"))}))
    assert [r.outcome for r in rows] == ["reflex", "success"]
    assert rows[0].error == "joint_reflex"
    assert rows[0].counted


def test_an_invalid_trial_is_repeated_and_nothing_of_it_is_lost(env, robot, tmp_path):
    camera = robot[1]["left"]
    env.cameras = True
    policy = Still({0: lambda: setattr(camera, "unplugged", True)})
    policy.uses_pixels = True
    unplugged = []
    tell = env.rig.scene.prepare
    env.rig.scene.prepare = lambda trial: (unplugged.append(camera.unplugged), tell(trial))
    env.rig.cameras.wait_ready, ready = lambda *_: (setattr(camera, "unplugged", False), ready()), env.rig.cameras.wait_ready
    play_all(env, tmp_path, 1, policy, video="all")
    env.rig.cameras.wait_ready, env.rig.scene.prepare = ready, tell
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["invalid", "success"]
    assert lines[0]["video"] == "videos/trial_0000_invalid_1.mp4"
    assert all((tmp_path / line[what]).exists() for line in lines for what in ("video", "log"))


def test_three_invalid_attempts_end_the_session_with_what_to_do(env, tmp_path):
    env.operator.refuses = CameraError("camera left is not connected")
    with pytest.raises(UsageError, match=rf"trial 0 failed {ATTEMPTS} times.*camera left is not connected.*same command again"):
        play_all(env, tmp_path, 1, Still())
    env.operator.refuses = None
    assert [r.outcome for r in play_all(env, tmp_path, 2, Still())] == ["success", "success"]


def test_a_session_goes_on_where_it_was(env, tmp_path):
    play_all(env, tmp_path, 1, Still())
    before = len(env.operator.settings)
    rows = play_all(env, tmp_path, 3, Still())
    assert [r.trial for r in rows] == [0, 1, 2]
    assert len(env.operator.settings) == before + 2


@pytest.mark.parametrize(("said", "outcome", "success"), [(4, "success", True), (3, "failure", False)])
def test_the_operators_score_decides(env, tmp_path, said, outcome, success):
    env.operator.scores = [said]
    (row,) = play_all(env, tmp_path, 1, Still())
    assert (row.outcome, row.success, row.steps_done, row.progress) == (outcome, success, said, said / 4)


def test_a_crash_of_the_policy_is_an_error_and_the_arm_is_stopped(env, tmp_path):
    def crash():
        raise RuntimeError("the network caught fire")

    play_all(env, tmp_path, 1, Still({0: crash}))
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["error", "success"]
    assert env.rig.arm.stops >= 2


def test_what_was_done_is_a_dataset_that_training_reads(env, tmp_path):
    from envs.dataset_meta import rebuild

    play_all(env, tmp_path / "out", 2, Still(), record=tmp_path / "data")
    rebuild(tmp_path / "data")
    info = json.loads((tmp_path / "data/meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"]) == (2, 32)


# --- blind ---


def test_each_policy_goes_first_as_often_as_the_other():
    for trials in (10, 11):
        first = blind.draw(("a", "b"), trials).first
        assert abs(2 * sum(first) - trials) <= 1


def test_the_order_is_drawn_not_fixed():
    assert len({blind.draw(("a", "b"), 20).first for _ in range(5)}) > 1


def test_a_changed_order_is_found(tmp_path):
    sealed = blind.draw(("a", "b"), 4)
    blind.keep(sealed, tmp_path)
    assert blind.find(tmp_path) == sealed
    other = replace(sealed, first=tuple(1 - i for i in sealed.first))
    seal = (tmp_path / blind.SEAL).read_text()
    blind.keep(other, tmp_path)
    (tmp_path / blind.SEAL).write_text(seal)
    with pytest.raises(UsageError, match="void"):
        blind.find(tmp_path)


@pytest.fixture
def on_fakes(env, monkeypatch):
    @contextmanager
    def open_env(config, task):
        yield env

    for module in (blind, rollout):
        monkeypatch.setattr(module, "open_env", open_env)
    return env


def test_a_blind_session_tells_nothing_until_all_is_scored_then_everything(on_fakes, tmp_path):
    on_fakes.operator.done_at = ()
    on_fakes.operator.tired = True  # the trials end by the operator's hand
    argv = ["env=sort_toys", "policy=zero", "against=random", "trials=2", "video=none", f"out={tmp_path}"]
    assert rollout.main([*argv, "stage=report"]) == 2  # nothing is sealed yet
    assert rollout.main(argv) == 0
    for slot in blind.SLOTS:
        text = (tmp_path / slot / "results.jsonl").read_text()
        rows = [json.loads(line) for line in text.splitlines()]
        assert {row["policy"] for row in rows} == {"sealed"}
        assert {row["infer_ms_p50"] for row in rows} == {None}
    sealed = blind.find(tmp_path)
    assert sealed is not None
    assert b"zero" not in (tmp_path / blind.SEALED).read_bytes()
    for name in ("zero", "random"):
        rows = read(tmp_path / name / "results.jsonl")
        assert [(row.trial, row.policy) for row in rows] == [(0, name), (1, name)]
        assert (tmp_path / name / "report.html").exists()
    assert blind.preferred(tmp_path, sealed) in ("preferred: zero 1, random 1, tie 0, of 2",)


def test_the_command_writes_rows_and_a_report_and_goes_on(on_fakes, tmp_path, capsys):
    argv = ["env=sort_toys", "policy=zero", "video=none", f"out={tmp_path}"]
    assert rollout.main([*argv, "trials=1"]) == 0
    assert rollout.main([*argv, "trials=2"]) == 0
    assert [row.trial for row in read(tmp_path / "results.jsonl")] == [0, 1]
    assert "Avg. Len. 100 %" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["robot=frnka"], "did you mean 'franka'"),
        (["robot=franka"], "needs ip="),
        (["robot=franka", "ip=10.0.0.2", "serials=[1,2,3]", "policy=expert"], "does not have"),
        (["robot=franka", "ip=10.0.0.2", "serials=[1,2,3]", "operator=scripted"], "a person judges"),
        (["robot=franka", "ip=10.0.0.2", "serials=[1,2,3]", "motion=step"], "torque jumps that a Franka stops at"),
        (["execution=async"], "the same as sync where thinking costs no time"),
        (["stage=train"], "not done on a robot"),
        (["mode=real_time", "clock=200ms"], "takes what it takes"),
        (["clock=real"], "stands still"),
        (["against=zero", "policy=zero"], "the same policy"),
        (["speed=0"], "above 0"),
        (["sped=1"], "did you mean 'speed'"),
    ],
)
def test_a_wrong_override_is_told_with_its_remedy(argv, says, capsys):
    assert rollout.main(argv) == 2
    assert says in capsys.readouterr().err


def test_help_names_what_only_a_robot_has(capsys):
    assert rollout.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("serials", "against", "gripper_port", "policy"))


def test_on_the_robot_time_is_real_and_a_person_operates():
    config = options.load(["robot=franka", "ip=10.0.0.2", "serials=[1,2,3]"])
    assert (config.clock, config.operator_name, config.out_dir.name.split("-")[0]) == ("real", "page", "franka")
    assert options.load([]).clock == "stepped"


def test_the_arm_may_go_on_while_the_policy_thinks_where_time_passes():
    assert options.load(["mode=real_time", "execution=async", "reason_every=4"]).clock == "real"
    assert options.load(["execution=async", "clock=200ms"]).execution == "async"


def test_on_a_robot_targets_are_led_smoothly_and_in_simulation_they_step():
    assert options.load([]).motion == "smooth"
    assert load_simulated([]).motion == "step"
