"""Asks a policy questions about scenes of test layouts that nobody trained on; right answers beside the majority's."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import CAMERAS, Trial
from experiments.scoring import rate

ASK_SEED = 2_000_000  # apart from the scenes that stage=collect makes up (1,000,000) and from every episode
STILLS_PER_MODEL = 12
BATCH = 32
EXAMPLES = 8
FOLDER = "questions"


class Answerer(Protocol):
    """A policy that answers: one answer per (picture, question)."""

    def answer_batch(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[str], cameras: Sequence[str]) -> list[str]: ...


@dataclass(frozen=True)
class Asked:
    """A question about one picture, (120, 160, 3) uint8 RGB; `accept` are the right answers."""

    image: NDArray[np.uint8]
    camera: str
    question: str
    accept: tuple[str, ...]
    family: str
    format: str = "open"
    held_out: bool = False  # its wording was kept out of training


def scene_questions(env_name: str, seed: int, count: int) -> list[Asked]:
    """About `count` questions on made-up scenes of test layouts, yes and no equally often."""
    # The simulator is imported where it is used: the command line starts without it.
    from envs.capture import kind_words
    from envs.llava import balanced, record
    from envs.questions import ask, looks
    from envs.sim_env import SimEnv
    from envs.snapshots import facts, segment_names
    from envs.stills import stills

    env, rng = SimEnv(env_name), np.random.default_rng([seed, ASK_SEED])
    kinds = kind_words(env.task)
    images: dict[str, NDArray[np.uint8]] = {}
    records: list[dict[str, Any]] = []
    for index in range(10_000):
        for snapshot in stills(env, Trial(env_name, index, ASK_SEED + seed, "test"), STILLS_PER_MODEL):
            camera = int(rng.integers(len(CAMERAS)))
            seen = looks(snapshot.segmentation[camera], segment_names(snapshot.record))
            scene = {k: snapshot.record[k] for k in ("id", "split")}
            asked = ask(facts(snapshot.record, kinds), seen, rng)
            made = [record(q, i, scene, CAMERAS[camera], seen, rng) for i, q in enumerate(asked)]
            images |= {r["id"]: snapshot.images[camera] for r in made}
            records += made
        kept = balanced(records, np.random.default_rng(seed))
        if len(kept) >= count:
            break
    env.close()
    chosen = np.random.default_rng(seed).permutation(len(kept))[:count]
    return [_asked(kept[i], images[kept[i]["id"]]) for i in sorted(chosen)]


def evaluate_answers(policy: Answerer, asked: Sequence[Asked]) -> list[str]:
    """The policy's answer to each question."""
    answers: list[str] = []
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        answers += policy.answer_batch([a.image for a in batch], [a.question for a in batch], [a.camera for a in batch])
    return answers


def is_right(asked: Asked, answer: str) -> bool:
    """Whether an answer is among those accepted; case and outer punctuation do not matter, nor does a list's order."""
    if asked.format == "list":
        return any(_entries(answer) == _entries(right) for right in asked.accept)
    return _plain(answer) in {_plain(right) for right in asked.accept}


def accuracy(asked: Sequence[Asked], answers: Sequence[str]) -> dict[str, Any]:
    """Per family and overall: n, correct, 95 % interval, and the rate of always giving the family's commonest answer."""
    families: dict[str, list[int]] = defaultdict(list)
    for i, a in enumerate(asked):
        families[a.family].append(i)
    right = [is_right(a, said) for a, said in zip(asked, answers, strict=True)]
    majority = {name: max(Counter(_plain(asked[i].accept[0]) for i in members).values()) for name, members in families.items()}
    held_out = [i for i, a in enumerate(asked) if a.held_out]
    return {
        "families": {name: _rates(right, members, majority[name]) for name, members in families.items()},
        "overall": _rates(right, range(len(asked)), sum(majority.values())),
        "held_out_wording": {"n": len(held_out), "correct": sum(right[i] for i in held_out)},
    }


def ask_policy(policy: Any, env_name: str, seed: int, count: int, out: Path) -> dict[str, Any] | None:
    """Ask, and write OUT/questions.json and a few pictures for the report; None for a policy that cannot answer."""
    if not hasattr(policy, "answer_batch") or not getattr(policy, "speaks", True):
        return None
    asked = scene_questions(env_name, seed, count)
    answers = evaluate_answers(policy, asked)
    result = accuracy(asked, answers) | {"examples": _write_examples(asked, answers, out)}
    (out / "questions.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def _asked(record: dict[str, Any], image: NDArray[np.uint8]) -> Asked:
    meta = record["meta"]
    text = record["conversations"][0]["value"].removeprefix("<image>\n")
    return Asked(image, meta["camera"], text, tuple(meta["accept"]), meta["family"], meta["format"], meta["held_out_wording"])


def _rates(right: Sequence[bool], members: Sequence[int], majority: int) -> dict[str, Any]:
    n, correct = len(members), sum(right[i] for i in members)
    r = rate(correct, n)
    return {"n": n, "correct": correct, "low": round(r.low, 4), "high": round(r.high, 4), "majority": round(majority / max(n, 1), 4)}


def _write_examples(asked: Sequence[Asked], answers: Sequence[str], out: Path) -> list[dict[str, Any]]:
    """One example of each of the first families, wrong ones where there are any, with its picture."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    chosen: dict[str, int] = {}
    for i in sorted(range(len(asked)), key=lambda i: is_right(asked[i], answers[i])):
        chosen.setdefault(asked[i].family, i)
    examples = []
    for number, i in enumerate(list(chosen.values())[:EXAMPLES]):
        a, name = asked[i], f"{FOLDER}/{number}.png"
        Image.fromarray(a.image).save(out / name)
        examples.append({"image": name, "camera": a.camera, "family": a.family, "question": a.question, "answer": answers[i], "expected": a.accept[0], "right": is_right(a, answers[i])})
    return examples


def _plain(text: str) -> str:
    return " ".join(text.lower().strip().strip(".!\"'").split())


def _entries(text: str) -> set[str]:
    return {_plain(entry) for entry in text.split(",")}
