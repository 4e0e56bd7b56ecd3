"""Tasks on the toy table (ChatVLA, tasks 1-10)."""

from __future__ import annotations

from envs.predicates import AtLeast
from envs.skills.pick_place import PickPlace
from envs.skills.skill import FirstUnmet
from envs.types import Fixture, ObjectGroup, Step, Task

ANIMALS = ("duck", "pig", "frog", "elephant")
BLOCKS = ("red_block", "orange_block", "blue_block", "purple_block")
BOX = Fixture("box", ("box",), (0.54, 0.345))
BASKET = Fixture("basket", ("basket",), (0.54, -0.345))

_SORT = (
    PickPlace("animal_0", "box"),
    PickPlace("animal_1", "box"),
    PickPlace("block_0", "basket"),
    PickPlace("block_1", "basket"),
)

SORT_TOYS = Task(
    name="sort_toys",
    scene="toy",
    instruction="Sort toys.",
    fixtures=(BOX, BASKET),
    objects=(ObjectGroup("animal", 2, ANIMALS), ObjectGroup("block", 2, BLOCKS)),
    steps=tuple(
        Step(AtLeast(n, tuple(s.predicate for s in _SORT)), FirstUnmet(_SORT), "Put the {object} into the {goal}.")
        for n in range(1, 5)
    ),
    finished="All toys are sorted.",
    time_limit_s=60,
    paraphrases=(
        "Sort the toys.",
        "Put the animals into the box and the blocks into the basket.",
        "Tidy up the toys: animals into the box, blocks into the basket.",
        "Put all the toys where they belong.",
    ),
    test_paraphrases=(
        "Put the blocks into the basket and the animals into the box.",
        "Sort the animals into the box and the blocks into the basket.",
        "Tidy up: put all toys where they belong.",
    ),
)

TASKS = (SORT_TOYS,)
