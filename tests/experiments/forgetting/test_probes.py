"""A linear probe finds what is there, on new scenes, and nothing where there is nothing."""

import numpy as np
import pytest
from torch import nn

from experiments.forgetting.probes import RIDGE, _ridge, decoder_layers, layer_states, linear_probe
from policy.inference import ChatVLAPolicy
from policy.processor import Processor
from tests.policy.small import small_model

LABELS = ["red", "green", "blue"]


def states(n, d, strength, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    return rng.normal(size=(n, d)) + strength * np.eye(3, d)[label], [LABELS[i] for i in label], [str(i) for i in range(n)]


@pytest.mark.parametrize("d", [8, 400])
def test_what_states_tell_linearly_is_found(d):
    probe = linear_probe(*states(300, d, 12.0))
    assert probe.accuracy > 0.9
    assert probe.majority == pytest.approx(1 / 3, abs=0.06)
    assert probe.shuffled < 0.45


def test_states_that_tell_nothing_give_chance():
    probe = linear_probe(*states(300, 8, 0.0))
    assert probe.accuracy < 0.42


def test_what_only_marks_a_scene_does_not_help_with_new_scenes():
    rng = np.random.default_rng(0)
    scenes = [str(i // 10) for i in range(200)]
    of_scene = rng.normal(size=(20, 30))  # a fingerprint of each scene, and one label a scene
    label = [LABELS[i] for i in np.repeat(rng.integers(3, size=20), 10)]
    seen = np.repeat(of_scene, 10, 0) + 0.01 * rng.normal(size=(200, 30))
    assert linear_probe(seen, label, scenes).accuracy < 0.7
    assert linear_probe(seen, label, [str(i) for i in range(200)]).accuracy > 0.95


def test_both_forms_of_the_ridge_solution_are_one():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 5)), rng.normal(size=(12, 2))
    tall = _ridge(x, y)
    wide = x.T @ np.linalg.solve(x @ x.T + RIDGE * 12 * np.eye(12), y)
    np.testing.assert_allclose(tall, wide, atol=1e-10)
    np.testing.assert_allclose(x.T @ (y - x @ tall), RIDGE * 12 * tall, atol=1e-10)  # the gradient is zero


@pytest.mark.parametrize(
    ("labels", "scenes", "said"),
    [(["a"] * 9, list("abcdefghi"), "1 labels in 9 scenes"), (list("ab" * 5), ["s"] * 10, "2 labels in 1 scenes"), (["a"], ["s"], "states, 1 labels")],
)
def test_too_little_to_probe_is_refused(labels, scenes, said):
    with pytest.raises(ValueError, match=said):
        linear_probe(np.zeros((len(labels) if len(labels) > 1 else 4, 3)), labels, scenes)


def test_layer_states_depend_on_the_picture_alone(processor):
    model = small_model()
    model = type(model)(processor.config, model.stats).eval()
    policy = ChatVLAPolicy(model, Processor(processor.tokenizer, processor.config))
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(3)]
    found = layer_states(policy, [*images, images[0]], "what colour is the duck?", batch=3)
    assert found.shape == (len(decoder_layers(model)), 4, processor.config.text.hidden_size)
    np.testing.assert_allclose(found[:, 0], found[:, 3], atol=1e-4)
    assert not np.allclose(found[:, 0], found[:, 1], atol=1e-2)
    assert not any(m._forward_hooks for m in decoder_layers(model))


def test_a_network_without_decoder_layers_is_refused():
    class Other:
        model = nn.Linear(1, 1)

    with pytest.raises(ValueError, match="Linear has no module named"):
        layer_states(Other(), [np.zeros((2, 2, 3), np.uint8)], "?")
