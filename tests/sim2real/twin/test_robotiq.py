"""pyRobotiqGripper, as its wheel comes, on the twin's serial line."""

from __future__ import annotations

import time

import pytest

from envs.types import Trial
from sim2real.twin import faults

pyrobotiqgripper = pytest.importorskip("pyrobotiqgripper")


@pytest.fixture
def twin(lockstep_twin):
    lockstep_twin.heal()
    lockstep_twin.reset(Trial("sort_toys", 0))
    yield lockstep_twin
    lockstep_twin.heal()


@pytest.fixture
def gripper(twin):
    gripper = pyrobotiqgripper.RobotiqGripper(com_port=twin.gripper_port)
    gripper.connect()
    gripper.activate()
    yield gripper
    gripper.disconnect()


def test_it_activates_closes_and_opens_the_scenes_gripper(twin, gripper):
    assert gripper.isActivated()
    gripper.move(255, 255, 255, wait=True)
    assert gripper.position() == pytest.approx(228, abs=4)
    assert twin.state().gripper_closed > 0.97
    gripper.move(0, 255, 255, wait=True)
    assert gripper.position() == pytest.approx(3, abs=5)
    assert twin.state().gripper_closed < 0.03


def test_a_position_on_the_way_is_kept(twin, gripper):
    gripper.move(100, 255, 255, wait=True)
    time.sleep(0.2)
    assert gripper.status()["gOBJ"] == 3
    assert twin.state().gripper_closed == pytest.approx((100 - 3) / 227, abs=0.03)


def test_a_bad_checksum_is_not_taken_for_an_answer(twin, gripper):
    gripper._client.comm_params.timeout_connect = 0.1
    twin.inject(faults.GripperCrcErrors(1))
    started = time.monotonic()
    gripper.readStatus()  # pymodbus asks again
    assert time.monotonic() - started > 0.05
    assert gripper.position() == 3


def test_a_silent_gripper_is_an_error_and_answers_again_when_healed(twin, gripper):
    gripper._client.comm_params.timeout_connect, gripper._client.transaction.retries = 0.05, 0
    twin.inject(faults.GripperSilent())
    with pytest.raises(Exception, match="No response received"):
        gripper.readStatus()
    twin.heal()
    gripper.connect()
    gripper.readStatus()
    assert gripper.position() == 3
