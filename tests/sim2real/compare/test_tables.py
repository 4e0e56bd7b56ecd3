"""A comparison as tables: both worlds and the estimate of each policy, and when steps were done in either."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from sim2real.compare import tables
from sim2real.compare.comparison import compare
from sim2real.compare.pairs import Played, join
from tests.sim2real.compare.test_compare import row


@pytest.fixture
def cells(tmp_path):
    def timed(played, *times):
        return Played(replace(played, step_done_s=times), tmp_path)

    sim = [timed(row(0, 2), 3.0, 6.0), timed(row(1, 1), 4.0), timed(row(2, 2), 1.0, 2.0)]
    return join(sim, [timed(row(0, 2, "twin"), 3.5, 7.0), timed(row(1, 2, "twin"), 4.5, 9.0)])


def test_each_policy_has_both_worlds_and_the_estimate(cells):
    found = tables.rate_table(compare(cells)).set_index("arm")
    assert found.index.tolist() == ["chatvla_tiny, simulated", "chatvla_tiny, twin", "chatvla_tiny, twin, with all simulated trials"]
    assert found["value"].tolist() == [0.5, 1.0, 1.0]
    assert found["n"].tolist() == [2, 2, 2.0]


def test_steps_are_those_that_both_worlds_did(cells):
    found = tables.step_times(cells)
    assert found[["trial", "step", "sim", "real"]].to_numpy().tolist() == [[0, 1, 3.0, 3.5], [0, 2, 6.0, 7.0], [1, 1, 4.0, 4.5]]


def test_the_closing_table_says_what_it_is_too_small_for(cells):
    told = tables.closing(compare(cells), pd.DataFrame({"before": [2.0, 4.0], "after": [0.2, 0.4]}))
    assert told["measured"].iloc[0].startswith("1 of 2 trials end alike; 0 only in simulation, 1 only on the other side")
    assert told["how far it goes"].tolist() == ["2 pairs; too few to weigh simulated trials (10)", "held"]
    assert told["measured"].iloc[1] == "mean joint error 3.00 mrad before, 0.30 after, on motion not fitted"
