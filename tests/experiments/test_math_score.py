"""Points for reading and for solving, one by one."""

import pytest

from experiments.math_score import MathScore, mean_score, row_score, score
from experiments.results import Result


@pytest.mark.parametrize(
    ("reasoning", "ocr", "math"),
    [
        ("The board says 3 + 4, the answer is 7: pick the card 7.", 4, 2),
        ("3 plus 4 equals 7.", 4, 1),
        ("The equation is 3+4 and the answer 7: pick the card 8.", 4, 1),
        ("The board says 3 + 5, the answer is 8: pick the card 8.", 2, 0),
        ("The board says 4 + 3, the answer is 7: pick the card 7.", 1, 2),
        ("The board says 13 \u00d7 4.", 1, 0),
        ("Pick the card 7.", 0, 1),
        ("The board says 3 + 4, the answer is 7: pick the card 7.\n1 + 1 = 2: put the card 2 on the stand.", 4, 2),
        ("", 0, 0),
    ],
)
def test_points(reasoning, ocr, math):
    assert score("3 + 4", reasoning) == MathScore(ocr, math)


@pytest.mark.parametrize(("equation", "answer"), [("9 - 2", 7), ("12 - 12", 0), ("2 x 3", 6)])
def test_every_operator_is_worked_out(equation, answer):
    assert score(equation, f"{equation} = {answer}: put the card {answer} on the stand.") == MathScore(4, 2)


def test_trials_are_averaged():
    assert mean_score([MathScore(4, 2), MathScore(1, 1)]) == MathScore(2.5, 1.5)


def test_a_row_tells_what_the_board_showed_and_what_was_said():
    layout = {"objects": [], "fixtures": [{"role": "board", "kind": "board_12_minus_5"}]}
    said = ((0.0, "The board says 12 - 5, the answer is 7: pick the card 7."), (6.0, "The equation is answered."))
    row = Result("math_matching", 0, 0, "test", "none", "any", "success", "", layout=layout, reasoning=said)
    assert row_score(row) == MathScore(4, 2)


def test_no_equation_is_told():
    with pytest.raises(ValueError, match="'3 and 4' is no equation such as '3 \\+ 4'"):
        score("3 and 4", "")
    with pytest.raises(ValueError, match="no trials"):
        mean_score([])
