"""The policy hands over anywhere on its way, and what the expert does from there is a demonstration like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from envs.dataset import open_dataset
from envs.dataset_files import EpisodeWriter
from envs.expert import Expert
from envs.names import TASK_NAMES
from envs.sim_env import SimEnv
from envs.types import EE_POS, Inference, Trial
from experiments import recording
from experiments.collect import CollectConfig, collect
from experiments.correct import FIRST_TRIAL, LATEST, correct, hand_over
from experiments.demonstrations import load_demonstrations
from experiments.errors import UsageError
from tests.experiments.test_collect import record_black

TASK = "close_drawer"


class Rising:
    """A policy that is stuck: it stretches the arm upwards, whatever it sees."""

    name, execute, uses_pixels = "rising", 8, False

    def reset(self, trial: Trial) -> None:
        self.told = []

    def infer(self, observation, instruction: str) -> Inference:
        self.told.append(instruction)
        action = np.r_[0.4, 0.0, 0.6, 1, 0, 0, 0, -1, 0, 0].astype(np.float32)
        return Inference(np.tile(action, (16, 1)), "")


@pytest.fixture(scope="module")
def env():
    made = SimEnv(TASK, cameras=False)
    yield made
    made.close()


def test_a_policy_that_is_stuck_hands_over_in_the_first_half_of_the_time(env):
    moments = []
    for index in range(12):
        policy = Rising()
        hand_over(env, policy, Trial(TASK, index, split="train"))
        assert not env.terminated
        assert len(policy.told) == -(-env.control_steps // policy.execute)
        assert set(policy.told) == {env.instruction}
        moments.append(env.control_steps)
    limit = LATEST * env.task.time_limit_s * 15
    assert len(set(moments)) > 6
    assert max(moments) < limit
    assert max(moments) > limit / 2


def test_one_that_succeeds_hands_over_on_its_way(env):
    for index in range(4):
        hand_over(env, Expert(env), Trial(TASK, index, split="train"))
        assert not env.terminated
        assert env.control_steps < LATEST * env.task.time_limit_s * 15


def test_one_whose_arm_stops_itself_hands_over_before():
    """The hand goes down onto the table and on."""

    class Pressing(Rising):
        def infer(self, observation, instruction):
            made = super().infer(observation, instruction)
            made.action_chunk[:, 2] = -0.2
            return made

    env = SimEnv(TASK, cameras=False, motion="smooth")
    for index in range(3):
        hand_over(env, Pressing(), Trial(TASK, index, split="train"))
        assert not env.truncated
        assert env.pushed.peak <= 1
    env.close()


def test_a_planners_sub_tasks_are_told_to_the_policy_too():
    made, policy = SimEnv("two_blocks", cameras=False), Rising()
    hand_over(made, policy, Trial("two_blocks", 3, split="train"))
    assert set(policy.told) == {made.told(made.task.steps[0].instruction)}
    made.close()


def test_a_correction_begins_where_the_policy_had_come_to_and_is_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recording, "_policy", lambda checkpoint: Rising())
    collect(CollectConfig(TASK, 1, str(tmp_path), stills=0, test_stills=0, workers=0, noisy_share=0.0, cache_every=3))
    (summary,) = correct({TASK: tmp_path}, Path("some/checkpoint"), "abc", 1, workers=0)
    dataset = open_dataset(tmp_path / "dataset")
    whole, mended = dataset.episodes
    assert (mended.slot, mended.note["corrected"], whole.note.get("corrected")) == (FIRST_TRIAL, "abc", None)
    assert summary["attempts"]["corrected"] == {"tried": 1, "succeeded": 1}
    first = [dataset.columns["observation.state"][e.start][EE_POS] for e in dataset.episodes]
    assert first[1][2] > first[0][2] + 0.05
    assert dataset.columns["next.success"][mended.start + mended.length - 1]
    assert json.loads((tmp_path / "cache" / "cache.json").read_text())["every"] == 3
    assert len(np.load(tmp_path / "cache" / "frames.npz")["action"]) == len(dataset)
    env = SimEnv(TASK, cameras=False)
    assert len(load_demonstrations(env, tmp_path)) == 1, "the layout says nothing of where a correction begins"
    env.close()


@pytest.fixture
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recording, "run_job", record_black)
    collect(CollectConfig("sort_toys", 1, str(tmp_path), stills=0, test_stills=0, workers=0))
    return tmp_path


def test_each_checkpoint_gets_its_own_and_only_what_is_missing_is_played(collected: Path, monkeypatch: pytest.MonkeyPatch):
    played = []

    def record(job: recording.EpisodeJob) -> recording.Outcome:
        assert job.after is not None
        played.append((job.trial.index - FIRST_TRIAL, job.after))
        if len(played) == 2:
            return recording.Outcome("episode", job.trial.index, corrected=job.after[1], failure="time limit")
        with EpisodeWriter(job.root / "dataset", job.trial.index, "Sort toys.", {"corrected": job.after[1], "trial": job.trial.__dict__}) as writer:
            pixels = {c: np.zeros((240, 320, 3), np.uint8) for c in ("left", "right", "wrist")}
            writer.add({"pixels": pixels, "agent_pos": np.zeros(17, np.float32)}, np.zeros(10), "", "", np.zeros(6))
            writer.commit()
        return recording.Outcome("episode", job.trial.index, corrected=job.after[1])

    monkeypatch.setattr(recording, "run_job", record)
    for digest, wanted in (("a", 3), ("a", 3), ("a", 4), ("b", 1)):
        (summary,) = correct({"sort_toys": collected}, Path("made"), digest, wanted, workers=0)
    assert played == [(0, ("made", "a")), (1, ("made", "a")), (2, ("made", "a")), (3, ("made", "a")), (4, ("made", "b"))]
    assert summary["attempts"]["corrected"] == {"tried": 5, "succeeded": 4}
    assert [(f["index"], f["corrected"]) for f in summary["failures"]] == [(FIRST_TRIAL + 1, "a")]
    assert summary["episodes"] == 5


def test_without_demonstrations_it_says_what_to_run(tmp_path: Path, collected: Path):
    with pytest.raises(UsageError, match=r"corrections are added to demonstrations, but .*nowhere has none; run stage=collect first"):
        correct({"sort_toys": tmp_path / "nowhere"}, Path("made"), "a", 1)
    with pytest.raises(UsageError, match="has demonstrations of sort_toys, not of take_lid"):
        correct({"take_lid": collected}, Path("made"), "a", 1)


def test_every_task_gives_the_expert_time_to_finish():
    from envs.tasks import get_task

    assert min(get_task(name).time_limit_s for name in TASK_NAMES) * LATEST >= 5
