"""What nobody told the fit about a twin is found from the log that the robot's drivers leave of a motion on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim2real.identification import report
from sim2real.identification.excitation import excitation
from sim2real.identification.fit import ARM_PARAMETERS, gripper_error, tracking_error
from sim2real.identification.from_torques import LAW, fit_torques, law
from sim2real.identification.recording import record
from sim2real.identification.samples import Samples


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    path = tmp_path_factory.mktemp("twin") / "log.parquet"
    _, truth = record(path, 8, np.random.default_rng(0))
    return Samples.read(path), truth


@pytest.fixture(scope="module")
def found(recorded):
    return fit_torques(recorded[0])


def test_friction_armature_and_gains_of_a_hidden_twin_are_found_within_5_percent(found, recorded):
    for name in ARM_PARAMETERS:
        np.testing.assert_allclose(getattr(found.dynamics, name), getattr(recorded[1], name), rtol=0.05, err_msg=name)


def test_its_delays_and_the_gripper_s_speed_are_found_within_5_percent(found, recorded):
    for name in ("delay_s", "gripper_delay_s", "gripper_damping"):
        assert getattr(found.dynamics, name) == pytest.approx(getattr(recorded[1], name), rel=0.05), name


def test_the_simulation_then_moves_more_like_the_twin_where_nothing_was_fitted(found):
    assert (tracking_error(found.dynamics, found.log) < 0.5 * tracking_error(found.start, found.log)).all()
    assert gripper_error(found.dynamics, found.log) < 0.1 * gripper_error(found.start, found.log)
    assert report.page(found, "log", "command", None).count("<svg") == 15


def test_the_log_says_that_the_driver_commanded_the_torques(recorded):
    log, _ = recorded
    assert LAW.items() <= log.meta.items()
    assert log.meta["backend"] == "twin"
    np.testing.assert_allclose(np.diff(log.time), 0.001, atol=1e-6)


def straight(n=400, **changes):
    """A log of n ms in which the law, 3 ms late, is all that is true."""
    rng, time = np.random.default_rng(0), np.arange(n) / 1000
    pos, vel, target = (rng.normal(0, 0.01, (n, 7)).cumsum(0) / 30 for _ in range(3))
    late = np.maximum(np.arange(n) - 3, 0)
    torque = 500 * (target - pos)[late] - 30 * vel[late]
    return replace(Samples(time, time, target, pos, vel, torque, np.zeros(n), np.full(n, np.nan)), **changes)


def test_the_law_s_gains_and_its_delay_are_those_that_made_the_torques():
    stiffness, damping, delay_s, _ = law(straight())
    np.testing.assert_allclose(stiffness, 500, rtol=1e-3)
    np.testing.assert_allclose(damping, 30, rtol=1e-2)
    assert delay_s == pytest.approx(0.003, abs=1e-4)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (straight(joint_torque=np.full((400, 7), np.nan)), "has no torque; expected those that the law has commanded"),
        (straight(time=np.arange(400) / 15, target_time=np.arange(400) / 15), "samples are up to 67 ms apart, expected 10 ms at most"),
        (straight(joint_vel=np.zeros((400, 7))), r"joint 1 slides faster than 0\.03 rad/s in 0 windows"),
    ],
    ids=["no torque", "far apart", "at rest"],
)
def test_a_log_that_cannot_tell_is_refused(log, message):
    with pytest.raises(ValueError, match=message):
        fit_torques(log)


def test_an_excitation_is_as_slow_as_it_is_told_and_no_smaller_than_it_must():
    slow = (0.02,) * 7
    away = np.abs(np.diff(excitation(8, np.random.default_rng(0), slow).joint_target, axis=0)).max(0)
    assert (away <= 0.02 + 1e-12).all()
    assert away.max() == pytest.approx(0.02)
