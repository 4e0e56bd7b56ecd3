"""Speed: counted from the end of the first step; MFU only where the device's peak is known."""

from __future__ import annotations

import pytest
import torch

from policy import speed
from policy.parts import Part
from policy.shares import Piece, supervised
from policy.speed import Speed, peak_flops
from policy.stages import Mixture, Stage
from tests.policy.small import small_batch, small_model

STAGE = Stage("both", Mixture(2, 0, 2), 1, 1e-3, ema=0)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(speed.time, "monotonic", lambda: now[0])
    return now


def piece(count: int = 1) -> Piece:
    batch = small_batch(2, 2)
    return Piece(batch, Part(0, count), supervised(batch))


def test_samples_are_those_of_all_parts_and_the_first_step_does_not_count(clock):
    running = Speed(small_model(), STAGE, torch.device("cpu"))
    running.step(piece(4))
    assert running.values() == {}
    clock[0] += 2
    running.step(piece(4))
    assert running.values() == {"samples_per_s": 4 * 4 / 2}


def test_mfu_is_arithmetic_over_time_and_peak(clock):
    running = Speed(small_model(plain_attention=False, conv_stem=True), STAGE, torch.device("cpu"))
    assert running.peak is None
    running.peak = 1e9
    running.step(piece(), pieces=2)
    clock[0] += 4
    running.step(piece(), pieces=2)
    assert running.values()["mfu"] == pytest.approx(2 * running.batch_flops(piece().batch) / 4 / 1e9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "peak"),
    [("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA A100-SXM4-80GB", 312e12), ("NVIDIA L4", 121e12), ("TPU", None)],
)
def test_peaks_are_known_by_name(name, peak):
    assert peak_flops(name) == peak
