"""Asks a policy a set of scene questions: `python -m experiments.vqa.ask data=outputs/vqa policy=chatvla_tiny`.

OUT/answers.jsonl has one line per question, written as it is answered, and the same command goes on from there after an
interruption; OUT/report.md and scores.json are made from it. Every question is also asked before a grey picture.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from envs.imaging import decode_png
from experiments.asking import BATCH, Answerer
from experiments.errors import UsageError, check_name
from experiments.options import HF_VLM
from experiments.policies import LEARNED, make_policy
from experiments.understanding.stage import make_answerer
from experiments.vqa.rates import scores
from experiments.vqa.report import report
from policy.answering import Answerer as HubAnswerer
from policy.answering import Limits, Question
from policy.arguments import parse, usage
from policy.qa import BLANK

MODULE = "experiments.vqa.ask"
ANSWERS = "answers.jsonl"
LIMITS = Limits(64, 200_704, 1_003_520)  # as ChatVLA's release has them (research/understanding.md, 0.3)


@dataclass(frozen=True)
class AskOptions:
    """`data`: a folder that experiments.vqa.make wrote. `questions`: the file in it. `count`: about so many, 0 for all.

    `path`: folder of an image-text-to-text model, with policy=hf_vlm.
    """

    data: str = "outputs/vqa"
    questions: str = "scene.jsonl"
    policy: str = "chatvla_tiny"
    checkpoint: str = ""
    path: str = ""
    count: int = 0
    out: str = "outputs/vqa/chatvla_tiny"


class Model:
    """A model of Hugging Face as an `experiments.asking.Answerer`; which camera a picture is from makes no difference to it."""

    def __init__(self, answerer: HubAnswerer) -> None:
        self._answerer = answerer

    def answer_batch(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[str], cameras: Sequence[str]) -> list[str]:
        """One answer per (picture, question)."""
        asked = [Question((Image.fromarray(i),), q) for i, q in zip(images, questions, strict=True)]
        return self._answerer.answer(asked, LIMITS)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The questions of a JSONL file.

    Raises:
        UsageError: there is none, with the command that makes it.
    """
    if not path.is_file():
        raise UsageError(f"no questions at {path}; make them: python -m experiments.vqa.make out={path.parent}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def ask_all(policy: Answerer, records: Sequence[dict[str, Any]], data: Path, out: Path) -> Iterator[int]:
    """Ask what OUT/answers.jsonl does not answer yet; yields how many have been answered after each batch."""
    done = set(read_answers(out))
    todo = [r for r in records if r["id"] not in done]
    out.mkdir(parents=True, exist_ok=True)
    with (out / ANSWERS).open("a") as file:
        for start in range(0, len(todo), BATCH):
            batch = todo[start : start + BATCH]
            images = [picture(data, r) for r in batch]
            questions, cameras = [text(r) for r in batch], [r["meta"]["camera"] for r in batch]
            answers = policy.answer_batch(images, questions, cameras)
            blind = policy.answer_batch([np.full_like(i, BLANK) for i in images], questions, cameras)
            for record, answer, blank in zip(batch, answers, blind, strict=True):
                file.write(json.dumps({"id": record["id"], "answer": answer, "blank": blank}) + "\n")
            file.flush()
            yield len(records) - len(todo) + start + len(batch)


def first_pictures(records: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """About `count` questions: all those of as many pictures, in an order that is always the same, so that groups stay whole."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["image"][0], []).append(record)
    files, chosen = list(found), []
    for i in np.random.default_rng(0).permutation(len(files)):
        if len(chosen) >= count:
            break
        chosen += found[files[i]]
    return chosen


def read_answers(out: Path) -> dict[str, dict[str, str]]:
    """Id -> answer, before the picture and before a blank one; a last line that was cut off is dropped."""
    path, found = out / ANSWERS, {}
    if not path.is_file():
        return {}
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        path.write_text("".join(lines[:-1]))
        lines.pop()
    for line in lines:
        row = json.loads(line)
        found[row["id"]] = row
    return found


def text(record: dict[str, Any]) -> str:
    """The question as a network is asked."""
    return record["conversations"][0]["value"].removeprefix("<image>\n")


def picture(data: Path, record: dict[str, Any]) -> NDArray[np.uint8]:
    """(240, 320, 3) uint8 RGB."""
    return decode_png((data / record["image"][0]).read_bytes())


def write_report(records: Sequence[dict[str, Any]], out: Path, title: str) -> str:
    """OUT/scores.json and OUT/report.md from the answers that are there; gives the report."""
    answers = read_answers(out)
    known = [r for r in records if r["id"] in answers]
    table = scores(known, [answers[r["id"]]["answer"] for r in known], [answers[r["id"]]["blank"] for r in known])
    (out / "scores.json").write_text(json.dumps({k: asdict(v) for k, v in table.items()}, indent=1) + "\n")
    told = report(title, table, known, answers)
    (out / "report.md").write_text(told)
    return told


def run(options: AskOptions, console: Console) -> str:
    """Ask and report.

    Raises:
        UsageError: no such questions, policy or checkpoint.
    """
    check_name(options.policy, (*LEARNED, HF_VLM), "policy")
    if (options.policy == HF_VLM) != bool(options.path):
        raise UsageError("path=FOLDER and policy=hf_vlm belong together; give both, or leave both out")
    records = read_records(Path(options.data) / options.questions)
    if options.count:
        records = first_pictures(records, options.count)
    policy: Any = Model(make_answerer(HF_VLM, Path(options.path))) if options.path else make_policy(options.policy, None, options.checkpoint or None)
    out = Path(options.out)
    batches = ask_all(policy, records, Path(options.data), out)
    for _ in track(batches, "answers", -(-len(records) // BATCH), console=console):
        pass
    return write_report(records, out, f"{options.policy} on {options.data}/{options.questions}")


def main(argv: Sequence[str]) -> int:
    """Ask; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, AskOptions)}\n{__doc__}")
        return 0
    try:
        print(run(parse(argv, MODULE, AskOptions), Console(stderr=True)))
    except (ValueError, UsageError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
