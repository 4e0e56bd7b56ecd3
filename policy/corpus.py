"""What the words of a data set are: all its texts, and the words that must be single tokens."""

from __future__ import annotations

from pathlib import Path

from policy.image_words import named
from policy.processor import NEXT_ACTION, SYSTEM_PROMPTS
from policy.recorded import Frames, Snapshots, read_questions


def corpus(folder: Path) -> tuple[list[str], list[str]]:
    """Distinct texts (questions and answers of the training split, reasonings, instructions) and required words."""
    frames, snapshots = Frames(folder), Snapshots(folder, "train")
    texts = {q for r in read_questions(folder / "questions" / "train.jsonl") for q in (r.question, r.answer)}
    texts |= {*frames.reasonings, *frames.instructions, *SYSTEM_PROMPTS.values(), NEXT_ACTION}
    texts |= {r.text for i in range(min(len(snapshots), 200)) for r in snapshots.references(i)}
    things = {n for r in snapshots.records for n in named(r["objects"])}
    return sorted(texts), sorted({w for n in things for w in (n.noun, n.colour)})
