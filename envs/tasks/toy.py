"""Tasks on the toy table (ChatVLA, tasks 1-10)."""

from __future__ import annotations

from envs.predicates import AtLeast
from envs.skills.pick_place import PickPlace
from envs.skills.skill import FirstUnmet
from envs.types import Fixture, ObjectGroup, Region, Step, Task

ANIMALS = ("duck", "pig", "frog", "elephant")
BLOCKS = ("red_block", "orange_block", "blue_block", "purple_block")
BOX = Fixture("box", ("box",), (0.54, 0.345))
PUT = "Put the {object} into the {goal}."
PUT_PHRASES = ("Place the {object} in the {goal}.", "The {object} goes into the {goal}.")
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
        Step(AtLeast(n, tuple(s.predicate for s in _SORT)), FirstUnmet(_SORT), PUT)
        for n in range(1, 5)
    ),
    finished="All toys are sorted.",
    time_limit_s=60,
)

BOX_RIGHT = Fixture("box", ("box",), (0.54, -0.345))
CLEANED = ("brick_block_42", "navy_block_42", "olive_block_42", "lemon_block_42")  # shades and a size that only tests show
_CLEAN = (PickPlace("block_0", "box"), PickPlace("block_1", "box"))

CLEAN_BLOCKS = Task(
    name="clean_blocks",
    scene="toy",
    instruction="Clean building blocks to the box.",
    fixtures=(BOX_RIGHT,),
    objects=(
        ObjectGroup("block", 2, (*BLOCKS, "green_block_44", "yellow_block_44"), CLEANED, Region((0.40, 0.68), (-0.145, 0.22))),
    ),
    steps=tuple(
        Step(AtLeast(n, tuple(s.predicate for s in _CLEAN)), FirstUnmet(_CLEAN), PUT, PUT_PHRASES) for n in range(1, 3)
    ),
    finished="All blocks are in the box.",
    time_limit_s=30,
    paraphrases=("Clean up the building blocks.", "Put the blocks into the box.", "Tidy the blocks away into the box."),
    test_paraphrases=("Clear the building blocks into the box.", "All the blocks go into the box."),
)

TASKS = (SORT_TOYS, CLEAN_BLOCKS)
