"""Answers are judged as the questions mean them, and stand beside the commonest answer."""

import json

import numpy as np
import pytest

from experiments.asking import Asked, accuracy, ask_policy, evaluate_answers, is_right

IMAGE = np.zeros((120, 160, 3), np.uint8)


def asked(*accept, family="colour", format="open", held_out=False):
    return Asked(IMAGE, "left", "what colour is the duck?", accept, family, format, held_out)


@pytest.mark.parametrize(
    ("question", "answer", "right"),
    [
        (asked("yellow"), "Yellow.", True),
        (asked("yellow"), "red", False),
        (asked("yellow duck", "the duck"), "the duck", True),
        (asked("red block x1 y2, yellow duck none", format="list"), "yellow duck none, red block x1 y2", True),
        (asked("red block x1 y2, yellow duck none", format="list"), "red block x1 y2", False),
    ],
)
def test_an_answer_is_right_when_it_is_accepted(question, answer, right):
    assert is_right(question, answer) is right


def test_accuracy_is_counted_by_family_beside_the_majority():
    questions = [asked("yes", family="exists")] * 3 + [asked("no", family="exists", held_out=True), asked("red")]
    result = accuracy(questions, ["yes", "no", "yes", "no", "blue"])
    assert {k: result["families"]["exists"][k] for k in ("n", "correct", "majority")} == {"n": 4, "correct": 3, "majority": 0.75}
    assert {k: result["overall"][k] for k in ("n", "correct", "majority")} == {"n": 5, "correct": 3, "majority": 0.8}
    assert result["held_out_wording"] == {"n": 1, "correct": 1}
    json.dumps(result)


def test_questions_are_asked_in_batches_and_answered_in_order():
    sizes = []

    class Echo:
        def answer_batch(self, images, questions, cameras):
            sizes.append(len(images))
            return [f"{q} {c}" for q, c in zip(questions, cameras, strict=True)]

    answers = evaluate_answers(Echo(), [asked("red")] * 70)
    assert sizes == [32, 32, 6]
    assert answers[69] == "what colour is the duck? left"


def test_a_policy_without_words_is_not_asked(tmp_path):
    class Silent:
        speaks = False

        def answer_batch(self, images, questions, cameras):
            raise AssertionError("asked")

    for policy in (Silent(), object()):
        assert ask_policy(policy, "sort_toys", 0, 4, tmp_path) is None
    assert not list(tmp_path.iterdir())
