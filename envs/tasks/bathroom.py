"""Tasks in the bathroom (ChatVLA, tasks 14, 16, 17)."""

from __future__ import annotations

from envs.objects.soap import DISH_FLOOR
from envs.predicates import Inside
from envs.skills.lay import Lay
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

TASKS: tuple[Task, ...] = (SOAP_TO_BOX,)
