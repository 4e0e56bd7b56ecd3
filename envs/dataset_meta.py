"""LeRobot's v3 `meta/` folder, always rebuilt from the episode files themselves.

Episodes are counted in the order of their slots; what the workers could not know (`index`, `episode_index`,
`task_index`) is corrected in their parquet files here. `meta/files.json` is ours: the size of each file, by which a
cut-off file is found without reading it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from envs.dataset_files import (
    CHUNK_FILES,
    COLUMNS,
    DATA_PATH,
    VIDEO_KEYS,
    VIDEO_PATH,
    data_file,
    episode_files,
    read_note,
    slots,
    told,
)  # fmt: skip
from envs.dataset_video import CODEC, PIXEL_FORMAT
from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, CONTROL_HZ, IMAGE_SHAPE

CODEBASE_VERSION = "v3.0"
INFO, STATS, TASKS, FILES = "meta/info.json", "meta/stats.json", "meta/tasks.parquet", "meta/files.json"
TASK_COLUMN = "__index_level_0__"  # pandas' own name for an index that has none
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

AGENT_POS_NAMES = [f"joint_pos_{i}" for i in range(7)] + ["ee_x", "ee_y", "ee_z"] + [f"ee_rot6d_{i}" for i in range(6)]
ACTION_NAMES = ["ee_x", "ee_y", "ee_z"] + [f"ee_rot6d_{i}" for i in range(6)]
NAMES = {
    "observation.state": [*AGENT_POS_NAMES, "gripper_closed"],
    "action": [*ACTION_NAMES, "gripper_closed"],
    "target_pos": ["object_x", "object_y", "object_z", "goal_x", "goal_y", "goal_z"],
}
SHAPES = {"observation.state": AGENT_POS_DIM, "action": ACTION_DIM, "target_pos": 6}


def rebuild(root: Path) -> None:
    """Number the episodes and write `meta/` anew; every episode file must be whole."""
    notes = {slot: read_note(data_file(root, slot)) for slot in slots(root)}
    tasks = list(dict.fromkeys(instruction for note in notes.values() for _, instruction in told(note)))
    rows, tables, start = [], [], 0
    for episode, (slot, note) in enumerate(notes.items()):
        table = _numbered(data_file(root, slot), episode, start, [(frame, tasks.index(instruction)) for frame, instruction in told(note)])
        rows.append(_episode_row(episode, slot, note, start, len(table)))
        tables.append(table)
        start += len(table)
    _write_table(root / TASKS, _tasks_table(tasks))
    if rows:
        _write_table(root / EPISODES, pa.Table.from_pylist(rows))
    else:
        (root / EPISODES).unlink(missing_ok=True)
    if tables:
        _write_json(root / STATS, _stats(pa.concat_tables(tables), list(notes.values())))
    _write_json(root / INFO, _info(len(rows), start, len(tasks)))
    _write_json(root / FILES, {str(p.relative_to(root)): p.stat().st_size for p in episode_files(root)})


def features() -> dict[str, Any]:
    """LeRobot's description of every column and video."""
    described: dict[str, Any] = {}
    for name, dtype in zip(COLUMNS.names, COLUMNS.types, strict=True):
        kind = dtype.value_type if pa.types.is_fixed_size_list(dtype) else dtype
        text = {"float": "float32", "int64": "int64", "bool": "bool", "string": "string"}[str(kind)]
        described[name] = {"dtype": text, "shape": [SHAPES.get(name, 1)], "names": NAMES.get(name)}
    height, width, channels = IMAGE_SHAPE
    video = {
        "video.height": height, "video.width": width, "video.channels": channels, "video.fps": CONTROL_HZ,
        "video.codec": CODEC, "video.pix_fmt": PIXEL_FORMAT, "video.is_depth_map": False, "has_audio": False,
    }  # fmt: skip
    for key in VIDEO_KEYS.values():
        described[key] = {
            "dtype": "video", "shape": list(IMAGE_SHAPE), "names": ["height", "width", "channels"], "info": video,
        }  # fmt: skip
    return described


def _numbered(path: Path, episode: int, start: int, tasks: Sequence[tuple[int, int]]) -> pa.Table:
    """The episode's rows with these numbers; `tasks`: (frame from which on, number of the instruction)."""
    table = pq.read_table(path)
    n = len(table)
    begins, numbers = np.array(tasks).T
    task = numbers[np.searchsorted(begins, np.arange(n), side="right") - 1]
    right = {"episode_index": np.full(n, episode), "index": np.arange(start, start + n), "task_index": task}
    if all((table[name].to_numpy() == values).all() for name, values in right.items()):
        return table
    for name, values in right.items():
        i = table.schema.get_field_index(name)
        table = table.set_column(i, table.schema.field(i), pa.array(values, pa.int64()))
    _write_table(path, table)
    return table


def _episode_row(episode: int, slot: int, note: dict[str, Any], start: int, length: int) -> dict[str, Any]:
    place = {"chunk_index": slot // CHUNK_FILES, "file_index": slot % CHUNK_FILES}
    row: dict[str, Any] = {
        "episode_index": episode, "tasks": list(dict.fromkeys(instruction for _, instruction in told(note))), "length": length,
        "dataset_from_index": start, "dataset_to_index": start + length,
        "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0,
        "slot": slot, "note": json.dumps({k: v for k, v in note.items() if k != "image_stats"}),
    }  # fmt: skip
    row |= {f"data/{k}": v for k, v in place.items()}
    for key in VIDEO_KEYS.values():
        row |= {f"videos/{key}/{k}": v for k, v in place.items()}
        row |= {f"videos/{key}/from_timestamp": 0.0, f"videos/{key}/to_timestamp": length / CONTROL_HZ}
    return row


def read_tasks(root: Path) -> list[str]:
    """The instructions by their number, the `task_index` of frames."""
    return pq.read_table(root / TASKS)[TASK_COLUMN].to_pylist()


def _tasks_table(tasks: list[str]) -> pa.Table:
    """Instructions as the index of a pandas table, as LeRobot reads them; written without pandas."""
    columns = [
        {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64", "metadata": None},
        {"name": None, "field_name": TASK_COLUMN, "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
    ]
    pandas = {"index_columns": [TASK_COLUMN], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), TASK_COLUMN: pa.array(tasks, pa.string())})
    return table.replace_schema_metadata({b"pandas": json.dumps(pandas)})


def _stats(table: pa.Table, notes: list[dict[str, Any]]) -> dict[str, Any]:
    stats = {}
    for name, dtype in zip(COLUMNS.names, COLUMNS.types, strict=True):
        if dtype != pa.string():
            column = table[name].combine_chunks()
            flat = column.flatten() if pa.types.is_fixed_size_list(dtype) else column
            stats[name] = _describe(flat.to_numpy(zero_copy_only=False).reshape(len(table), -1).astype(np.float64))
    for camera in CAMERAS:
        stats[VIDEO_KEYS[camera]] = _describe_images([note["image_stats"][camera] for note in notes])
    return stats


def _describe(x: np.ndarray) -> dict[str, Any]:
    x = x[~np.isnan(x).any(1)]  # target_pos is NaN where there is no target
    if not len(x):
        x = np.zeros((1, x.shape[1]))
    out = {"min": x.min(0), "max": x.max(0), "mean": x.mean(0), "std": x.std(0)}
    out |= {name: np.quantile(x, q, 0) for name, q in QUANTILES.items()}
    return {**{k: v.tolist() for k, v in out.items()}, "count": [len(x)]}


def _describe_images(parts: list[dict[str, Any]]) -> dict[str, Any]:
    pixels = sum(p["pixels"] for p in parts)
    mean = np.sum([p["sum"] for p in parts], 0) / pixels
    variance = np.sum([p["sum_of_squares"] for p in parts], 0) / pixels - mean**2
    out = {
        "min": np.min([p["min"] for p in parts], 0), "max": np.max([p["max"] for p in parts], 0),
        "mean": mean, "std": np.sqrt(np.maximum(variance, 0)),
    }  # fmt: skip
    return {**{k: v.reshape(3, 1, 1).tolist() for k, v in out.items()}, "count": [sum(p["count"] for p in parts)]}


def _info(episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    return {
        "codebase_version": CODEBASE_VERSION, "robot_type": "franka", "fps": CONTROL_HZ,
        "total_episodes": episodes, "total_frames": frames, "total_tasks": tasks,
        "chunks_size": CHUNK_FILES, "data_files_size_in_mb": 100, "video_files_size_in_mb": 200,
        "splits": {"train": f"0:{episodes}"}, "data_path": DATA_PATH, "video_path": VIDEO_PATH, "features": features(),
    }  # fmt: skip


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, indent=1))
    os.replace(temporary, path)


def _write_table(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary)
    os.replace(temporary, path)
