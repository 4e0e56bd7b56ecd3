"""Temporal ensembling, against means worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from policy.ensemble import TemporalEnsemble


def chunk(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_the_first_chunk_is_executed_as_it_is():
    first = chunk(1, 2, 3)
    assert np.array_equal(TemporalEnsemble(0.01)(first), first)


def test_each_moment_is_a_mean_of_the_chunks_that_foresaw_it():
    ensemble = TemporalEnsemble(0.0)
    ensemble(chunk(0, 1, 2))
    assert ensemble(chunk(3, 4, 5))[:, 0].tolist() == [2, 3, 5]  # (1 + 3) / 2, (2 + 4) / 2, and the newest alone
    assert ensemble(chunk(6, 6, 6))[0, 0] == pytest.approx((2 + 4 + 6) / 3)
    assert ensemble(chunk(6, 6, 6))[0, 0] == pytest.approx((5 + 6 + 6) / 3)  # the first chunk has ended


def test_older_chunks_weigh_more_by_the_decay():
    ensemble = TemporalEnsemble(np.log(2))
    ensemble(chunk(0, 1))
    assert ensemble(chunk(4, 4))[0, 0] == pytest.approx((1 * 1 + 4 * 0.5) / 1.5)


def test_chunks_of_one_action_are_left_alone():
    ensemble = TemporalEnsemble(0.01)
    assert [float(ensemble(chunk(v))[0, 0]) for v in (1, 2, 3)] == [1, 2, 3]
