"""How many held-out questions the network answers, by family, beside the majority answer and a blank picture."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import CAMERAS
from policy.chatvla import ChatVLA
from policy.inference import ChatVLAPolicy
from policy.processor import Processor
from policy.recorded import Data, Question, folders, questions_of
from policy.rows import ALWAYS_ASKED
from policy.stills import Snapshots

BLANK = 127  # grey
PER_ENTRY = "list, per entry"


class Answers(Protocol):
    """Anything that answers questions about pictures, such as `ChatVLAPolicy`."""

    def answer_batch(
        self, images: Sequence[NDArray[np.uint8]], questions: Sequence[str], cameras: Sequence[str]
    ) -> list[str]: ...


@dataclass(frozen=True)
class Accuracy:
    """Of one family: shares of exact answers with the picture, with a blank one, and by always saying the commonest."""

    n: int
    accuracy: float
    majority: float
    blank: float


def accuracy_by_family(
    policy: Answers, questions: Sequence[Question], images: Sequence[NDArray[np.uint8]], batch_size: int = 32
) -> dict[str, Accuracy]:
    """Family -> accuracy; "mean" is the mean over families.

    Beside them, and in no mean, `PER_ENTRY`: the share of the lists' entries that are right, whole list or not.
    """
    said = _answers(policy, questions, images, batch_size)
    unseeing = _answers(policy, questions, [np.full_like(i, BLANK) for i in images], batch_size)
    right, blind = (np.array([is_right(a, q) for a, q in zip(x, questions, strict=True)]) for x in (said, unseeing))
    rows = defaultdict(list)
    for i, question in enumerate(questions):
        rows[question.family].append(i)
    table = {
        family: Accuracy(
            len(at), float(right[at].mean()), majority([questions[i] for i in at]), float(blind[at].mean())
        )
        for family, at in sorted(rows.items())
    }
    means = {k: float(np.mean([getattr(a, k) for a in table.values()])) for k in ("accuracy", "majority", "blank")}
    table["mean"] = Accuracy(len(questions), **means)
    lists = rows.get(ALWAYS_ASKED)
    return {**table, PER_ENTRY: _per_entry([questions[i] for i in lists], [said[i] for i in lists], [unseeing[i] for i in lists])} if lists else table


def is_right(answer: str, question: Question) -> bool:
    """Whether the answer is one of those accepted, but for case and a final full stop.

    A list is right if it has every entry and no other. Its order is drawn anew for each picture and nothing tells it,
    so it does not count; compared as one text, only 1 answer in 8! could ever be right.
    """
    accepted = (*question.accept, question.answer)
    if question.family == ALWAYS_ASKED:
        return any(_entries(answer) == _entries(a) for a in accepted)
    return _plain(answer) in {_plain(a) for a in accepted}


def majority(questions: Sequence[Question]) -> float:
    """The share of the commonest answer."""
    return Counter(_plain(q.answer) for q in questions).most_common(1)[0][1] / len(questions)


def sample(questions: Sequence[Question], n: int, seed: int = 0) -> list[Question]:
    """At most n questions, as many of each family as there are, the same for every network."""
    rng = np.random.default_rng(seed)
    families = defaultdict(list)
    for i in rng.permutation(len(questions)):
        families[questions[i].family].append(questions[i])
    each = max(1, n // max(len(families), 1))
    return [q for family in sorted(families) for q in families[family][:each]]


def pictures(data: Data, questions: Sequence[Question]) -> list[NDArray[np.uint8]]:
    """The picture of each question, from the stills or else from its file."""
    stills = Snapshots(data, "test")
    found = []
    for q in questions:
        if q.snapshot in stills.index:
            found.append(stills.array(stills.index[q.snapshot], "images")[CAMERAS.index(q.camera)])
        else:
            path = next(p for f in folders(data) if (p := f / "questions" / q.image).is_file())
            found.append(np.asarray(Image.open(path).convert("RGB")))
    return found


def write_accuracy(folder: Path, model: ChatVLA, processor: Processor, data: Data, n: int) -> dict[str, Accuracy]:
    """Asks n of the data's questions/test.jsonl; writes folder/questions.json."""
    policy = ChatVLAPolicy(model, processor)
    questions = sample(questions_of(data, "test"), n)
    table = accuracy_by_family(policy, questions, pictures(data, questions))
    (folder / "questions.json").write_text(json.dumps({k: asdict(v) for k, v in table.items()}, indent=1) + "\n")
    return table


def _per_entry(lists: Sequence[Question], said: Sequence[str], unseeing: Sequence[str]) -> Accuracy:
    entries = [e for q in lists for e in _entries(q.answer)]
    commonest = Counter(entries).most_common(1)[0][1]
    seeing, blind = (sum(len(_entries(a) & _entries(q.answer)) for q, a in zip(lists, x, strict=True)) for x in (said, unseeing))
    return Accuracy(len(entries), seeing / len(entries), commonest / len(entries), blind / len(entries))


def _answers(
    policy: Answers, questions: Sequence[Question], images: Sequence[NDArray[np.uint8]], batch_size: int
) -> list[str]:
    answers: list[str] = []
    for start in range(0, len(questions), batch_size):
        part = slice(start, start + batch_size)
        asked = questions[part]
        answers += policy.answer_batch(images[part], [q.question for q in asked], [q.camera for q in asked])
    return answers


def _entries(text: str) -> set[str]:
    return {_plain(entry) for entry in text.split(",")}


def _plain(text: str) -> str:
    return text.strip().rstrip(".").lower()
