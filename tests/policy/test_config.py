"""The configuration: round trips, refusals, and the paper's numbers in the 2b preset."""

from __future__ import annotations

import json
from dataclasses import astuple, replace

import pytest

from policy.config import ChatVLAConfig, Options
from policy.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name):
    config = PRESETS[name]
    assert ChatVLAConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_2b_preset_has_no_addition_and_predicts_noise():
    config = preset("chatvla_2b")
    assert not any(astuple(config.options))
    assert config.head.prediction == "epsilon"
    assert (config.head.depth, config.head.width, config.head.heads) == (24, 1024, 16)


def test_the_2b_preset_sees_99_tokens_per_external_camera_and_4_at_the_wrist():
    assert [preset("chatvla_2b").image_tokens(c) for c in ("left", "right", "wrist")] == [99, 99, 4]


def test_the_tiny_preset_sees_48_tokens_per_camera():
    assert [preset("chatvla_tiny").image_tokens(c) for c in ("left", "right", "wrist")] == [48] * 3


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(ValueError, match="unknown preset 'chatvla_tinny'; did you mean 'chatvla_tiny'"):
        preset("chatvla_tinny")


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ValueError, match=r"config\.options\.conv_stm; did you mean 'conv_stem'"):
        ChatVLAConfig.from_dict({"options": {"conv_stm": True}})


def test_an_image_size_of_broken_tokens_is_refused():
    with pytest.raises(ValueError, match="not a multiple of patch x merge = 28"):
        replace(preset("chatvla_2b"), image_size=(240, 320))


def test_a_readout_without_its_stem_is_refused():
    with pytest.raises(ValueError, match=r"set options\.conv_stem=True too"):
        replace(preset("chatvla_tiny"), options=Options(keypoint_readout=True))


def test_a_vocabulary_changes_only_the_text():
    config = preset("chatvla_tiny").with_vocabulary(640, image_token_id=9)
    assert (config.text.vocab_size, config.text.image_token_id) == (640, 9)
    assert replace(config, text=preset("chatvla_tiny").text) == preset("chatvla_tiny")
