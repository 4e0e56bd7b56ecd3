"""Tasks on the table top (ChatVLA, tasks 20, 21, 23, 25)."""

from __future__ import annotations

from envs.layout import Apart
from envs.objects.ball_and_can import HEIGHT as CAN_HEIGHT
from envs.objects.lid_box import HEIGHT as BOX_HEIGHT
from envs.objects.lid_box import SKIRT
from envs.objects.plates import SURFACE
from envs.predicates import AllOf, Flat
from envs.skills.place import Place
from envs.types import Fixture, ObjectGroup, Region, Step, Task

PLATES, TEST_PLATES = ("white_plate", "blue_plate", "green_plate"), ("grey_plate", "orange_plate", "white_plate")
APPLES = ("red_apple", "green_apple")
BLOCKS = ("red_block", "blue_block", "purple_block")

_BANANA = Place("banana", "plate", at=(0, 0, SURFACE))
BANANA_TO_PLATE = Task(
    name="banana_to_plate",
    scene="tabletop",
    instruction="Move the banana onto the plate.",
    fixtures=(Fixture("plate", PLATES, (0.55, 0.0), jitter=0.03, test_kinds=TEST_PLATES),),
    objects=(
        ObjectGroup(
            "banana", 1, ("banana", "ripe_banana", "small_banana"), ("banana", "green_banana"),
            Region((0.40, 0.68), (-0.30, 0.30), (-1.4, 1.4)), numbered=False,
        ),
        ObjectGroup("other", 2, (*APPLES, "orange", "tennis_ball", *BLOCKS), region=Region((0.38, 0.68), (-0.34, 0.34))),
    ),
    steps=(
        Step(
            _BANANA.predicate, _BANANA, "Put the {object} on the {goal}.",
            ("Lay the {object} onto the {goal}.", "Move the {object} to the {goal}."),
        ),
    ),
    finished="The banana is on the plate.",
    time_limit_s=20,
    paraphrases=("Put the banana on the plate.", "Place the banana on the plate.", "Lay the banana on the plate."),
    test_paraphrases=("Bring the banana to the plate.", "Take the banana and put it on the plate."),
    accepts=Apart((("plate", 0.20), ("banana", 0.13))),
)  # fmt: skip

_BREAD = Place("bread", "plate", at=(0, 0, SURFACE))
BREAD_TO_EMPTY_PLATE = Task(
    name="bread_to_empty_plate",
    scene="tabletop",
    instruction="Move the bread to the empty plate.",
    fixtures=(
        Fixture("plate", PLATES, (0.56, 0.21), jitter=0.02, test_kinds=TEST_PLATES),
        Fixture("full_plate", PLATES, (0.56, -0.21), jitter=0.02, test_kinds=TEST_PLATES),
    ),
    objects=(
        ObjectGroup(
            "bread", 1, ("bread_roll", "bread_loaf"), ("bread_bun", "bread_loaf"),
            Region((0.42, 0.68), (-0.04, 0.04), (-0.8, 0.8)), numbered=False,
        ),
        ObjectGroup(
            "fruit", 1, (*APPLES, "orange", "banana"), numbered=False,
            region=Region((-0.015, 0.015), (-0.015, 0.015), (-1.5, 1.5), on="full_plate", height=SURFACE, fixed=True),
        ),
        ObjectGroup("other", 1, ("tennis_ball", *BLOCKS), region=Region((0.38, 0.70), (-0.05, 0.05))),
    ),
    steps=(
        Step(
            _BREAD.predicate, _BREAD, "Put the {object} on the empty {plate}.",
            ("There is a {fruit} on the {full_plate}: put the {object} on the other plate.", "Move the {object} to the empty plate."),
        ),
    ),
    finished="The bread is on the empty plate.",
    time_limit_s=20,
    paraphrases=("Put the bread on the empty plate.", "Place the bread on the plate that is empty."),
    test_paraphrases=("Move the bread to the plate that is empty.", "Put the bread on the plate with nothing on it."),
    shuffled=("plate", "full_plate"),
)  # fmt: skip

_BALL = Place("ball", "can", at=(0, 0, CAN_HEIGHT - 0.010), within=True, carry=CAN_HEIGHT + 0.03)  # the fingertips stay above the rim
BALL_TO_CAN = Task(
    name="ball_to_can",
    scene="tabletop",
    instruction="Move the tennis ball to the tennis can.",
    fixtures=(Fixture("can", ("blue_can", "black_can", "green_can"), (0.54, -0.22), jitter=0.04, test_kinds=("red_can", "blue_can")),),
    objects=(
        ObjectGroup(
            "ball", 1, ("tennis_ball", "small_tennis_ball"), ("tennis_ball", "bright_tennis_ball"),
            Region((0.40, 0.68), (-0.10, 0.26)), numbered=False,
        ),
        ObjectGroup("other", 1, (*APPLES, "orange", "bread_roll", *BLOCKS), region=Region((0.40, 0.68), (-0.05, 0.30))),
    ),
    steps=(
        Step(
            _BALL.predicate, _BALL, "Put the {object} into the {goal}.",
            ("Drop the {object} into the {goal}.", "Hold the {object} over the {goal} and let it go."),
        ),
    ),
    finished="The tennis ball is in the can.",
    time_limit_s=20,
    paraphrases=("Put the tennis ball into the tennis can.", "Drop the tennis ball into the can."),
    test_paraphrases=("Move the ball into the can.", "Put the ball into the tennis can."),
    accepts=Apart((("can", 0.14),)),
)  # fmt: skip

_LID = Place("lid", "table", at=(0.54, -0.03, SKIRT), carry=BOX_HEIGHT + 0.045, lift=0.009)
TAKE_LID = Task(
    name="take_lid",
    scene="tabletop",
    instruction="Take away the lid of the box and put it on the table.",
    fixtures=(
        Fixture(
            "box", ("red_lidded_box", "blue_lidded_box", "green_lidded_box"), (0.54, 0.24), jitter=0.05,
            test_kinds=("white_lidded_box", "green_lidded_box"), turn=0.25,
        ),
    ),
    objects=(
        ObjectGroup(
            "lid", 1, ("red_lid", "blue_lid", "wooden_lid"), ("white_lid", "wooden_lid"), numbered=False,
            region=Region((-0.001, 0.001), (-0.001, 0.001), (-0.005, 0.005), on="box", height=BOX_HEIGHT + 0.0002, fixed=True),
        ),
        ObjectGroup("other", 2, (*APPLES, "orange", "tennis_ball", "bread_roll", *BLOCKS), region=Region((0.40, 0.68), (-0.32, -0.18))),
    ),
    steps=(
        Step(
            AllOf((_LID.predicate, Flat("lid"))), _LID, "Take the {object} off the {box} and put it on the {goal}.",
            ("Lift the {object} off the {box} and lay it on the {goal}.", "Put the {object} of the {box} on the {goal}."),
        ),
    ),
    finished="The box is open and its lid lies on the table.",
    time_limit_s=20,
    paraphrases=("Take the lid off the box and put it on the table.", "Open the box and put its lid on the table."),
    test_paraphrases=("Put the lid of the box on the table.", "Lift the lid off the box and lay it on the table."),
)  # fmt: skip

TASKS = (BANANA_TO_PLATE, BREAD_TO_EMPTY_PLATE, BALL_TO_CAN, TAKE_LID)
