"""The noise schedule and DDIM by their closed-form laws."""

from __future__ import annotations

import math

import pytest
import torch

from policy.config import HeadConfig
from policy.diffusion import DDIM, cosine_alphas_cumprod


def test_alphas_follow_the_squared_cosine():
    alphas = cosine_alphas_cumprod(100)

    def level(i: int) -> float:
        return (math.cos((i / 100 + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2

    # The product of 1 - beta telescopes to the level, until the cap on beta at the very end.
    torch.testing.assert_close(alphas[:99], torch.tensor([level(i + 1) for i in range(99)]), atol=1e-6, rtol=1e-5)


def test_alphas_have_their_golden_values():
    golden = torch.tensor([0.9993687, 0.8470122, 0.4938436, 0.02409172, 2.428572e-07])
    torch.testing.assert_close(cosine_alphas_cumprod(100)[[0, 24, 49, 89, 99]], golden, atol=0, rtol=1e-5)


def test_inference_visits_every_tenth_timestep_from_90_to_0():
    assert DDIM(HeadConfig()).timesteps() == [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]


@pytest.mark.parametrize("prediction", ["epsilon", "sample"])
def test_a_perfect_predictor_recovers_the_actions(prediction):
    torch.manual_seed(0)
    ddim = DDIM(HeadConfig(prediction=prediction))
    clean = torch.rand(3, 16, 10) * 2 - 1

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha = ddim.alphas[t][:, None, None]
        return clean if prediction == "sample" else (x - alpha.sqrt() * clean) / (1 - alpha).sqrt()

    torch.testing.assert_close(ddim.sample(network, torch.randn_like(clean)), clean, atol=1e-4, rtol=1e-4)


def test_noised_actions_keep_unit_variance():
    torch.manual_seed(0)
    ddim = DDIM(HeadConfig())
    x = torch.randn(200, 16, 10)
    for t in (0, 50, 99):
        noised = ddim.add_noise(x, torch.randn_like(x), torch.full((200,), t))
        assert noised.var().item() == pytest.approx(1.0, abs=0.02)


def test_samples_never_leave_the_unit_box():
    ddim = DDIM(HeadConfig(prediction="sample"))
    out = ddim.sample(lambda x, t: torch.full_like(x, 7.0), torch.randn(2, 16, 10))
    assert torch.equal(out, torch.ones_like(out))


def test_the_schedule_stays_float32_under_autocast():
    ddim = DDIM(HeadConfig(prediction="sample"))
    with torch.autocast("cpu", torch.bfloat16):
        assert ddim.sample(lambda x, t: x.bfloat16(), torch.randn(1, 16, 10)).dtype == torch.float32


def test_inference_steps_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="inference_steps is 7; expected a divisor of train_steps = 100"):
        DDIM(HeadConfig(inference_steps=7))
