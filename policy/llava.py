"""Visual-text data in LLaVA's format as rows of training: dialogues about a picture, or about none.

A record has `conversations` (turns of `human` and `gpt`) and mostly an `image`. Of long dialogues the first turn and four
others are kept (ChatVLA-2, supplement C), in their order; pictures are brought to 320x240 whatever their shape, as in
ChatVLA's loader. A record that cannot be read is written down, counted, and another drawn in its place.

    python -m policy.llava FILE --images FOLDER     # reads every record and picture, and tells what is broken
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console

from policy.collate import DialogueRow
from policy.llava_index import BrokenRecord, LlavaIndex
from policy.progress import counted

SIZE = (320, 240)  # width, height
TURNS = 5
TRIES = 100  # records that may be broken one after the other
PICTURE_MARK = "<image>"
ROLES = ("human", "gpt")


@dataclass(frozen=True)
class LlavaRows:
    """Draws `count` rows of each batch from the records of an index; what it skips is appended to `skipped`."""

    index: LlavaIndex
    images: Path
    count: int
    skipped: Path
    _told: set[int] = field(default_factory=set, compare=False)

    def row(self, rng: np.random.Generator) -> DialogueRow:
        """A dialogue.

        Raises:
            ValueError: a hundred records in a row could not be read.
        """
        for _ in range(TRIES):
            number = int(rng.integers(len(self.index)))
            try:
                record = self.index.record(number)
                return dialogue(record, self.images, rng)
            except BrokenRecord as error:
                self._tell(number, str(error))
        raise ValueError(
            f"{TRIES} records of {self.index.path} in a row cannot be read; see {self.skipped}, and whether "
            f"train.images={self.images} is the folder that the records' pictures are in"
        )

    def _tell(self, number: int, why: str) -> None:
        if number not in self._told:
            self._told.add(number)
            with self.skipped.open("a") as file:
                file.write(json.dumps({"record": number, "why": why}) + "\n")


def dialogue(record: dict[str, Any], images: Path, rng: np.random.Generator) -> DialogueRow:
    """A record as a row.

    Raises:
        BrokenRecord: it has no dialogue, or its picture is missing or broken.
    """
    turns = kept(dialogue_turns(record), rng)
    name = record.get("image")
    if isinstance(name, list):
        if len(name) != 1:
            raise BrokenRecord(f"{len(name)} pictures, expected one")
        name = name[0]
    return DialogueRow(picture(images / str(name)) if name else None, turns)


def dialogue_turns(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """(what was asked, what was answered), in order, without the mark of the picture.

    Raises:
        BrokenRecord: the turns are not of a human and an assistant by turns, or one is empty.
    """
    spoken = record.get("conversations")
    if not isinstance(spoken, list) or len(spoken) < 2:
        raise BrokenRecord("no conversations")
    spoken = spoken[: len(spoken) // 2 * 2]  # a last question without an answer teaches nothing
    texts = []
    for i, turn in enumerate(spoken):
        if not isinstance(turn, dict) or turn.get("from") != ROLES[i % 2]:
            raise BrokenRecord(f"turn {i} is not by '{ROLES[i % 2]}'")
        texts.append(str(turn.get("value") or "").replace(PICTURE_MARK, "").strip())
        if not texts[-1]:
            raise BrokenRecord(f"turn {i} is empty")
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def kept(turns: tuple[tuple[str, str], ...], rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    """The first turn and at most four others, in their order."""
    if len(turns) <= TURNS:
        return turns
    others = np.sort(rng.choice(np.arange(1, len(turns)), TURNS - 1, replace=False))
    return (turns[0], *(turns[i] for i in others))


def picture(path: Path) -> NDArray[np.uint8]:
    """(240, 320, 3) uint8 RGB.

    Raises:
        BrokenRecord: it is missing or cannot be decoded.
    """
    try:
        with Image.open(path) as file:
            return np.asarray(file.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
    except FileNotFoundError as error:
        raise BrokenRecord(f"no picture {path.name}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BrokenRecord(f"picture {path.name} is broken: {error}") from error


def check(index: LlavaIndex, images: Path) -> Counter[str]:
    """Reads every record and picture; counts those that can be used and, by their cause, those that cannot."""
    found: Counter[str] = Counter()
    rng = np.random.default_rng(0)
    for number in counted(range(len(index)), "records"):
        try:
            row = dialogue(index.record(number), images, rng)
            found["with a picture" if row.image is not None else "without a picture"] += 1
        except BrokenRecord as error:
            found[" ".join(word for word in str(error).split(":")[0].split() if "." not in word and not word.isdigit())] += 1
    return found


def skipped_count(path: Path) -> int:
    """How many different records were skipped."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return len({json.loads(line)["record"] for line in lines})


def main() -> None:
    """Check a file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON lines, or an array of records")
    parser.add_argument("--images", type=Path, help="folder of the pictures (default: the file's)")
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        try:
            index = LlavaIndex.of(args.file, Path(folder))
        except (ValueError, FileNotFoundError) as error:
            parser.error(str(error))
        console = Console()
        for what, count in check(index, args.images or args.file.parent).most_common():
            console.print(f"{count:9,} {what}", highlight=False)


if __name__ == "__main__":
    main()
