"""Tasks with blocks that are stacked (ChatVLA, tasks 2 and 24)."""

from __future__ import annotations

from envs.predicates import AllOf
from envs.skills.skill import FirstUnmet
from envs.skills.stack import PlaceOn
from envs.types import ObjectGroup, Region, Step, Task

ANY_YAW = (-0.6, 0.6)
STACK_PHRASES = ("Set the {object} down on the {goal}.", "The {object} goes on top of the {goal}.")


def _one(name: str, kinds: tuple[str, ...], test_kinds: tuple[str, ...], x: tuple[float, float], y: tuple[float, float]) -> ObjectGroup:
    return ObjectGroup(name, 1, kinds, test_kinds, Region(x, y, ANY_YAW), numbered=False)


_ORANGE, _PINK = PlaceOn("orange_block", "yellow_block", aligned=True), PlaceOn("pink_block", "orange_block", aligned=True)

STACK_CUBES = Task(
    name="stack_cubes",
    scene="toy",
    instruction="Stack building blocks.",
    fixtures=(),
    objects=(
        _one("yellow_block", ("yellow_block_50", "yellow_block_54"), ("lemon_block_48", "lemon_block_52"), (0.44, 0.62), (-0.06, 0.06)),
        _one("orange_block", ("orange_block_40", "orange_block_44"), ("amber_block_38", "amber_block_42"), (0.40, 0.64), (-0.27, -0.12)),
        _one("pink_block", ("pink_block_28", "pink_block_32"), ("rose_block_27", "rose_block_30"), (0.40, 0.64), (0.12, 0.27)),
    ),
    steps=(
        Step(_ORANGE.predicate, _ORANGE, "Put the {object} on the {goal}.", STACK_PHRASES),
        Step(
            AllOf((_ORANGE.predicate, _PINK.predicate)), FirstUnmet((_ORANGE, _PINK)), "Put the {object} on the {goal}.",
            STACK_PHRASES,
        ),
    ),
    finished="The blocks are stacked.",
    time_limit_s=40,
    paraphrases=("Stack the building blocks.", "Pile up the blocks.", "Build a tower of the blocks."),
    test_paraphrases=("Put the building blocks on top of each other.", "Make a stack of the building blocks."),
)  # fmt: skip

_GREEN = PlaceOn("green_cube", "pink_cube", aligned=True)

STACK_GREEN_ON_PINK = Task(
    name="stack_green_on_pink",
    scene="tabletop",
    instruction="Stack the green cube onto the pink cube.",
    fixtures=(),
    objects=(
        _one(
            "green_cube", ("green_cube_40", "green_cube_44", "mint_cube_40", "mint_cube_44"), ("olive_cube_38", "olive_cube_42"),
            (0.40, 0.66), (-0.24, -0.06),
        ),
        _one("pink_cube", ("pink_cube_40", "pink_cube_44"), ("rose_cube_38", "rose_cube_42"), (0.40, 0.66), (0.06, 0.24)),
    ),
    steps=(Step(_GREEN.predicate, _GREEN, "Put the {object} on the {goal}.", STACK_PHRASES),),
    finished="The green cube is on the pink cube.",
    time_limit_s=25,
    paraphrases=("Put the green cube on the pink cube.", "Stack the green block on top of the pink one.", "Place the green cube on the pink one."),
    test_paraphrases=("The green cube belongs on top of the pink cube.", "Set the green cube onto the pink one."),
)  # fmt: skip

TASKS = (STACK_CUBES, STACK_GREEN_ON_PINK)
