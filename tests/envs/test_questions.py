"""Scene questions: asked only when the picture shows the answer, balanced, and worded apart for the test split."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.llava import answer_counts, balanced, record, worded, write_jsonl
from envs.questions import Facts, Gates, Question, Seen, Toy, ask, cell_words, looks
from envs.wordings import WORDINGS

ANIMALS = [Toy(n, f"{c} {n}", n, c, "animal") for n, c in (("duck", "yellow"), ("pig", "pink"), ("frog", "green"), ("elephant", "grey"))]
BLOCKS = [Toy(f"{c}_block", f"{c} block", "block", c, "block") for c in ("red", "orange", "blue", "purple")]
KINDS = (*ANIMALS, *BLOCKS)
NAMES = ("animal_0", "animal_1", "block_0", "block_1", "box", "basket", "robot")


def scene(rng: np.random.Generator) -> tuple[Facts, np.ndarray]:
    """Random toys at random places, and a segmentation that shows them as small squares."""
    animals, blocks = rng.permutation(4)[:2], rng.permutation(4)[:2]
    kinds = [ANIMALS[i] for i in sorted(animals)] + [BLOCKS[i] for i in sorted(blocks)]
    places = rng.choice(["table", "table", "box", "basket"], 4).tolist()
    if rng.random() < 0.3:
        places[int(rng.integers(4))] = "gripper"
    toys = tuple(replace(k, role=r, place=p) for k, r, p in zip(kinds, NAMES, places, strict=False))
    segmentation = np.zeros((120, 160), np.uint8)
    segmentation[:30, 60:100] = 7
    for i in range(4):
        u, v = rng.integers(8, 150), rng.integers(35, 110)
        size = 1 if rng.random() < 0.15 else 5
        segmentation[v : v + size, u : u + size] = i + 1
    left = [t for t in toys if t.place != ("box" if t.category == "animal" else "basket")]
    target = left[0].role if left else None
    return Facts(toys, KINDS, f"Put the {left[0].phrase} away." if left else "All toys are sorted.", target), segmentation


def many(n: int = 300, split: str = "train") -> list[dict]:
    rng = np.random.default_rng(0)
    records = []
    for i in range(n):
        facts, segmentation = scene(rng)
        seen = looks(segmentation, NAMES)
        records += [
            record(q, k, {"id": f"scene_{i}", "split": split}, "left", seen, rng) for k, q in enumerate(ask(facts, seen, rng))
        ]
    return records


def question(record: dict) -> str:
    return record["conversations"][0]["value"].removeprefix("<image>\n")


def test_looks_counts_pixels_and_finds_their_middle():
    segmentation = np.zeros((120, 160), np.uint8)
    segmentation[10:14, 20:26] = 2
    seen = looks(segmentation, ("a", "b"))
    assert seen == {"a": seen["a"], "b": Seen(24, 22.5, 11.5)}
    assert seen["a"].pixels == 0
    assert cell_words(seen["b"]) == ("x1", "y0")


def test_every_family_is_asked():
    families = {r["meta"]["family"] for r in many()}
    assert families == {"exists", "count", "colour", "which", "left_of", "where", "inside", "holding", "cell", "list", "next", "done"}


def test_nothing_is_asked_about_a_toy_that_is_hidden():
    rng = np.random.default_rng(1)
    toys = (replace(ANIMALS[0], role="animal_0", place="table"),)
    facts = Facts(toys, KINDS, "Put the yellow duck into the box.", "animal_0")
    seen = {name: Seen(0) for name in NAMES}
    for _ in range(50):
        for q in ask(facts, seen, rng):
            assert q.family in ("exists", "list", "count")
            assert "duck" not in q.words.get("toy", "")
            if q.family == "count":  # of blocks: there are none to hide
                assert (q.words["what"], q.answer) == ("blocks", "0")


def test_an_unclear_toy_is_left_out_of_the_list():
    facts = Facts((replace(ANIMALS[0], role="animal_0", place="table"),), KINDS, "", "animal_0")
    asked = ask(facts, {"animal_0": Seen(5, 80, 60)}, np.random.default_rng(0))
    table = next(q for q in asked if q.family == "list").answer
    assert "duck" not in table
    assert len(table.split(", ")) == 7


@pytest.mark.parametrize(("gap", "asked"), [(4, False), (6, True)])
def test_left_of_is_asked_only_across_a_margin(gap: int, asked: bool):
    toys = tuple(replace(k, role=r, place="table") for k, r in zip(ANIMALS, NAMES[:2], strict=False))
    seen = {"animal_0": Seen(40, 80, 60), "animal_1": Seen(40, 80 + gap, 60), "robot": Seen(500, 80, 20)}
    families = {q.family for q in ask(Facts(toys, KINDS, "", None), seen, np.random.default_rng(0), Gates())}
    assert ("left_of" in families) == asked
    assert ("which" in families) == asked


def test_opposite_pairs_share_an_id_and_differ_in_the_answer():
    pairs: dict[str, list[dict]] = {}
    for r in balanced(many(), np.random.default_rng(0)):
        if r["meta"]["pair_id"]:
            pairs.setdefault(r["meta"]["pair_id"], []).append(r)
    assert len(pairs) > 200
    for members in pairs.values():
        assert sorted(r["meta"]["answer"] for r in members) == ["no", "yes"]
        assert len({r["meta"]["family"] for r in members}) == 1


def test_the_answers_are_true():
    rng = np.random.default_rng(3)
    for _ in range(200):
        facts, segmentation = scene(rng)
        seen = looks(segmentation, NAMES)
        by_name = {n: t for t in facts.toys for n in (t.phrase, t.noun)}
        for q in ask(facts, seen, rng):
            if q.family == "left_of":
                a, b = (seen[by_name[q.words[k]].role].u for k in "ab")
                assert ((a < b) == (q.key == "left")) == (q.answer == "yes")
            elif q.family == "where":
                assert by_name[q.words["toy"]].place == q.answer
            elif q.family == "inside":
                assert (by_name[q.words["toy"]].place in q.words["place"]) == (q.answer == "yes")
            elif q.family == "cell":
                s = seen[by_name[q.words["toy"]].role]
                assert q.answer == f"x{int((s.u + 0.5) / 20)} y{int((s.v + 0.5) / 20)}"
            elif q.family == "count":
                want = {"animals": ("animal",), "blocks": ("block",), "toys": ("animal", "block")}[q.words["what"]]
                assert q.answer == str(sum(t.place == "table" and t.category in want for t in facts.toys))
            elif q.family == "exists":
                assert (q.words["toy"] in by_name) == (q.answer == "yes")


def test_yes_and_no_are_balanced_and_no_answer_dominates():
    counts = answer_counts(balanced(many(600), np.random.default_rng(0)))
    for family in ("exists", "left_of", "inside", "done"):
        assert counts[family]["yes"] == pytest.approx(counts[family]["no"], abs=1)
    for family in ("count", "where", "holding", "which"):
        assert max(counts[family].values()) / counts[family].total() < 0.7


def test_no_held_out_wording_is_asked_in_training():
    assert not any(r["meta"]["held_out_wording"] for r in many())
    for common, held_out in WORDINGS.values():
        assert not set(common) & set(held_out)


def test_training_and_test_texts_of_held_out_wordings_are_disjoint():
    train = {question(r) for r in many()}
    held_out = {question(r) for r in many(split="test") if r["meta"]["held_out_wording"]}
    assert len(held_out) > 50
    assert not train & held_out


def test_a_held_out_wording_uses_words_that_training_knows():
    known = {w for common, _ in WORDINGS.values() for text in common for w in text.replace(",", "").replace("?", "").split()}
    for _, held_out in WORDINGS.values():
        for text in held_out:
            assert set(text.replace(",", "").replace("?", "").split()) <= known


def test_a_record_is_llava_with_the_truth_beside_it():
    r = next(r for r in many() if r["meta"]["family"] == "cell")
    assert r["image"] == ["images/scene_0_left.png"]
    assert r["conversations"][0]["from"] == "human"
    assert r["conversations"][0]["value"].startswith("<image>\n")
    assert r["conversations"][1] == {"from": "gpt", "value": r["meta"]["answer"]}
    assert r["meta"]["split"] == "train"
    assert r["meta"]["margin_px"] >= 1


def test_the_same_generator_gives_the_same_questions():
    assert many(20) == many(20)


def test_a_wording_is_filled_in():
    text, number, held_out = worded(Question("exists", {"toy": "duck"}, "yes"), "train", np.random.default_rng(0))
    assert "duck" in text
    assert "{" not in text
    assert (number < 3, held_out) == (True, False)


def test_jsonl_has_one_record_a_line(tmp_path: Path):
    records = many(5)
    assert write_jsonl(tmp_path / "questions" / "train.jsonl", records) == len(records)
    lines = (tmp_path / "questions" / "train.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records
