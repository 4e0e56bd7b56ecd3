"""The paper's ablations against numbers that the paper states in words or prints twice."""

from __future__ import annotations

import pytest

from experiments.notebooks import paper
from experiments.protocol import ROWS
from experiments.understanding.benchmarks import TABLE_1


def test_each_table_has_its_columns():
    assert all(len(cells.split()) == len(ROWS) for cells in paper._CONTROL.values())
    assert all(len(cells.split()) == len(TABLE_1) for cells in paper._UNDERSTANDING.values())


def test_chatvla_has_the_same_numbers_in_its_ablations_and_in_its_tables():
    assert paper.control("static") == pytest.approx(paper.baseline("ChatVLA"))
    assert 0 < paper.baseline("Octo") < paper.baseline("OpenVLA") < paper.baseline("ChatVLA")


def test_without_experts_about_seven_tenths_of_the_understanding_are_left():
    """Section 4.3: "multi-modal understanding retained only 70 % of its original performance"."""
    assert paper.understanding("dense_wide") / paper.understanding("static") == pytest.approx(0.70, abs=0.01)


def test_marks_are_of_the_arms_that_the_paper_has():
    found = paper.marks({"ours": "static", "new": "3:1", "other": "Octo"})
    assert found[["arm", "metric"]].to_numpy().tolist() == [["ours", "control"], ["other", "control"], ["ours", "answers"], ["new", "answers"]]


def test_chatvla2_s_scores_are_shares_of_their_points():
    found = paper.chatvla2_marks().set_index(["arm", "metric"])["paper"]
    assert found["8/2", "ocr"] == pytest.approx(3.58 / 4)
    assert found["4/2", "math"] == pytest.approx(0.94 / 2)
    assert found["former", "control"] == pytest.approx(22 / 52)
