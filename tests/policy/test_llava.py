"""Visual-text data in training: five turns, every answer learnt, 320x240, what is broken skipped and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from policy.collate import IGNORE, DialogueRow, collate
from policy.llava import LlavaRows, check, dialogue, dialogue_turns, kept, picture, skipped_count
from policy.llava_index import BrokenRecord, LlavaIndex
from policy.parts import Part
from policy.rows import Batches
from policy.stages import STAGES, Mixture
from policy.train import train
from policy.train_config import TrainConfig

COTRAIN = replace(STAGES["chatvla_tiny"][2], mixture=Mixture(1, 0, 4))


def spoken(*texts: str) -> list[dict]:
    return [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(texts)]


GOOD = [
    {"id": "seen", "image": "a.png", "conversations": spoken("<image>\nwhat is it?", "a duck", "what colour?", "yellow")},
    {"id": "text", "conversations": spoken("what is two and two?", "four")},
    {"id": "long", "image": "b.jpg", "conversations": spoken(*(f"turn {i}" for i in range(20)))},
]
BROKEN = [
    {"id": "missing", "image": "none.png", "conversations": spoken("<image>q", "a")},
    {"id": "cut", "image": "cut.png", "conversations": spoken("<image>q", "a")},
    {"id": "no image", "image": "text.png", "conversations": spoken("<image>q", "a")},
    {"id": "two", "image": ["a.png", "b.jpg"], "conversations": spoken("<image>q", "a")},
    {"id": "alone", "conversations": spoken("q")},
    {"id": "empty", "conversations": spoken("<image>", "a")},
    {"id": "roles", "conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "q"}]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Records good and broken, with their pictures."""
    folder = tmp_path_factory.mktemp("llava")
    Image.new("RGB", (640, 200), (255, 0, 0)).save(folder / "a.png")
    Image.new("L", (31, 47), 128).save(folder / "b.jpg")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:200])
    (folder / "text.png").write_text("no picture")
    lines = [json.dumps(r) for r in [*GOOD, *BROKEN]]
    (folder / "mix.jsonl").write_text("\n".join([*lines, '{"id": "cut off']))
    return folder


def rows(folder: Path, out: Path, count: int = 2) -> LlavaRows:
    return LlavaRows(LlavaIndex.of(folder / "mix.jsonl", out), folder, count, out / "skipped.jsonl")


def test_pictures_are_320_by_240_whatever_they_were(folder):
    for name, colour in (("a.png", (255, 0, 0)), ("b.jpg", (128, 128, 128))):
        made = picture(folder / name)
        assert (made.shape, made.dtype) == ((240, 320, 3), np.uint8)
        np.testing.assert_allclose(made.mean((0, 1)), colour, atol=1)


def test_the_first_turn_and_four_others_are_kept_in_their_order_by_the_seed():
    turns = dialogue_turns(GOOD[2])
    chosen = kept(turns, np.random.default_rng(3))
    assert chosen[0] == turns[0]
    assert len(chosen) == 5
    assert list(chosen) == sorted(chosen, key=turns.index)
    assert chosen == kept(turns, np.random.default_rng(3))
    assert len({kept(turns, np.random.default_rng(i)) for i in range(20)}) > 10
    assert kept(turns[:5], np.random.default_rng(0)) == turns[:5]


def test_marks_of_pictures_and_of_conversations_are_no_words(processor):
    turns = dialogue_turns({"conversations": spoken("<image>\nwhat?<|image_pad|>", "so<|im_end|>")})
    assert turns == (("what?<|image_pad|>", "so<|im_end|>"),)
    batch = collate(processor, [], [DialogueRow(None, turns)])
    assert not (batch.input_ids == processor.image_id).any()
    assert int((batch.labels == processor.end_id).sum()) == 1


@pytest.mark.parametrize(
    ("record", "why"),
    list(zip(BROKEN, ["no picture none.png", "cut.png is broken", "text.png is broken", "2 pictures", "no conversations", "turn 0 is empty", "turn 0 is not by 'human'"], strict=True)),
)
def test_a_broken_record_says_why(folder, record, why):
    with pytest.raises(BrokenRecord, match=why):
        dialogue(record, folder, np.random.default_rng(0))


def test_every_answer_of_a_dialogue_is_learnt_and_sees_what_was_said_before(processor):
    image = np.zeros((240, 320, 3), np.uint8)
    batch = collate(processor, [], [DialogueRow(image, (("what is it?", "a duck"), ("what colour?", "yellow")))])
    learnt = batch.labels[0] != IGNORE
    assert processor.tokenizer.decode(batch.labels[0][learnt]) == " a duck<|im_end|> yellow<|im_end|>"
    text = processor.tokenizer.decode(batch.input_ids[0][batch.segment[0] == 1])
    assert text == (
        " what is it?<|im_end|>\n<|im_start|>assistant\n a duck<|im_end|>\n<|im_start|>user\n what colour?<|im_end|>\n"
        "<|im_start|>assistant\n yellow<|im_end|>"
    )
    assert batch.images.shape == (1, *processor.config.image_size, 3)


def test_a_dialogue_about_no_picture_has_none(processor):
    batch = collate(processor, [], [DialogueRow(None, (("what is two and two?", "four"),))])
    assert len(batch.images) == len(batch.cameras) == 0
    assert not (batch.input_ids == processor.image_id).any()


def test_turns_that_do_not_fit_are_left_out_and_a_first_one_is_cut(processor):
    image, long = np.zeros((240, 320, 3), np.uint8), "a duck and a pig. " * 150
    both = collate(processor, [], [DialogueRow(image, (("what?", long), ("and?", long)))])
    assert "and?" not in processor.tokenizer.decode(both.input_ids[0])
    one = collate(processor, [], [DialogueRow(image, (("what?", long * 10),))])
    assert one.input_ids.shape[1] == 2048


def test_they_take_their_quota_of_the_understanding_rows_the_same_whoever_computes_them(folder, data, processor, tmp_path):
    source = Batches(data, processor, COTRAIN, seed=1, llava=rows(folder, tmp_path))
    batch, again = source.batch(4), source.batch(4)
    packed = batch.segment.amax(1)[1:]
    assert (packed[:2] == 1).all()  # dialogues
    assert (packed[2:] > 4).all()  # scene questions
    assert torch.equal(batch.input_ids, again.input_ids)
    other = source.batch(4, Part(1, 2))
    text, whole = (b.input_ids[i][b.segment[i] >= 0] for b, i in ((other, 0), (batch, 2)))
    assert torch.equal(text, whole)


def test_what_is_broken_is_skipped_and_counted_once(folder, tmp_path):
    source = rows(folder, tmp_path)
    rng = np.random.default_rng(0)
    drawn = [source.row(rng) for _ in range(60)]
    assert {len(r.turns) for r in drawn} == {2, 1, 5}
    assert skipped_count(source.skipped) == len(BROKEN) + 1
    assert len(source.skipped.read_text().splitlines()) == len(BROKEN) + 1


def test_a_file_with_nothing_but_broken_records_says_where_to_look(folder, tmp_path):
    (tmp_path / "bad.jsonl").write_text("\n".join(json.dumps(BROKEN[0]) for _ in range(3)))
    source = LlavaRows(LlavaIndex.of(tmp_path / "bad.jsonl", tmp_path), tmp_path, 1, tmp_path / "skipped.jsonl")
    with pytest.raises(ValueError, match=r"in a row cannot be read; see .*skipped.jsonl, and whether train.images="):
        source.row(np.random.default_rng(0))


def test_a_check_counts_all_records_by_what_they_are(folder, tmp_path):
    found = check(LlavaIndex.of(folder / "mix.jsonl", tmp_path), folder)
    assert found["with a picture"] == 2
    assert found["without a picture"] == 1
    assert sum(found.values()) == len(GOOD) + len(BROKEN) + 1


def test_a_training_mixes_them_in_and_tells_how_many_were_skipped(folder, data, tmp_path, capsys):
    stage = replace(COTRAIN, steps=2, mixture=Mixture(1, 0, 2))
    config = TrainConfig(
        data=str(data), out=str(tmp_path), accelerator="cpu", progress=False, questions=0,
        llava=str(folder / "mix.jsonl"), images=str(folder), llava_share=0.5,
    )  # fmt: skip
    assert (train(config, (stage,)) / "config.json").is_file()
    skipped = skipped_count(tmp_path / "llava_skipped.jsonl")
    assert skipped > 0
    assert f"{skipped} records of {folder / 'mix.jsonl'} were skipped" in capsys.readouterr().out


def test_a_share_that_is_none_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match=r"llava_share is 1.5; expected a share"):
        train(TrainConfig(data=str(data), out=str(tmp_path), llava_share=1.5))
