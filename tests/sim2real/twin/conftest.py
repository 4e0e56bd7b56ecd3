"""Twins that several tests share: starting one takes two processes a second each."""

from __future__ import annotations

import os

import pytest

from sim2real.scheduling import Scheduling
from sim2real.twin import Twin


@pytest.fixture(autouse=True)
def _usual_scheduling():
    """Later tests do not run in real time because a test's franky or panda-python has: they would starve the twins beside them."""
    yield
    Scheduling(os.SCHED_OTHER, 0).take()


@pytest.fixture(scope="session")
def lockstep_twin():
    with Twin("sort_toys") as twin:
        yield twin


@pytest.fixture(scope="session")
def gated_twin():
    with Twin("sort_toys", mode="gated", robot="fr3_ideal") as twin:
        yield twin
