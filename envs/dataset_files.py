"""One recorded episode = one parquet file and three videos, which appear whole or not at all.

An episode's files are numbered by its slot (the trial it came from), so that workers write without asking each other.
Its parquet file is renamed into place last: an episode exists when that file does. The names and columns are LeRobot's
v3; `index`, `episode_index` and `task_index` are provisional until `envs.dataset_meta.rebuild` has counted everything.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from envs.dataset_video import VideoWriter, count_frames
from envs.imaging import halve
from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, CONTROL_HZ, Observation

CHUNK_FILES = 1000  # files per folder
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
VIDEO_KEYS = {camera: f"observation.images.{camera}" for camera in CAMERAS}
PARTIAL = ".partial"  # where episodes grow before they are renamed into place
NOTE = b"chatvla"  # key of our own note in a parquet file's metadata
IMAGE_STATS_EVERY = 8

COLUMNS = pa.schema(
    [
        ("observation.state", pa.list_(pa.float32(), AGENT_POS_DIM)),
        ("action", pa.list_(pa.float32(), ACTION_DIM)),
        ("target_pos", pa.list_(pa.float32(), 6)),
        ("reasoning", pa.string()),
        ("subtask", pa.string()),
        ("next.reward", pa.float32()),
        ("next.done", pa.bool_()),
        ("next.success", pa.bool_()),
        ("timestamp", pa.float32()),
        ("frame_index", pa.int64()),
        ("episode_index", pa.int64()),
        ("index", pa.int64()),
        ("task_index", pa.int64()),
    ]
)


def data_file(root: Path, slot: int) -> Path:
    """The parquet file of one slot."""
    return root / DATA_PATH.format(chunk_index=slot // CHUNK_FILES, file_index=slot % CHUNK_FILES)


def video_file(root: Path, slot: int, camera: str) -> Path:
    """The video file of one slot and camera."""
    return root / VIDEO_PATH.format(
        video_key=VIDEO_KEYS[camera], chunk_index=slot // CHUNK_FILES, file_index=slot % CHUNK_FILES
    )


def slot_of(path: Path) -> int:
    """The slot that `.../chunk-CCC/file-FFF.*` belongs to."""
    return int(path.parent.name.removeprefix("chunk-")) * CHUNK_FILES + int(path.stem.removeprefix("file-"))


def slots(root: Path) -> list[int]:
    """The slots that hold an episode, in order."""
    return sorted(slot_of(p) for p in root.glob("data/chunk-*/file-*.parquet"))


class EpisodeWriter:
    """An episode that grows frame by frame; `commit` makes it appear, leaving without it drops it.

    Use as a context manager. `note` is kept with the episode (which trial, noisy or not). `instruction` is what it is
    told at the start; `tell` says what it is told from the next frame on.
    """

    def __init__(self, root: Path, slot: int, instruction: str, note: Mapping[str, Any] | None = None):
        self.root, self.slot = root, slot
        self._note = {"slot": slot, "instruction": instruction, **(note or {})}
        self._dir = root / PARTIAL / f"{slot:06d}-{os.getpid()}"
        shutil.rmtree(self._dir, ignore_errors=True)
        self._dir.mkdir(parents=True)
        self._videos = {camera: VideoWriter(self._dir / f"{camera}.mp4") for camera in CAMERAS}
        self._columns: dict[str, list[Any]] = {name: [] for name in COLUMNS.names}
        self._pixels: dict[str, list[np.ndarray]] = {camera: [] for camera in CAMERAS}

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for video in self._videos.values():
            video.close()
        self._videos = {}
        shutil.rmtree(self._dir, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._columns["frame_index"])

    def tell(self, instruction: str) -> None:
        """From the next frame on the episode follows this instruction: a planner's next sub-task."""
        if instruction != told(self._note)[-1][1]:
            self._note.setdefault("then", []).append([len(self), instruction])

    def add(
        self, observation: Observation, action: np.ndarray, reasoning: str, subtask: str, target_pos: np.ndarray, *,
        reward: float = 0.0, done: bool = False, success: bool = False,
    ) -> None:  # fmt: skip
        """Append one control step: what was seen, the command that is the label, and what came of it.

        `target_pos`: (6,) m, base frame: the object of the sub-task, then where it goes; NaN when there is none.
        """
        k = len(self)
        for camera, video in self._videos.items():
            video.add(observation["pixels"][camera])
            if k % IMAGE_STATS_EVERY == 0:
                self._pixels[camera].append(halve(observation["pixels"][camera]).reshape(-1, 3))
        row = {
            "observation.state": np.asarray(observation["agent_pos"], np.float32).tolist(),
            "action": np.asarray(action, np.float32).tolist(),
            "target_pos": np.asarray(target_pos, np.float32).tolist(),
            "reasoning": reasoning, "subtask": subtask,
            "next.reward": float(reward), "next.done": bool(done), "next.success": bool(success),
            "timestamp": k / CONTROL_HZ, "frame_index": k, "episode_index": self.slot, "index": k, "task_index": 0,
        }  # fmt: skip
        for name, value in row.items():
            self._columns[name].append(value)

    def commit(self) -> None:
        """Rename the finished files into place: videos first, the parquet file last."""
        for camera, video in self._videos.items():
            video.close()
            _move(self._dir / f"{camera}.mp4", video_file(self.root, self.slot, camera))
        self._videos = {}
        note = {**self._note, "image_stats": {c: _moments(p) for c, p in self._pixels.items()}}
        table = pa.table(self._columns, COLUMNS).replace_schema_metadata({NOTE: json.dumps(note)})
        pq.write_table(table, self._dir / "data.parquet")
        _move(self._dir / "data.parquet", data_file(self.root, self.slot))


def told(note: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The instructions of an episode, each with the frame from which on it was the present one."""
    return [(0, note["instruction"]), *map(tuple, note.get("then", ()))]


def read_note(path: Path) -> dict[str, Any]:
    """What the writer kept with an episode: slot, instruction, image_stats and the caller's own words."""
    return json.loads(pq.read_schema(path).metadata[NOTE])


def defect(root: Path, slot: int) -> tuple[Path, str] | None:
    """The first file of a slot that is missing or cut off, and in which way; None when the episode is whole."""
    path = data_file(root, slot)
    try:
        rows = pq.read_metadata(path).num_rows
        read_note(path)
    except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
        return path, f"cut off or no parquet file ({str(error).splitlines()[0]})"
    for camera in CAMERAS:
        path = video_file(root, slot, camera)
        try:
            frames = count_frames(path)
        except (OSError, ValueError) as error:
            return path, f"missing or cut off ({error})"
        if frames != rows:
            return path, f"cut off: {frames} frames, expected {rows}"
    return None


def episode_files(root: Path) -> Iterator[Path]:
    """Every data and video file, in a fixed order."""
    yield from sorted(root.glob("data/chunk-*/file-*.parquet"))
    yield from sorted(root.glob("videos/*/chunk-*/file-*.mp4"))


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _moments(pixels: list[np.ndarray]) -> dict[str, Any]:
    x = np.concatenate(pixels).astype(np.float64) / 255 if pixels else np.zeros((1, 3))
    return {
        "min": x.min(0).tolist(), "max": x.max(0).tolist(), "sum": x.sum(0).tolist(),
        "sum_of_squares": (x**2).sum(0).tolist(), "pixels": len(x), "count": len(pixels),
    }  # fmt: skip
