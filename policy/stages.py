"""The stages of training as data: what is mixed, what is frozen, what is learnt, for how long.

Of `chatvla_*`, stages 1 and 2 are ChatVLA's (robot with reasoning and the understanding expert frozen, then both 3:1). The others are
ours. 0 stands for the pretraining that a tiny network lacks. 3 is ChatVLA-2's second stage (network frozen, action
expert trained on), here on cached conditions, since a head needs many more updates than the network can afford on two
cores (research/policy_probe.md: 6/40 -> 39/40). 4 trains the understanding expert alone, which no action depends on:
from 86.1 to 89.1 % of 1,200 questions, every action as before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from policy.config import ExpertKind
from policy.experts import Route

Schedule = Literal["constant", "cosine", "trapezoid"]


@dataclass(frozen=True)
class Mixture:
    """Rows of each kind in every batch: a quota, not a chance. Robot and grounding rows are control rows."""

    robot: int = 0
    grounding: int = 0
    understanding: int = 0

    @property
    def rows(self) -> int:
        """All rows of a batch."""
        return self.robot + self.grounding + self.understanding


@dataclass(frozen=True)
class Stage:
    """One `fit`.

    lr_end: where "cosine" ends. frozen: names in `policy.freezing.PARTS`. route: None sends control rows to the control
    expert; "understanding" sends all rows to the understanding expert, "dense" to the one that experts are copied from.
    copy_expert: the experts start as copies of that one when the stage begins. words: dense words at image tokens. references: texts a grounding row asks for, its
    own included. features: train the action head alone, on cached conditions, in batches of `mixture.robot`.
    control_shift_px: how far augmentation moves a control row's pictures at most; unlike the labels of questions, its
    labels are in metres and stay. From one checkpoint, 300 steps at 4 px left a median error of 1.0 cm on held-out
    scenes, at 1 px 0.7. word_dropout: share of the words that training questions lose, so that reading does not hang
    on a few wordings (after stage 0 without it: "where in the picture is the duck?" a cell, but "in the picture, where
    is the duck?", kept out of training, "table"). recolour: share of the things in grounding rows that get another
    colour, in words too, and of the robot rows whose pictures get another hue.
    """

    name: str
    mixture: Mixture
    steps: int
    lr: float
    schedule: Schedule = "constant"
    warmup: int = 0
    optimizer: Literal["muon", "adamw"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-7
    frozen: tuple[str, ...] = ()
    route: Route | None = None
    copy_expert: bool = False
    words: bool = False
    references: int = 1
    features: bool = False
    ema: float = 0.999
    augment: bool = True
    control_shift_px: int = 1
    word_dropout: float = 0.0
    recolour: float = 0.0
    share_of_minutes: float = 0.0  # of TrainConfig.minutes, when that is set
    lr_end: float = 0.0


def learning_rate(stage: Stage, step: int, progress: float) -> float:
    """The rate at `step`, of which `progress` (0-1) says how far the stage has come."""
    warm = min(1.0, (step + 1) / stage.warmup) if stage.warmup else 1.0
    x = min(max(progress, 0.0), 1.0)
    if stage.schedule == "cosine":
        end = stage.lr_end / stage.lr
        shape = end + (1 - end) * 0.5 * (1 + math.cos(math.pi * x))
    elif stage.schedule == "trapezoid":  # constant for half, then linear to 5 % (research/vlm_probe.md)
        shape = 0.05 + 0.95 * min(1.0, 2 * (1 - x))
    else:
        shape = 1.0
    return stage.lr * warm * shape


_TINY = {"optimizer": "muon", "lr": 2e-3, "warmup": 100, "betas": (0.9, 0.95), "eps": 1e-8, "schedule": "trapezoid"}

TINY_STAGES: tuple[Stage, ...] = (
    Stage("0_ground", Mixture(grounding=8, understanding=8), 4000, route="understanding", words=True, references=4,
          frozen=("control_expert", "head"), share_of_minutes=0.4, **_TINY),  # type: ignore[arg-type]
    Stage("1_control", Mixture(robot=12, grounding=4), 300, copy_expert=True, words=True, references=4,
          frozen=("understanding_expert",), share_of_minutes=0.08, **_TINY),  # type: ignore[arg-type]
    Stage("2_cotrain", Mixture(robot=9, grounding=3, understanding=4), 2200, words=True, references=4, word_dropout=0.15,
          share_of_minutes=0.22, **_TINY),  # type: ignore[arg-type]
    Stage("3_head", Mixture(robot=64), 3000, 1e-3, "cosine", 100, "adamw", (0.9, 0.95), 1e-8,
          frozen=("all_but_head",), features=True, augment=False, share_of_minutes=0.2),
    Stage("4_answer", Mixture(understanding=16), 2400, route="understanding", words=True, word_dropout=0.15,
          frozen=("all_but_understanding_expert",), share_of_minutes=0.2, **_TINY),  # type: ignore[arg-type]
)  # fmt: skip

# ChatVLA, table 5 and released scripts (research/policy.md 1.4): global batch 128, AdamW (0.9, 0.98), eps 1e-7, no averaging.
PAPER_STAGES: tuple[Stage, ...] = (
    Stage("1_control", Mixture(robot=128), 8000, 2e-5, "constant", copy_expert=True, frozen=("understanding_expert",), ema=0),
    Stage("2_cotrain", Mixture(robot=96, understanding=32), 10000, 2e-5, "cosine", ema=0),
)

# ChatVLA-2 (supplement C.1): co-training, then the VLM frozen and the action expert trained on; cosine to a tenth. Batch
# and mixture are ChatVLA's, AdamW's settings too: the source names none of them. It trains in float16 (train.precision).
CHATVLA2_STAGES: tuple[Stage, ...] = (
    Stage("1_cotrain", Mixture(robot=96, understanding=32), 15_000, 2e-5, "cosine", copy_expert=True, lr_end=2e-6),
    Stage("2_action", Mixture(robot=128), 50_000, 2e-5, "cosine", 3000, frozen=("vlm",), lr_end=2e-6),
)

# The same after our stage 0, in which the experts are still the one network that they will be copies of. The reasoning
# module is a part of the head, so that the second stage trains both on cached states of the frozen network.
CHATVLA2_TINY_STAGES: tuple[Stage, ...] = (
    Stage("0_ground", Mixture(grounding=8, understanding=8), 4000, route="dense", words=True, references=4,
          frozen=("head",), share_of_minutes=0.4, **_TINY),  # type: ignore[arg-type]
    Stage("1_cotrain", Mixture(robot=9, grounding=3, understanding=4), 2500, copy_expert=True, words=True, references=4,
          word_dropout=0.15, share_of_minutes=0.4, **_TINY),  # type: ignore[arg-type]
    Stage("2_action", Mixture(robot=64), 3000, 1e-3, "cosine", 180, "adamw", (0.9, 0.95), 1e-8,
          frozen=("all_but_head",), features=True, augment=False, share_of_minutes=0.2, lr_end=1e-4),
)  # fmt: skip

EXPERT_PARTS = ("understanding_expert", "control_expert")


def for_experts(stages: tuple[Stage, ...], kind: ExpertKind) -> tuple[Stage, ...]:
    """The stages for a network with other experts.

    Where no expert is the task's own, none is frozen for it, rows that all go to one expert go to the one that the others
    are copied from, and a stage that trains the understanding expert alone is left out: every action would depend on it.
    """
    if kind == "static":
        return stages
    kept = [s for s in stages if "all_but_understanding_expert" not in s.frozen]
    return tuple(
        replace(s, frozen=tuple(p for p in s.frozen if p not in EXPERT_PARTS), route=s.route and "dense") for s in kept
    )


# The other systems at the tiny size: the same grounding, one stage of robot data, and where the head reads one vector the
# same long training of the head alone. None of the sources has a stage 0; a trunk without pretraining needs one.
_ROBOT = Mixture(robot=12, grounding=4)


def _tiny_baseline(head: bool, references: int, train: Mixture, head_stage: bool) -> tuple[Stage, ...]:
    ground, _, cotrain, alone, *_ = TINY_STAGES
    return (
        replace(ground, route=None, references=references, frozen=("head",) if head else ()),
        replace(cotrain, name="1_train", mixture=train, references=references),
        *([replace(alone, name="2_head")] if head_stage else []),
    )


_VECTOR = _tiny_baseline(True, 4, _ROBOT, True)
_SILENT = _tiny_baseline(True, 1, _ROBOT, True)  # no text, so no other text could ask for another object
_FLOW = _tiny_baseline(True, 1, _ROBOT, False)
_SPOKEN = _tiny_baseline(False, 1, _ROBOT, False)
_SPOKEN_COTRAINED = _tiny_baseline(False, 1, TINY_STAGES[2].mixture, False)
# DiVLA and DexVLA at their size: robot data with reasoning, one stage (policy.md 3.1); pi0: section 3.6.
_FULL = (Stage("1_train", Mixture(robot=128), 50_000, 2e-5, "cosine", 500),)
_PI0 = (Stage("1_train", Mixture(robot=32), 30_000, 2.5e-5, "cosine", 1000, betas=(0.9, 0.95), eps=1e-8, ema=0.99),)

# OpenVLA's full training (policy.md 3.3; steps are ours, as data sets differ) and ECoT's 80k steps of it. RT-2's share of
# questions, half, is near that of its larger network.
_OPENVLA = (Stage("1_train", Mixture(robot=256), 50_000, 2e-5, betas=(0.9, 0.999), eps=1e-8, ema=0),)
_ECOT = (replace(_OPENVLA[0], steps=80_000),)
_RT2 = (replace(_OPENVLA[0], mixture=Mixture(robot=128, understanding=128)),)
# TinyVLA (policy.md 3.2): the rate is that of its adapters, so that train.lora belongs to it; its words stay as they are.
_TINYVLA = (Stage("1_train", Mixture(robot=256), 10_000, 2e-4, "cosine", 50, frozen=("embeddings",), ema=0),)
# Octo's fine-tuning (policy.md 3.4); T5 is frozen, and at the tiny size, where nobody has trained it before, learns too.
_OCTO = (Stage("1_train", Mixture(robot=256), 50_000, 3e-4, "cosine", 2000, betas=(0.9, 0.999), eps=1e-8, frozen=("word_encoder",), ema=0),)
_OCTO_TINY = (replace(TINY_STAGES[2], name="1_train", mixture=Mixture(robot=16), words=False, references=1), replace(TINY_STAGES[3], name="2_head"))
# No words at image tokens on these trunks, whose pictures are squares of other cells.
_UNGUIDED = replace(TINY_STAGES[2], name="1_train", mixture=Mixture(robot=12, understanding=4), words=False, references=1)

STAGES: Mapping[str, tuple[Stage, ...]] = {
    "chatvla_tiny": TINY_STAGES,
    "chatvla_2b": PAPER_STAGES,
    "chatvla_7b": PAPER_STAGES,
    "chatvla2_2b": CHATVLA2_STAGES,
    "chatvla2_tiny": CHATVLA2_TINY_STAGES,
    "chatvla_paligemma_tiny": TINY_STAGES,
    "chatvla_paligemma_3b": PAPER_STAGES,
    **dict.fromkeys(("divla_tiny", "dexvla_tiny"), _VECTOR),
    **dict.fromkeys(("tinyvla_tiny", "octo_tiny"), _SILENT),
    "pi0_tiny": _FLOW,
    **dict.fromkeys(("openvla_tiny", "ecot_tiny"), _SPOKEN),
    "rt2_tiny": _SPOKEN_COTRAINED,
    **dict.fromkeys(("divla_2b", "dexvla_2b"), _FULL),
    "pi0_3b": _PI0,
    "openvla_7b": _OPENVLA,
    "ecot_7b": _ECOT,
    "rt2_7b": _RT2,
    **dict.fromkeys(("tinyvla_s", "tinyvla_b", "tinyvla_h"), _TINYVLA),
    **dict.fromkeys(("octo_small", "octo_base"), _OCTO),
    "openvla_prismatic_tiny": (_UNGUIDED,),
    "tinyvla_pythia_tiny": (_UNGUIDED, replace(TINY_STAGES[3], name="2_head")),
    "octo_t5_tiny": _OCTO_TINY,
}
