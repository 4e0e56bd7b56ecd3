"""Records: choices in every rotation, groups that stay together, splits that keep what they should."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from envs.vqa.facts import Item
from envs.vqa.families import BY_NAME
from envs.vqa.records import HELD_OUT, LETTERS, Picture, records, rotations, runs
from experiments.understanding.scorers.points import share_in_mask

COLOUR, LEFT = BY_NAME["colour"], BY_NAME["left_right"]
ITEM = Item({"thing": "duck"}, "yellow", pool=("yellow", "red", "blue", "green"), about=("yellow duck",))
PAIR = [Item({"a": a, "b": b}, y, "yesno", "left", about=(a, b)) for a, b, y in (("pig", "duck", "yes"), ("duck", "pig", "no"))]


def made(items, split, family=COLOUR, kept=frozenset(), seed=0):
    picture = Picture("scene_1", split, "left", "pictures/a.png", {"env": "sort_toys"})
    return records([(family, items)], picture, kept, np.random.default_rng(seed))


def test_a_test_choice_is_asked_in_every_rotation_so_that_each_letter_is_right_once():
    choices = next(found for seed in range(20) if (found := made([ITEM], "test", seed=seed))[0]["meta"]["format"] == "choice")
    assert [r["meta"]["answer"] for r in sorted(choices, key=lambda r: r["meta"]["answer"])] == list("ABCD")
    for r in choices:
        assert r["meta"]["options"][LETTERS.index(r["meta"]["answer"])] == "yellow"
    assert len({r["meta"]["pair_id"] for r in choices}) == 1
    assert len({r["meta"]["text"] for r in choices}) == 1


def test_a_training_choice_is_asked_once_and_no_letter_is_favoured():
    found = [made([ITEM], "train", seed=seed) for seed in range(400)]
    assert all(len(f) == 1 for f in found)
    letters = Counter(f[0]["meta"]["answer"] for f in found if f[0]["meta"]["format"] == "choice")
    assert set(letters) == set("ABCD")
    assert max(letters.values()) < 2 * min(letters.values())


@pytest.mark.parametrize("options", [(), ("a", "b"), ("a", "b", "c", "d", "e")])
def test_rotations_have_each_option_first_once(options):
    turned = [r.options for r in rotations(Item({}, "a", options=options))]
    assert len(turned) == max(1, len(options))
    assert sorted(t[0] for t in turned if t) == sorted(options)


def test_opposites_share_an_id_and_a_wording():
    for split in ("train", "test"):
        pair = made(PAIR, split, LEFT)
        assert [r["meta"]["answer"] for r in pair] == ["yes", "no"]
        assert len({r["meta"]["pair_id"] for r in pair}) == 1
        assert len({r["meta"]["text"].replace("pig", "x").replace("duck", "x") for r in pair}) == 1


def test_training_names_no_held_out_combination_and_a_test_marks_it():
    kept = frozenset({"yellow duck"})
    assert made([ITEM], "train", kept=kept) == []
    assert all(r["meta"]["held_out_object"] for r in made([ITEM], "test", kept=kept))
    assert not any(r["meta"]["held_out_object"] for r in made([ITEM], "test"))


def test_each_word_of_a_held_out_combination_is_known_from_elsewhere():
    from envs.objects import KINDS

    phrases = {k.phrase: (k.noun, k.colour) for k in KINDS.values() if k.phrase == f"{k.colour} {k.noun}"}
    assert set(phrases) >= HELD_OUT
    known = [pair for phrase, pair in phrases.items() if phrase not in HELD_OUT]
    for phrase in HELD_OUT:
        noun, colour = phrases[phrase]
        assert colour in {c for _, c in known}
        assert noun in {n for n, _ in known}


def test_training_takes_no_held_out_wording_and_half_of_the_tests_do():
    flags = {split: [made([ITEM], split, seed=s)[0]["meta"]["held_out_wording"] for s in range(300)] for split in ("train", "test")}
    assert not any(flags["train"])
    assert np.mean(flags["test"]) == pytest.approx(0.5, abs=0.1)


def test_a_record_is_llava_with_the_form_of_its_answer():
    forms = defaultdict(list)
    for seed in range(20):
        for r in made([ITEM], "train", seed=seed):
            forms[r["meta"]["format"]].append(r["conversations"][0]["value"])
    assert forms["open"][0].startswith("<image>\n")
    assert forms["choice"][0].count("\n") == 6
    assert forms["choice"][0].endswith("\nAnswer with the letter.")
    assert made(PAIR, "test", LEFT)[0]["conversations"][0]["value"].endswith(" Answer yes or no.")


@pytest.mark.parametrize("seed", range(4))
def test_a_mask_is_read_back_from_its_runs(seed):
    mask = np.random.default_rng(seed).random((12, 17)) < (0.5, 0.0, 1.0, 0.1)[seed]
    assert sum(runs(mask)) == mask.size
    read = [[share_in_mask([((u + 0.5) / 17, (v + 0.5) / 12)], {"size": [12, 17], "runs": runs(mask)}) for u in range(17)] for v in range(12)]
    np.testing.assert_array_equal(np.array(read, bool), mask)
