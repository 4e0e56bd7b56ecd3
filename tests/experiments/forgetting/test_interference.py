"""Interference compares runs of one exposure, and refuses others."""

import pytest

from experiments.forgetting.interference import Exposure, Run, at_exposure, exposure, interference
from policy.stages import Mixture, Stage

ROBOT = Stage("robot", Mixture(robot=16), 300, 1e-3)
JOINT = Stage("joint", Mixture(robot=12, grounding=2, understanding=4), 400, 1e-3)


def run(score, robot=4800, understanding=0, name="run"):
    return Run(name, score, Exposure(robot, understanding))


def test_exposure_counts_rows_of_each_domain():
    assert exposure([ROBOT]) == Exposure(4800, 0)
    assert exposure([ROBOT, JOINT]) == Exposure(9600, 1600)


def test_a_stage_is_given_the_steps_that_an_exposure_takes():
    longer = at_exposure(JOINT, "robot", 9600)
    assert (longer.steps, exposure([longer]).robot) == (800, 9600)
    with pytest.raises(ValueError, match="stage joint has 12 robot rows a batch, of which no whole number of batches makes 100"):
        at_exposure(JOINT, "robot", 100)
    with pytest.raises(ValueError, match="stage robot has 0 understanding rows"):
        at_exposure(ROBOT, "understanding", 16)


@pytest.mark.parametrize(("single", "joint", "floor", "cost"), [(0.8, 0.8, 0, 0), (0.8, 0.4, 0, 0.5), (0.9, 0.35, 0.35, 1), (0.6, 0.75, 0, -0.25)])
def test_interference_is_the_share_of_what_was_learnt(single, joint, floor, cost):
    assert interference(run(single), run(joint, understanding=1600), "robot", floor) == pytest.approx(cost)


def test_runs_of_different_exposure_are_refused():
    with pytest.raises(ValueError, match="alone saw 4800 robot rows, both 2400; compare runs of one exposure"):
        interference(run(0.8, name="alone"), run(0.4, 2400, 2400, "both"), "robot")
    with pytest.raises(ValueError, match="compare runs of one exposure"):
        interference(run(0.8), run(0.8), "understanding")


def test_a_run_that_learnt_nothing_is_refused():
    with pytest.raises(ValueError, match="it learnt nothing that could be disturbed"):
        interference(run(0.3), run(0.1), "robot", 0.3)
