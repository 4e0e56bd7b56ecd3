"""Collecting: complete, resumable, failures kept out and counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from envs.dataset import open_dataset, repair
from envs.dataset_files import EpisodeWriter, told
from envs.geometry import rot6d_from_matrix
from envs.tasks import TASKS
from envs.types import CAMERAS, IMAGE_SHAPE, Observation, Trial
from experiments import collect as collecting
from experiments import recording
from experiments.collect import CollectConfig, collect
from experiments.planners import menu
from experiments.recording import EpisodeJob, Outcome, StillsJob
from experiments.scene_questions import read_questions


def record_black(job: EpisodeJob | StillsJob) -> Outcome:
    """A job that records three black frames; trial 1 fails, as an expert may."""
    if isinstance(job, StillsJob):
        return Outcome("stills", job.trial.index, snapshots=job.count)
    if job.trial.index == 1:
        return Outcome("episode", 1, job.noisy, steps_done=2, failure="time limit")
    pixels = {c: np.zeros(IMAGE_SHAPE, np.uint8) for c in CAMERAS}
    seen: Observation = {"pixels": pixels, "agent_pos": np.zeros(17, np.float32)}
    with EpisodeWriter(job.root / "dataset", job.trial.index, "Sort toys.", {"noisy": job.noisy}) as writer:
        for _ in range(3):
            writer.add(seen, np.zeros(10), "", "", np.zeros(6))
        writer.commit()
    return Outcome("episode", job.trial.index, job.noisy, frames=3, steps_done=4)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CollectConfig:
    monkeypatch.setattr(recording, "run_job", record_black)
    return CollectConfig(episodes=4, out=str(tmp_path / "data"), stills=0, test_stills=0, workers=0)


def test_a_failed_episode_is_kept_out_and_counted(config: CollectConfig):
    (summary,) = collect(config)
    assert summary["episodes"] == 3
    assert [(f["index"], f["why"], f["steps_done"]) for f in summary["failures"]] == [(1, "time limit", 2)]
    assert sum(a["tried"] for a in summary["attempts"].values()) == 4
    assert sum(a["succeeded"] for a in summary["attempts"].values()) == 3
    assert [e.slot for e in open_dataset(config.root / "dataset").episodes] == [0, 2, 3]
    assert json.loads((config.root / "collect.json").read_text()) == summary


def test_where_the_cameras_stood_is_kept_with_the_data(config: CollectConfig):
    collect(config)
    cameras = json.loads((config.root / "cameras.json").read_text())
    assert {name: np.shape(p) for name, p in cameras.items()} == {"left": (3, 4), "right": (3, 4)}  # the wrist's moves


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_collection_keeps_what_is_finished_and_goes_on(
    config: CollectConfig, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    def until_the_third(job):
        if job.trial.index == 2:
            raise error
        return record_black(job)

    monkeypatch.setattr(recording, "run_job", until_the_third)
    with pytest.raises(type(error)):
        collect(config)
    done = []
    monkeypatch.setattr(recording, "run_job", lambda job: done.append(job.trial.index) or record_black(job))
    (summary,) = collect(config)
    assert done == [2, 3]
    assert summary["episodes"] == 3
    assert sum(a["tried"] for a in summary["attempts"].values()) == 4


def test_a_finished_collection_does_nothing_more(config: CollectConfig, monkeypatch: pytest.MonkeyPatch):
    first = collect(config)
    monkeypatch.setattr(recording, "run_job", lambda job: pytest.fail(f"{job} was done before"))
    assert collect(config) == first


def test_several_tasks_share_one_pool_and_each_is_whole_as_soon_as_its_last_job_is_done(config: CollectConfig, monkeypatch: pytest.MonkeyPatch):
    two = [CollectConfig(**{**config.__dict__, "env": env, "out": f"{config.out}/{env}", "episodes": 2}) for env in ("sort_toys", "take_lid")]
    made, first_is_whole = [], []

    def run(jobs, workers):
        made.append(len(jobs))
        for job in jobs:
            if job.trial.env == "take_lid":
                first_is_whole.append((two[0].root / "cache" / "frames.npz").exists())
            yield job, record_black(job)

    monkeypatch.setattr(collecting, "_run", run)
    summaries = collect(*two)
    assert made == [4]
    assert first_is_whole == [True, True]
    assert [s["config"]["env"] for s in summaries] == ["sort_toys", "take_lid"]
    assert [json.loads((c.root / "collect.json").read_text()) for c in two] == summaries


def test_another_configuration_does_not_mix_into_the_same_folder(config: CollectConfig):
    collect(config)
    with pytest.raises(ValueError, match=r"collected with other settings.*'seed': \(0, 3\).*choose another out="):
        collect(CollectConfig(**{**config.__dict__, "seed": 3}))


def test_a_collection_may_vary_what_training_may(config: CollectConfig, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(recording, "run_job", lambda job: asked.append((job.trial.shift, job.motion)) or record_black(job))
    collect(CollectConfig(**{**config.__dict__, "shift": "train", "motion": "smooth"}))
    assert set(asked) == {("train", "smooth")}
    with pytest.raises(ValueError, match=r"other settings.*'shift': \('train', 'none'\).*'motion': \('smooth', 'step'\)"):
        collect(config)


def test_a_folder_that_is_older_than_the_motion_stepped(config: CollectConfig, monkeypatch: pytest.MonkeyPatch):
    collect(config)
    path = config.root / "collect.json"
    summary = json.loads(path.read_text())
    assert summary["config"].pop("motion") == "step"
    path.write_text(json.dumps(summary))
    collect(config)
    with pytest.raises(ValueError, match=r"'motion': \('step', 'smooth'\)"):
        collect(CollectConfig(**{**config.__dict__, "motion": "smooth"}))


def test_a_demonstration_in_which_the_arm_stops_itself_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def press(env, wording):
        x, y, _ = env.world.ee_pos
        return np.r_[x, y, -0.2, rot6d_from_matrix(env.world.ee_mat), 1.0].astype(np.float32), "", None

    monkeypatch.setattr("envs.expert.act", press)
    outcome = recording.run_job(EpisodeJob(tmp_path, Trial("sort_toys", 0, 0, "train"), False, 0, "smooth"))
    assert outcome.failure is not None
    assert "the arm stopped itself" in outcome.failure


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"env": "sort_toy"}, "did you mean 'sort_toys'"),
        ({"workers": -1}, "workers=-1, expected at least 0"),
        ({"noisy_share": 1.5}, r"noisy_share=1\.5, expected 0 to 1"),
        ({"pictures": 4}, "pictures=4, expected 1, 2 or 3"),
        ({"shift": "camera"}, "unknown collect.shift 'camera'; known: none, train"),
        ({"motion": "smoth"}, "did you mean 'smooth'"),
    ],
)
def test_a_bad_value_is_named(bad: dict, message: str):
    with pytest.raises(ValueError, match=message):
        CollectConfig(**bad)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real demonstration and a few scenes, with a spawned worker."""
    root = tmp_path_factory.mktemp("data")
    collect(CollectConfig(episodes=1, out=str(root), stills=4, test_stills=3, stills_per_model=4, workers=1))
    return root


def test_a_demonstration_is_recorded_to_its_success(collected: Path):
    dataset = open_dataset(collected / "dataset")
    columns = dataset.columns
    assert len(dataset.episodes) == 1
    assert columns["next.reward"].sum() == pytest.approx(1)
    assert columns["next.success"][-1]
    assert columns["next.done"].nonzero()[0].tolist() == [len(dataset) - 1]
    assert columns["reasoning"][-1] == "All toys are sorted."
    assert len(set(columns["reasoning"])) == 5
    assert np.isnan(columns["target_pos"]).all(1).tolist() == (columns["subtask"] == "done").tolist()
    assert np.load(collected / "cache" / "images.npy", mmap_mode="r").shape[0] == len(dataset)


def test_the_label_is_the_experts_command_not_what_was_executed(collected: Path):
    columns = open_dataset(collected / "dataset").columns
    state, action = columns["observation.state"], columns["action"]
    assert np.linalg.norm(action[:, :3] - state[:, 7:10], axis=1).max() < 0.06
    assert set(np.unique(action[:, 9])) == {0.0, 1.0}


def test_questions_of_the_test_split_are_about_stills_of_test_layouts(collected: Path):
    test = read_questions(collected / "questions" / "test.jsonl")
    assert test
    assert all(r["meta"]["split"] == "test" and r["meta"]["static"] for r in test)
    assert all((collected / "questions" / image).is_file() for r in test for image in r["image"])
    train = read_questions(collected / "questions" / "train.jsonl")
    assert {r["meta"]["snapshot"] for r in train}.isdisjoint(r["meta"]["snapshot"] for r in test)


def test_a_composition_is_told_sub_task_by_sub_task_as_the_protocols_planner_does(tmp_path: Path):
    worker = recording.RecordingWorker()
    outcome = worker(EpisodeJob(tmp_path, Trial("two_blocks", 0, 0, "train"), False, 0), lambda _: None)
    worker.close()
    assert outcome.failure is None
    repair(tmp_path / "dataset")
    first, second = menu(TASKS["two_blocks"])
    (episode,) = open_dataset(tmp_path / "dataset").episodes
    (start, began), (switch, then) = told(episode.note)
    assert (start, began, then) == (0, first, second)
    subtasks = open_dataset(tmp_path / "dataset").columns["subtask"]
    before, after = set(subtasks[:switch]), set(subtasks[switch:])
    assert not before & after  # the expert turns to the next block in the moment that it is told to
