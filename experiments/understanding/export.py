"""Answers as VLMEvalKit's prediction files: its columns and `prediction`, so that anyone can score them there."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from experiments.understanding.answers import Answer
from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.readers.cells import LETTERS
from experiments.understanding.sample import Sample

COLUMNS = ("index", "question", "hint", "answer", "category", "l2-category", "split", "image_path")


def export(folder: Path, policy: str, benchmark: Benchmark, answers: Iterable[Answer]) -> Path:
    """Writes FOLDER/<policy>_<VLMEvalKit's name>.tsv; `evaluate` of the data set there takes such a file."""
    path = folder / f"{policy}_{benchmark.kit}.tsv"
    kept = [(a.sample, a.prediction) for a in answers if a.sample is not None and a.outcome == "answered"]
    letters = [letter for letter in LETTERS if any(letter in sample.options for sample, _ in kept)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow([*COLUMNS, *letters, "prediction"])
        for sample, said in kept:
            # Its readers take an empty cell for a missing number and then fail on the answer.
            writer.writerow([*_cells(benchmark, sample), *(sample.options.get(letter, "") for letter in letters), said or " "])
    return path


def _cells(benchmark: Benchmark, sample: Sample) -> list[str]:
    index, category, split = sample.id, sample.category, sample.split
    if benchmark.name == "hallusionbench" and len(index.split("_")) < 6:
        index = "_".join((benchmark.name, "x", sample.category, *(sample.keys[k] for k in ("set", "figure", "question"))))
    if benchmark.name == "chartqa":
        split = split or category
    answer = repr(list(sample.answers)) if benchmark.ask == "words" else sample.answer
    pair = sample.keys.get("pair", "")
    return [index, sample.question, sample.hint, answer, category, category, split or "validation" if benchmark.name == "mmmu" else split, pair]
