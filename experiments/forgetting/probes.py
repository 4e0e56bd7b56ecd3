"""What a network's layers know whether or not it can say it: a linear probe on frozen hidden states.

Ridge regression on one-hot labels over standardised states, tested on scenes that it was not fitted on. Beside it two
floors: the commonest label, and the same probe on shuffled labels, which tells what it can learn by heart (Hewitt & Liang,
EMNLP 2019, arXiv:1909.03368).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

FOLDS = 5
RIDGE = 1.0  # times the number of states that are fitted on
LAYER = re.compile(r"(^|.*\.)layers\.\d+")


@dataclass(frozen=True)
class Probe:
    """Accuracies on scenes that were not fitted on: of the probe, of the commonest label, of a probe on shuffled labels."""

    accuracy: float
    majority: float
    shuffled: float
    n: int


def layer_states(policy: Any, images: Sequence[NDArray[np.uint8]], question: str, camera: str = "left", batch: int = 32) -> NDArray[np.float32]:
    """(layers, n, d): for each picture the mean state of the prompt after each decoder layer, the same question for all.

    `policy`: one that answers (`policy.inference.ChatVLAPolicy`), with its network as `model`.

    Raises:
        ValueError: the network has no decoder layers by that name.
    """
    layers = decoder_layers(policy.model)
    if not layers:
        raise ValueError(f"{type(policy.model).__name__} has no module named ...layers.<number> outside of its vision tower")
    parts = []
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        found: dict[int, Tensor] = {}

        def keep(number: int, out: Any, found: dict[int, Tensor] = found) -> None:
            # The prompt is run first, then each spoken token; all prompts have one length, as they have one question.
            found.setdefault(number, (out[0] if isinstance(out, tuple) else out).detach().float().mean(1).cpu())

        handles = [m.register_forward_hook(lambda _m, _i, out, k=k: keep(k, out)) for k, m in enumerate(layers)]
        try:
            policy.answer_batch(some, [question] * len(some), [camera] * len(some))
        finally:
            for handle in handles:
                handle.remove()
        parts.append(torch.stack([found[k] for k in range(len(layers))]).numpy())
    return np.concatenate(parts, 1)


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The language model's layers in order, not those of a vision tower."""
    return [m for name, m in model.named_modules() if LAYER.fullmatch(name) and "vis" not in name and "head." not in name]


def linear_probe(states: NDArray[np.floating], labels: Sequence[str], scenes: Sequence[str], seed: int = 0) -> Probe:
    """A probe for `labels` (n) on states (n, d), in five folds of whole scenes.

    Raises:
        ValueError: other numbers of states, labels and scenes, one label only, or fewer scenes than folds.
    """
    if not len(states) == len(labels) == len(scenes):
        raise ValueError(f"{len(states)} states, {len(labels)} labels and {len(scenes)} scenes; expected as many of each")
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    _, scene = np.unique(np.asarray(scenes), return_inverse=True)
    if len(names) < 2 or scene.max() + 1 < FOLDS:
        raise ValueError(f"{len(names)} labels in {scene.max() + 1} scenes; expected at least 2 in {FOLDS}")
    rng = np.random.default_rng(seed)
    fold = rng.permutation(int(scene.max()) + 1)[scene] % FOLDS
    accuracy, shuffled = (_accuracy(np.asarray(states, float), y, fold, len(names)) for y in (label, rng.permutation(label)))
    return Probe(accuracy, max(Counter(label.tolist()).values()) / len(label), shuffled, len(label))


def _accuracy(states: NDArray[np.floating], label: NDArray[np.integer], fold: NDArray[np.integer], classes: int) -> float:
    right = np.zeros(len(label), bool)
    for k in range(FOLDS):
        fit, test = fold != k, fold == k
        mean, std = states[fit].mean(0), states[fit].std(0) + 1e-6
        x, y = (states[fit] - mean) / std, np.eye(classes)[label[fit]]
        offset = y.mean(0)
        weight = _ridge(x, y - offset)
        right[test] = (((states[test] - mean) / std) @ weight + offset).argmax(1) == label[test]
    return float(right.mean())


def _ridge(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """(d, classes) weights, by the smaller of two equal forms: (X'X + rI)^-1 X'Y = X'(XX' + rI)^-1 Y."""
    n, d = x.shape
    if n < d:
        return x.T @ np.linalg.solve(x @ x.T + RIDGE * n * np.eye(n), y)
    return np.linalg.solve(x.T @ x + RIDGE * n * np.eye(d), x.T @ y)
