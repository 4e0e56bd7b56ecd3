"""Recorded data made up in a moment, in the formats that collecting writes: for tests of training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from envs.types import CAMERAS

KINDS = (
    ("yellow duck", "duck", "yellow"),
    ("pink pig", "pig", "pink"),
    ("red block", "block", "red"),
    ("blue block", "block", "blue"),
)
GOALS = (("box", "box", "brown"), ("basket", "basket", "white"))
INSTRUCTION = "Sort the toys."
COLOURS = {
    "yellow": (230, 210, 40),
    "pink": (240, 150, 170),
    "red": (210, 40, 40),
    "blue": (40, 60, 210),
    "brown": (120, 80, 40),
    "white": (240, 240, 240),
}
HEIGHT, WIDTH = 120, 160
# Where `scene` puts things, as shares of the picture: x 80 - 200 y px of 160, y 160 - 200 x px of 120.
PROJECTION = [[0, -200 / 160, 0, 80 / 160], [-200 / 120, 0, 0, 160 / 120], [0, 0, 0, 1]]


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """(3, H, W, 3) pictures, (3, H, W) segmentation and the objects' lines: coloured squares, goals left and right."""
    images = np.full((3, HEIGHT, WIDTH, 3), 90, np.uint8)
    segmentation = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    columns = rng.permutation(4)
    objects = []
    for i, (phrase, noun, colour) in enumerate((*KINDS, *GOALS)):
        goal = i >= len(KINDS)
        x = (6 if phrase == "box" else 134) if goal else 34 + 24 * int(columns[i])
        y = 20 if goal else int(rng.integers(10, 94))
        images[:, y : y + 16, x : x + 16] = COLOURS[colour]
        segmentation[:, y : y + 16, x : x + 16] = i + 1
        role = phrase if goal else ("animal" if noun != "block" else "block") + f"_{i % 2}"
        pos = [0.8 - y / 200, 0.4 - x / 200, 0.02]
        category = "container" if goal else role.split("_")[0]
        objects.append(
            {
                "role": role,
                "kind": phrase.replace(" ", "_"),
                "phrase": phrase,
                "noun": noun,
                "colour": colour,
                "category": category,
                "pos": pos,
                "fixed": goal,
                "holds": "in" if goal else "on",
            }
        )
    return images, segmentation, objects


def write(folder: Path, episodes: int = 3, length: int = 24, stills: int = 12, seed: int = 0) -> Path:
    """A folder like outputs/data/<env>: cache, snapshots and questions."""
    rng = np.random.default_rng(seed)
    _write_frames(folder / "cache", rng, episodes, length)
    _write_stills(folder, rng, stills)
    (folder / "cameras.json").write_text(json.dumps({CAMERAS[0]: PROJECTION}))
    return folder


def _write_frames(cache: Path, rng: np.random.Generator, episodes: int, length: int) -> None:
    cache.mkdir(parents=True)
    n = episodes * length
    images = np.lib.format.open_memmap(cache / "images.npy", "w+", np.uint8, (n, 3, HEIGHT, WIDTH, 3))
    agent_pos, action, target = (
        np.zeros((n, 17), np.float32),
        np.zeros((n, 10), np.float32),
        np.zeros((n, 6), np.float32),
    )
    for e in range(episodes):
        picture, _, objects = scene(rng)
        start, goal = np.array([0.4, 0.0, 0.4]), np.array(objects[0]["pos"])
        for t in range(length):
            i = e * length + t
            images[i] = picture
            ee = start + (goal - start) * t / length
            agent_pos[i, 7:10], agent_pos[i, 10], agent_pos[i, 14] = ee, 1, 1
            agent_pos[i, :7] = rng.normal(0, 0.1, 7)
            action[i] = [*(start + (goal - start) * (t + 1) / length), 1, 0, 0, 0, 1, 0, float(t > length * 0.8)]
            target[i] = np.nan if e == 0 and t == length - 1 else [*objects[0]["pos"], *objects[4]["pos"]]
    images.flush()
    index = np.arange(n, dtype=np.int32)
    np.savez(
        cache / "frames.npz", agent_pos=agent_pos, action=action, target_pos=target, episode_index=index // length,
        frame_index=index % length, reasoning_index=(index % length == length - 1).astype(np.int32),
        task_index=np.zeros(n, np.int32), image_index=index,
    )  # fmt: skip
    (cache / "reasonings.json").write_text(json.dumps(["Put the yellow duck into the box.", "All toys are sorted."]))
    (cache / "tasks.json").write_text(json.dumps([INSTRUCTION]))


def _write_stills(folder: Path, rng: np.random.Generator, n: int) -> None:
    (folder / "snapshots").mkdir(parents=True)
    (folder / "questions").mkdir()
    made = [scene(rng) for _ in range(n)]
    lines, questions = [], {"train": [], "test": []}
    for i, (_, segmentation, objects) in enumerate(made):
        split = "test" if i % 4 == 3 else "train"
        lines.append({"id": f"still_{i}", "split": split, "static": True, "objects": objects,
                      "reasoning": "Put the yellow duck into the box.", "target": ["animal_0", "box"]})  # fmt: skip
        for c in (0, 1):
            questions[split] += [_record(i, CAMERAS[c], split, *q) for q in _questions(segmentation[c], objects)]
    np.savez(
        folder / "snapshots" / "snapshots_0000.npz",
        images=np.stack([m[0] for m in made]), segmentation=np.stack([m[1] for m in made]),
        agent_pos=np.tile(np.r_[np.zeros(7), 0.4, 0, 0.4, 1, 0, 0, 0, 1, 0, 0], (n, 1)), action=np.zeros((n, 10)),
    )  # fmt: skip
    (folder / "snapshots" / "snapshots_0000.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    for split, records in questions.items():
        (folder / "questions" / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))


def _questions(segmentation: np.ndarray, objects: list[dict]) -> list[tuple[str, str, str]]:
    def cell(i: int) -> str:
        y, x = np.nonzero(segmentation == i + 1)
        return f"x{int((x.mean() + 0.5) // 20)} y{int((y.mean() + 0.5) // 20)}"

    table = ", ".join(f"{o['phrase']} {cell(i)}" for i, o in enumerate(objects[:4]))
    found = [("list", "list the toys.", f"{table}, green block none")]
    found += [("cell", f"where in the picture is the {o['phrase']}?", cell(i)) for i, o in enumerate(objects[:4])]
    found += [("colour", f"what colour is the {o['noun']}?", o["colour"]) for o in objects[:2]]
    return [*found, ("exists", "is there a duck?", "yes"), ("exists", "is there a green block?", "no")]


def _record(i: int, camera: str, split: str, family: str, question: str, answer: str) -> dict:
    return {
        "id": f"still_{i}_{camera}/{family}", "image": f"pictures/still_{i}_{camera}.png",
        "conversations": [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}],
        "meta": {"family": family, "answer": answer, "accept": [answer], "pair_id": None, "snapshot": f"still_{i}",
                 "camera": camera, "split": split},
    }  # fmt: skip
