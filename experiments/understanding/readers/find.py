"""Where a benchmark lies under the data folder, and all of its questions: a TSV, parquet files, a JSONL or a TFRecord."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.errors import UsageError
from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.readers.hub_rows import erqa_example, hub_samples
from experiments.understanding.readers.jsonl import JsonlSource
from experiments.understanding.readers.kit_rows import kit_samples
from experiments.understanding.readers.llava_rows import llava_samples
from experiments.understanding.readers.tfrecord import TfRecordSource
from experiments.understanding.readers.tsv import TsvSource
from experiments.understanding.sample import BadRow, BadRowError, Sample, Source

KIT_COLUMNS = ("index", "question", "answer")
SPLITS = ("train", "test", "val", "dev", "image", "non_image")  # how files of a split begin

ToSamples = Callable[[int, Any], list[Sample]]


@dataclass(frozen=True)
class Questions:
    """All questions of a benchmark and the rows that are none; `source` has the pictures."""

    source: Source
    samples: tuple[Sample, ...]
    bad: tuple[BadRow, ...]


def read(benchmark: Benchmark, data: Path) -> Questions:
    """The questions under `data`.

    Raises:
        UsageError: nothing of this benchmark is there, or its file is of another kind.
    """
    source, to_samples = find(benchmark, data)
    samples: dict[str, Sample] = {}
    bad: list[BadRow] = []
    for position, row in enumerate(source.rows()):
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        try:
            for sample in to_samples(position, row):
                samples[_checked(sample, samples).id] = sample
        except (BadRowError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            told = str(error) if isinstance(error, BadRowError) else f"unreadable ({error!r})"
            bad.append(BadRow(position, str(_name(row)), told))
    return Questions(source, tuple(samples.values()), tuple(bad))


def find(benchmark: Benchmark, data: Path) -> tuple[Source, ToSamples]:
    """The source and what makes samples of its rows.

    Raises:
        UsageError: as `read`.
    """
    def to(make: Callable[[Benchmark, int, Any], list[Sample]]) -> ToSamples:
        return lambda position, row: make(benchmark, position, row)

    for path in _files(benchmark, data):
        if path.suffix == ".tsv":
            table = TsvSource(path)
            if lacking := [name for name in KIT_COLUMNS if name not in table.columns]:
                raise UsageError(f"{path} has no column {', '.join(lacking)}; expected VLMEvalKit's: index, image, question, answer, ...")
            return table, to(kit_samples)
        if path.suffix in (".jsonl", ".json"):
            return JsonlSource(path), to(llava_samples)
    if benchmark.name == "erqa" and (records := sorted(p for folder in _folders(benchmark, data) for p in folder.glob("*.tfrecord*"))):
        return TfRecordSource(tuple(records)), erqa_example
    for folder in _folders(benchmark, data):
        if files := _of_split(sorted(folder.rglob("*.parquet")), benchmark.split):
            from experiments.understanding.readers.parquet import ParquetSource  # pyarrow takes half a second

            try:
                return ParquetSource(files), to(hub_samples)
            except ValueError as error:
                raise UsageError(str(error)) from error
    raise UsageError(
        f"no {benchmark.name} under {data}; expected {benchmark.kit}.tsv (VLMEvalKit), {benchmark.name}.jsonl (LLaVA), "
        f"or a folder {' or '.join((benchmark.name, *benchmark.folders))} with {benchmark.split}-*.parquet (Hugging Face)"
        + (", or erqa.tfrecord" if benchmark.name == "erqa" else "")
    )


def _files(benchmark: Benchmark, data: Path) -> Iterator[Path]:
    """The single files that may hold it, `data` itself among them."""
    names = [f"{stem}{suffix}" for stem in (benchmark.kit, f"{benchmark.kit}_local", benchmark.name) for suffix in (".tsv", ".jsonl", ".json")]
    candidates = [data] if data.is_file() else [folder / name for folder in (data, data / benchmark.name) for name in names]
    return (path for path in candidates if path.is_file())


def _folders(benchmark: Benchmark, data: Path) -> list[Path]:
    """Folders that may hold it: a clone, one under its owner's name, the hub's cache, or `data` itself where it is called so."""
    names = (benchmark.name, *benchmark.folders)
    found = [data] if data.name.lower() in {name.split("/")[0].lower() for name in names} else []
    for name in names:
        clone, _, inner = name.partition("/")
        found += [data / name, *sorted(data.glob(f"*/{name}")), *(p / inner for p in sorted(data.glob(f"datasets--*--{clone}/snapshots/*")))]
    return [path for path in found if path.is_dir()]


def _of_split(paths: list[Path], split: str) -> tuple[Path, ...]:
    """Files of the split; where no name says a split (`mmstar.parquet`), all of them."""
    if any(path.name.startswith(SPLITS) for path in paths):
        paths = [path for path in paths if path.name.startswith(split)]
    return tuple(paths)


def _checked(sample: Sample, seen: dict[str, Sample]) -> Sample:
    if not sample.question.strip():
        raise BadRowError("no question")
    if not sample.answers or not all(answer.strip() for answer in sample.answers):
        raise BadRowError("no answer")
    if sample.id in seen:
        raise BadRowError(f"id {sample.id} is that of row {seen[sample.id].position} too")
    return sample


def _name(row: Any) -> Any:
    return next((row[key] for key in ("index", "id", "question_id", "questionId") if key in row), "")
