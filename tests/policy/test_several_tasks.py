"""One network for several tasks: their recorded data one after the other, their words in one vocabulary."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from policy import checkpoint, fingerprint
from policy.chatvla import ChatVLA
from policy.corpus import corpus
from policy.image_words import Named
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.recorded import Frames, questions_of
from policy.rows import Batches
from policy.stages import STAGES, Mixture
from policy.start import norm_stats, policy_from
from policy.stills import Snapshots
from policy.tokenizer import train_tokenizer
from policy.train import train
from policy.train_config import TrainConfig
from policy.vocabulary import taught, unknown
from tests.policy import synthetic

COTRAIN = replace(STAGES["chatvla_tiny"][2], mixture=Mixture(2, 2, 2))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory) -> tuple[Path, Path]:
    """Two tasks: the usual one, and one with another instruction, twice as many episodes and a bottle instead of the duck."""
    root = tmp_path_factory.mktemp("tasks")
    first, second = synthetic.write(root / "sort_toys"), synthetic.write(root / "bottles", episodes=6, seed=1)
    for path in [*second.rglob("*.json"), *second.rglob("*.jsonl")]:
        path.write_text(path.read_text().replace("yellow duck", "yellow bottle").replace("duck", "bottle").replace("still_", "bottles_").replace("Sort the toys.", "Fetch the bottle."))
    return first, second


@pytest.fixture(scope="module")
def processor(tasks) -> Processor:
    tokenizer = train_tokenizer(*corpus(tasks))
    return Processor(tokenizer, config_for(preset("chatvla_tiny"), tokenizer))


def test_frames_follow_one_another_and_keep_their_task(tasks):
    both, parts = Frames(tasks), [Frames(t) for t in tasks]
    start = len(parts[0])
    assert len(both) == sum(map(len, parts))
    assert both.of_task.tolist() == [0] * start + [1] * len(parts[1])
    for index in (0, start - 1, start, len(both) - 1):
        alone = parts[0].row(index) if index < start else parts[1].row(index - start)
        row = both.row(index)
        assert (row.instruction, row.reasoning.text) == (alone.instruction, alone.reasoning.text)
        for name in ("images", "agent_pos", "actions", "action_mask"):
            np.testing.assert_array_equal(getattr(row, name), getattr(alone, name))


def test_a_chunk_at_the_end_of_a_task_does_not_reach_into_the_next(tasks):
    last = len(Frames(tasks[0])) - 1
    assert Frames(tasks).chunk(last)[1].tolist() == [True] + [False] * 15


def test_a_task_weighs_as_the_root_of_its_frames(tasks):
    frames = Frames(tasks)
    shares = np.bincount(frames.of_task[frames.pictured], weights=frames.probability)
    assert shares[1] / shares[0] == pytest.approx(np.sqrt(2))


def test_one_task_in_a_tuple_is_that_task(tasks, processor):
    alone, tupled = (Batches(d, processor, COTRAIN, 3).batch(0) for d in (tasks[0], tasks[:1]))
    assert torch.equal(alone.input_ids, tupled.input_ids)
    assert torch.equal(alone.images, tupled.images)


def test_a_still_is_asked_for_with_an_instruction_of_its_own_task(tasks, processor):
    batches = Batches(tasks, processor, replace(COTRAIN, mixture=Mixture(grounding=24)), 3)
    batch = batches.batch(0)
    texts = [processor.tokenizer.decode(row) for row in batch.input_ids]
    told = [("Fetch" in t, "Sort" in t, "yellow bottle" in t, "yellow duck" in t) for t in texts]
    assert set(told) == {(True, False, True, False), (False, True, False, True)}


def test_the_words_and_questions_of_all_tasks_are_known(tasks, processor):
    words = corpus(tasks)[1]
    assert {"duck", "bottle"} <= set(words)
    assert unknown(processor, words) == []
    asked = questions_of(tasks, "train")
    assert len(asked) == sum(len(questions_of(t, "train")) for t in tasks)
    assert {q.snapshot for q in asked} <= set(Snapshots(tasks).index)


def test_the_fingerprint_is_of_all_of_them_in_their_order(tasks):
    assert len({fingerprint.of_data(*tasks), fingerprint.of_data(*tasks[::-1]), *map(fingerprint.of_data, tasks)}) == 4


def test_an_init_learns_the_words_of_new_tasks_and_keeps_the_rest(tasks, tmp_path, capsys):
    config = TrainConfig(data=str(tasks[0]), out=str(tmp_path / "first"), accelerator="cpu", progress=False, questions=8, feature_frames=16)
    small = (replace(STAGES["chatvla_tiny"][0], steps=1, mixture=Mixture(grounding=1, understanding=1)),)
    first = train(config, small)
    both = replace(config, data=tuple(map(str, tasks)), init=str(first), out=str(tmp_path / "both"))
    policy, processor = policy_from(both)
    assert "learns 1 words (bottle); its ranges become those of this data" in " ".join(capsys.readouterr().out.split())
    before = checkpoint.load(first)
    old_words, new_words = before[0].vlm.get_input_embeddings().weight, policy.vlm.get_input_embeddings().weight

    def ids(tokenizer, word):
        return tokenizer.encode(f" {word}", add_special_tokens=False)

    duck = ids(before[1], "duck"), ids(processor.tokenizer, "duck")
    assert torch.equal(old_words[duck[0]], new_words[duck[1]])
    bottle = ids(before[1], "bottle"), ids(processor.tokenizer, "bottle")
    assert (len(bottle[0]) > 1, len(bottle[1])) == (True, 1)
    torch.testing.assert_close(old_words[bottle[0]].mean(0, keepdim=True), new_words[bottle[1]])
    rest = {k: v for k, v in policy.named_parameters() if "embed_tokens" not in k and "lm_head" not in k}
    kept = dict(before[0].named_parameters())
    assert rest
    assert all(torch.equal(v, kept[k]) for k, v in rest.items())
    last = train(both, small)
    assert json.loads((last / "card.json").read_text())["train"]["data"] == [str(t) for t in tasks]
    assert policy_from(replace(both, init=str(last)))[1].tokenizer.get_vocab() == processor.tokenizer.get_vocab()


def test_a_taught_network_ends_in_the_new_vocabularys_special_tokens(tasks, processor):
    first = corpus(tasks[0])
    tokenizer = train_tokenizer(*first)
    config = config_for(preset("chatvla_tiny"), tokenizer)

    stats = norm_stats(tasks)
    policy, new = taught(ChatVLA(config, norm_stats(tasks[0])), Processor(tokenizer, config), *corpus(tasks), stats)
    assert policy.stats == stats
    assert policy.config.text.image_token_id == new.image_id
    assert new.tokenizer.get_vocab() == processor.tokenizer.get_vocab()


def test_an_image_token_says_one_word_for_a_noun_and_one_for_a_colour():
    words = [Named(p, n, c).labels for p, n, c in (("pink soap box", "soap box", "light brown"), ("semi-circle block", "semi-circle", "honey-coloured"), ("duck", "duck", "yellow"))]
    assert words == [("box", "brown"), ("circle", "honey"), ("duck", "yellow")]
