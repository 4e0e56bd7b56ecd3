"""Notebook 03's recovery curve: what a forgetful network relearns of families that nobody teaches it, beside its two controls.

    python -m experiments.notebooks.recovered known=CHECKPOINT forgotten=CHECKPOINT robot_only=CHECKPOINT data=FOLDER env=clean_blocks

known: the network before robot data; forgotten: the same after it; robot_only: one that learnt the robot data from scratch.
All three have one vocabulary: before robot_only is trained, the tokenizer.json of `known` is copied into its train.out.
The control from scratch is made here. Writes `notebooks/results/recovery.csv`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from experiments.asking import Asked, accuracy, evaluate_answers, scene_questions
from experiments.errors import UsageError
from experiments.forgetting.recovery import Curve, Recovery, language_teacher, recovery, with_families
from experiments.notebooks.execute import ROOT
from experiments.notebooks.studies import RESULTS
from policy.arguments import parse, usage
from policy.chatvla import ChatVLA
from policy.inference import ChatVLAPolicy
from policy.processor import Processor
from policy.rows import Batches
from policy.stages import Mixture, Stage

MODULE, FILE = "experiments.notebooks.recovered", "recovery.csv"
# Of the families of `envs.questions`; what is asked is none of what is taught, and neither holds the other's answers.
TAUGHT, HELD = ("exists", "colour", "count", "cell", "done"), ("where", "inside", "which", "left_of", "next", "holding")
FORGOTTEN, SCRATCH, ROBOT = "after robot data", "from scratch", "robot alone, never answered"
CONTROLS = (SCRATCH, ROBOT)
KNOWN = "before robot data"
ROWS, LR = 8, 1e-3  # understanding rows of a batch; AdamW


@dataclass(frozen=True)
class Options:
    """steps: how often all three are asked; questions: how many, of the families that are not taught."""

    known: str = "policy/checkpoints/chatvla_tiny"
    forgotten: str = ""
    robot_only: str = ""
    data: str = "outputs/ablation/data"
    env: str = "clean_blocks"
    steps: str = "0,10,25,50,100"
    questions: int = 200
    out: str = str((RESULTS / FILE).relative_to(ROOT))


def measure(options: Options) -> Recovery:
    """All three curves and A0.

    Raises:
        UsageError: a checkpoint is not given, or has another vocabulary.
    """
    if missing := [name for name in ("forgotten", "robot_only") if not getattr(options, name)]:
        raise UsageError(f"{missing[0]}= is missing; expected {usage(MODULE, Options)}")
    known, forgotten, robot_only = (ChatVLAPolicy.from_pretrained(getattr(options, name)) for name in ("known", "forgotten", "robot_only"))
    for name, policy in (("forgotten", forgotten), ("robot_only", robot_only)):
        if policy.processor.tokenizer.get_vocab() != known.processor.tokenizer.get_vocab():
            raise UsageError(f"{name}={getattr(options, name)} has other words than known={options.known}; copy the tokenizer.json of that into train.out before it is trained")
    torch.manual_seed(0)
    scratch = ChatVLA(forgotten.model.config, forgotten.model.stats)
    asked = [a for a in scene_questions(options.env, 0, 2 * options.questions) if a.family in HELD][: options.questions]
    stage = Stage("recovery", Mixture(understanding=ROWS), 1, LR)
    with tempfile.TemporaryDirectory() as folder:
        data = with_families(Path(options.data), Path(folder) / "data", TAUGHT)
        batches = Batches(data, forgotten.processor, stage)
        return recovery(
            share(known.model, known.processor, asked), forgotten.model, scratch, robot_only.model,
            language_teacher(batches.batch, LR), asker(forgotten.processor, asked), [int(k) for k in options.steps.split(",")],
        )  # fmt: skip


def asker(processor: Processor, asked: Sequence[Asked]) -> Callable[[nn.Module], float]:
    """Asks a network and gives the share of right answers."""
    return lambda model: share(model, processor, asked)


def share(model: nn.Module, processor: Processor, asked: Sequence[Asked]) -> float:
    """The share of questions that a network answers rightly."""
    assert isinstance(model, ChatVLA)
    told = accuracy(asked, evaluate_answers(ChatVLAPolicy(model, processor), asked))["overall"]
    return told["correct"] / told["n"]


def table(found: Recovery) -> pd.DataFrame:
    """Columns name, step, accuracy: the curves, and A0 as a curve that does not move."""
    parts = [(FORGOTTEN, found.forgotten), (SCRATCH, found.scratch), (ROBOT, found.robot_only)]
    rows = [(name, step, right) for name, curve in parts for step, right in zip(curve.steps, curve.accuracy, strict=True)]
    rows += [(KNOWN, step, found.known) for step in found.forgotten.steps]
    return pd.DataFrame(rows, columns=["name", "step", "accuracy"])


def curves(path: Path = RESULTS / FILE) -> pd.DataFrame:
    """What `table` wrote; no rows where it has not been run."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["name", "step", "accuracy"])


def shares(found: pd.DataFrame) -> pd.DataFrame:
    """By step: the share of what was lost that has come back, and what the network saves over the better control."""
    if not len(found):
        return pd.DataFrame(columns=["came back", "savings"])
    of = {name: Curve(tuple(part["step"]), tuple(part["accuracy"])) for name, part in found.groupby("name")}
    told = Recovery(of[KNOWN].accuracy[0], of[FORGOTTEN], of[SCRATCH], of[ROBOT])
    rows = [(step, told.spurious_share(step), told.savings(step)) for step in told.forgotten.steps]
    return pd.DataFrame(rows, columns=["step", "came back", "savings"]).set_index("step").round(2)


def main(argv: Sequence[str]) -> int:
    """Measure and write; exit code 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, Options)}\n\n{__doc__}\n{Options.__doc__}")
        return 0
    try:
        options = parse(argv, MODULE, Options)
        found = table(measure(options))
    except ValueError as error:  # of the options, or of curves that say nothing
        print(error, file=sys.stderr)
        return 2
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(options.out, index=False)
    print(shares(found).to_string(), options.out, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
