"""Items as lines of LLaVA's JSONL: worded, options rotated, split by family, object and layout, the truth beside them.

Splits: the layout decides the split of a scene (its trial); a training question names no combination of colour and
object that is held out and takes no held-out wording; families of group B are kept in a file of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.questions import Rng
from envs.types import Split
from envs.vqa.facts import Facts, Item
from envs.vqa.families import Family
from envs.vqa.wordings import INSTRUCTIONS, WORDINGS

# Combinations of colour and object that only tests name; training knows each of their words from other things.
HELD_OUT = frozenset({"green frog", "purple block", "orange block", "green cube", "blue mug", "green plate", "yellow plate", "white box", "green apple", "pink soap", "yellow towel"})
LETTERS = "ABCDE"
AS_CHOICE = 0.5  # share of open items with wrong answers at hand that are asked as a choice


@dataclass(frozen=True)
class Picture:
    """What a record says about its picture: `scene` is the unit that intervals are drawn over; `file` lies in the set's folder."""

    scene: str
    split: Split
    camera: str
    file: str
    source: dict[str, Any]  # env, seed, ...: where it comes from


def held_out(facts: Facts) -> frozenset[str]:
    """The phrases of a scene, there or possible, that training questions must not name."""
    return HELD_OUT & {t.phrase for t in (*facts.things, *facts.kinds)}


def records(asked: Sequence[tuple[Family, list[Item]]], picture: Picture, kept: frozenset[str], rng: Rng) -> list[dict[str, Any]]:
    """The lines for one picture; `kept`: the phrases of its scene that only tests may name.

    Choices are asked once in training and in every rotation of their options in tests, where each letter is right once.
    """
    made: list[dict[str, Any]] = []
    for family, items in asked:
        named = {phrase for phrase in kept if any(_names(item, phrase) for item in items)}
        if named and picture.split == "train":
            continue
        group = [_as_choice(item, rng) for item in items]
        if picture.split == "test":
            group = [turned for item in group for turned in rotations(item)]
        # One draw for the group: opposites and rotations differ in what is asked, not in how.
        draw, pair = (rng.random(), rng.random()), f"{picture.file}/{family.name}" if len(group) > 1 else None
        for item in group:
            made.append(_record(family, item, picture, bool(named), pair, draw, f"{picture.file}/{len(made)}"))
    return made


def rotations(item: Item) -> Iterator[Item]:
    """A choice with each of its options first once; any other item as it is."""
    for k in range(len(item.options) or 1):
        yield replace(item, options=item.options[k:] + item.options[:k])


def question(item: Item, text: str) -> str:
    """The text that a network is asked: with its options, one a line, and the form of the answer."""
    if item.form != "choice":
        return text + INSTRUCTIONS.get(item.form, "")
    options = [f"{letter}. {option}" for letter, option in zip(LETTERS, item.options, strict=False)]
    return "\n".join([text, *options, INSTRUCTIONS["choice"].strip()])


def runs(mask: NDArray[np.bool_]) -> list[int]:
    """A mask as lengths of its runs, row after row, the first of them False (COCO's counts, by rows)."""
    flat = np.concatenate([[False], mask.ravel()])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], ends, [mask.size]])).tolist()


def _names(item: Item, phrase: str) -> bool:
    """Whether the item is about the thing, or speaks of it in its words or answers (such as the sentences of a task's steps)."""
    spoken = (*item.words.values(), item.answer, *item.options, *item.pool)
    return phrase in item.about or any(re.search(rf"\b{re.escape(phrase)}\b", text) for text in spoken)


def _as_choice(item: Item, rng: Rng) -> Item:
    """A choice made of an item that has wrong answers at hand: always where it has no other form, else half of the time."""
    pool = tuple(dict.fromkeys(item.pool))[: len(LETTERS) - 1]
    if item.answer not in pool:
        pool = (item.answer, *pool[: len(LETTERS) - 2])
    if len(pool) < 2 or item.form not in ("open", "number", "choice") or (item.form != "choice" and rng.random() >= AS_CHOICE):
        return item
    return replace(item, form="choice", options=tuple(pool[int(i)] for i in rng.permutation(len(pool))))


def _record(
    family: Family, item: Item, picture: Picture, held_out: bool, pair: str | None, draw: tuple[float, float], name: str
) -> dict[str, Any]:
    text, unseen = _worded(family.name, item, picture.split, *draw)
    right = [*item.facts] if item.form == "caption" else [*(item.accept or (item.answer,))]
    answer = LETTERS[item.options.index(item.answer)] if item.form == "choice" else item.answer
    meta = {
        "family": family.name, "ring": family.ring, "group": family.group, "format": item.form, "key": item.key,
        "answer": answer, "accept": [answer] if item.form == "choice" else right,
        "options": list(item.options), "text": text, "pair_id": pair, "margin": item.margin,
        "mask": {"size": list(item.mask.shape), "runs": runs(item.mask)} if item.mask is not None else None,
        "held_out_wording": unseen, "held_out_object": held_out, "scene": picture.scene, "split": picture.split,
        "camera": picture.camera, **picture.source,
    }  # fmt: skip
    turns = [{"from": "human", "value": f"<image>\n{question(item, text)}"}, {"from": "gpt", "value": answer}]
    return {"id": name, "image": [picture.file], "conversations": turns, "meta": meta}


def _worded(family: str, item: Item, split: Split, which: float, number: float) -> tuple[str, bool]:
    """The wording, filled in, and whether it is a held-out one: half of the test questions', where there are any."""
    common, kept = WORDINGS[family, item.key]
    unseen = split == "test" and bool(kept) and which < 0.5
    texts = kept if unseen else common
    return texts[int(number * len(texts))].format(**item.words), unseen
