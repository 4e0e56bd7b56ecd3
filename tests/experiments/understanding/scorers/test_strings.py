"""ANLS, relaxed accuracy, containment, yes or no: at the values that the original code gives."""

import pytest

from experiments.understanding.scorers.strings import (
    FORMULAS,
    anls,
    contains_ocr,
    contains_words,
    edit_distance,
    relaxed,
    yes_no,
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("stop sign", 1), ("STOP", 1), ("stap", 0.75), ("stxx", 0.5), ("st", 0.5), ("sxxx", 0), ("", 0), ("stop  sign ", 1), ("x" * 500, 0)],
)
def test_anls_keeps_one_half_and_drops_what_is_below(said, expected):
    assert anls(said, ["Stop Sign", "stop"]) == expected


def test_anls_measures_lengths_before_white_space_is_collapsed():
    assert anls("a  b", ["a c"]) == pytest.approx(0.75)


def test_edit_distance_counts_insertions_deletions_and_replacements():
    assert [edit_distance(a, b) for a, b in (("", "abc"), ("kitten", "sitting"), ("abc", "abc"), ("abc", "b"))] == [3, 3, 0, 2]


@pytest.mark.parametrize(
    ("said", "gold", "expected"),
    [
        ("104", "100", True), ("105", "100", True), ("105.01", "100", False), ("95", "100", True), ("5%", "0.05", True), ("0", "0", True),
        ("0.0", "0", False), ("1,000", "1000", False), ("23 years", "23", False), ("10.0", "10", True), ("Red", "red", True),
        ("nan", "1", False), ("inf", "inf", False), ("%", "%", True), (" 104 ", "100", True),
    ],
)  # fmt: skip
def test_a_number_is_right_within_five_per_cent_of_the_answer(said, gold, expected):
    assert relaxed(said, [gold]) is expected


@pytest.mark.parametrize(("said", "of_gold", "of_prediction"), [("95", True, False), ("105.2", False, True), ("104", True, True), ("94", False, False)])
def test_the_papers_copy_takes_the_five_per_cent_of_the_prediction(said, of_gold, of_prediction):
    assert (relaxed(said, ["100"], "gold"), relaxed(said, ["100"], "prediction")) == (of_gold, of_prediction)


def test_one_right_answer_of_several_is_enough():
    assert relaxed("7", ["x", "7"])
    assert contains_words("es ist rot", ["blau", "Rot."])


def test_ocrbench_keeps_case_and_drops_spaces_in_formulas_alone():
    assert contains_ocr("The Word is\nSTOP", ["stop"], "Regular Text Recognition")
    assert not contains_ocr("X ^ 2", ["x^2"], FORMULAS)
    assert contains_ocr("= x ^ 2", ["x^2"], FORMULAS)
    assert not contains_ocr("x ^ 2", ["x^2"], "Regular Text Recognition")


@pytest.mark.parametrize(
    ("said", "word", "start"),
    [
        ("Yes", "Yes", "Yes"), ("no.", "No", "No"), ("Yes, no doubt", None, "Yes"), ("none", None, "No"), ("Y", None, "Yes"),
        ("I think it is yes", "Yes", None), ("", None, None), ("maybe", None, None), ("YES!", "Yes", "Yes"), ("n.", None, "No"),
    ],
)  # fmt: skip
def test_yes_and_no_are_words_for_one_tool_and_beginnings_for_the_other(said, word, start):
    assert (yes_no(said), yes_no(said, "start")) == (word, start)
