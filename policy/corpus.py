"""What the words of a data set are: all its texts, and the words that must be single tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from policy.chain import WORDS, Chains
from policy.image_words import named
from policy.processor import NEXT_ACTION, SYSTEM_PROMPTS
from policy.recorded import Data, Frames, folders, read_questions
from policy.stills import Snapshots

SAMPLED = 200  # stills and chains that are looked through; their words soon repeat


def corpus(data: Data, chains: bool = False) -> tuple[list[str], list[str]]:
    """Distinct texts (questions and answers of the training split, reasonings, instructions) and required words.

    `chains`: with the texts and words of ECoT's chains.
    """
    parts = [_corpus(folder, chains) for folder in folders(data)]
    return sorted(set().union(*(texts for texts, _ in parts))), sorted(set().union(*(words for _, words in parts)))


def _corpus(folder: Path, chains: bool) -> tuple[set[str], set[str]]:
    frames, snapshots = Frames(folder), Snapshots(folder, "train")
    texts = {q for r in read_questions(folder / "questions" / "train.jsonl") for q in (r.question, r.answer)}
    texts |= {*frames.reasonings, *frames.instructions, *SYSTEM_PROMPTS.values(), NEXT_ACTION}
    texts |= {r.text for i in range(min(len(snapshots), SAMPLED)) for r in snapshots.references(i)}
    things = {n for r in snapshots.records for n in named(r["objects"])}
    words = {w for n in things for w in n.labels}
    if chains:
        texts |= {Chains(folder).text(int(i)) for i in np.linspace(0, len(frames) - 1, SAMPLED, dtype=int)}
        words |= set(WORDS)
    return texts, words
