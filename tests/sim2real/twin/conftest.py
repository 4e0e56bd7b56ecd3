"""Twins that several tests share: starting one takes two processes a second each."""

from __future__ import annotations

import pytest

from sim2real.twin import Twin


@pytest.fixture(scope="session")
def lockstep_twin():
    with Twin("sort_toys") as twin:
        yield twin


@pytest.fixture(scope="session")
def gated_twin():
    with Twin("sort_toys", mode="gated", robot="fr3_ideal") as twin:
        yield twin
