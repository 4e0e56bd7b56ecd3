"""VLMEvalKit's columns as samples: the same for all of its tables, but for what groups questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.readers.cells import LETTERS, literal_list, options_of_erqa
from experiments.understanding.sample import BadRowError, Sample

ROTATION = 1_000_000  # MMBench: index = question + k x this

Row = Mapping[str, str]


def kit_samples(benchmark: Benchmark, position: int, row: Row) -> list[Sample]:
    """The question of a row; none where VLMEvalKit has none: MMMU's other splits, HallusionBench's questions without figure.

    Raises:
        BadRowError: a cell is missing or holds something else.
    """
    name, letters = benchmark.name, {letter: row[letter] for letter in LETTERS if row.get(letter)}
    if name == "mmmu" and row.get("split", "validation") != "validation":
        return []
    if name == "hallusionbench" and "image" in row and not (row["image"] or row.get("image_path")):
        return []
    question, answer = row["question"], row["answer"]
    answers = literal_list(answer) if benchmark.ask == "words" else [answer.capitalize() if benchmark.judge == "yesno" else answer]
    form = {"mmmu": "choice" if letters else "open", "scene": _scene_form(letters, answer)}.get(name, "")
    if name == "erqa" and not letters:
        letters = options_of_erqa(question)
    category = row.get({"hallusionbench": "l2-category", "chartqa": "split"}.get(name, "category"), "")
    keys = _KEYS[name](row) if name in _KEYS else {}
    return [Sample(row["index"], position, question, tuple(answers), letters, row.get("hint", ""), category, row.get("split", ""), form, keys)]


def _mme(row: Row) -> dict[str, str]:
    if not row.get("image_path"):
        raise BadRowError("no image_path, which groups MME's pairs")
    return {"pair": row["image_path"]}


def _hallusion(row: Row) -> dict[str, str]:
    """`.._.._.._set_figure_question`."""
    parts = row["index"].split("_")
    if len(parts) < 6:
        raise BadRowError(f"index '{row['index']}' has no set, figure and question in its fourth to sixth parts")
    return {"set": parts[3], "figure": parts[4], "question": parts[5]}


def _circular(row: Row) -> dict[str, str]:
    if not row["index"].isdecimal():
        raise BadRowError(f"index '{row['index']}' is no number")
    return {"question": str(int(row["index"]) % ROTATION)}


def _scene_form(options: Mapping[str, str], answer: str) -> str:
    if options:
        return "choice"
    return "yesno" if answer in ("Yes", "No", "yes", "no") else "number" if answer.isdecimal() else "open"


_KEYS: Mapping[str, Callable[[Row], dict[str, str]]] = {"mme": _mme, "hallusionbench": _hallusion, "mmbench": _circular}
