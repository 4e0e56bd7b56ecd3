"""Recording, repairing, reading and caching demonstrations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from envs.dataset import DatasetError, build_cache, open_dataset, repair
from envs.dataset_files import EpisodeWriter, data_file, slots, video_file
from envs.imaging import halve
from envs.types import CAMERAS, IMAGE_SHAPE, Observation

INSTRUCTION = "Sort the toys."


def picture(value: int) -> np.ndarray:
    """A smooth picture that h264 keeps within a few levels."""
    ramp = np.linspace(0, 60, IMAGE_SHAPE[1], dtype=np.uint8)
    return np.broadcast_to((ramp + np.uint8(value))[None, :, None], IMAGE_SHAPE).copy()


def observation(slot: int, k: int) -> Observation:
    pixels = {camera: picture(10 * c + 3 * slot + k) for c, camera in enumerate(CAMERAS)}
    return {"pixels": pixels, "agent_pos": np.full(17, slot + k / 100, np.float32)}


def write(root: Path, slot: int, length: int = 5, commit: bool = True, instruction: str = INSTRUCTION) -> None:
    with EpisodeWriter(root, slot, instruction, {"noisy": slot % 2 == 1}) as writer:
        for k in range(length):
            last = k == length - 1
            target = np.full(6, np.nan) if last else np.arange(6) + slot
            writer.add(
                observation(slot, k), np.full(10, slot + k / 10), f"Step {k % 2}.", f"animal_{k % 2}", target,
                done=last, success=last,
            )  # fmt: skip
        if commit:
            writer.commit()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "dataset"
    for slot, length in ((0, 5), (2, 4), (3, 6)):  # slot 1: the expert failed
        write(root, slot, length)
    repair(root)
    return root


def test_what_was_written_is_read_back(root: Path):
    dataset = open_dataset(root)
    assert len(dataset) == 15
    assert [(e.index, e.slot, e.start, e.length) for e in dataset.episodes] == [(0, 0, 0, 5), (1, 2, 5, 4), (2, 3, 9, 6)]
    assert dataset.episodes[2].note["noisy"] is True
    columns = dataset.columns
    assert columns["action"].shape == (15, 10)
    np.testing.assert_allclose(columns["observation.state"][6], np.full(17, 2.01, np.float32))
    assert columns["reasoning"][6] == "Step 1."
    assert columns["index"].tolist() == list(range(15))
    assert columns["episode_index"].tolist() == [0] * 5 + [1] * 4 + [2] * 6
    assert np.isnan(columns["target_pos"][4]).all()
    assert columns["next.done"].nonzero()[0].tolist() == [4, 8, 14]
    frames = list(dataset.frames(1, "right"))
    assert len(frames) == 4
    assert np.abs(frames[3].astype(int) - observation(2, 3)["pixels"]["right"]).mean() < 2


def test_a_dropped_episode_leaves_no_trace(root: Path):
    write(root, 7, commit=False)
    assert slots(root) == [0, 2, 3]
    assert not list(root.glob(".partial/*"))


@pytest.mark.parametrize("kind", ["parquet", "video"])
def test_a_cut_off_episode_is_named_and_repaired_to_the_whole_ones(root: Path, kind: str):
    path = data_file(root, 2) if kind == "parquet" else video_file(root, 2, "wrist")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match=rf"{path}.*cut off.*python -m envs.dataset repair"):
        open_dataset(root)
    report = repair(root)
    assert report.kept == 2
    assert report.dropped[0][0] == path
    assert str(path) in str(report)
    dataset = open_dataset(root)
    assert [e.slot for e in dataset.episodes] == [0, 3]
    assert dataset.columns["episode_index"].max() == 1
    assert not video_file(root, 2, "left").exists()


def test_a_missing_video_drops_its_episode(root: Path):
    video_file(root, 3, "left").unlink()
    assert repair(root).kept == 2


def test_an_interrupted_collection_is_repaired_and_resumed(root: Path):
    write(root, 4)
    (root / ".partial" / "000005-1").mkdir(parents=True)
    with pytest.raises(DatasetError, match="not in meta/: interrupted"):
        open_dataset(root)
    assert repair(root).kept == 4
    assert len(open_dataset(root)) == 20
    assert not (root / ".partial").exists()


def test_resumed_equals_written_in_one_go(root: Path, tmp_path: Path):
    straight = tmp_path / "straight"
    for slot, length in ((3, 6), (0, 5), (2, 4)):  # in another order
        write(straight, slot, length)
    repair(straight)
    a, b = open_dataset(root), open_dataset(straight)
    for name in a.columns:
        np.testing.assert_array_equal(a.columns[name], b.columns[name])
    assert (root / "meta/stats.json").read_text() == (straight / "meta/stats.json").read_text()


def test_no_dataset_says_how_to_record_one(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"no dataset at .* stage=collect"):
        open_dataset(tmp_path)


def test_episodes_without_meta_say_how_to_repair(tmp_path: Path):
    write(tmp_path, 0)
    with pytest.raises(DatasetError, match=r"1 episode files but no meta/info\.json"):
        open_dataset(tmp_path)


def test_an_empty_repair_gives_an_empty_dataset(tmp_path: Path):
    assert repair(tmp_path).kept == 0
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 0
    with pytest.raises(DatasetError, match="no whole episode"):
        _ = dataset.columns


def test_a_picture_of_another_size_is_refused(tmp_path: Path):
    seen = observation(0, 0)
    seen["pixels"]["left"] = np.zeros((120, 160, 3), np.uint8)
    with EpisodeWriter(tmp_path, 0, INSTRUCTION) as writer, pytest.raises(ValueError, match=r"\(120, 160, 3\) uint8, expected"):
        writer.add(seen, np.zeros(10), "", "", np.zeros(6))


def test_the_cache_equals_the_decoded_dataset(root: Path):
    cache = build_cache(root)
    images, frames = np.load(cache / "images.npy", mmap_mode="r"), np.load(cache / "frames.npz")
    dataset = open_dataset(root)
    assert images.shape == (15, 3, 120, 160, 3)
    for episode in dataset.episodes:
        for c, camera in enumerate(CAMERAS):
            for k, frame in enumerate(dataset.frames(episode.index, camera)):
                np.testing.assert_array_equal(images[episode.start + k, c], halve(frame))
    np.testing.assert_array_equal(frames["action"], dataset.columns["action"])
    reasonings = json.loads((cache / "reasonings.json").read_text())
    assert [reasonings[i] for i in frames["reasoning_index"]] == dataset.columns["reasoning"].tolist()
    assert frames["image_index"].tolist() == list(range(15))
    assert json.loads((cache / "tasks.json").read_text()) == [INSTRUCTION]


def test_an_episode_that_is_told_its_sub_tasks_one_by_one(tmp_path: Path):
    root = tmp_path / "dataset"
    write(root, 0, 3, instruction="Close the drawer.")
    with EpisodeWriter(root, 1, "Open the drawer.") as writer:
        for k in range(6):
            writer.tell("Look." if not k else "Open the drawer." if k < 2 else "Put the toy into the drawer." if k < 4 else "Close the drawer.")
            writer.add(observation(1, k), np.full(10, k), "Go on.", "", np.zeros(6), done=k == 5)
        writer.tell("Rest.")  # of which no frame follows
        writer.commit()
    for _ in range(2):  # numbered once or again, the same
        repair(root)
        cache = build_cache(root)
        tasks, frames = json.loads((cache / "tasks.json").read_text()), np.load(cache / "frames.npz")
        assert [tasks[i] for i in frames["task_index"]] == (
            3 * ["Close the drawer."] + ["Look.", "Open the drawer."] + 2 * ["Put the toy into the drawer."] + 2 * ["Close the drawer."]
        )
        assert len(tasks) == len(set(tasks))
    assert open_dataset(root).episodes[1].instruction == "Open the drawer."


def test_the_cache_is_rebuilt_only_when_the_dataset_changed(root: Path):
    mark = build_cache(root) / "images.npy"
    before = mark.stat().st_mtime_ns
    build_cache(root)
    assert mark.stat().st_mtime_ns == before
    write(root, 5)
    repair(root)
    build_cache(root)
    assert len(np.load(mark, mmap_mode="r")) == 20


def test_a_thinned_cache_keeps_every_action(root: Path, tmp_path: Path):
    cache = build_cache(root, tmp_path / "thin", every=2)
    frames = np.load(cache / "frames.npz")
    assert len(frames["action"]) == 15
    assert frames["image_index"].tolist() == [0, -1, 1, -1, 2, 3, -1, 4, -1, 5, -1, 6, -1, 7, -1]
    full = np.load(build_cache(root) / "images.npy", mmap_mode="r")
    np.testing.assert_array_equal(np.load(cache / "images.npy")[3], full[5])


def test_two_instructions_are_two_tasks(root: Path):
    write(root, 9, instruction="Put the duck away.")
    repair(root)
    dataset = open_dataset(root)
    assert dataset.columns["task_index"].tolist() == [0] * 15 + [1] * 5
    assert dataset.episodes[3].instruction == "Put the duck away."


def test_the_real_lerobot_reads_it(root: Path):
    reason = "lerobot is not installed (pip install lerobot, in an environment of its own)"
    module = pytest.importorskip("lerobot.datasets.lerobot_dataset", reason=reason, exc_type=ImportError)
    recorded = module.LeRobotDataset("local/sort_toys", root=root, video_backend="pyav")
    assert (recorded.num_episodes, recorded.num_frames, recorded.fps) == (3, 15, 15)
    item = recorded[7]
    assert item["task"] == INSTRUCTION
    assert item["reasoning"] == "Step 0."
    assert item["action"].shape == (10,)
    assert float(item["observation.state"][0]) == pytest.approx(2.02)
    seen = item["observation.images.left"].permute(1, 2, 0).numpy() * 255
    assert np.abs(seen - observation(2, 2)["pixels"]["left"]).mean() < 2
    assert recorded.meta.stats["observation.images.left"]["mean"].shape == (3, 1, 1)
