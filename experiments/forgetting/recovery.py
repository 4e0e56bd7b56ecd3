"""Whether what was forgotten is lost: a few steps on other families bring back what is only out of reach.

A network that answered (A0) and after robot data does not (A1) is taught k steps on families of group A and asked those
of group B. What comes back may also be learnt anew, so the same k steps are given to two controls: a network from scratch,
and one trained on the robot alone that never answered. Spurious share S_k = (A_k - A1) / (A0 - A1); savings = A_k - the
better control's A_k. True loss: savings near 0, whatever S_k says (research/understanding.md, section 5; after Zheng et
al., ICLR 2025, arXiv:2501.13453).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from policy.batch import Batch

Teach = Callable[[int], None]  # does one step on batch number k
Teacher = Callable[[nn.Module], Teach]
Evaluate = Callable[[nn.Module], float]  # accuracy on families that nobody teaches

STEPS = (0, 10, 50, 200)


@dataclass(frozen=True)
class Curve:
    """`accuracy[i]` after `steps[i]` steps of teaching; the first is 0."""

    steps: tuple[int, ...]
    accuracy: tuple[float, ...]

    def at(self, step: int) -> float:
        """The accuracy after so many steps.

        Raises:
            ValueError: it was not asked then.
        """
        if step not in self.steps:
            raise ValueError(f"no accuracy after {step} steps; the curve has {', '.join(map(str, self.steps))}")
        return self.accuracy[self.steps.index(step)]


@dataclass(frozen=True)
class Recovery:
    """`known`: accuracy A0 before forgetting. The curves of the forgetful network and of the two controls."""

    known: float
    forgotten: Curve
    scratch: Curve
    robot_only: Curve

    def __post_init__(self) -> None:
        steps = {c.steps for c in (self.forgotten, self.scratch, self.robot_only)}
        if len(steps) > 1:
            raise ValueError(f"the curves have different steps {sorted(steps)}; teach all three alike")

    def spurious_share(self, step: int) -> float:
        """S_k: 0 nothing has come back, 1 all of it.

        Raises:
            ValueError: nothing had been forgotten.
        """
        lost = self.known - self.forgotten.at(0)
        if lost <= 0:
            raise ValueError(f"accuracy was {self.known:.3f} before and {self.forgotten.at(0):.3f} after: nothing was forgotten that could come back")
        return (self.forgotten.at(step) - self.forgotten.at(0)) / lost

    def savings(self, step: int) -> float:
        """How much better than the better control."""
        return self.forgotten.at(step) - max(self.scratch.at(step), self.robot_only.at(step))


def recovery_curve(model: nn.Module, teacher: Teacher, evaluate: Evaluate, steps: Sequence[int] = STEPS) -> Curve:
    """Teaches a copy of the network and asks it after each of `steps`; the network itself stays as it is.

    Raises:
        ValueError: steps that do not rise from 0.
    """
    if list(steps) != sorted(set(steps)) or not steps or steps[0] != 0:
        raise ValueError(f"steps are {tuple(steps)}; expected rising numbers from 0, such as {STEPS}")
    pupil = copy.deepcopy(model)
    teach, accuracy, done = teacher(pupil), [], 0
    for step in steps:
        pupil.train()
        for number in range(done, step):
            teach(number)
        done = step
        pupil.eval()
        accuracy.append(evaluate(pupil))
    return Curve(tuple(steps), tuple(accuracy))


def recovery(
    known: float, forgotten: nn.Module, scratch: nn.Module, robot_only: nn.Module, teacher: Teacher, evaluate: Evaluate,
    steps: Sequence[int] = STEPS,
) -> Recovery:  # fmt: skip
    """All three curves with the same lessons in the same order."""
    return Recovery(known, *(recovery_curve(m, teacher, evaluate, steps) for m in (forgotten, scratch, robot_only)))


def language_teacher(batch: Callable[[int], Batch], lr: float) -> Teacher:
    """Teaches answers alone: AdamW on the language loss of `batch(number)`, the same batches for every pupil."""

    def teacher(model: nn.Module) -> Teach:
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr)

        def teach(number: int) -> None:
            optimizer.zero_grad(set_to_none=True)
            model(batch(number))["lm"].backward()
            optimizer.step()

        return teach

    return teacher


def with_families(data: Path, out: Path, families: Iterable[str]) -> Path:
    """A data folder as `policy.rows.Batches` reads it, whose training questions are of these families alone.

    Everything else is linked, not copied.

    Raises:
        ValueError: a family of which there is no question.
    """
    wanted = set(families)
    lines = (data / "questions" / "train.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["meta"]["family"] in wanted]
    if missing := wanted - {json.loads(line)["meta"]["family"] for line in kept}:
        raise ValueError(f"{data} has no training question of {', '.join(sorted(missing))}")
    (out / "questions").mkdir(parents=True)
    (out / "questions" / "train.jsonl").write_text("".join(kept))
    for path in data.iterdir():
        if path.name != "questions":
            (out / path.name).symlink_to(path.resolve())
    (out / "questions" / "test.jsonl").symlink_to((data / "questions" / "test.jsonl").resolve())
    return out
