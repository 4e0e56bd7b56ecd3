from __future__ import annotations

from sim2real.arm import Collision
from sim2real.benchmarks.twin_realtime import HEADER, measure
from sim2real.twin_rig import make_twin_rig


def test_a_second_of_lockstep_is_measured_and_misses_no_command():
    rig = make_twin_rig("close_drawer", "lockstep", Collision())
    try:
        timing = measure(rig, "lockstep", 1 / 60)
    finally:
        rig.close()
    assert (timing.steps, timing.lost, timing.ended) == (15, 0, "as planned")
    assert timing.commands > 100
    assert 0 <= timing.held <= 1
    assert timing.line().split()[0] == HEADER.replace("mode", "lockstep").split()[0]
