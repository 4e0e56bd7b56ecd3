"""Where benchmarks are looked for, and what is said where there is none or a row is no question."""

import json

import pytest

from experiments.errors import UsageError
from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.readers.find import find, read
from tests.experiments.understanding.fixtures import (
    cell,
    hub,
    kit,
    png,
    write_erqa,
    write_hub,
    write_kit,
    write_parquet,
    write_tsv,
)

FOURTEEN = [name for name in BENCHMARKS if name != "scene"]


@pytest.mark.parametrize("name", FOURTEEN)
@pytest.mark.parametrize("write", [write_kit, write_hub])
def test_every_benchmark_is_read_from_both_formats_without_a_bad_row(tmp_path, name, write):
    write(tmp_path, name)
    found = read(BENCHMARKS[name], tmp_path)
    assert found.bad == ()
    assert len(found.samples) >= 12
    assert all(found.source.pictures(sample.position) for sample in found.samples)
    if BENCHMARKS[name].ask == "choice":
        assert all(set(s.answers) <= set(s.options) or not s.options for s in found.samples)


def test_both_formats_give_the_same_questions(tmp_path):
    for name in ("mmstar", "ai2d", "textvqa", "mmbench"):
        write_kit(tmp_path / "..", name)
        write_hub(tmp_path, name)
        one, two = (read(BENCHMARKS[name], folder).samples for folder in (tmp_path / "..", tmp_path))
        assert [(s.question, s.answers, s.options) for s in one] == [(s.question, s.answers, s.options) for s in two]


def test_erqas_own_file_is_read(tmp_path):
    write_erqa(tmp_path / "erqa.tfrecord-00000-of-00001")
    (tmp_path / "ERQA").mkdir()
    write_erqa(tmp_path / "ERQA" / "erqa.tfrecord")
    found = read(BENCHMARKS["erqa"], tmp_path)
    assert (len(found.samples), found.bad) == (12, ())
    assert found.samples[1].options["B"] == "thing 1B."


def test_mtvqa_has_several_questions_a_picture(tmp_path):
    write_hub(tmp_path, "mtvqa")
    samples = read(BENCHMARKS["mtvqa"], tmp_path).samples
    assert [(s.id, s.position) for s in samples[:3]] == [("0/0", 0), ("0/1", 0), ("1/0", 1)]


def test_mmmu_leaves_the_dev_split_out_and_hallusionbench_what_has_no_figure(tmp_path):
    write_kit(tmp_path, "mmmu")
    write_kit(tmp_path, "hallusionbench")
    assert len(read(BENCHMARKS["mmmu"], tmp_path).samples) == len(kit("mmmu")[1]) - 1
    assert len(read(BENCHMARKS["hallusionbench"], tmp_path).samples) == len(kit("hallusionbench")[1]) - 1


def test_another_split_and_another_benchmarks_files_are_not_taken(tmp_path):
    write_parquet(tmp_path / "textvqa", "train-00000-of-00001.parquet", hub("textvqa")[1])
    with pytest.raises(UsageError, match=r"no textvqa under .*; expected TextVQA_VAL\.tsv \(VLMEvalKit\), textvqa\.jsonl \(LLaVA\), or a folder textvqa"):
        find(BENCHMARKS["textvqa"], tmp_path)
    write_hub(tmp_path, "textvqa")
    with pytest.raises(UsageError, match="no docvqa under"):
        find(BENCHMARKS["docvqa"], tmp_path)


@pytest.mark.parametrize("place", ["textvqa", "lmms-lab/textvqa", "datasets--lmms-lab--textvqa/snapshots/0123"])
def test_a_clone_an_owners_folder_and_the_hubs_cache_are_found(tmp_path, place):
    write_parquet(tmp_path / place / "data", "validation-00000-of-00001.parquet", hub("textvqa")[1])
    assert len(read(BENCHMARKS["textvqa"], tmp_path).samples) == 12


def test_the_folder_itself_and_a_single_file_are_taken(tmp_path):
    write_hub(tmp_path, "textvqa")
    assert len(read(BENCHMARKS["textvqa"], tmp_path / "textvqa").samples) == 12
    assert len(read(BENCHMARKS["mme"], write_kit(tmp_path, "mme")).samples) == 12


def test_shards_are_read_in_the_order_of_their_names(tmp_path):
    rows = hub("textvqa")[1]
    for i, part in enumerate((rows[:5], rows[5:])):
        write_parquet(tmp_path / "textvqa", f"validation-0000{i}-of-00002.parquet", part)
    found = read(BENCHMARKS["textvqa"], tmp_path)
    assert [s.question for s in found.samples] == [r["question"] for r in rows]
    assert [found.source.pictures(i) for i in range(12)] == [[png(i)] for i in range(12)]


def test_rows_that_are_no_questions_are_named(tmp_path):
    row = {"image": cell(), "question": "q", "answer": "Yes", "category": "OCR", "image_path": "a"}
    rows = [row | {"index": "0"}, row | {"index": "0"}, row | {"index": "2", "answer": ""}, row | {"index": "3", "question": " "}, row | {"index": "4", "image_path": ""}]
    write_tsv(tmp_path / "MME.tsv", rows)
    found = read(BENCHMARKS["mme"], tmp_path)
    assert len(found.samples) == 1
    assert [(b.id, b.reason) for b in found.bad] == [
        ("0", "id 0 is that of row 0 too"), ("2", "no answer"), ("3", "no question"), ("4", "no image_path, which groups MME's pairs")
    ]  # fmt: skip


def test_hub_rows_of_other_columns_or_values_are_named(tmp_path):
    write_parquet(tmp_path / "HallusionBench" / "data", "image-0.parquet", [hub("hallusionbench")[1][0] | {"gt_answer": "2"}])
    assert read(BENCHMARKS["hallusionbench"], tmp_path).bad[0].reason == "gt_answer is '2', expected '0' or '1'"
    write_parquet(tmp_path / "MME", "test-0.parquet", [{"question_id": "a", "question": "q"}])
    assert read(BENCHMARKS["mme"], tmp_path).bad[0].reason == "no column 'answer'; it has question_id, question"


def test_a_broken_parquet_file_is_a_mistake_with_its_name(tmp_path):
    write_hub(tmp_path, "textvqa").write_bytes(b"PAR1 not really")
    with pytest.raises(UsageError, match=r"validation-00000-of-00001\.parquet.* whole parquet"):
        read(BENCHMARKS["textvqa"], tmp_path)


def test_a_table_of_other_columns_is_refused(tmp_path):
    write_tsv(tmp_path / "MME.tsv", [{"id": "0", "text": "q"}])
    with pytest.raises(UsageError, match=r"MME\.tsv has no column index, question, answer; expected VLMEvalKit's"):
        read(BENCHMARKS["mme"], tmp_path)


def test_llava_records_are_read_with_what_stands_beside_them(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png())
    turns = [{"from": "human", "value": "<image>\nIs it left? Answer yes or no."}, {"from": "gpt", "value": "yes"}]
    rows = [
        {"id": "a", "image": "a.png", "conversations": turns, "meta": {"family": "left", "format": "yesno", "accept": ["yes"]}},
        {"id": "b", "image": ["a.png", "b.png"], "conversations": turns}, {"id": "c", "conversations": turns[:1]}, {"id": "d"},
        {"id": "e", "conversations": turns, "meta": {"format": "sketch"}}, {"id": "f", "conversations": turns, "meta": {"format": "caption", "accept": ["duck: box"]}},
    ]  # fmt: skip
    (tmp_path / "scene.jsonl").write_text("\n".join([*map(json.dumps, rows), "{broken"]))
    found = read(BENCHMARKS["scene"], tmp_path)
    first = found.samples[0]
    assert (first.question, first.answers, first.form, first.category) == ("Is it left? Answer yes or no.", ("Yes",), "yesno", "left")
    assert (found.samples[-1].form, found.samples[-1].answers) == ("caption", ("duck: box",))
    assert found.source.pictures(0) == [png()]
    assert [(b.position, b.reason[:20]) for b in found.bad] == [(2, "no turn of 'human' a"), (3, "no conversations"), (4, "format 'sketch' is n"), (6, "no JSON (Expecting p")]
