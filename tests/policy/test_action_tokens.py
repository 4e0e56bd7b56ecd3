"""OpenVLA's tokenizer of actions, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from policy.action_tokens import BINS, CENTRES, EDGES, ActionTokens
from policy.normalizer import Bounds
from tests.policy.small import small_config

VOCABULARY = 32000  # Llama 2's


def tokens(horizon: int = 1, low: float = -1.0, high: float = 1.0) -> ActionTokens:
    config = small_config()
    config = replace(config, horizon=horizon, text=replace(config.text, vocab_size=VOCABULARY))
    return ActionTokens(config, Bounds((low,) * 10, (high,) * 10))


def test_there_are_256_edges_and_255_intervals():
    assert (len(EDGES), len(CENTRES)) == (BINS, BINS - 1)
    assert EDGES[1] - EDGES[0] == pytest.approx(2 / 255)


@pytest.mark.parametrize(("value", "bin_"), [(-1.0, 1), (-0.999, 1), (0.0, 128), (0.999, 255), (1.0, 255), (5.0, 256), (-5.0, 1)])
def test_a_number_has_the_token_of_its_bin(value, bin_):
    # The bounds are widened by 1e-4, so that 1.0 is just inside the last interval.
    assert tokens().encode(np.full((1, 10), value)) == [VOCABULARY - bin_] * 10


def test_actions_take_the_last_256_tokens():
    some = tokens(16).encode(np.random.default_rng(0).uniform(-2, 2, (16, 10)))
    assert tokens().first_id == VOCABULARY - 256 <= min(some)
    assert max(some) == VOCABULARY - 1


def test_back_and_forth_errs_by_half_a_bin_at_most():
    raw = np.random.default_rng(0).uniform(0.2, 0.8, (16, 10))
    there = tokens(16, 0.2, 0.8)
    error = np.abs(there.decode(there.encode(raw)) - raw)
    assert error.max() <= (0.6 + 2e-4) / 255 / 2 + 1e-6
    assert error.max() > 0.9 * 0.6 / 255 / 2


def test_a_dimension_that_never_moves_stays_where_it_is():
    there = ActionTokens(replace(small_config(), horizon=1), Bounds((0.5,) * 10, (0.5,) * 10))
    assert np.allclose(there.decode(there.encode(np.full((1, 10), 0.7))), 0.5, atol=1e-3)


def test_only_the_horizon_is_spoken_and_only_it_is_understood():
    there = tokens(2)
    assert len(there.encode(np.zeros((16, 10)))) == there.count == 20
    with pytest.raises(ValueError, match="19 action tokens, expected 2 x 10"):
        there.decode([VOCABULARY - 1] * 19)
