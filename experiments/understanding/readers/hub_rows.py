"""Hugging Face columns as samples: every data set has its own (research/understanding.md 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.readers.cells import LETTERS, literal, options_of_erqa, split_options
from experiments.understanding.readers.kit_rows import ROTATION
from experiments.understanding.sample import BadRowError, Sample

Row = Mapping[str, Any]


def hub_samples(benchmark: Benchmark, position: int, row: Row) -> list[Sample]:
    """The questions of a row (MTVQA has several).

    Raises:
        BadRowError: a column is missing or holds something else.
    """
    try:
        return _READERS[benchmark.name](position, row)
    except KeyError as error:
        raise BadRowError(f"no column {error}; it has {', '.join(map(str, row))}") from None


def _text(*names: str) -> Callable[[int, Row], list[Sample]]:
    """Question and answers, with the id in the first column of `names` and the category in the second, if any."""
    def read(position: int, row: Row) -> list[Sample]:
        answers = row["answers"] if "answers" in row else row["answer"]
        answers = tuple(map(str, answers)) if isinstance(answers, list) else (str(answers),)
        name = row.get(names[0], position)
        return [Sample(str(name), position, row["question"], answers, category=str(row[names[1]]) if names[1:] else "")]

    return read


def _mmmu(position: int, row: Row) -> list[Sample]:
    options = literal(row["options"]) if isinstance(row["options"], str) else row["options"]
    is_open = row["question_type"] == "open"
    answers = literal(row["answer"]) if is_open and str(row["answer"]).startswith("[") else row["answer"]
    answers = tuple(map(str, answers)) if isinstance(answers, list) else (str(answers),)
    subject = "_".join(row["id"].split("_")[1:-1])
    lettered = {} if is_open else dict(zip(LETTERS, map(str, options), strict=False))
    return [Sample(row["id"], position, row["question"], answers, lettered, category=subject, form="open" if is_open else "choice")]


def _mmstar(position: int, row: Row) -> list[Sample]:
    question, options = split_options(row["question"])
    return [Sample(str(row["index"]), position, question, (row["answer"].strip(),), options, category=row["category"])]


def _mme(position: int, row: Row) -> list[Sample]:
    # Two rows have one question_id: the pair about a picture.
    name = f"{row['question_id']}/{position}"
    keys = {"pair": row["question_id"]}
    return [Sample(name, position, row["question"], (row["answer"].capitalize(),), category=row["category"], keys=keys)]


def _hallusion(position: int, row: Row) -> list[Sample]:
    keys = {"set": str(row["set_id"]), "figure": str(row["figure_id"]), "question": str(row["question_id"])}
    kind = f"{row['category']}_{row['subcategory']}"
    if str(row["gt_answer"]) not in ("0", "1"):
        raise BadRowError(f"gt_answer is {row['gt_answer']!r}, expected '0' or '1'")
    answer = "Yes" if str(row["gt_answer"]) == "1" else "No"
    return [Sample("_".join((kind, *keys.values())), position, row["question"], (answer,), category=row["subcategory"], keys=keys)]


def _mmbench(position: int, row: Row) -> list[Sample]:
    options = {letter: str(row[letter]) for letter in "ABCD" if row.get(letter) not in (None, "nan", "")}
    hint = row.get("hint")
    keys = {"question": str(int(row["index"]) % ROTATION)}
    return [
        Sample(str(row["index"]), position, row["question"], (row["answer"],), options, "" if hint in (None, "nan") else str(hint), str(row["category"]), keys=keys)
    ]


def _ai2d(position: int, row: Row) -> list[Sample]:
    options = dict(zip(LETTERS, row["options"], strict=False))
    return [Sample(str(position), position, row["question"], (LETTERS[int(row["answer"])],), options)]


def _mtvqa(position: int, row: Row) -> list[Sample]:
    pairs = literal(row["qa_pairs"]) if isinstance(row["qa_pairs"], str) else row["qa_pairs"]
    if not isinstance(pairs, list):
        raise BadRowError("qa_pairs is no list")
    return [
        Sample(f"{row.get('id', position)}/{i}", position, pair["question"], (str(pair["answer"]),), category=row["lang"])
        for i, pair in enumerate(pairs)
    ]


def _realworldqa(position: int, row: Row) -> list[Sample]:
    question, options = split_options(row["question"])
    return [Sample(str(position), position, question, (row["answer"].strip(),), options)]


def _erqa(position: int, row: Row) -> list[Sample]:
    """The question is asked as it stands, options and instruction in it."""
    kind = row["question_type"]
    kind = kind[0] if isinstance(kind, list) else kind
    name = row.get("question_id", position)
    return [Sample(str(name), position, row["question"], (row["answer"].strip(),), options_of_erqa(row["question"]), category=kind)]


def erqa_example(position: int, example: Mapping[str, list[Any]]) -> list[Sample]:
    """A record of ERQA's TFRecord: `answer`, `question`, `question_type` as bytes.

    Raises:
        BadRowError: one is missing.
    """
    try:
        row = {key: example[key][0].decode() for key in ("answer", "question", "question_type")}
    except (KeyError, IndexError, AttributeError, UnicodeDecodeError) as error:
        raise BadRowError(f"answer, question and question_type are expected ({error!r})") from None
    return _erqa(position, row)


_READERS: Mapping[str, Callable[[int, Row], list[Sample]]] = {
    "mmmu": _mmmu, "mmstar": _mmstar, "mme": _mme, "hallusionbench": _hallusion, "mmbench": _mmbench, "ai2d": _ai2d, "mtvqa": _mtvqa,
    "realworldqa": _realworldqa, "erqa": _erqa, "textvqa": _text("question_id"), "docvqa": _text("questionId"),
    "infovqa": _text("questionId"), "chartqa": _text("id", "type"), "ocrbench": _text("id", "question_type"),
}  # fmt: skip
