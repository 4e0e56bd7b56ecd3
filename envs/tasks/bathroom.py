"""Tasks in the bathroom (ChatVLA, tasks 14, 16, 17)."""

from __future__ import annotations

from envs.objects.soap import DISH_FLOOR
from envs.objects.towel import RAIL_Z
from envs.objects.washbasin import FLOOR
from envs.predicates import Inside, On, TakenDown
from envs.skills.lay import Lay
from envs.skills.towel import LayTowel
from envs.types import Fixture, ObjectGroup, Region, Step, Task

WASHBASIN = Fixture("washbasin", ("washbasin",), (0.54, 0.0))

SOAP_TO_BOX = Task(
    name="soap_to_box",
    scene="bathroom",
    instruction="Put the soap to the soap box.",
    paraphrases=("Put the soap into the soap box.", "Place the soap in the soap dish.", "Lay the bar of soap in its box."),
    test_paraphrases=("The soap belongs in the soap box, put it there.", "Move the soap bar over into the soap dish."),
    fixtures=(WASHBASIN, Fixture("soap_box", ("soap_dish",), (0.52, -0.32))),
    objects=(
        ObjectGroup(
            "soap", 1, ("white_soap", "green_soap", "pink_soap", "honey_soap"), ("lavender_soap",),
            Region((0.42, 0.60), (0.27, 0.40), (-0.6, 0.6)), numbered=False,
        ),
    ),
    steps=(
        Step(
            Inside("soap", "soap_box"), Lay("soap", "soap_box", height=DISH_FLOOR, drop=0.022), "Put the {object} into the {goal}.",
            ("Pick up the {object} on the left and lay it in the {goal}.", "Move the {object} over the washbasin into the {goal}."),
        ),
    ),
    finished="The soap lies in the soap box.",
    time_limit_s=25,
)  # fmt: skip

TOOTHPASTE_TO_TABLE = Task(
    name="toothpaste_to_table",
    scene="bathroom",
    instruction="Pick up the tooth-paste and put it on the table.",
    paraphrases=("Take the toothpaste out of the sink and lay it on the table.", "Put the toothpaste on the table.", "Lay the tube of toothpaste on the counter."),
    test_paraphrases=("Get the toothpaste from the washbasin and place it on the table.", "The toothpaste should lie on the table."),
    fixtures=(WASHBASIN,),
    objects=(
        ObjectGroup(
            "toothpaste", 1, ("blue_toothpaste", "red_toothpaste", "green_toothpaste"), ("violet_toothpaste",),
            Region((-0.045, 0.02), (-0.065, 0.065), (-0.6, 0.6), on="washbasin", height=FLOOR), numbered=False,
        ),
    ),
    steps=(
        Step(
            On("toothpaste", "table"), Lay("toothpaste", "table", at=(0.50, -0.34)), "Put the {object} on the {goal}.",
            ("Take the {object} out of the washbasin and lay it on the {goal}.", "Lift the {object} over the rim and put it on the {goal}."),
        ),
    ),
    finished="The toothpaste lies on the table.",
    time_limit_s=25,
)  # fmt: skip

TAKE_TOWEL = Task(
    name="take_towel",
    scene="bathroom",
    instruction="Remove the towel from the shelf.",
    paraphrases=("Take the towel off the rail.", "Take down the hanging towel and lay it on the other towel.", "Lay the hanging towel on the folded one."),
    test_paraphrases=("Get the towel down and put it on the other one.", "The towel on the rail should lie on the other towel."),
    fixtures=(
        WASHBASIN,
        Fixture("rail", ("towel_rail",), (0.50, 0.37), yaw=0.35, jitter=0.04),
        Fixture("other_towel", ("white_folded_towel", "grey_folded_towel"), (0.50, -0.36), jitter=0.03),
    ),
    objects=(
        ObjectGroup(
            "towel", 1, ("blue_cloth", "pink_cloth", "yellow_cloth"), ("turquoise_cloth",),
            Region((-0.03, 0.03), (0.0, 0.0), (0.0, 0.0), on="rail", height=RAIL_Z, fixed=True), numbered=False,
        ),
    ),
    steps=(
        Step(
            TakenDown("towel", "rail", "other_towel"), LayTowel("towel", "other_towel"), "Take down the {object} and lay it on the {goal}.",
            ("Lift the {object} off the rail and lay it on the {goal}.", "Take the {object} off the rail and put it on the {goal}."),
        ),
    ),
    finished="The towel is taken down.",
    time_limit_s=40,
)  # fmt: skip

TASKS: tuple[Task, ...] = (SOAP_TO_BOX, TOOTHPASTE_TO_TABLE, TAKE_TOWEL)
