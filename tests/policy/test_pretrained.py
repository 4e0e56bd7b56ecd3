"""Networks with any experts start from one checkpoint's understanding path, and compute at first what it does."""

from dataclasses import replace

import pytest
import torch

from policy import checkpoint
from policy.chatvla import ChatVLA
from policy.config import ExpertsConfig
from policy.normalizer import NormStats
from policy.presets import varied
from policy.pretrained import is_checkpoint, understanding_path
from policy.processor import config_for
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_batch, small_config


def saved(folder, config=None, seed=0):
    """A random network whose two experts differ, saved."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(["Put the red block into the box."], ["red", "box"])
    policy = ChatVLA(config_for(config or small_config(), tokenizer), NormStats.unit()).eval()
    for name, parameter in policy.named_parameters():
        if ".mlp.control." in name:
            torch.nn.init.normal_(parameter)
    checkpoint.save(folder, policy, tokenizer)
    return policy


@pytest.mark.parametrize("kind", ["static", "dense", "dense_wide", "dynamic"])
def test_a_network_with_any_experts_computes_what_the_understanding_path_does(tmp_path, kind):
    source = saved(tmp_path)
    wanted = replace(varied(small_config(), kind), experts=ExpertsConfig(kind, 3, 2))
    started, _ = understanding_path(tmp_path, wanted, NormStats.unit())
    batch = small_batch(config=source.config)
    with torch.no_grad():
        expected, _ = source.hidden_states(batch, source.see(batch.images, batch.cameras), "understanding")
        own, _ = started.eval().hidden_states(batch, started.see(batch.images, batch.cameras))
    torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-5)
    assert source.readout is not None
    assert started.readout is not None
    for (name, a), b in zip(source.readout.named_parameters(), started.readout.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_the_action_head_and_the_ranges_are_new(tmp_path):
    source = saved(tmp_path)
    stats = replace(NormStats.unit(), target_mean=(1.0,) * 6)
    started, _ = understanding_path(tmp_path, small_config(), stats)
    same = [torch.equal(a, b) for a, b in zip(source.head.parameters(), started.head.parameters(), strict=True) if a.any()]
    assert not all(same)
    assert started.stats == stats
    assert started.positions is not None
    assert started.positions.mean.tolist() == [1.0] * 6


def test_a_checkpoint_that_understands_through_several_experts_is_no_start(tmp_path):
    saved(tmp_path, varied(small_config(), "dynamic"))
    with pytest.raises(ValueError, match=r"understands through dynamic experts; a network starts from one that does through a single one"):
        understanding_path(tmp_path, small_config(), NormStats.unit())


def test_a_checkpoint_of_another_trunk_is_no_start(tmp_path):
    saved(tmp_path)
    other = replace(small_config(), stem_width=24)
    with pytest.raises(ValueError, match=r"is a small and differs from small in stem_width; give train\.preset="):
        understanding_path(tmp_path, other, NormStats.unit())


def test_a_checkpoint_of_another_backbone_is_no_start(tmp_path):
    saved(tmp_path)
    with pytest.raises(ValueError, match=r"is a small and differs from small in backbone; give train\.preset="):
        understanding_path(tmp_path, replace(small_config(), backbone="paligemma"), NormStats.unit())


def test_a_network_without_readouts_starts_from_one_that_has_them_and_not_the_other_way_round(tmp_path):
    source = saved(tmp_path / "has")
    without = replace(source.config, options=replace(source.config.options, keypoint_readout=False, object_positions=False))
    started, _ = understanding_path(tmp_path / "has", without, NormStats.unit())
    assert (started.readout, started.positions) == (None, None)
    assert torch.equal(started.vlm.state_dict()["model.language_model.embed_tokens.weight"], source.vlm.state_dict()["model.language_model.embed_tokens.weight"])
    saved(tmp_path / "lacks", without)
    with pytest.raises(ValueError, match="differs from small in options"):
        understanding_path(tmp_path / "lacks", source.config, NormStats.unit())


def test_ours_and_plain_folders_are_told_apart(tmp_path):
    saved(tmp_path / "ours")
    (tmp_path / "plain").mkdir()
    assert is_checkpoint(tmp_path / "ours")
    assert not is_checkpoint(tmp_path / "plain")
