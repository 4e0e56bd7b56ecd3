"""Tasks with mugs (ChatVLA, tasks 12, 15, 22)."""

from __future__ import annotations

import numpy as np

from envs.objects.mugs import TEST_MUGS, TRAIN_MUGS
from envs.skills.hang import Hang
from envs.types import Fixture, ObjectGroup, Region, Step, Task

RACK = Fixture("rack", ("wooden_rack", "white_rack"), (0.46, 0.325), yaw=-np.pi / 2, test_kinds=("wooden_rack", "black_rack"))
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

TASKS = (HANG_CUP,)
