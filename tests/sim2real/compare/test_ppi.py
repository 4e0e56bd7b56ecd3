"""What simulation may add to few real trials: never a bias, and precision only where it predicts."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.scoring import wilson
from sim2real.compare.ppi import LEAST, prediction_powered


def worlds(rng, pairs, more, rate=0.6, agree=0.9, sim_bias=0.0):
    """Real and simulated successes that agree in a share of trials; simulation may be better by `sim_bias`."""
    hard = rng.random(pairs + more)
    real = hard < rate
    sim = np.where(rng.random(pairs + more) < agree, hard < rate + sim_bias, rng.random(pairs + more) < rate + sim_bias)
    return real[:pairs].astype(float), sim[:pairs].astype(float), sim[pairs:].astype(float)


def test_the_estimate_is_the_formula_of_the_paper():
    real, sim, more = worlds(np.random.default_rng(1), 30, 300)
    e = prediction_powered(real=real, sim=sim, more_sim=more)
    w = np.cov(real, sim)[0, 1] / ((1 + 30 / 300) * np.var(np.r_[sim, more], ddof=1))
    assert e.weight == pytest.approx(w)
    assert e.value == pytest.approx(real.mean() + w * (more.mean() - sim.mean()))


def test_a_simulation_that_predicts_trials_is_worth_further_real_ones():
    real, sim, more = worlds(np.random.default_rng(2), 40, 1000, agree=0.95)
    e = prediction_powered(real=real, sim=sim, more_sim=more)
    low, high = wilson(real.sum(), 40)
    assert e.high - e.low < 0.7 * (high - low)
    assert e.worth > 80


def test_a_simulation_that_predicts_nothing_is_worth_nothing():
    worth = []
    for seed in range(100):
        real, sim, more = worlds(np.random.default_rng(seed), 40, 1000, agree=0.0)
        worth.append(prediction_powered(real=real, sim=sim, more_sim=more).worth)
    assert np.mean(worth) == pytest.approx(40, rel=0.1)


@pytest.mark.parametrize("bias", [0.0, 0.3, -0.4])
def test_a_simulation_that_is_too_easy_or_too_hard_does_not_bias_the_estimate(bias):
    rng = np.random.default_rng(3)
    values = [prediction_powered(**dict(zip(("real", "sim", "more_sim"), worlds(rng, 40, 400, sim_bias=bias), strict=True))).value for _ in range(400)]
    assert np.mean(values) == pytest.approx(0.6, abs=0.015)


@pytest.mark.parametrize(("rate", "agree"), [(0.6, 0.5), (0.6, 0.9), (0.9, 0.9)])
def test_the_interval_holds_the_truth_in_about_95_of_100_experiments(rate, agree):
    rng, held = np.random.default_rng(4), 0
    for _ in range(1500):
        real, sim, more = worlds(rng, 20, 200, rate, agree)
        e = prediction_powered(real=real, sim=sim, more_sim=more)
        held += e.low <= rate <= e.high
    assert 0.92 < held / 1500 < 0.98


@pytest.mark.parametrize(
    ("real", "sim", "more"),
    [
        ([1.0] * (LEAST - 1), [1.0, 0.0, 1.0] * 3, [1.0, 0.0]),  # too few pairs
        ([1.0, 0.0] * 10, [1.0, 0.0] * 10, []),  # nothing more was simulated
        ([1.0] * 20, [1.0, 0.0] * 10, [1.0, 0.0]),  # every real trial succeeded: a normal interval would have no width
        ([1.0, 0.0] * 10, [1.0] * 20, [1.0, 0.0]),  # simulation says the same of every trial
    ],
)
def test_where_simulation_cannot_help_or_be_judged_the_real_trials_stand_alone(real, sim, more):
    e = prediction_powered(real=real, sim=sim, more_sim=more)
    assert (e.weight, e.worth) == (0.0, len(real))
    assert (e.low, e.high) == wilson(sum(real), len(real))


def test_trials_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="3 real and 2 simulated trials; expected pairs"):
        prediction_powered(real=[1, 0, 1], sim=[1, 0], more_sim=[])
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        prediction_powered(real=[2.0], sim=[1.0], more_sim=[])
