"""Muon: updates are orthogonal, in the precision that the hardware multiplies fastest."""

from __future__ import annotations

import pytest
import torch

from policy import optim
from policy.optim import POLYNOMIALS, orthogonalised


@pytest.mark.parametrize("has_units", [True, False])
@pytest.mark.parametrize("shape", [(3, 24, 64), (3, 64, 24)])
def test_singular_values_move_close_to_1_whatever_the_precision(monkeypatch, has_units, shape):
    monkeypatch.setattr(optim, "has_bfloat16_units", lambda: has_units)
    matrices = 1e-3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    made = orthogonalised(matrices)
    assert made.dtype == torch.float32
    assert (torch.linalg.svdvals(made) - 1).abs().max() < 0.25  # where the polynomials leave them


def test_the_polynomials_lead_every_singular_value_from_0_003_on_to_1():
    values = torch.logspace(-2.52288, 0, 4000, dtype=torch.float64)
    for a, b, c in POLYNOMIALS:
        values = a * values + b * values**3 + c * values**5
    assert (values - 1).abs().max() < 0.21


def test_bfloat16_moves_a_matrix_where_float32_does(monkeypatch):
    matrices = torch.randn(3, 24, 64, generator=torch.Generator().manual_seed(0))
    made = {}
    for has_units in (True, False):
        monkeypatch.setattr(optim, "has_bfloat16_units", lambda chosen=has_units: chosen)
        made[has_units] = orthogonalised(matrices)
    torch.testing.assert_close(made[True], made[False], atol=0.03, rtol=0)
