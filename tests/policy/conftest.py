"""Shared by the tests of training: made-up data, its tokenizer, the tiny network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from policy.corpus import corpus
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer
from tests.policy import synthetic


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recorded data."""
    torch.set_num_threads(1)
    return synthetic.write(tmp_path_factory.mktemp("data") / "sort_toys")


@pytest.fixture(scope="session")
def processor(data: Path) -> Processor:
    """The tiny preset's words and pictures for that data."""
    tokenizer = train_tokenizer(*corpus(data))
    return Processor(tokenizer, config_for(preset("chatvla_tiny"), tokenizer))
