"""Tasks of ChatVLA-2: equations on a whiteboard, spatial relations."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from envs.layout import CLEAR_X, CLEAR_Y, Layout
from envs.objects import KINDS
from envs.objects.cards import DIGITS, STAND_TOP, board_name, equations, held_out, value
from envs.skills.beside import RELATIONS, PlaceBeside, beside, place_beside
from envs.skills.place import Place
from envs.skills.skill import FirstUnmet, Skill
from envs.types import Fixture, ObjectGroup, Region, Split, Step, Task
from envs.world import World

TRAIN_EQUATIONS = tuple(e for e in equations() if not held_out(e))
TEST_EQUATIONS = tuple(e for e in equations() if held_out(e))
CARDS = tuple(f"card_{d}" for d in DIGITS)


def answer(world_or_layout: World | Layout, board: str = "board") -> str:
    """The role of the card that answers the board's equation; empty where none does."""
    layout = world_or_layout.layout if isinstance(world_or_layout, World) else world_or_layout
    wanted = str(value(KINDS[layout.placed(board).kind].text))
    return next((o.role for o in layout.objects if KINDS[o.kind].text == wanted), "")


def answerable(layout: Layout, split: Split) -> bool:
    """Whether a card answers the equation."""
    return answer(layout) != ""


@dataclass(frozen=True)
class Answered:
    """The card that answers the board's equation lies on the stand, let go of, and no other card does."""

    cards: tuple[str, ...]
    stand: str

    def __call__(self, world: World) -> bool:
        right = answer(world)
        others = [c for c in self.cards if c != right]
        return Place(right, self.stand).predicate(world) and not any(world.touching(c, self.stand) for c in others)

    def __str__(self) -> str:
        return f"the card that answers the equation lies on the {self.stand}, let go of, and no other card"


@dataclass(frozen=True)
class PlaceAnswer(FirstUnmet):
    """Of several skills, one a card, the one whose card answers the equation."""

    def current(self, world: World) -> Skill | None:
        right = answer(world)
        return next((s for s in self.skills if s.object == right and not s.reached(world)), None)

    def open(self, world: World) -> tuple[Skill, ...]:
        return tuple(filter(None, (self.current(world),)))


_CARDS = ObjectGroup("card", 4, CARDS, region=Region((0.42, 0.68), (-0.30, 0.05), (-0.25, 0.25)))
MATH_MATCHING = Task(
    name="math_matching",
    scene="tabletop",
    instruction="Pick the card that answers the equation and put it on the stand.",
    fixtures=(
        Fixture("board", tuple(map(board_name, TRAIN_EQUATIONS)), (0.36, 0.20), -0.05, 0.01, test_kinds=tuple(map(board_name, TEST_EQUATIONS))),
        Fixture("stand", ("answer_stand",), (0.52, 0.21), jitter=0.015),
    ),
    objects=(_CARDS,),
    steps=(
        Step(
            Answered(_CARDS.roles, "stand"),
            PlaceAnswer(tuple(Place(role, "stand", (0, 0, STAND_TOP)) for role in _CARDS.roles)),
            "The board says {board_text}, the answer is {object_text}: pick the {object}.",
            (
                "{board_text} = {object_text}: put the {object} on the {goal}.",
                "The equation is {board_text} and the answer {object_text}: pick the {object}.",
            ),
        ),
    ),
    finished="The equation is answered.",
    time_limit_s=20,
    paraphrases=("Put the answer of the equation on the stand.", "Solve the equation: put the right card on the stand."),
    test_paraphrases=("Put the card that answers the equation on the stand.", "Pick the right card and put it on the stand."),
    accepts=answerable,
)  # fmt: skip

TOYS = ("duck", "pig", "frog", "red_block", "blue_block", "orange_block", "tennis_ball", "red_apple")
HELD_OUT_TOYS = ("elephant", "purple_block", "green_apple")
REACH_X, REACH_Y = (0.37, 0.72), 0.30  # m, where the object may be set down


def pair_held_out(toy: str, relation: str, target: str) -> bool:
    """Whether only test trials ask for this kind of object in this relation to that kind of target."""
    return toy in HELD_OUT_TOYS or target in HELD_OUT_TOYS or zlib.crc32(f"{toy}/{relation}/{target}".encode()) % 4 == 0


def placeable(layout: Layout, split: Split) -> bool:
    """Whether no two things are alike, the pair is one of this split, and its spot is free and not yet taken."""
    kinds = [o.kind for o in layout.objects]
    toy, target, relation = layout.placed("object"), layout.placed("target"), dict(layout.choices)["relation"]
    if len(set(kinds)) < len(kinds) or pair_held_out(toy.kind, relation, target.kind) != (split == "test"):
        return False
    x, y = spot = place_beside(np.array(target.pos), relation)
    others = [np.abs(o.pos - spot) for o in layout.objects if o.role not in ("object", "target")]
    free = REACH_X[0] < x < REACH_X[1] and abs(y) < REACH_Y and all(d[0] > CLEAR_X or d[1] > CLEAR_Y for d in others)
    return free and not beside(np.array(toy.pos), np.array(target.pos), relation)


_BESIDE = PlaceBeside("object", "target")
_ANYWHERE = Region((0.40, 0.68), (-0.22, 0.22))
TOY_PLACEMENT = Task(
    name="toy_placement",
    scene="tabletop",
    instruction="Pick the {object} and place it {relation} the {target}.",
    fixtures=(),
    objects=tuple(
        ObjectGroup(role, 1, TOYS, (*TOYS, *HELD_OUT_TOYS), _ANYWHERE, numbered=False) for role in ("object", "target", "other")
    ),
    steps=(
        Step(
            _BESIDE.predicate, _BESIDE, "Put the {object} {relation} the {target}.",
            ("Move the {object} next to the {target}: {relation} it.", "The {object} goes {relation} the {target}."),
        ),
    ),
    finished="The {object} is {relation} the {target}.",
    time_limit_s=20,
    paraphrases=("Put the {object} {relation} the {target}.", "Place the {object} {relation} the {target}."),
    test_paraphrases=("Pick the {object} and put it {relation} the {target}.",),
    choices=(("relation", tuple(RELATIONS)),),
    accepts=placeable,
)  # fmt: skip

TASKS: tuple[Task, ...] = (MATH_MATCHING, TOY_PLACEMENT)
