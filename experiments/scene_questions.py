"""Questions about every snapshot of a collection, as LLaVA JSONL, with the pictures of the test split beside them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from envs.imaging import Pixels, encode_png
from envs.llava import answer_counts, balanced, record, write_jsonl
from envs.questions import Toy, ask, looks
from envs.snapshots import Snapshot, facts, read_snapshots, segment_names
from envs.types import CAMERAS
from experiments.recording import SNAPSHOTS

QUESTIONS = "questions"
CAMERA_WEIGHTS = (0.4, 0.4, 0.2)  # the wrist camera sees few toys at a time
SPLITS = ("train", "test")


def write_questions(root: Path, seed: int, pictures: int) -> dict[str, Any]:
    """Ask about `pictures` cameras of each snapshot; returns how many questions of each family each split got.

    The test split asks about made-up scenes of test layouts only, never about an episode's frames.
    """
    from envs.capture import kind_words
    from envs.tasks import get_task

    kinds: dict[str, tuple[Toy, ...]] = {}
    rng = np.random.default_rng([seed, 77])
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for snapshot in read_snapshots(root / SNAPSHOTS):
        split, env = snapshot.record["split"], snapshot.record["env"]
        kinds.setdefault(env, kind_words(get_task(env)))
        for camera in rng.choice(len(CAMERAS), pictures, replace=False, p=CAMERA_WEIGHTS):
            asked = _records(snapshot, int(camera), kinds[env], rng)
            records[split] += asked
            if split == "test" and asked:
                _write_picture(root / QUESTIONS / asked[0]["image"][0], snapshot.images[camera])
    counts = {}
    for split in SPLITS:
        kept = balanced(records[split], rng)
        write_jsonl(root / QUESTIONS / f"{split}.jsonl", kept)
        counts[split] = {family: answers.total() for family, answers in sorted(answer_counts(kept).items())}
    return counts


def _records(snapshot: Snapshot, camera: int, kinds: tuple[Toy, ...], rng: np.random.Generator) -> list[dict[str, Any]]:
    seen = looks(snapshot.segmentation[camera], segment_names(snapshot.record))
    scene = {k: snapshot.record[k] for k in ("id", "split", "env", "static", "seed", "trial", "frame") if k in snapshot.record}
    questions = ask(facts(snapshot.record, kinds), seen, rng)
    return [record(q, i, scene, CAMERAS[camera], seen, rng) for i, q in enumerate(questions)]


def _write_picture(path: Path, image: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(encode_png(image))
    os.replace(temporary, path)


def read_questions(path: Path) -> list[dict[str, Any]]:
    """The records of one JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
