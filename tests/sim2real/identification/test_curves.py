"""Curves of an identification are of the part that was not fitted, and are nothing where the simulation is the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.robot import ARM_JOINTS
from sim2real.identification.curves import error_curves, joint_errors
from sim2real.identification.dynamics import nominal
from sim2real.identification.excitation import excitation
from sim2real.identification.fit import FIT_SHARE, Fit
from sim2real.identification.synthetic import record


@pytest.fixture(scope="module")
def found():
    """A log of an arm with another stiffness, and a fit that knows it."""
    rng = np.random.default_rng(0)
    truth = replace(nominal(), stiffness=tuple(0.8 * k for k in nominal().stiffness))
    return Fit(truth, nominal(), nominal(), record(truth, excitation(8, rng), rng))


def test_errors_fall_to_the_noise(found):
    errors = joint_errors(found)
    assert errors["joint"].tolist() == list(ARM_JOINTS)
    assert (errors["after"] < 0.3).all()
    assert errors["before"].mean() > 5 * errors["after"].mean()


def test_curves_start_where_the_fit_ended_and_last_as_long_as_asked(found):
    curves = error_curves(found, 0.5)
    assert set(curves["joint"]) == set(ARM_JOINTS)
    assert curves["name"].unique().tolist() == ["before", "after"]
    start = found.log.time[round(FIT_SHARE * len(found.log.time))]
    assert curves["time"].min() == start
    assert curves["time"].max() <= start + 0.5
