"""Tasks on the toy table (ChatVLA, tasks 1-10)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.predicates import AtLeast
from envs.skills.drawer import IntoDrawer, PullOpen, PushShut
from envs.skills.pick_place import PickPlace
from envs.skills.skill import FirstUnmet
from envs.tasks.compose import composed
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
DRAWER = Fixture("drawer", CHESTS, (0.46, 0.345), -np.pi / 2, test_kinds=TEST_CHESTS)  # its front to the right
OPENED_DRAWER = replace(DRAWER, travel=(0.88, 1.0))
DOLLS, TEST_DOLLS = ("red_doll", "blue_doll", "purple_doll"), ("green_doll", "yellow_doll")
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
    objects=(ObjectGroup("toy", 1, TOYS, TEST_TOYS, Region((0.40, 0.66), (-0.20, -0.03)), numbered=False),),
    steps=(OPEN, FILL, CLOSE),
    finished="The toy is in the closed drawer.",
    time_limit_s=45,
    paraphrases=("Put the toy into the drawer.", "Put the toy away in the drawer.", "The toy goes into the drawer."),
    test_paraphrases=("Place the toy inside the drawer and close it.", "Put the toy in the drawer and shut the drawer."),
)

FRONT = Region((0.40, 0.68), (-0.145, -0.02))  # of the table before the drawer
CENTRE = Region((0.40, 0.66), (-0.145, 0.20), (-0.4, 0.4))
IN_BASKET = Region((0.015, 0.040), (-0.045, 0.045), on="basket", height=0.005, fixed=True)
IN_DRAWER = Region((0.130, 0.165), (-0.02, 0.02), (np.pi / 2 - 0.3, np.pi / 2 + 0.3), on="drawer", height=0.026, fixed=True)


def _single(name: str, kinds: tuple[str, ...], test_kinds: tuple[str, ...], region: Region) -> ObjectGroup:
    return ObjectGroup(name, 1, kinds, test_kinds, region, numbered=False)


def _orange(region: Region) -> ObjectGroup:
    return _single("block", ("orange_block", "orange_block_44"), ("amber_block_38", "amber_block_42"), region)


def _doll(region: Region) -> ObjectGroup:
    return _single("toy", DOLLS, TEST_DOLLS, region)


_BLOCK = PickPlace("block", "basket")

BLOCK_TO_BASKET = Task(
    name="block_to_basket",
    scene="toy",
    instruction="Move the orange block to the basket.",
    fixtures=(DRAWER, BASKET),
    objects=(_orange(FRONT), _doll(FRONT)),
    steps=(Step(_BLOCK.predicate, _BLOCK, PUT, PUT_PHRASES),),
    finished="The block is in the basket.",
    time_limit_s=20,
    paraphrases=("Put the orange block into the basket.", "Place the orange block in the basket.", "Take the orange block to the basket."),
    test_paraphrases=("The orange block belongs in the basket.", "Bring the orange block to the basket."),
)

OPEN_DRAWER = Task(
    name="open_drawer",
    scene="toy",
    instruction="Open the drawer.",
    fixtures=(DRAWER, BASKET),
    objects=(_orange(IN_BASKET), _doll(FRONT)),
    steps=(OPEN,),
    finished="The drawer is open.",
    time_limit_s=15,
    paraphrases=("Pull the drawer open.", "Pull out the drawer.", "Open the drawer by its handle."),
    test_paraphrases=("Slide the drawer open.", "Grip the handle and open the drawer."),
)

TOY_INTO_DRAWER = Task(
    name="toy_into_drawer",
    scene="toy",
    instruction="Put the toy into the drawer.",
    fixtures=(OPENED_DRAWER, BASKET),
    objects=(_orange(IN_BASKET), _doll(FRONT)),
    steps=(FILL,),
    finished="The toy is in the drawer.",
    time_limit_s=20,
    paraphrases=("Put the doll into the open drawer.", "Move the toy to the drawer.", "Lay the toy in the open drawer."),
    test_paraphrases=("The toy goes into the open drawer.", "Drop the doll into the drawer."),
)

CLOSE_DRAWER = Task(
    name="close_drawer",
    scene="toy",
    instruction="Close the drawer.",
    fixtures=(OPENED_DRAWER, BASKET),
    objects=(_orange(IN_BASKET), _doll(IN_DRAWER)),
    steps=(CLOSE,),
    finished="The drawer is closed.",
    time_limit_s=15,
    paraphrases=("Push the drawer shut.", "Shut the drawer.", "Push the drawer closed."),
    test_paraphrases=("Slide the drawer shut.", "Push the drawer in until it is closed."),
)

TIDY_UP = composed(
    "tidy_up",
    "Move the block to the basket then put the toy into the drawer.",
    (BLOCK_TO_BASKET, OPEN_DRAWER, TOY_INTO_DRAWER, CLOSE_DRAWER),
    (DRAWER, BASKET),
    (_orange(FRONT), _doll(FRONT)),
    "Everything is tidy.",
    ("Put the block into the basket, then put the toy into the drawer.", "Tidy up the block and the toy.", "Clear the block into the basket and the toy into the drawer."),
    ("First the block goes into the basket, then the toy into the drawer.", "Tidy away the block and then the toy."),
)  # fmt: skip


def _semicircle(region: Region = CENTRE) -> ObjectGroup:
    kinds, tests = ("red_semicircle_64", "green_semicircle_68", "blue_semicircle_64"), ("brick_semicircle_60", "sky_semicircle_66")
    return _single("semicircle", kinds, tests, region)


def _rectangle(region: Region = CENTRE) -> ObjectGroup:
    kinds, tests = ("yellow_rectangle_76", "blue_rectangle_76", "orange_rectangle_76"), ("lemon_rectangle_70", "navy_rectangle_70")
    return _single("rectangle", kinds, tests, region)


_HALF, _BRICK = PickPlace("semicircle", "basket"), PickPlace("rectangle", "basket")

SEMICIRCLE_TO_BASKET = Task(
    name="semicircle_to_basket",
    scene="toy",
    instruction="Move the semi-circle block to the basket.",
    fixtures=(BASKET,),
    objects=(_semicircle(), _rectangle()),
    steps=(Step(_HALF.predicate, _HALF, PUT, PUT_PHRASES),),
    finished="The semi-circle block is in the basket.",
    time_limit_s=20,
    paraphrases=("Put the semi-circle block into the basket.", "Place the half-round block in the basket.", "Take the semi-circle block to the basket on the right."),
    test_paraphrases=("The semi-circle block belongs in the basket.", "Bring the half-round block to the basket."),
)  # fmt: skip

RECTANGLE_TO_BASKET = Task(
    name="rectangle_to_basket",
    scene="toy",
    instruction="Move the rectangle block to the basket.",
    fixtures=(BASKET,),
    objects=(_semicircle(IN_BASKET), _rectangle()),
    steps=(Step(_BRICK.predicate, _BRICK, PUT, PUT_PHRASES),),
    finished="The rectangle block is in the basket.",
    time_limit_s=20,
    paraphrases=("Put the rectangle block into the basket.", "Place the rectangular block in the basket.", "Take the rectangle block to the basket on the right."),
    test_paraphrases=("The rectangle block belongs in the basket.", "Bring the rectangular block to the basket."),
)  # fmt: skip

TWO_BLOCKS = composed(
    "two_blocks",
    "Move two blocks to the basket sequentially.",
    (SEMICIRCLE_TO_BASKET, RECTANGLE_TO_BASKET),
    (BASKET,),
    (_semicircle(), _rectangle()),
    "Both blocks are in the basket.",
    ("Put the two blocks into the basket one after the other.", "Move both blocks to the basket.", "Put both blocks into the basket, one by one."),
    ("One after the other, the two blocks go into the basket.", "Bring both blocks to the basket."),
)  # fmt: skip

TASKS = (
    SORT_TOYS, CLEAN_BLOCKS, TOY_IN_DRAWER, BLOCK_TO_BASKET, OPEN_DRAWER, TOY_INTO_DRAWER, CLOSE_DRAWER, TIDY_UP,
    SEMICIRCLE_TO_BASKET, RECTANGLE_TO_BASKET, TWO_BLOCKS,
)  # fmt: skip
