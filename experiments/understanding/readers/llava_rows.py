"""LLaVA records as samples: the first question and answer, and what stands beside them in `meta`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.understanding.benchmarks import Benchmark
from experiments.understanding.readers.cells import LETTERS
from experiments.understanding.sample import BadRowError, Sample

SCENE_FORMS = ("yesno", "choice", "open", "number", "points", "caption")


def llava_samples(benchmark: Benchmark, position: int, row: Mapping[str, Any]) -> list[Sample]:
    """The question of a record. In `meta`, all of it optional: `accept` (answers; of a caption, facts), `options` (list or
    letter -> text), `category` or `family`, `hint`, `split`, `keys`, and of scene questions `format` and `mask`.

    Raises:
        BadRowError: there is no question and answer, or a scene question is of a form that no rule here scores.
    """
    meta = row.get("meta") or {}
    said = {turn.get("from"): str(turn.get("value", "")) for turn in reversed(row["conversations"])}
    if "human" not in said or "gpt" not in said:
        raise BadRowError("no turn of 'human' and one of 'gpt'")
    answers = tuple(map(str, meta.get("accept") or [said["gpt"]]))
    options = meta.get("options") or {}
    lettered = dict(zip(LETTERS, map(str, options), strict=False)) if isinstance(options, list) else dict(options)
    form = str(meta.get("format", ""))
    if benchmark.name == "mmmu":
        form = form or ("choice" if lettered else "open")
    if benchmark.name == "scene":
        form = form or ("choice" if lettered else "yesno" if answers[0].lower() in ("yes", "no") else "open")
        if form not in SCENE_FORMS:
            raise BadRowError(f"format '{form}' is not scored; known: {', '.join(SCENE_FORMS)}")
    if benchmark.judge == "yesno" or form == "yesno":
        answers = tuple(answer.capitalize() for answer in answers)
    question = said["human"].replace("<image>\n", "").replace("<image>", "").strip()
    category = str(meta.get("category") or meta.get("family") or "")
    return [
        Sample(
            str(row.get("id", position)), position, question, answers, lettered, str(meta.get("hint") or ""), category,
            str(meta.get("split") or ""), form, meta.get("keys") or {}, meta.get("mask"),
        )
    ]  # fmt: skip
