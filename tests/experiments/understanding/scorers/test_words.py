"""The VQA normalisation and soft accuracy, at the values that the original code gives (research/understanding.md 1.4)."""

import pytest

from experiments.understanding.scorers.words import normalised, vqa_soft


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Two cats.", "2 cats"), ("1,000", "1000"), ("u.s.a.", "usa"), ("yes/no", "yes no"), ("coca-cola", "coca cola"),
        ("a  b", "b"), ("3.5", "3.5"), ("dont", "don't"), ("none", "0"), ("an\tapple\nthe tree", "apple tree"), ("wouldntve", "wouldntve"),
        ("wouldn'tve", "wouldn't've"), ("yalld've", "yalld've"), ("y'alld've", "y'all'd've"), ("somebody'd", "somebodyd"), ("twas", "'twas"),
        ("what? no", "what no"), ("what?no", "what no"), ("." * 40, "." * 8),
    ],
)  # fmt: skip
def test_an_answer_is_normalised_as_the_original_does(text, expected):
    assert normalised(text) == expected


@pytest.mark.parametrize(("matches", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1), (10, 1)])
def test_of_ten_annotators_each_match_up_to_four_counts(matches, expected):
    answers = ["stop"] * matches + [f"other {i}" for i in range(10 - matches)]
    assert vqa_soft("The stop.", answers) == pytest.approx(expected)


def test_a_lone_annotator_has_no_others_to_agree_with():
    assert vqa_soft("stop", ["stop"]) == 0
