"""What every head has in common, and what is particular to U-Net, readout and flow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, HeadConfig
from policy.diffusion import DDIM, ancestral_sample
from policy.heads.base import Context, Prefix
from policy.heads.build import build_head
from policy.heads.flow import BETA, FlowHead, beta_times, rope, rotated, sine_time
from policy.heads.unet import UnetHead
from policy.normalizer import NormStats
from tests.policy.small import small_batch, small_config

REST = 17
KINDS: dict[str, HeadConfig] = {
    "dit": HeadConfig(width=32, depth=2, heads=2, prediction="sample"),
    "unet": HeadConfig(kind="unet", widths=(16, 32), prediction="sample"),
    "readout": HeadConfig(kind="readout", width=48, depth=2, train_steps=20, inference_steps=20),
    "flow": HeadConfig(kind="flow", width=24),
}


HORIZONS = {"dit": 16, "unet": 16, "readout": 4, "flow": 16}


def config_of(kind: str) -> ChatVLAConfig:
    return replace(small_config(), head=KINDS[kind], horizon=HORIZONS[kind])


def head_of(kind: str) -> Any:
    torch.manual_seed(0)
    head = build_head(config_of(kind), REST)
    assert head is not None
    for parameter in head.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return head


def context_of(rows: int = 2, tokens: int = 5, seed: int = 0) -> Context:
    g = torch.Generator().manual_seed(seed)
    text = small_config().text
    keys, values = (
        tuple(torch.randn(rows, text.kv_heads, tokens, text.head_width, generator=g) for _ in range(text.layers)) for _ in range(2)
    )
    prefix = Prefix(keys, values, torch.ones(rows, tokens, dtype=torch.bool), torch.full((rows,), tokens))
    return Context(torch.randn(rows, 32 + REST, generator=g), prefix)


@pytest.fixture(params=KINDS)
def head(request) -> Any:
    return head_of(request.param)


def test_a_sample_is_a_chunk_in_bounds_and_repeats_with_its_generator(head):
    first, second, other = (head.sample(context_of(), torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.shape[0::2] == (2, 10)
    assert first.abs().max() <= 1


def test_a_row_is_the_same_whatever_stands_beside_it(head):
    def sample(rows: list[int]) -> torch.Tensor:
        whole = context_of(3)
        assert whole.prefix is not None
        keys, values = (tuple(x[rows] for x in part) for part in (whole.prefix.keys, whole.prefix.values))
        context = Context(whole.vector[rows], Prefix(keys, values, whole.prefix.visible[rows], whole.prefix.position[rows]))
        return head.sample(context, [torch.Generator().manual_seed(10 + r) for r in rows])

    torch.testing.assert_close(sample([0, 1, 2])[1:2], sample([1]), atol=1e-5, rtol=1e-5)


def test_the_loss_counts_marked_actions_only(head):
    actions, mask = torch.rand(2, *head.shape), torch.zeros(2, head.shape[0], dtype=torch.bool)
    assert head.loss(context_of(), actions, mask).item() == 0
    mask[0, :3] = True
    loss = head.loss(context_of(), actions, mask, torch.Generator().manual_seed(1))
    loss.backward()
    assert loss.item() > 0
    assert all(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_learns_which_chunk_belongs_to_which_context(kind):
    """Two contexts, two constant chunks: after some steps each context samples its own."""
    head, context = head_of(kind), context_of()
    actions = torch.tensor([0.6, -0.6])[:, None, None].expand(2, *head.shape)
    optimizer = torch.optim.AdamW(head.parameters(), 3e-3)
    head.noise_samples = 32 if kind == "readout" else 16
    for step in range(1000 if kind == "readout" else 150):  # it predicts noise, which takes longer to be of use
        loss = head.loss(context, actions, torch.ones(actions.shape[:2], dtype=torch.bool), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sampled = head.sample(context, torch.Generator().manual_seed(0))
    assert (sampled - actions).abs().mean() < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_network_trains_with_it(kind):
    torch.manual_seed(0)
    model = ChatVLA(config_of(kind), NormStats.unit())
    losses = model(small_batch(config=model.config))
    losses["loss"].backward()
    assert losses["action"].item() > 0
    unused = [n for n, p in model.head.named_parameters() if p.grad is None]  # type: ignore[union-attr]
    assert not unused
    sampled = model.eval().sample_actions(model.context(small_batch(config=model.config)), torch.Generator().manual_seed(0))
    assert sampled.shape == (2, HORIZONS[kind], 10)


def test_a_unet_refuses_a_chunk_that_it_cannot_halve():
    with pytest.raises(ValueError, match="horizon is 15; a U-Net of 2 widths needs a multiple of 2"):
        UnetHead(replace(config_of("unet"), horizon=15), REST)


def test_the_unet_has_the_size_of_diffusion_policys():
    """Counted from its description (Chi et al. 2023, appendix): blocks of two convolutions, FiLM, a skip where widths differ."""
    widths, action, condition, time = (256, 512, 1024), 10, 256 + 32, 256

    def conv(a: int, b: int, kernel: int) -> int:
        return a * b * kernel + b

    def block(a: int, b: int) -> int:
        film = condition * 2 * b + 2 * b
        return conv(a, b, 5) + 2 * b + conv(b, b, 5) + 2 * b + film + (conv(a, b, 1) if a != b else 0)

    pairs = [(action, 256), (256, 512), (512, 1024)]
    down = sum(block(a, b) + block(b, b) for a, b in pairs) + sum(conv(w, w, 3) for w in widths[:-1])
    up = sum(block(2 * b, a) + block(a, a) for a, b in pairs[1:]) + sum(conv(w, w, 4) for w in widths[:-1])
    ends = conv(256, 256, 5) + 2 * 256 + conv(256, action, 1) + (time * 1024 + 1024) + (1024 * time + time)
    interface = 2 * 32 + (32 + REST) * 32 + 32
    head = UnetHead(replace(config_of("unet"), head=HeadConfig(kind="unet")), REST)
    assert sum(p.numel() for p in head.parameters()) == down + 2 * block(1024, 1024) + up + ends + interface


# --- ancestral sampling


def test_ancestral_sampling_with_a_perfect_predictor_returns_the_chunk():
    schedule, clean = DDIM(KINDS["readout"]), torch.rand(2, 16, 10) - 0.5
    g = torch.Generator().manual_seed(0)

    def perfect(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        level = schedule.alphas[t][:, None, None]
        return (x - level.sqrt() * clean) / (1 - level).sqrt()

    made = ancestral_sample(schedule, perfect, lambda: torch.randn(2, 16, 10, generator=g))
    torch.testing.assert_close(made, clean, atol=1e-4, rtol=1e-4)


# --- flow


def flow() -> FlowHead:
    return head_of("flow")


def test_euler_steps_along_the_true_velocity_arrive(monkeypatch):
    head, clean = flow(), torch.rand(2, 16, 10) - 0.5
    # On the straight line from e to a the velocity is (x - a) / t everywhere.
    monkeypatch.setattr(head, "velocity", lambda x, t, state, prefix: (x - clean) / t[:, None, None])
    torch.testing.assert_close(head.sample(context_of()), clean, atol=1e-5, rtol=1e-5)


def test_times_follow_the_beta_distribution():
    t = beta_times(200_000, torch.Generator().manual_seed(0), torch.device("cpu"))
    a, b = BETA
    assert t.min() >= 0.001
    assert t.max() <= 1
    assert t.mean().item() == pytest.approx(0.999 * a / (a + b) + 0.001, abs=2e-3)


def test_the_state_sees_the_prompt_and_no_action_and_actions_see_all():
    head, context = flow(), context_of()
    assert context.prefix is not None
    seen: list[torch.Tensor] = []
    hook = head.layers[-1].register_forward_hook(lambda _m, _i, out: seen.append(out.detach()))
    x, t, state = torch.randn(2, 16, 10), torch.full((2,), 0.5), context.vector[:, 32:]
    head.velocity(x, t, state, context.prefix)
    other = x.clone()
    other[:, -1] += 1
    head.velocity(other, t, state, context.prefix)
    hook.remove()
    assert torch.equal(seen[0][:, 0], seen[1][:, 0])  # the state
    assert not torch.allclose(seen[0][:, 1], seen[1][:, 1])  # the first action


def test_what_is_not_visible_of_the_prompt_has_no_say():
    head, context = flow(), context_of()
    prefix = context.prefix
    assert prefix is not None
    hidden = replace(prefix, visible=torch.tensor([[True] * 4 + [False]] * 2))
    changed = replace(hidden, values=tuple(v.clone().index_fill_(2, torch.tensor([4]), 9.0) for v in prefix.values))
    x, t, state = torch.randn(2, 16, 10), torch.full((2,), 0.5), context.vector[:, 32:]
    assert torch.equal(head.velocity(x, t, state, hidden), head.velocity(x, t, state, changed))
    assert not torch.allclose(head.velocity(x, t, state, hidden), head.velocity(x, t, state, prefix))


def test_its_keys_turn_as_the_language_models_do():
    """A score depends on the distance alone, whichever of the two computed its key."""
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)

    def score(i: int, j: int) -> torch.Tensor:
        return (rotated(q, rope(torch.tensor([[i]]), 16, 1e4)) * rotated(k, rope(torch.tensor([[j]]), 16, 1e4))).sum()

    torch.testing.assert_close(score(3, 1), score(12, 10), atol=1e-4, rtol=1e-4)
    model = ChatVLA(config_of("flow"), NormStats.unit())
    gemma_or_qwen = model.vlm.model.language_model.rotary_emb(torch.zeros(1, 1, 32), torch.full((3, 1, 1), 7))
    ours = rope(torch.tensor([[7]]), small_config().text.head_width, 1e4)
    torch.testing.assert_close(gemma_or_qwen[0].reshape(-1)[-16:], ours[0].reshape(-1), atol=1e-5, rtol=1e-5)


def test_times_embed_apart():
    embedded = sine_time(torch.linspace(0, 1, 50), 64)
    assert embedded.shape == (50, 64)
    assert torch.cdist(embedded, embedded).fill_diagonal_(9).min() > 0.1


def test_cached_vectors_are_not_enough_for_it():
    with pytest.raises(ValueError, match="looks at the prompt's keys and values"):
        flow().sample(Context(torch.randn(2, 32 + REST)))


def test_only_heads_that_pool_have_a_fusion():
    fused = {kind: ChatVLA(config_of(kind), NormStats.unit()).fusion is not None for kind in KINDS}
    assert fused == {"dit": True, "unet": True, "readout": False, "flow": False}
