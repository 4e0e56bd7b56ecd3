"""Answers are marked by the form that was asked for; an answer of no form is told from a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.vqa.scoring import caption_f1, chance, chosen, mark, number, share_in, yes_or_no

OPTIONS = ["stop", "go", "go left", "y1"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [("yes", "yes"), ("No.", "no"), ("Yes, it is", "yes"), ("Yes, no doubt", None), ("none", None), ("Y", None), ("", None), ("the answer is no", "no"), ("nothing", None)],
)
def test_yes_and_no_count_as_words(answer, said):
    assert yes_or_no(answer) == said


@pytest.mark.parametrize(
    ("answer", "letter"),
    [("A", "A"), ("(B) go", "B"), ("The answer is C.", "C"), ("**D**", "D"), ("go", "B"), ("Go.", "B"), ("go left", "C"), ("I think go left is the one", "C"), ("A cat", None),
     ("A or B", None), ("", None), ("E", None), ("stop, go", None), ("a", None)],
)  # fmt: skip
def test_a_choice_is_named_by_its_letter_or_its_text(answer, letter):
    assert chosen(answer, OPTIONS) == letter


@pytest.mark.parametrize(("answer", "digits"), [("3", "3"), ("three", "3"), ("There are 3.", "3"), ("2 or 3", None), ("many", None), ("03", "3"), ("", None)])
def test_a_number_is_read_in_digits_and_words(answer, digits):
    assert number(answer) == digits


MASK = np.zeros((10, 20), bool)
MASK[2:4, 10:15] = True


@pytest.mark.parametrize(("points", "share"), [([(0.6, 0.25)], 1), ([(0.6, 0.25), (0.1, 0.1)], 0.5), ([(0.499, 0.25)], 0), ([(0.5, 0.2)], 1), ([(0.6, 1.25)], 0), ([(1.0, 1.0)], 0), ([], 0)])
def test_points_are_marked_by_the_share_in_the_mask(points, share):
    assert share_in(np.array(points).reshape(-1, 2), MASK) == share


FACTS = ["yellow duck: box", "red block: table"]


@pytest.mark.parametrize(
    ("answer", "f1"),
    [
        ("There is a yellow duck in the box, a red block on the table.", 1), ("There is a red block on the table and a yellow duck in the box", 1),
        ("There is a yellow duck in the box.", 2 / 3), ("a yellow duck on the table, a red block on the table", 0.5), ("The table is full.", 0), ("", 0),
        ("a yellow duck in the box, a yellow duck on the table, a red block on the table", 0.8),
    ],
)  # fmt: skip
def test_a_caption_is_marked_by_the_facts_it_states(answer, f1):
    assert caption_f1(answer, FACTS) == pytest.approx(f1)


def meta(form, answer, **more):
    return {"format": form, "answer": answer, "accept": [answer], "options": OPTIONS, "facts": FACTS, "mask": None, **more}


@pytest.mark.parametrize(
    ("question", "answer", "score", "valid"),
    [
        (meta("yesno", "yes"), "no", 0, True), (meta("yesno", "yes"), "y3", 0, False), (meta("choice", "B"), "go", 1, True), (meta("choice", "B"), "banana", 0, False),
        (meta("number", "3"), "three", 1, True), (meta("number", "3"), "duck", 0, False), (meta("open", "red", accept=["red", "the red"]), "The red.", 1, True),
        (meta("open", "red"), " ", 0, False), (meta("points", "", mask={"size": [1, 2], "runs": [1, 1]}), "[(0.75, 0.5)]", 1, True),
        (meta("points", "", mask={"size": [1, 2], "runs": [1, 1]}), "there", 0, False),
    ],
)  # fmt: skip
def test_a_wrong_answer_and_no_answer_differ(question, answer, score, valid):
    made = mark(question, answer)
    assert (made.score, made.valid) == (score, valid)


def test_any_text_can_be_marked():
    rng = np.random.default_rng(0)
    words = ["yes", "no", "A", "B", "3", "-", "(", ")", ".", "[(0.5, 0.5)]", "[(1e9, -3)]", "duck", "\n", "é", "(0., .)"]
    questions = [meta(f, "yes", mask={"size": [2, 2], "runs": [1, 3]}) for f in ("yesno", "choice", "number", "open", "points", "caption")]
    for _ in range(2000):
        answer = " ".join(words[i] for i in rng.integers(len(words), size=rng.integers(0, 8)))
        for q in questions:
            assert 0 <= mark(q, answer).score <= 1


def test_chance_is_what_the_form_offers():
    assert [chance(meta(f, "")) for f in ("yesno", "choice", "open", "number")] == [0.5, 0.25, 0, 0]
