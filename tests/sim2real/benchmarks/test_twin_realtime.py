from __future__ import annotations

from dataclasses import replace

import pytest

from sim2real.arm import Collision
from sim2real.benchmarks.twin_realtime import HEADER, PLANNED, Timing, measure
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


GOOD = Timing("lockstep", 9000, 0.995, 12.0, 600_000, 0, 3, 1.0, 15.0, PLANNED)


@pytest.mark.parametrize(
    ("timing", "passes"),
    [
        (GOOD, True),
        (replace(GOOD, mode="real_time", lost=40), True),
        (replace(GOOD, lost=1), False),
        (replace(GOOD, held=0.98), False),
        (replace(GOOD, pace=0.98), False),
        (replace(GOOD, ended="ReflexError: it stopped"), False),
    ],
)
def test_the_bar_asks_for_control_steps_held_a_true_pace_and_in_lockstep_every_command(timing, passes):
    assert timing.passes is passes
    assert ("NOT" in timing.line()) is not passes
