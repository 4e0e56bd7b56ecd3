"""A checkpoint folder gives back the same network, and refuses what does not fit."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from policy import checkpoint
from policy.checkpoint import ContractError
from policy.heads.dit import Block
from policy.normalizer import NormStats
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_batch, small_model


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(["Put the duck into the box."])


@pytest.fixture
def folder(tokenizer, tmp_path):
    return checkpoint.save(tmp_path / "it", small_model(), tokenizer, {"stage": "2"})


@torch.no_grad()
def test_a_loaded_network_computes_the_same(folder, tokenizer):
    model, words = checkpoint.load(folder)
    batch = small_batch()
    assert torch.equal(model.context(batch).vector, small_model().context(batch).vector)
    assert words.get_vocab() == tokenizer.get_vocab()
    assert model.stats == NormStats.unit()


def test_the_embedding_is_stored_once_and_tied_again(folder):
    assert not any("lm_head" in k for k in checkpoint.read_weights(folder))
    model, _ = checkpoint.load(folder)
    assert model.vlm.lm_head.weight is model.vlm.get_input_embeddings().weight


def test_trained_gates_survive_loading(folder):
    model, _ = checkpoint.load(folder)
    first = model.head.blocks[0]
    assert isinstance(first, Block)
    assert first.modulation.weight.any()


def test_shards_stay_under_their_limit(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 100_000)
    folder = checkpoint.save(tmp_path, small_model(), tokenizer)
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert shards[0].name == f"model-00001-of-{len(shards):05d}.safetensors"
    assert all(s.stat().st_size < 130_000 for s in shards)
    names = [k for s in shards for k in load_file(s)]
    assert len(names) == len(set(names)) == len(checkpoint.read_weights(folder))


def test_saving_again_leaves_no_old_shard(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 100_000)
    checkpoint.save(tmp_path, small_model(), tokenizer)
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 10**9)
    checkpoint.save(tmp_path, small_model(), tokenizer)
    assert [p.name for p in tmp_path.glob("model-*")] == ["model-00001-of-00001.safetensors"]


@torch.no_grad()
def test_half_precision_halves_the_weights_and_nearly_keeps_the_result(tokenizer, tmp_path):
    folder = checkpoint.save(tmp_path, small_model(), tokenizer, dtype=torch.bfloat16)
    assert {v.dtype for k, v in checkpoint.read_weights(folder).items() if "q_proj" in k} == {torch.bfloat16}
    model, _ = checkpoint.load(folder)
    batch = small_batch()
    torch.testing.assert_close(model.context(batch).vector, small_model().context(batch).vector, atol=0.1, rtol=0.1)


def test_the_card_names_the_options_that_are_on(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["stage"] == "2"
    assert card["options"]["keypoint_readout"] is True


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("action_dim", 7, "action_dim is 7, this code has 10"),
        ("version", 0, "version is 0, this code has 1"),
        ("cameras", ["front"], r"cameras is \['front'\], this code has \['left', 'right', 'wrist'\]"),
    ],
)
def test_another_contract_is_refused_and_the_difference_named(folder, key, value, message):
    path = folder / "contract.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ContractError, match=message):
        checkpoint.load(folder)


def test_a_missing_file_is_named(folder):
    (folder / "norm_stats.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no norm_stats\.json in .*; give the folder of a checkpoint"):
        checkpoint.load(folder)


def test_weights_of_another_configuration_are_refused(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["text"]["layers"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"does not fit its config.json: missing \['vlm.model.language_model.layers.2"):
        checkpoint.load(folder)
