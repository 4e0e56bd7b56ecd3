"""Which option an answer means: the values of both versions of VLMEvalKit, and MMMU's own rule."""

import random

import pytest

from experiments.understanding.scorers.mmmu_official import choose_option, found_option, open_right
from experiments.understanding.scorers.options import infer_option

OPTIONS = {"A": "stop", "B": "go", "C": "x1", "D": "y1"}


@pytest.mark.parametrize(
    ("answer", "head"),
    [
        ("A", "A"), ("(B) go", "B"), ("The answer is C.", "C"), ("go", "B"), ("**D**", "D"), ("Option A: stop", "A"), ("A cat and a B", None),
        ("I think go is the one", None), ("a", None), ("b", None), ("", None), ("Z", "Z"), ("Cannot determine the answer", "Z"),
        ("Failed to obtain answer via API A", None),
    ],
)  # fmt: skip
def test_an_option_is_inferred_as_vlmevalkit_does(answer, head):
    assert infer_option(answer, OPTIONS, "head") == head


def test_the_papers_version_has_no_rule_of_length():
    assert infer_option("I think go is the one", OPTIONS, "0.2rc1") == "B"


def test_the_papers_version_takes_a_letter_anywhere():
    answer = "C is what the arrow on the sign by the road points to"
    assert (infer_option(answer, OPTIONS, "0.2rc1"), infer_option(answer, OPTIONS, "head")) == ("C", None)


def test_head_reads_a_letter_in_bold_early_in_a_long_answer():
    answer = "The answer is **B** because of the colour of all the signs here"
    assert infer_option(answer, OPTIONS, "head") == "B"


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("(B)", "B"), ("(A) or (C)", "C"), ("A or B ", "B"), ("B.", "B"), ("it must be the one that says go", "B"), ("go", None), ("", None),
        ("'C'", "C"),
    ],
)  # fmt: skip
def test_mmmus_own_rule_takes_what_is_named_last(answer, letter):
    assert found_option(answer, OPTIONS) == letter


def test_mmmus_own_rule_draws_where_nothing_is_found_and_draws_the_same_again():
    drawn = [choose_option("babble", OPTIONS, random.Random(i)) for i in range(200)]
    assert set(drawn) == set("ABCD")
    assert drawn == [choose_option("babble", OPTIONS, random.Random(i)) for i in range(200)]


@pytest.mark.parametrize(
    ("response", "answers", "right"),
    [
        ("The answer is 3.5", ["3.5"], True), ("x = 1,200.", ["1200"], True), ("3.504", ["3.5"], True), ("3.51", ["3.5"], False),
        ("So it is red", ["Red"], True), ("blue", ["red"], False), ("", ["red"], False), ("so the result is a cat", ["dog", "cat"], True),
        ("a", ["a"], True), ("abc", ["b"], False),
    ],
)  # fmt: skip
def test_an_open_answer_is_right_by_number_or_phrase(response, answers, right):
    assert open_right(response, answers) is right
