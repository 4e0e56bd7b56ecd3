"""Degenerate answerers land on their known floors; intervals are over scenes; the report and the TSVs say the same."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import sys

import numpy as np
import pytest
from PIL import Image

from envs.vqa.facts import Item
from envs.vqa.families import BY_NAME
from envs.vqa.records import Picture, records
from experiments.errors import UsageError
from experiments.vqa import ask, make
from experiments.vqa.ask import ask_all, first_pictures, read_answers, read_records, text, write_report
from experiments.vqa.make import MakeOptions, drawn_questions
from experiments.vqa.rates import scene_interval, scores
from experiments.vqa.tsv import TURN, write_tsvs


@pytest.fixture(scope="module")
def made():
    """Drawn questions, and made-up ones of choice alone."""
    found = drawn_questions("test", 40, 0)
    rng = np.random.default_rng(0)
    for i in range(20):
        item = Item({"thing": "duck"}, "yellow", "choice", pool=("yellow", "red", "blue", "green"))
        found.records += records([(BY_NAME["colour"], [item])], Picture(f"s{i}", "test", "left", f"pictures/{i}.png", {}), frozenset(), rng)
        found.pictures[f"pictures/{i}.png"] = np.full((240, 320, 3), i, np.uint8)
    return found


def always(made, answer):
    return scores(made.records, [answer] * len(made.records), [answer] * len(made.records))


def test_the_right_answers_are_right(made):
    right = [r["meta"]["answer"] for r in made.records]
    table = scores(made.records, right, [""] * len(right))
    assert (table["all"].score, table["all"].valid, table["all"].blank) == (1, 1, 0)
    assert table["chart_compare"].pairs == 1


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_always_yes_or_no_is_right_half_of_the_time_and_never_in_a_pair(made, answer):
    score = always(made, answer)["chart_compare"]
    assert (score.score, score.pairs, score.majority, score.chance, score.valid) == (0.5, 0, 0.5, 0.5, 1)


@pytest.mark.parametrize("answer", list("ABCD"))
def test_always_one_letter_is_right_once_in_each_rotation_and_never_in_all(made, answer):
    score = always(made, answer)["colour"]
    assert (score.score, score.pairs, score.majority, score.chance) == (0.25, 0, 0.25, 0.25)


@pytest.mark.parametrize("answer", ["", "asdf qwer"])
def test_babble_is_told_from_wrong_answers_by_its_validity(made, answer):
    table = always(made, answer)
    assert table["all"].score == 0
    assert table["chart_compare"].valid == 0


def test_a_group_has_the_questions_it_says(made):
    table = always(made, "yes")
    assert table["ring 0"].n + table["ring 1"].n == table["group A"].n + table["group B"].n == table["all"].n == len(made.records)
    assert table["held-out wording"].n == sum(r["meta"]["held_out_wording"] for r in made.records)


def test_other_numbers_of_answers_are_refused(made):
    with pytest.raises(ValueError, match="questions, 1 answers"):
        scores(made.records, ["yes"], ["yes"])


def test_the_interval_is_over_scenes():
    rng = np.random.default_rng(0)
    value = np.repeat(rng.random(30) < 0.5, 40).astype(float)
    wide = scene_interval(value, [str(i // 40) for i in range(1200)], np.random.default_rng(0))
    narrow = scene_interval(value, [str(i) for i in range(1200)], np.random.default_rng(0))
    assert wide[0] < narrow[0] < value.mean() < narrow[1] < wide[1]
    p = value.mean()
    assert wide[1] - wide[0] == pytest.approx(2 * 1.96 * math.sqrt(p * (1 - p) / 30), rel=0.1)
    assert scene_interval(np.ones(5), ["a"] * 5, rng) == (0.0, 1.0)


class Known:
    """Answers as it was told to, and counts the questions; grey pictures are answered no."""

    def __init__(self, records, stop_after=10**9):
        self.right = {text(r): r["meta"]["answer"] for r in records}
        self.asked, self.stop_after = 0, stop_after

    def answer_batch(self, images, questions, cameras):
        if self.asked >= self.stop_after:
            raise KeyboardInterrupt
        self.asked += len(questions)
        return ["no" if (i == 127).all() else self.right[q] for i, q in zip(images, questions, strict=True)]


@pytest.fixture
def folder(made, tmp_path):
    (tmp_path / "pictures").mkdir()
    for file, image in made.pictures.items():
        Image.fromarray(image).save(tmp_path / file)
    (tmp_path / "scene.jsonl").write_text("".join(json.dumps(r) + "\n" for r in made.records))
    return tmp_path


def test_an_interrupted_asking_goes_on_where_it_stopped(made, folder):
    out = folder / "out"
    with pytest.raises(KeyboardInterrupt):
        list(ask_all(Known(made.records, 128), made.records, folder, out))
    assert len(read_answers(out)) == 64
    with (out / "answers.jsonl").open("a") as file:
        file.write('{"id": "cut of')
    policy = Known(made.records)
    assert list(ask_all(policy, made.records, folder, out))[-1] == len(made.records)
    assert policy.asked == 2 * (len(made.records) - 64)
    answers = read_answers(out)
    assert set(answers) == {r["id"] for r in made.records}


def test_the_report_has_every_family_with_its_baselines(made, folder):
    out = folder / "out"
    list(ask_all(Known(made.records), made.records, folder, out))
    told = write_report(made.records, out, "known on drawn")
    assert "| | n | scenes | score | 95 % | pairs | valid | majority | blank | chance |" in told
    assert all(f"| {r['meta']['family']} |" in told for r in made.records)
    assert json.loads((out / "scores.json").read_text())["ring 0"]["n"] > 50


def test_some_questions_are_whole_pictures(made):
    some = first_pictures(made.records, 60)
    assert 60 <= len(some) < 90
    files = {r["image"][0] for r in some}
    assert len(some) == sum(r["image"][0] in files for r in made.records)


def test_questions_that_are_not_there_are_missed_with_the_command_that_makes_them(tmp_path):
    with pytest.raises(UsageError, match=r"no questions at .*; make them: python -m experiments.vqa.make out="):
        read_records(tmp_path / "scene.jsonl")


def read_tsv(path):
    csv.field_size_limit(sys.maxsize)
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_tsvs_hold_every_question_once_with_its_picture(made, folder):
    sizes = write_tsvs(folder / "tsv", made.records, folder)
    forms = [r["meta"]["format"] for r in made.records]
    assert sizes["SceneYesNo"] == forms.count("yesno")
    assert sizes["SceneMCQ"] == forms.count("choice")
    assert sizes["SceneVQA"] == forms.count("open") + forms.count("number")
    for name in sizes:
        rows = read_tsv(folder / "tsv" / f"{name}.tsv")
        pictures = {row["index"]: row["image"] for row in rows}
        assert len(pictures) == len(rows)
        for row in rows:
            data = pictures[row["image"]] if len(row["image"]) <= 64 else row["image"]
            assert Image.open(io.BytesIO(base64.b64decode(data))).size == (320, 240)
    yes_no = read_tsv(folder / "tsv" / "SceneYesNo.tsv")
    assert {r["answer"] for r in yes_no} == {"Yes", "No"}
    assert all(r["question"].endswith(" Please answer yes or no.") for r in yes_no)


def test_rotations_are_numbered_as_circular_evaluation_expects(made, folder):
    write_tsvs(folder / "tsv", made.records, folder)
    rows = [r for r in read_tsv(folder / "tsv" / "SceneMCQ.tsv") if r["category"] == "colour"]
    groups: dict[int, list[dict]] = {}
    for row in rows:
        groups.setdefault(int(row["index"]) % TURN, []).append(row)
    assert len(groups) == 20
    for group in groups.values():
        assert [int(r["index"]) // TURN for r in group] == [0, 1, 2, 3]
        assert sorted(r["answer"] for r in group) == list("ABCD")
        assert {r[r["answer"]] for r in group} == {"yellow"}
        assert all(r["E"] == "" for r in group)


@pytest.mark.parametrize(
    ("command", "argument", "said"),
    [(make, "env=sort_toy", "did you mean 'sort_toys'?"), (make, "split=tests", "did you mean 'test'?"), (make, "scene=3", "did you mean 'scenes='?"),
     (ask, "policy=chatvla_tin", "did you mean 'chatvla_tiny'?"), (ask, "data=nowhere", "no questions at nowhere/scene.jsonl")],
)  # fmt: skip
def test_a_mistake_in_a_command_is_told_without_a_traceback(command, argument, said, capsys):
    assert command.main([argument]) == 2
    assert said in capsys.readouterr().err


def test_a_set_is_written_whole_and_again_the_same(tmp_path):
    cards = [make.make(MakeOptions("[clean_blocks]", scenes=1, drawn=3, out=str(tmp_path / name))) for name in "ab"]
    assert cards[0]["families"] == cards[1]["families"]
    assert (tmp_path / "a" / "scene.jsonl").read_bytes() == (tmp_path / "b" / "scene.jsonl").read_bytes()
    asked = read_records(tmp_path / "a" / "scene.jsonl")
    assert len(asked) == cards[0]["questions"] > 60
    assert all((tmp_path / "a" / r["image"][0]).is_file() for r in asked)


def test_training_questions_come_in_two_groups_and_name_nothing_held_out(tmp_path):
    make.make(MakeOptions("[clean_blocks]", "train", 1, 3, out=str(tmp_path)))
    for group in "ab":
        found = read_records(tmp_path / f"train_{group}.jsonl")
        assert {r["meta"]["group"] for r in found} == {group.upper()}
        assert not any(r["meta"]["held_out_wording"] or r["meta"]["held_out_object"] for r in found)
        assert not any(name in json.dumps(r["conversations"]) for r in found for name in ("purple block", "orange block"))
    assert not (tmp_path / "vlmevalkit").exists()
