"""Tasks with mugs (ChatVLA, tasks 12, 15, 22)."""

from __future__ import annotations

import numpy as np

from envs.objects.mugs import TEST_MUGS, TRAIN_MUGS
from envs.objects.shelf import BOTTOM
from envs.objects.washbasin import FLOOR
from envs.scenes.kitchen import SHELF, TABLECLOTH
from envs.skills.hang import Hang
from envs.skills.turn_over import TurnOver
from envs.tasks.bathroom import WASHBASIN
from envs.types import Fixture, ObjectGroup, Region, Step, Task

RACK = Fixture("rack", ("wooden_rack", "white_rack"), (0.485, 0.305), yaw=-np.pi / 2, test_kinds=("wooden_rack", "black_rack"))
ON_TABLE = Region(x=(0.43, 0.59), y=(-0.20, 0.00), yaw=(-0.9, 0.9))

_HANG = Hang("mug", "rack")
HANG_CUP = Task(
    name="hang_cup",
    scene="tabletop",
    instruction="Hang on the cup.",
    paraphrases=(
        "Hang the cup on the rack.",
        "Put the mug on a hook of the rack.",
        "Hang up the mug.",
        "Take the cup and hang it on the rack on the left.",
    ),
    test_paraphrases=("Hang the mug on the rack on the left.", "Put the cup on the hook."),
    fixtures=(RACK,),
    objects=(ObjectGroup("mug", 1, TRAIN_MUGS, TEST_MUGS, ON_TABLE, numbered=False),),
    steps=(
        Step(
            _HANG.predicate,
            _HANG,
            "Hang the {object} on a hook of the {goal}.",
            ("Put the handle of the {object} over the hook.", "Bring the {object} to the {goal} and hang it up."),
        ),
    ),
    finished="The mug hangs on the rack.",
    time_limit_s=30,
)

# Upside down on the bottom board, near its front edge, the handle to the back or to a side.
ON_SHELF = Region((-0.035, 0.055), (0.01, 0.055), (-np.pi / 2 - 0.6, -np.pi / 2 + 1.2), on="shelf", height=BOTTOM, upside_down=True, fixed=True)

_TURN = TurnOver("mug", "tablecloth", "shelf", at=(0.02, -0.12))
FLIP_CUP = Task(
    name="flip_cup",
    scene="kitchen",
    instruction="Flip the cup and place it on the tablecloth.",
    paraphrases=(
        "Turn the cup over and put it on the tablecloth.",
        "Take the mug from the bottom of the shelf, turn it over and stand it on the tablecloth.",
        "Flip the mug onto the tablecloth.",
    ),
    test_paraphrases=("Put the cup on the tablecloth the right way up.", "Take the cup from the shelf and flip it onto the tablecloth."),
    fixtures=(SHELF, TABLECLOTH),
    objects=(ObjectGroup("mug", 1, TRAIN_MUGS, TEST_MUGS, ON_SHELF, numbered=False),),
    steps=(
        Step(
            _TURN.predicate,
            _TURN,
            "Turn the {object} over and place it on the {goal}.",
            ("Take the {object} from the shelf and stand it on the {goal}, the right way up.", "Flip the {object} and put it on the {goal}."),
            "Flip the cup and place it on the tablecloth.",
        ),
    ),
    finished="The mug stands on the tablecloth.",
    time_limit_s=30,
)

HOOK_SHELF = Fixture(
    "shelf", ("white_hook_shelf", "wooden_hook_shelf"), (0.795, 0.0), jitter=0.01, height=0.285, test_kinds=("walnut_hook_shelf", "white_hook_shelf")
)
IN_SINK = Region((-0.06, 0.0), (-0.08, 0.06), (-0.9, 0.9), on="washbasin", height=FLOOR)

_HANG_SHELF = Hang("cup", "shelf", back=0.08)
HANG_CUP_BATHROOM = Task(
    name="hang_cup_bathroom",
    scene="bathroom",
    instruction="Pick up the cup and hang it on the shelf.",
    paraphrases=(
        "Take the cup out of the sink and hang it on the shelf.",
        "Hang the cup on a hook of the shelf.",
        "Pick up the mug and hang it up before the mirror.",
    ),
    test_paraphrases=("Hang the cup from the sink on the shelf.", "The cup belongs on the hook under the shelf."),
    fixtures=(WASHBASIN, HOOK_SHELF),
    objects=(ObjectGroup("cup", 1, TRAIN_MUGS, TEST_MUGS, IN_SINK, numbered=False),),
    steps=(
        Step(
            _HANG_SHELF.predicate,
            _HANG_SHELF,
            "Hang the {object} on a hook of the {goal}.",
            ("Take the {object} out of the washbasin and hang it on the {goal}.", "Put the handle of the {object} over the hook."),
        ),
    ),
    finished="The cup hangs on the shelf.",
    time_limit_s=30,
)

TASKS = (HANG_CUP, HANG_CUP_BATHROOM, FLIP_CUP)
