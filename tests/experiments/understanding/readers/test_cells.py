"""Options that are written into a question, in the ways of RealWorldQA, MMStar and ERQA; lists in cells."""

import pytest

from experiments.understanding.readers.cells import literal_list, options_of_erqa, split_options

ANSWER = "Please answer directly with only the letter of the correct option and nothing else."


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        (f"Where does the car go?\n\nA. Left\nB. Straight on\nC. Right\n\n{ANSWER}", "Where does the car go?", ["Left", "Straight on", "Right"]),
        ("Which is true?\nOptions: A: Red, or blue, B: Green, C: None, D: All", "Which is true?", ["Red, or blue", "Green", "None", "All"]),
        (f"Which way? Choices: A. Up. B. Down. {ANSWER}", "Which way?", ["Up.", "Down."]),
        ("Which? (A) one (B) two", "Which?", ["one", "two"]),
        ("Is A. Smith left of B. Jones?\nA. yes\nB. no", "Is A. Smith left of B. Jones?", ["yes", "no"]),
        ("How many lanes?\nPlease answer directly with a single word or number.", "How many lanes?", []),
        ("Is vitamin A. good?", "Is vitamin A. good?", []),
    ],
)
def test_options_are_told_from_the_question(text, question, options):
    assert split_options(text) == (question, dict(zip("ABCDEF", options, strict=False)))


def test_erqa_has_four_letters_where_its_options_cannot_be_read():
    assert options_of_erqa("Which point?") == {"A": "", "B": "", "C": "", "D": ""}


def test_a_list_is_read_as_json_and_as_python_and_else_as_it_stands():
    assert literal_list('["a", 1]') == literal_list("['a', '1']") == ["a", "1"]
    assert literal_list("[broken") == ["[broken"]
    assert literal_list("3.5") == ["3.5"]
