"""Makes a set of scene questions: `python -m experiments.vqa.make env=all split=test scenes=4 out=outputs/vqa`.

    outputs/vqa/
      scene.jsonl             LLaVA JSONL of the test split; of the training split train_a.jsonl and train_b.jsonl, the families of either group
      pictures/               320x240 PNG
      vlmevalkit/*.tsv        the same questions for VLMEvalKit and whatever reads its files
      card_test.json          how it was made, and how many questions of each family there are
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from envs.imaging import encode_png
from envs.llava import balanced, write_jsonl
from envs.names import GROUPS, TASK_NAMES, checked_name
from envs.types import CAMERAS, Split, Trial
from experiments.provenance import versions
from experiments.vqa.tsv import write_tsvs
from policy.arguments import parse, usage

MODULE = "experiments.vqa.make"
SEED = 3_000_000  # apart from every episode, every collected still (1,000,000) and the questions of stage=evaluate (2,000,000)
MADE_UP, FROM_RUN = 4, 4  # moments of each layout: arrangements, and stops of the expert's run


@dataclass(frozen=True)
class MakeOptions:
    """`scenes`: layouts of each task. `drawn`: pictures of ring 0."""

    env: str = "all"
    split: str = "test"
    scenes: int = 4
    drawn: int = 40
    seed: int = 0
    out: str = "outputs/vqa"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that `env` names."""
        return TASK_NAMES if self.env == "all" else GROUPS.get(self.env) or tuple(self.env.strip("[]").split(","))


@dataclass
class Made:
    """Records and the pictures that they name, (240, 320, 3) uint8 RGB by file."""

    records: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


def questions_of(env_name: str, split: Split, index: int, seed: int, env: Any) -> Made:
    """All questions about one layout of one task, each moment seen by one camera."""
    # The simulator is imported where it is used.
    from envs.vqa.families import ask
    from envs.vqa.moments import expert_run, made_up
    from envs.vqa.records import Picture, held_out, records

    trial = Trial(env_name, index, SEED + seed, split)
    rng, made = trial.rng("questions"), Made()
    for number, moment in enumerate((*made_up(env, trial, MADE_UP), *expert_run(env, trial, FROM_RUN))):
        camera = CAMERAS[int(rng.integers(len(CAMERAS)))]
        file = f"pictures/{env_name}_{split}_{seed}_{index:04d}_{number}_{camera}.png"
        picture = Picture(moment.scene, split, camera, file, {"env": env_name, "seed": seed, "trial": index})
        asked = records(ask(moment.view(camera), rng), picture, held_out(moment.facts), rng)
        if asked:
            made.records += asked
            made.pictures[file] = moment.images[camera]
    return made


def drawn_questions(split: Split, count: int, seed: int) -> Made:
    """Questions about `count` pictures of ring 0, each a scene of its own."""
    from envs.vqa.drawn import drawn
    from envs.vqa.records import Picture, records

    made = Made()
    for i in range(count):
        rng = Trial("drawn", i, SEED + seed, split).rng("questions")
        picture = drawn(rng, split)
        file = f"pictures/drawn_{split}_{seed}_{i:05d}.png"
        made.records += records(picture.asked, Picture(f"drawn_{split}_{seed}_{i:05d}", split, "left", file, {"env": "drawn", "seed": seed, "trial": i}), frozenset(), rng)
        made.pictures[file] = picture.image
    return made


def all_questions(options: MakeOptions) -> Iterator[Made]:
    """Layout after layout of every task, then the drawn pictures."""
    from envs.sim_env import SimEnv

    split: Split = "test" if options.split == "test" else "train"
    for name in options.tasks:
        env = SimEnv(name)
        for index in range(options.scenes):
            yield questions_of(name, split, index, options.seed, env)
        env.close()
    yield drawn_questions(split, options.drawn, options.seed)


def make(options: MakeOptions, console: Console | None = None) -> dict[str, Any]:
    """Write the set; returns its card.

    Raises:
        ValueError: no such task, group or split.
    """
    for task in options.tasks:
        checked_name(task, (*TASK_NAMES, *GROUPS, "all"), "env")
    checked_name(options.split, ("train", "test"), "split")
    out = Path(options.out)
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    total = len(options.tasks) * options.scenes + 1
    found: list[dict[str, Any]] = []
    for made in track(all_questions(options), "questions", total, console=console or Console(stderr=True)):
        for file, image in made.pictures.items():
            (out / file).write_bytes(encode_png(image))
        found += made.records
    kept = balanced(found, np.random.default_rng(options.seed))
    for name, records in _files(kept, options.split).items():
        write_jsonl(out / f"{name}.jsonl", records)
    if options.split == "test":
        write_tsvs(out / "vlmevalkit", kept, out)
    card = {"options": asdict(options), "versions": versions(), "questions": len(kept), "pictures": len({r["image"][0] for r in kept}),
            "scenes": len({r["meta"]["scene"] for r in kept}), "families": counts(kept)}  # fmt: skip
    (out / f"card_{options.split}.json").write_text(json.dumps(card, indent=1) + "\n")
    return card


def counts(records: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Family -> number of questions."""
    return dict(sorted(Counter(r["meta"]["family"] for r in records).items()))


def _files(records: list[dict[str, Any]], split: str) -> dict[str, list[dict[str, Any]]]:
    if split == "test":
        return {"scene": records}
    return {f"train_{group.lower()}": [r for r in records if r["meta"]["group"] == group] for group in "AB"}


def main(argv: Sequence[str]) -> int:
    """Make a set; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, MakeOptions)}\n{__doc__}")
        return 0
    try:
        options = parse(argv, MODULE, MakeOptions)
        card = make(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{card['questions']} questions about {card['pictures']} pictures of {card['scenes']} scenes in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
