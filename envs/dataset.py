"""Recorded demonstrations: open a LeRobot v3 dataset, repair one that was interrupted, decode it for training.

    python -m envs.dataset repair ROOT     # drop what is not whole, rebuild meta/
    python -m envs.dataset cache ROOT      # decoded 160x120 frames beside it
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from envs.dataset_files import PARTIAL, data_file, defect, episode_files, slot_of, slots, video_file
from envs.dataset_meta import EPISODES, FILES, INFO, read_tasks, rebuild
from envs.dataset_video import read_frames
from envs.imaging import HALF_SHAPE, Pixels, halve
from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS


class DatasetError(RuntimeError):
    """A dataset is missing, cut off or unfinished."""


@dataclass(frozen=True)
class EpisodeInfo:
    """One recorded episode: its frames are [start, start + length) of the dataset."""

    index: int
    slot: int
    start: int
    length: int
    instruction: str
    note: dict[str, Any]  # what the collector kept: trial, noisy, ...


@dataclass(frozen=True)
class Dataset:
    """A finished recording on disk."""

    root: Path
    info: dict[str, Any]
    episodes: tuple[EpisodeInfo, ...]

    def __len__(self) -> int:
        """Frames."""
        return self.info["total_frames"]

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Every column but the pictures, one row a frame: float (F, d), int and bool (F,), text (F,) object."""
        if not self.episodes:
            raise DatasetError(f"{self.root} holds no whole episode; collect some: stage=collect")
        table = pa.concat_tables(pq.read_table(data_file(self.root, e.slot)) for e in self.episodes)
        return {name: _as_numpy(table[name].combine_chunks()) for name in table.column_names}

    def frames(self, episode: int, camera: str) -> Iterator[Pixels]:
        """The pictures of one episode in order, (240, 320, 3) uint8 RGB."""
        return read_frames(video_file(self.root, self.episodes[episode].slot, camera))

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a recorded file does: hash of all columns and of the names and sizes of the videos."""
        digest = hashlib.sha256()
        for path in episode_files(self.root):
            digest.update(f"{path.relative_to(self.root)} {path.stat().st_size}".encode())
            if path.suffix == ".parquet":
                digest.update(path.read_bytes())
        return digest.hexdigest()


def open_dataset(root: str | Path) -> Dataset:
    """The dataset at `root`, after a check that no file is missing or cut off.

    Raises:
        DatasetError: there is none, a file has another size than when it was finished, or episodes were written but
            not yet entered in `meta/`. The message names the file and the remedy.
    """
    root = Path(root)
    remedy = f"run `python -m envs.dataset repair {root}`, which keeps every whole episode"
    if not (root / INFO).is_file() or not (root / FILES).is_file():
        if slots(root):
            raise DatasetError(f"{root} has {len(slots(root))} episode files but no {INFO}: it was interrupted; {remedy}")
        raise DatasetError(f"no dataset at {root} ({INFO} is missing); record one: stage=collect")
    expected: dict[str, int] = json.loads((root / FILES).read_text())
    for name, size in expected.items():
        found = (root / name).stat().st_size if (root / name).is_file() else 0
        if found != size:
            raise DatasetError(f"{root / name} has {found} bytes, expected {size}: it was cut off or changed; {remedy}")
    extra = sorted({str(p.relative_to(root)) for p in episode_files(root)} - set(expected))
    if extra:
        raise DatasetError(f"{root / extra[0]} and {len(extra) - 1} more files are not in meta/: interrupted; {remedy}")
    rows = pq.read_table(root / EPISODES).to_pylist() if expected else []
    episodes = tuple(
        EpisodeInfo(r["episode_index"], r["slot"], r["dataset_from_index"], r["length"], r["tasks"][0], json.loads(r["note"]))
        for r in rows
    )
    return Dataset(root, json.loads((root / INFO).read_text()), episodes)


@dataclass(frozen=True)
class RepairReport:
    """What `repair` found: whole episodes kept, and (file, why) for each that was dropped."""

    kept: int
    dropped: tuple[tuple[Path, str], ...]

    def __str__(self) -> str:
        lines = [f"{self.kept} whole episodes kept, {len(self.dropped)} dropped"]
        return "\n".join(lines + [f"  {path}: {why}" for path, why in self.dropped])


def repair(root: str | Path) -> RepairReport:
    """Drop every episode that is not whole and all unfinished files, then rebuild `meta/`.

    Not to be run while a collection is writing to `root`.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    dropped = []
    for slot in slots(root):
        found = defect(root, slot)
        if found:
            dropped.append(found)
            data_file(root, slot).unlink()
    shutil.rmtree(root / PARTIAL, ignore_errors=True)
    whole = set(slots(root))
    for path in root.glob("videos/*/chunk-*/file-*.mp4"):
        if slot_of(path) not in whole:
            path.unlink()
    rebuild(root)
    return RepairReport(len(whole), tuple(dropped))


# `Dataset.columns` of no episode, as far as the cache needs them.
NO_FRAMES = {
    "observation.state": np.zeros((0, AGENT_POS_DIM), np.float32), "action": np.zeros((0, ACTION_DIM), np.float32), "target_pos": np.zeros((0, 6), np.float32),
    "reasoning": np.zeros(0, object), **{name: np.zeros(0, np.int64) for name in ("episode_index", "frame_index", "task_index")},
}  # fmt: skip


def build_cache(root: str | Path, cache: str | Path | None = None, every: int = 1) -> Path:
    """Decode the dataset for training into `cache` (default: `cache/` beside `root`) and return that folder.

    `images.npy` (I, 3, 120, 160, 3) uint8: left, right, wrist; a memmap. `frames.npz`, one row a frame (F): agent_pos
    (F, 17), action (F, 10), target_pos (F, 6) float32, episode_index, frame_index, reasoning_index, task_index int32,
    image_index int32: row in `images.npy`, or -1 where `every` skipped it (frames whose frame_index it divides are
    kept). `reasonings.json`, `tasks.json`: the texts. A dataset without episodes gives no rows. Built again only when the
    dataset or `every` changed.
    """
    dataset = open_dataset(root)
    cache = Path(cache) if cache else dataset.root.parent / "cache"
    key = {"dataset": dataset.fingerprint, "every": every}
    mark = cache / "cache.json"
    if mark.is_file() and json.loads(mark.read_text()) == key:
        return cache
    columns = dataset.columns if dataset.episodes else NO_FRAMES
    cache.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    kept = columns["frame_index"] % every == 0
    _write_images(dataset, cache / "images.npy", kept)
    reasonings, reasoning_index = _numbered_texts(columns["reasoning"])
    np.savez(
        cache / "frames.npz",
        agent_pos=columns["observation.state"], action=columns["action"], target_pos=columns["target_pos"],
        reasoning_index=reasoning_index, image_index=np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32),
        **{name: columns[name].astype(np.int32) for name in ("episode_index", "frame_index", "task_index")},
    )  # fmt: skip
    (cache / "reasonings.json").write_text(json.dumps(reasonings))
    (cache / "tasks.json").write_text(json.dumps(read_tasks(dataset.root)))
    mark.write_text(json.dumps(key))
    return cache


def _write_images(dataset: Dataset, path: Path, kept: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp")
    shape = (int(kept.sum()), len(CAMERAS), *HALF_SHAPE)
    images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
    row = 0
    for episode in dataset.episodes:
        chosen = kept[episode.start : episode.start + episode.length]
        for c, camera in enumerate(CAMERAS):
            pictures = [halve(p) for p, keep in zip(dataset.frames(episode.index, camera), chosen, strict=True) if keep]
            images[row : row + len(pictures), c] = pictures
        row += int(chosen.sum())
    images.flush()
    os.replace(temporary, path)


def _numbered_texts(texts: np.ndarray) -> tuple[list[str], np.ndarray]:
    distinct = list(dict.fromkeys(texts.tolist()))
    number = {text: i for i, text in enumerate(distinct)}
    return distinct, np.array([number[t] for t in texts], np.int32)


def _as_numpy(column: Any) -> np.ndarray:
    if pa.types.is_fixed_size_list(column.type):
        return column.flatten().to_numpy().reshape(len(column), -1)
    return column.to_numpy(zero_copy_only=False)


def main() -> None:
    """`python -m envs.dataset repair|cache ROOT`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["repair", "cache"])
    parser.add_argument("root", type=Path)
    arguments = parser.parse_args()
    print(repair(arguments.root) if arguments.command == "repair" else build_cache(arguments.root))


if __name__ == "__main__":
    main()
