"""Tasks on the toy table (ChatVLA, tasks 1-10)."""

from __future__ import annotations

from envs.predicates import AtLeast
from envs.skills import FirstUnmet, PickPlace
from envs.types import ObjectGroup, Step, Task

ANIMALS = ("duck", "pig", "frog", "elephant")
BLOCKS = ("red_block", "orange_block", "blue_block", "purple_block")

_SORT = FirstUnmet((
    PickPlace("animal_0", "box"),
    PickPlace("animal_1", "box"),
    PickPlace("block_0", "basket"),
    PickPlace("block_1", "basket"),
))  # fmt: skip

SORT_TOYS = Task(
    name="sort_toys",
    scene="toy",
    instruction="Sort toys.",
    objects=(ObjectGroup("animal", 2, ANIMALS), ObjectGroup("block", 2, BLOCKS)),
    steps=tuple(Step(AtLeast(n, _SORT.goals), _SORT, "Put the {object} into the {container}.") for n in range(1, 5)),
    finished="All toys are sorted.",
    time_limit_s=60,
)
