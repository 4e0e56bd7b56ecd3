"""What a network of real size costs is measured on untrained ones, whose texts are as long as was asked."""

from __future__ import annotations

import pytest

from experiments.benchmarks.inference_speed import TOTAL
from experiments.benchmarks.real_size import MadeUp, check_memory, free_memory, inference, show, training, untrained
from policy.dry_run import ANSWER_TOKENS
from policy.fit import FitSetting
from policy.parts import Part
from policy.presets import PRESETS, preset
from policy.running import Running
from policy.stages import STAGES

TINY, STAGE = preset("chatvla_tiny"), STAGES["chatvla_tiny"][1]


def test_made_up_rows_are_as_long_as_the_dry_run_takes_them_to_be():
    _, processor = untrained(TINY)
    source = MadeUp(processor, STAGE)
    whole = source.batch(0)
    assert (whole.n_control, whole.batch_size) == (16, 16)
    assert abs(int(whole.answer[0].sum()) - ANSWER_TOKENS["control"]) <= 3  # with the words that every reasoning ends with
    assert source.batch(0, Part(0, 4)).batch_size == 4
    assert source.rows == 20


def test_training_and_inference_are_told_with_a_line_each(tmp_path):
    cost = training(TINY, STAGE, FitSetting(tmp_path, accelerator="cpu", checkpoint_minutes=1e6), steps=1)
    assert cost["rows_per_s"]
    assert cost["tokens_per_s"]
    assert cost["tokens_per_s"] > 100 * cost["rows_per_s"]
    asked = inference(TINY, Running(device="cpu"), words=5, chunks=2)
    assert asked["words"] <= 5
    assert list(asked["ms"]) == [TOTAL, "see", "prefill", "reasoning", "action"]
    results = {"preset": "chatvla_tiny", "device": "this", "training": cost, "inference": asked}
    assert show(results).row_count == 9


def test_a_network_that_does_not_fit_is_refused_before_it_is_made():
    check_memory(TINY, free_memory())
    with pytest.raises(ValueError, match=r"chatvla_2b has 3\.\d\d billion parameters, 1\d\.\d GB in float32, and 12\.0 GB of memory are free; take a machine"):
        check_memory(preset("chatvla_2b"), 12e9)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_first_stage_to_measure(name):
    assert STAGES[name][0].mixture.rows
