"""Drawn pictures show what their answers say, and the splits show different things."""

import numpy as np
import pytest

from envs.vqa.drawn import HELD_OUT, PAINT, SHAPES, chart, drawn, shapes, word


def items(draw, split, n=60):
    for seed in range(n):
        picture = draw(np.random.default_rng(seed), split)
        assert (picture.image.shape, picture.image.dtype) == ((240, 320, 3), np.uint8)
        for family, asked in picture.asked:
            for item in asked:
                yield picture.image, family.name, item


def test_words_of_the_splits_are_disjoint():
    train, test = ({i.answer for _, _, i in items(word, split)} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_shapes_and_colours_of_the_splits_are_disjoint_and_each_is_seen_in_training():
    pairs = {split: {(i.words["shape"], i.answer) for _, name, i in items(shapes, split, 300) if name == "shape_colour"} for split in ("train", "test")}
    assert not pairs["train"] & pairs["test"]
    assert {c for _, c in pairs["train"]} == set(PAINT)
    assert {s for s, _ in pairs["test"]} == set(SHAPES)
    assert len(pairs["test"]) <= len(PAINT) * len(SHAPES) / HELD_OUT + len(SHAPES)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_shape_that_is_asked_for_is_there_in_its_colour(split):
    for image, name, item in items(shapes, split):
        if name == "shape_colour":
            assert (image == PAINT[item.answer]).all(-1).sum() > 100


def test_a_bar_is_as_high_as_the_answer():
    for image, name, item in items(chart, "test"):
        if name == "chart_value":
            rows = (image == PAINT[item.words["bar"]]).all(-1).sum(0)
            tall = rows.max()
            assert round(tall / ((240 - 60) / 9)) == int(item.answer)


def test_comparisons_are_two_yes_and_two_no():
    answers = [i.answer for _, name, i in items(chart, "test") if name == "chart_compare"]
    assert answers.count("yes") == answers.count("no") == len(answers) / 2


def test_the_same_generator_draws_the_same_picture():
    a, b = (drawn(np.random.default_rng(5), "train") for _ in range(2))
    np.testing.assert_array_equal(a.image, b.image)
    assert a.asked == b.asked
