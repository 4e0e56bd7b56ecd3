"""Tasks on the toy table (ChatVLA, tasks 1-10)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.predicates import AtLeast
from envs.skills.drawer import IntoDrawer, PullOpen, PushShut
from envs.skills.pick_place import PickPlace
from envs.skills.skill import FirstUnmet
from envs.types import Fixture, ObjectGroup, Region, Step, Task

ANIMALS = ("duck", "pig", "frog", "elephant")
BLOCKS = ("red_block", "orange_block", "blue_block", "purple_block")
BOX = Fixture("box", ("box",), (0.54, 0.345))
BASKET = Fixture("basket", ("basket",), (0.54, -0.345))
PUT = "Put the {object} into the {goal}."
PUT_PHRASES = ("Place the {object} in the {goal}.", "The {object} goes into the {goal}.")

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

CHESTS, TEST_CHESTS = ("drawer_oak", "drawer_walnut", "drawer_blue"), ("drawer_cherry", "drawer_sage")
DRAWER = Fixture("drawer", CHESTS, (0.50, 0.39), -np.pi / 2, test_kinds=TEST_CHESTS)  # its front to the right
OPEN_DRAWER_FIXTURE = replace(DRAWER, travel=(0.88, 1.0))
DOLLS, TEST_DOLLS = ("red_doll", "blue_doll", "purple_doll"), ("green_doll",)
TOYS, TEST_TOYS = (*ANIMALS, *DOLLS), (*TEST_DOLLS, "white_duck", "blue_frog", "purple_elephant")
_PULL, _FILL, _PUSH = PullOpen("drawer"), IntoDrawer("toy", "drawer"), PushShut("drawer", full="toy")
OPEN = Step(_PULL.predicate, _PULL, "Pull the {object} open by its handle.", ("Open the {object}.", "Grip the handle and pull the {object} open."))
FILL = Step(_FILL.predicate, _FILL, PUT, PUT_PHRASES)
CLOSE = Step(_PUSH.predicate, _PUSH, "Push the {object} shut.", ("Close the {object}.", "Push the {object} closed with the fingers."))

TOY_IN_DRAWER = Task(
    name="toy_in_drawer",
    scene="toy",
    instruction="Place the toy in the drawer.",
    fixtures=(DRAWER,),
    objects=(ObjectGroup("toy", 1, TOYS, TEST_TOYS, Region((0.40, 0.66), (-0.20, 0.0)), numbered=False),),
    steps=(OPEN, FILL, CLOSE),
    finished="The toy is in the closed drawer.",
    time_limit_s=45,
    paraphrases=("Put the toy into the drawer.", "Put the toy away in the drawer.", "The toy goes into the drawer."),
    test_paraphrases=("Place the toy inside the drawer and close it.", "Put the toy in the drawer and shut the drawer."),
)

TASKS = (SORT_TOYS, CLEAN_BLOCKS, TOY_IN_DRAWER)
