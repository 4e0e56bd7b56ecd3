"""Faults of the arm, the gripper and a camera struck in sessions on a twin, and wild chunks at its wire; all faults: `python -m sim2real.drill`."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from envs.types import ACTION_DIM
from sim2real import drill, wild
from sim2real.twin import faults


@pytest.fixture(scope="module")
def env():
    env = drill.open_env("gated")
    yield env
    env.close()


@pytest.mark.parametrize("fault", [faults.DropCommands(25), faults.GripperSilent()], ids=str)
def test_a_fault_classes_its_trial_as_documented_and_the_session_goes_on(env, fault, tmp_path):
    drilled = drill.drill(env, fault, dict(drill.EXPECTED)[fault], tmp_path)
    assert drilled.passed, drilled
    assert "NO" not in drill.table([drilled])


def test_a_fault_that_is_classed_otherwise_fails_the_drill(env, tmp_path):
    drilled = drill.drill(env, faults.DropStates(1), ("reflex",), tmp_path)
    assert (drilled.outcome, drilled.classed, drilled.passed) == ("failure", False, False)
    assert "NO" in drill.table([drilled])


def test_every_fault_of_the_twin_is_drilled():
    struck = {type(fault) for fault, _ in drill.EXPECTED}
    assert struck == set(faults.ArmFault.__args__ + faults.GripperFault.__args__ + faults.CameraFault.__args__)


def test_of_wild_chunks_nothing_out_of_the_limits_arrives(env):
    env.operator.patience = 1000
    env.cameras = False
    found = wild.wild(env, 6, np.random.default_rng(8))
    env.cameras = True
    assert found["chunks"] == 6
    assert found["refused"] >= 1
    assert found["changed"] >= 1
    assert found["torque commands at the wire"] > 60 * (found["actions"] - found["refused"])
    assert wild.breaches(found) == 0, found


def test_a_stop_or_a_hand_out_of_the_box_is_a_breach_and_a_collision_is_none():
    found = Counter({"chunks": 5, "collisions": 1, "refused": 2})
    assert wild.breaches(found) == 0
    assert wild.breaches(found + Counter({"stops: joint_velocity_violation": 1, "control steps with the hand out of the box": 2})) == 3


def test_wild_chunks_are_near_far_and_no_numbers():
    rng = np.random.default_rng(0)
    chunks = [wild.wild_chunk(rng, np.zeros(ACTION_DIM)) for _ in range(300)]
    assert {len(chunk) for chunk in chunks} == {1, 2, 3}
    assert 10 < sum(not np.isfinite(chunk).all() for chunk in chunks) < 60
    sizes = [np.abs(chunk).max() for chunk in chunks if np.isfinite(chunk).all()]
    assert min(sizes) < 0.05
    assert max(sizes) > 100


def test_batches_that_are_over_are_not_executed_again_and_their_sum_tells_what_was_never_found(tmp_path, capsys):
    found = {"chunks": wild.BATCH, "actions": 500, "commands out of the joints' margins": 0}
    rows = [{"seed": seed, "batch": batch, "found": found} for seed, batch in ((0, 0), (0, 1), (1, 0))]
    (tmp_path / wild.ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(wild.done(tmp_path, 0, 3 * wild.BATCH)) == [0, 1]
    assert wild.main(["--chunks", str(2 * wild.BATCH), "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"{2 * wild.BATCH}  chunks" in told
    assert "0  commands out of the joints' margins" in told


def test_a_batch_of_another_size_is_executed_again():
    assert wild.sizes(2 * wild.BATCH + 7) == [wild.BATCH, wild.BATCH, 7]
