"""Tasks on the table top (ChatVLA, tasks 20, 21, 23, 25)."""

from __future__ import annotations

from envs.objects.ball_and_can import HEIGHT as CAN_HEIGHT
from envs.objects.lid_box import HEIGHT as BOX_HEIGHT
from envs.objects.lid_box import SKIRT
from envs.objects.plates import SURFACE
from envs.skills.place import Place
from envs.types import Fixture, ObjectGroup, Region, Step, Task

_BANANA = Place("banana", "plate", at=(0, 0.02, SURFACE))
BANANA_TO_PLATE = Task(
    name="banana_to_plate",
    scene="tabletop",
    instruction="Move the banana onto the plate.",
    fixtures=(Fixture("plate", ("white_plate", "blue_plate", "green_plate"), (0.55, 0.0), jitter=0.03, test_kinds=("grey_plate", "orange_plate")),),
    objects=(
        ObjectGroup(
            "banana", 1, ("banana", "ripe_banana", "small_banana"), ("banana", "green_banana"),
            Region((0.42, 0.66), (0.17, 0.30), (-1.4, 1.4)), numbered=False,
        ),
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
    test_paraphrases=("Bring the banana to the plate.", "The banana belongs on the plate."),
)  # fmt: skip

_BREAD = Place("bread", "plate", at=(0, 0, SURFACE))
BREAD_TO_EMPTY_PLATE = Task(
    name="bread_to_empty_plate",
    scene="tabletop",
    instruction="Move the bread to the empty plate.",
    fixtures=(
        Fixture("plate", ("white_plate", "blue_plate", "green_plate"), (0.53, 0.20), jitter=0.02, test_kinds=("grey_plate", "orange_plate")),
        Fixture("full_plate", ("white_plate", "blue_plate", "green_plate"), (0.53, -0.20), jitter=0.02, test_kinds=("grey_plate", "orange_plate")),
    ),
    objects=(
        ObjectGroup("bread", 1, ("bread_roll", "bread_loaf"), ("bread_bun", "bread_loaf"), Region((0.42, 0.64), (-0.03, 0.03), (-0.8, 0.8)), numbered=False),
        ObjectGroup("fruit", 1, ("red_apple", "green_apple", "banana", "orange"), region=Region((-0.01, 0.01), (-0.01, 0.01), (-1.5, 1.5), on="full_plate", height=SURFACE, fixed=True)),
    ),
    steps=(Step(_BREAD.predicate, _BREAD, "Put the {object} on the empty plate.", ("Move the {object} to the empty plate.", "The {goal} is empty: put the {object} there.")),),
    finished="The bread is on the empty plate.",
    time_limit_s=20,
    paraphrases=("Put the bread on the empty plate.", "Place the bread on the plate that is empty."),
    test_paraphrases=("Bring the bread to the plate that is empty.",),
)  # fmt: skip

_BALL = Place("ball", "can", at=(0, 0, CAN_HEIGHT - 0.016), within=True, carry=0.15)
BALL_TO_CAN = Task(
    name="ball_to_can",
    scene="tabletop",
    instruction="Move the tennis ball to the tennis can.",
    fixtures=(Fixture("can", ("blue_can", "black_can", "green_can"), (0.54, -0.24), jitter=0.03, test_kinds=("red_can", "blue_can")),),
    objects=(
        ObjectGroup("ball", 1, ("tennis_ball", "small_tennis_ball"), ("tennis_ball", "bright_tennis_ball"), Region((0.42, 0.66), (-0.08, 0.22)), numbered=False),
    ),
    steps=(Step(_BALL.predicate, _BALL, "Put the {object} into the {goal}.", ("Drop the {object} into the {goal}.", "Move the {object} over the {goal} and let it go.")),),
    finished="The tennis ball is in the can.",
    time_limit_s=20,
    paraphrases=("Put the tennis ball into the tennis can.", "Drop the tennis ball into the can."),
    test_paraphrases=("Move the ball into the tennis can.",),
)  # fmt: skip

_LID = Place("lid", "table", at=(0.54, -0.03, SKIRT), carry=BOX_HEIGHT + 0.05)
TAKE_LID = Task(
    name="take_lid",
    scene="tabletop",
    instruction="Take away the lid of the box and put it on the table.",
    fixtures=(Fixture("box", ("red_lidded_box", "blue_lidded_box", "green_lidded_box"), (0.54, 0.25), jitter=0.05, test_kinds=("white_lidded_box", "green_lidded_box")),),
    objects=(
        ObjectGroup("lid", 1, ("red_lid", "blue_lid", "wooden_lid"), ("white_lid", "wooden_lid"), Region((-0.001, 0.001), (-0.001, 0.001), (-0.01, 0.01), on="box", height=BOX_HEIGHT + 0.0002, fixed=True), numbered=False),
    ),
    steps=(Step(_LID.predicate, _LID, "Take the {object} off the box and put it on the {goal}.", ("Lift the {object} off and lay it on the {goal}.",)),),
    finished="The box is open and its lid lies on the table.",
    time_limit_s=20,
    paraphrases=("Take the lid off the box and put it on the table.", "Open the box and put its lid on the table."),
    test_paraphrases=("Put the lid of the box on the table.",),
)  # fmt: skip

TASKS = (BANANA_TO_PLATE, BREAD_TO_EMPTY_PLATE, BALL_TO_CAN, TAKE_LID)
