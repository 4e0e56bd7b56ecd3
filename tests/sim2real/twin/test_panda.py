"""panda-python, as its wheel comes (libfranka 0.9.2, interface version 5), on a twin of the Panda."""

from __future__ import annotations

import time

import numpy as np
import pytest

from envs.ik import IK
from sim2real.twin import Twin, faults, wire

panda_py = pytest.importorskip("panda_py")
controllers = pytest.importorskip("panda_py.controllers")


@pytest.fixture(scope="module")
def twin():
    with Twin("close_drawer", robot="panda") as twin:
        yield twin


def test_it_connects_loads_the_model_library_moves_and_survives_a_reflex(twin):
    panda = panda_py.Panda(twin.ip, realtime_config=panda_py.libfranka.RealtimeConfig.kIgnore)
    start = np.array(panda.q)
    assert panda.get_position() == pytest.approx(IK().pose(start)[0], abs=1e-6)
    assert panda.get_model().gravity(panda.get_state())[1] < -10
    assert panda.move_to_joint_position(start + 0.05)
    assert twin.state().joint_pos == pytest.approx(start + 0.05, abs=5e-3)

    controller = controllers.JointPosition()
    panda.start_controller(controller)
    for k in range(10):
        controller.set_control(start + 0.05 - 0.005 * k)
        time.sleep(1 / 15)
    panda.stop_controller()
    assert twin.state().joint_pos == pytest.approx(start, abs=0.04)  # it was still following
    assert twin.state().lost == 0

    twin.inject(faults.Reflex())
    time.sleep(0.05)
    assert twin.state().robot_mode == wire.MODE_REFLEX
    assert panda.move_to_joint_position(start + 0.05)  # panda-python recovers by itself
    assert twin.state().robot_mode == wire.MODE_IDLE
