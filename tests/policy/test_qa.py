"""Question accuracy: exact answers, the majority and the blank picture, on a policy that answers by rule."""

from __future__ import annotations

import numpy as np
import pytest

from policy.qa import PER_ENTRY, accuracy_by_family, is_right, majority, pictures, sample
from policy.recorded import Question, read_questions


def question(family: str, answer: str, *accept: str) -> Question:
    return Question(f"{family}?", answer, family, "still_3", "left", accept, "", "")


class Sighted:
    """Says yes to a picture with anything in it."""

    def answer_batch(self, images, questions, cameras):
        return ["yes" if image.std() > 0 else "no" for image in images]


def test_accuracy_majority_and_blank_are_counted_by_family():
    asked = [question("exists", "yes"), question("exists", "yes"), question("exists", "no"), question("count", "2")]
    images = [np.arange(12, dtype=np.uint8).reshape(2, 2, 3)] * 4
    table = accuracy_by_family(Sighted(), asked, images)
    assert table["exists"].accuracy == pytest.approx(2 / 3)
    assert table["exists"].majority == pytest.approx(2 / 3)
    assert table["exists"].blank == pytest.approx(1 / 3)
    assert table["mean"].accuracy == pytest.approx(1 / 3)


def test_case_and_full_stop_do_not_matter_but_words_do():
    asked = question("which", "yellow duck", "the yellow duck", "duck")
    assert is_right("The yellow duck.", asked)
    assert is_right("duck", asked)
    assert not is_right("a duck", asked)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("yellow duck none, red block x1 y2", True),
        ("red block x1 y2", False),
        ("red block x1 y2, yellow duck x0 y0", False),
        ("red block x1 y2, yellow duck none, grey cat none", False),
    ],
)
def test_a_list_is_right_in_any_order_if_all_its_entries_are(answer, right):
    assert is_right(answer, question("list", "red block x1 y2, yellow duck none")) == right


def test_entries_of_lists_are_counted_beside_the_mean():
    class Half:
        def answer_batch(self, images, questions, cameras):
            return ["red block x1 y2, yellow duck x0 y0"] * len(images)

    asked = [question("list", "yellow duck none, red block x1 y2")]
    table = accuracy_by_family(Half(), asked, [np.zeros((2, 2, 3), np.uint8)])
    assert (table["list"].accuracy, table["mean"].accuracy, table[PER_ENTRY].accuracy) == (0, 0, 0.5)
    assert table[PER_ENTRY].n == 2


def test_majority_is_the_share_of_the_commonest_answer():
    assert majority([question("a", x) for x in ("1", "2", "2", "3")]) == 0.5


def test_a_sample_is_the_same_each_time_and_balanced(data):
    asked = read_questions(data / "questions" / "test.jsonl")
    chosen = sample(asked, 8)
    assert chosen == sample(asked, 8)
    assert len({q.family for q in chosen}) == len({q.family for q in asked})


def test_the_pictures_of_held_out_questions_are_found(data):
    asked = read_questions(data / "questions" / "test.jsonl")[:2]
    assert [p.shape for p in pictures(data, asked)] == [(120, 160, 3)] * 2
