"""Adapters: they start as nothing, they alone learn where they are, and merged they leave a plain network."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from policy.fit import FitSetting, adapt
from policy.lora import OWN, PREFIX, TARGETS, add_lora, merge_lora
from policy.stages import Mixture, Stage
from tests.policy.small import small_batch, small_model

PARTS = ("language", "vision", "experts")
STAGE = Stage("both", Mixture(1, 0, 1), 1, 1e-3, frozen=("understanding_expert",))


def hidden(policy) -> torch.Tensor:
    batch = small_batch()
    with torch.no_grad():
        return policy.hidden_states(batch, policy.see(batch.images, batch.cameras))[0]


def test_fresh_adapters_change_nothing_and_merging_keeps_what_they_learnt():
    policy = small_model()
    names, before = set(dict(policy.named_parameters())), hidden(policy)
    adapted = add_lora(policy, 4, PARTS)
    policy.eval()
    torch.testing.assert_close(hidden(policy), before)
    for name, parameter in policy.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    learnt = hidden(policy)
    assert (learnt - before).abs().max() > 0.1
    merge_lora(adapted)
    torch.testing.assert_close(hidden(policy), learnt, rtol=0, atol=1e-4)
    assert set(dict(policy.named_parameters())) == names


def test_what_lies_under_adapters_is_frozen_and_a_frozen_part_has_frozen_adapters(tmp_path):
    policy = small_model()
    adapt(policy, STAGE, FitSetting(tmp_path, lora=4))
    learns = {n for n, p in policy.named_parameters() if p.requires_grad}
    under = re.compile("|".join(OWN[p] for p in ("language", "vision")))
    assert not [n for n in learns if under.search(n) and PREFIX not in n]
    assert {n.split(".")[-3] for n in learns if PREFIX in n} == {"lora_A", "lora_B"}
    assert [n for n in learns if ".mlp.control." in n]
    assert [n for n in learns if n.startswith("head.")]
    assert not [n for n in learns if re.search(r"layers\.\d+\.mlp\.(?!control)", n)]


def test_ranks_and_scale_are_those_of_the_papers_scripts():
    adapted = add_lora(small_model(), 64, ("language",))
    config = adapted.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (64, 256, 0.05)  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_layers_to_put_adapters_on(part):
    names = [n for n, m in small_model().named_modules() if isinstance(m, nn.Linear)]
    assert any(re.fullmatch(TARGETS[part], name) for name in names)


def test_an_unknown_part_names_the_nearest():
    with pytest.raises(ValueError, match="unknown part 'visio' for adapters; did you mean 'vision'"):
        add_lora(small_model(), 4, ("visio",))
