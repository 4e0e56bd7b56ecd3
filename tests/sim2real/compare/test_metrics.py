"""The numbers that compare two worlds, against published values and exact cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim2real.compare.metrics import bootstrap, mcnemar, mean_maximum_rank_violation, pearson

# Success of rt-2-x, rt-1-converged, rt-1-15pct, rt-1-x, rt-1-begin, octo-base on SIMPLER's tasks of the Google robot:
# (real, simulated with visual matching), then MMRV and r as published. SimplerEnv, simpler_env/utils/metrics.py (REAL_PERF,
# SIMPLER_PERF); Li et al. 2024, arXiv 2405.05941.
SIMPLER = {
    "pick_coke_can": ((0.907, 0.853, 0.920, 0.760, 0.133, 0.293), (0.787, 0.857, 0.710, 0.567, 0.027, 0.170), 0.031, 0.975),
    "move_near": ((0.733, 0.633, 0.583, 0.450, 0.017, 0.350), (0.779, 0.442, 0.354, 0.317, 0.050, 0.042), 0.111, 0.856),
    "open_drawer": ((0.333, 0.815, 0.704, 0.519, 0.000, 0.148), (0.157, 0.601, 0.463, 0.296, 0.000, 0.009), 0.000, 0.983),
    "close_drawer": ((0.630, 0.926, 0.889, 0.741, 0.000, 0.519), (0.343, 0.861, 0.667, 0.891, 0.278, 0.444), 0.123, 0.771),
    "apple_in_drawer": ((0.074, 0.185, 0.185, 0.407, 0.000, 0.000), (0.037, 0.065, 0.130, 0.213, 0.000, 0.000), 0.000, 0.969),
}


@pytest.mark.parametrize("task", SIMPLER)
def test_mmrv_and_r_are_those_that_simpler_published(task):
    real, sim, mmrv, r = SIMPLER[task]
    assert mean_maximum_rank_violation(sim=sim, real=real) == pytest.approx(mmrv, abs=5e-4)
    assert pearson(sim=sim, real=real) == pytest.approx(r, abs=5e-4)


def test_the_means_over_simplers_tasks_are_those_that_it_published():
    values = [(mean_maximum_rank_violation(sim=s, real=r), pearson(sim=s, real=r)) for r, s, _, _ in SIMPLER.values()]
    assert np.mean(values, 0) == pytest.approx([0.053, 0.911], abs=5e-4)


def test_mmrv_with_the_sides_exchanged_is_another_number():
    real, sim, mmrv, _ = SIMPLER["move_near"]
    assert mean_maximum_rank_violation(sim=real, real=sim) != pytest.approx(mmrv, abs=5e-4)


def test_the_sides_cannot_be_given_by_position():
    with pytest.raises(TypeError):
        mean_maximum_rank_violation([0.1, 0.2], [0.1, 0.2])  # type: ignore[misc]


def test_one_policy_cannot_be_ranked():
    with pytest.raises(ValueError, match="at least two"):
        pearson(sim=[0.5], real=[0.5])


def test_r_of_policies_that_are_all_alike_does_not_exist():
    assert math.isnan(pearson(sim=[0.5, 0.5, 0.5], real=[0.1, 0.2, 0.3]))


@pytest.mark.parametrize(("only_sim", "only_real", "p"), [(0, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (0, 5, 2 / 32), (9, 1, 22 / 1024)])
def test_mcnemar_is_a_two_sided_sign_test_of_the_discordant_pairs(only_sim, only_real, p):
    assert mcnemar(only_sim, only_real) == pytest.approx(p)


def test_the_bootstrap_of_a_mean_is_as_wide_as_theory_says():
    rng = np.random.default_rng(0)
    real = (rng.random((1, 100)) < 0.5).astype(float)
    low, high = bootstrap(np.zeros_like(real), real, lambda s, r: float(r[0]), rng)
    assert high - low == pytest.approx(2 * 1.96 * real.std() / 10, rel=0.06)


def test_the_bootstrap_draws_a_layout_for_all_policies_and_both_worlds_at_once():
    hard = (np.arange(40) % 2).astype(float)
    sim, real = np.stack([hard, hard]), np.stack([hard, hard])
    assert bootstrap(sim, real, lambda s, r: float(np.abs(s - r).max() + abs(s[0] - s[1])), np.random.default_rng(0)) == (0.0, 0.0)


def test_a_layout_that_a_policy_did_not_play_does_not_count_for_it():
    sim = np.array([[1.0, 0.0, np.nan, np.nan], [1.0, 1.0, 1.0, 1.0]])
    low, high = bootstrap(sim, sim, lambda s, r: float(s[1] - r[1]), np.random.default_rng(0))
    assert (low, high) == (0.0, 0.0)
