"""Scene questions as VLMEvalKit's TSV files: one of multiple choice, one of yes and no, one of short answers.

Columns: index, image (base64 PNG, or the index of the row that has the same one), question, answer, category, split; A-E of
a choice. Rotations of one choice are numbered q + k * 1,000,000, as CircularEval expects. Captions and points have no
counterpart there and are left out.
"""

from __future__ import annotations

import base64
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.vqa.records import LETTERS

TURN = 1_000_000
FILES = {"choice": "SceneMCQ", "yesno": "SceneYesNo", "open": "SceneVQA", "number": "SceneVQA"}
COLUMNS = ("index", "image", "question", "answer", "category", "l2-category", "split")


def write_tsvs(folder: Path, records: Sequence[Mapping[str, Any]], pictures: Path) -> dict[str, int]:
    """Write FOLDER/<name>.tsv for each form of question; returns their numbers of rows."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    turns: dict[str, list[int]] = {}
    for record in records:
        name = FILES.get(record["meta"]["format"])
        if name is not None:
            rows[name].append(_row(record, _index(record, len(rows[name]), turns)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in rows.items():
        _embed(lines, pictures)
        with (folder / f"{name}.tsv").open("w", newline="", encoding="utf-8") as file:
            columns = [*COLUMNS, *LETTERS] if name == FILES["choice"] else COLUMNS
            writer = csv.DictWriter(file, columns, delimiter="\t", restval="")
            writer.writeheader()
            writer.writerows(lines)
    return {name: len(lines) for name, lines in rows.items()}


def _index(record: Mapping[str, Any], position: int, turns: dict[str, list[int]]) -> int:
    """The row's number; the rotations of a choice share the number of the first, plus so many millions."""
    pair = record["meta"]["pair_id"]
    if record["meta"]["format"] != "choice" or pair is None:
        return position
    turn = turns.setdefault(pair, [position, -1])
    turn[1] += 1
    return turn[0] + TURN * turn[1]


def _row(record: Mapping[str, Any], index: int) -> dict[str, Any]:
    meta = record["meta"]
    answer = meta["answer"].capitalize() if meta["format"] == "yesno" else meta["answer"]
    text = f"{meta['text']} Please answer yes or no." if meta["format"] == "yesno" else meta["text"]
    options = dict(zip(LETTERS, meta["options"], strict=False)) if meta["format"] == "choice" else {}
    return {"index": index, "image": record["image"][0], "question": text, "answer": answer, "category": meta["family"],
            "l2-category": f"ring {meta['ring']}", "split": meta["split"], **options}  # fmt: skip


def _embed(rows: list[dict[str, Any]], pictures: Path) -> None:
    """Put each picture into the first row that shows it, and that row's index into the others."""
    first: dict[str, int] = {}
    for row in rows:
        file = row["image"]
        row["image"] = str(first[file]) if file in first else base64.b64encode((pictures / file).read_bytes()).decode()
        first.setdefault(file, row["index"])
