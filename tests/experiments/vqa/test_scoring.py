"""Answers are marked by the form that was asked for; an answer of no form is told from a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from envs.vqa.facts import Item
from envs.vqa.families import BY_NAME
from envs.vqa.records import Picture, records
from experiments.vqa.scoring import chance, mark

MASK = np.zeros((10, 20), bool)
MASK[2:4, 10:15] = True
ITEMS = {
    "yesno": (BY_NAME["exists"], Item({"thing": "a duck"}, "yes", "yesno")),
    "choice": (BY_NAME["colour"], Item({"thing": "duck"}, "red", "choice", pool=("red", "light blue", "green", "pink"))),
    "open": (BY_NAME["where"], Item({"thing": "duck"}, "box", accept=("box", "the box", "in the box"))),
    "number": (BY_NAME["count"], Item({"what": "blocks"}, "3", "number")),
    "points": (BY_NAME["free_space"], Item({}, "[(0.6, 0.25)]", "points", "free", mask=MASK)),
    "caption": (BY_NAME["caption"], Item({}, "There is a yellow duck in the box, a red block on the table.", "caption", facts=("yellow duck: box", "red block: table"))),
}  # fmt: skip


def record(form):
    family, item = ITEMS[form]
    return records([(family, [item])], Picture("s", "train", "left", "a.png", {}), frozenset(), np.random.default_rng(0))[0]


@pytest.mark.parametrize(
    ("form", "answer", "score", "valid"),
    [
        ("yesno", "Yes.", 1, True), ("yesno", "no", 0, True), ("yesno", "Yes, no doubt", 0, False), ("yesno", "y3", 0, False),
        ("choice", "red", 1, True), ("choice", "green", 0, True), ("choice", "banana", 0, False), ("choice", "", 0, False),
        ("open", "In the box.", 1, True), ("open", "the table", 0, True), ("open", " ", 0, False),
        ("number", "three", 1, True), ("number", "3.", 1, True), ("number", "4", 0, True), ("number", "duck", 0, False),
        ("points", "[(0.6, 0.25)]", 1, True), ("points", "[(0.6, 0.25), (0.1, 0.1)]", 0.5, True), ("points", "(0.499, 0.25)", 0, True), ("points", "(0.6, 1.25)", 0, True), ("points", "there", 0, False),
        ("caption", "There is a red block on the table and a yellow duck in the box", 1, True), ("caption", "a yellow duck in the box.", 2 / 3, True),
        ("caption", "a yellow duck on the table, a red block on the table", 0.5, True), ("caption", "The table is full.", 0, True), ("caption", "", 0, False),
        ("caption", "a yellow duck in the box, a yellow duck on the table, a red block on the table", 0.8, True),
    ],
)  # fmt: skip
def test_an_answer_is_marked_by_its_form(form, answer, score, valid):
    made = mark(record(form), answer)
    assert (made.score, made.valid) == (pytest.approx(score), valid)


def test_a_choice_is_right_by_its_letter_and_no_other():
    r = record("choice")
    assert [mark(r, letter).score for letter in "ABCD"].count(1) == 1
    assert mark(r, r["meta"]["answer"]).score == mark(r, f"The answer is {r['meta']['answer']}.").score == 1


@pytest.mark.parametrize("form", ITEMS)
def test_the_answer_that_is_taught_is_right(form):
    r = record(form)
    assert mark(r, r["conversations"][1]["value"]).score == 1


def test_chance_is_what_the_form_offers():
    assert [chance(record(f)["meta"]) for f in ITEMS] == [0.5, 0.25, 0, 0, 0, 0]
