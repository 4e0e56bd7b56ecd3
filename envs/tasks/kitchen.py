"""Tasks in the kitchen (ChatVLA, tasks 11-13 together, 11, 13, 18, 19)."""

from __future__ import annotations

from dataclasses import replace

from envs.objects import fridge, shelf
from envs.objects.dishes import BASKET_FLOOR, CLOTH_THICK
from envs.objects.dishes import SURFACE as RIMMED_SURFACE
from envs.objects.plates import SURFACE
from envs.objects.stove import POT_FLOOR, STOVE_HEIGHT
from envs.scenes.kitchen import SHELF, TABLECLOTH
from envs.skills.place import Place
from envs.skills.reach_in import TakeOut
from envs.skills.rim import LayByRim
from envs.skills.withdraw import Withdrawn
from envs.tasks.compose import composed
from envs.tasks.mugs import FLIP_CUP
from envs.types import Fixture, ObjectGroup, Region, Step, Task

BREADS, TEST_BREADS = ("bread_roll", "bread_loaf"), ("bread_bun", "bread_loaf")
PINK, TEST_PINK = ("pink_plate", "low_pink_plate"), ("pink_plate", "small_pink_plate")
PLATE_SPOT = (0.0, 0.095)  # m on the tablecloth: its left half, the cup has the right
BASKET = Fixture("basket", ("straw_basket", "seagrass_basket"), (0.52, 0.40), jitter=0.03, test_kinds=("straw_basket", "willow_basket"))
IN_BASKET = Region((-0.03, 0.03), (-0.02, 0.02), (-0.6, 0.6), on="basket", height=BASKET_FLOOR, fixed=True)
ON_UPPER_BOARD = Region((-0.075, 0.075), (-0.008, 0.004), (-1.5, 1.5), on="shelf", height=shelf.UPPER, fixed=True)
ON_CLOTH = Region((-0.03, 0.03), (0.075, 0.105), (-1.5, 1.5), on="tablecloth", height=CLOTH_THICK, fixed=True)

_PLATE = LayByRim("plate", "tablecloth", at=(*PLATE_SPOT, CLOTH_THICK))
PLATE_TO_TABLECLOTH = Task(
    name="plate_to_tablecloth",
    scene="kitchen",
    instruction="Move the plate to the tablecloth.",
    fixtures=(SHELF, TABLECLOTH),
    objects=(ObjectGroup("plate", 1, PINK, TEST_PINK, ON_UPPER_BOARD, numbered=False),),
    steps=(
        Step(
            _PLATE.predicate, _PLATE, "Take the {object} from the upper board of the shelf and lay it on the {goal}.",
            ("Pick up the {object} by its rim and put it on the {goal}.", "Move the {object} from the shelf to the {goal}."),
        ),
    ),
    finished="The plate is on the tablecloth.",
    time_limit_s=30,
    paraphrases=("Get the plate and place it on the tablecloth.", "Put the pink plate on the tablecloth.", "Take the plate from the shelf and lay it on the tablecloth."),
    test_paraphrases=("Lay the pink plate on the cloth.", "Bring the plate from the upper shelf to the tablecloth."),
)  # fmt: skip

_BREAD = Place("bread", "plate", at=(0, 0, RIMMED_SURFACE), carry=0.11)
BREAD_TO_PLATE = Task(
    name="bread_to_plate",
    scene="kitchen",
    instruction="Move the bread to the plate.",
    fixtures=(SHELF, TABLECLOTH, BASKET),
    objects=(
        ObjectGroup("plate", 1, PINK, TEST_PINK, ON_CLOTH, numbered=False),
        ObjectGroup("bread", 1, BREADS, TEST_BREADS, IN_BASKET, numbered=False),
    ),
    steps=(
        Step(
            _BREAD.predicate, _BREAD, "Take the {object} from the basket and put it on the {goal}.",
            ("Put the {object} on the {goal}.", "Move the {object} from the bread basket to the {goal}."),
        ),
    ),
    finished="The bread is on the plate.",
    time_limit_s=25,
    paraphrases=("Put the bread on the plate.", "Take the bread from the basket and put it on the plate.", "Place the bread from the bread basket on the plate."),
    test_paraphrases=("Bring the bread to the pink plate.", "Get the bread out of the basket and lay it on the plate."),
)  # fmt: skip

_FROM_POT = Place("bread", "plate", at=(0, 0, SURFACE), carry=0.15)
BREAD_FROM_POT = Task(
    name="bread_from_pot",
    scene="kitchen",
    instruction="Move the bread from the pot to the plate.",
    fixtures=(
        Fixture("stove", ("white_stove",), (0.57, 0.27), jitter=0.0, test_kinds=("grey_stove",)),
        Fixture("pot", ("red_pot", "blue_pot", "steel_pot"), (0.57, 0.27), jitter=0.02, height=STOVE_HEIGHT, test_kinds=("green_pot", "steel_pot")),
        Fixture("plate", ("white_plate", "blue_plate", "yellow_plate"), (0.52, -0.10), jitter=0.06, test_kinds=("grey_plate", "orange_plate")),
    ),
    objects=(
        ObjectGroup("bread", 1, BREADS, TEST_BREADS, Region((-0.03, 0.03), (-0.02, 0.02), (-0.6, 0.6), on="pot", height=POT_FLOOR, fixed=True), numbered=False),
    ),
    steps=(
        Step(
            _FROM_POT.predicate, _FROM_POT, "Take the {object} out of the pot and put it on the {goal}.",
            ("Move the {object} from the pot to the {goal}.", "Pick up the {object} from the pot and lay it on the {goal}."),
        ),
    ),
    finished="The bread is on the plate.",
    time_limit_s=25,
    paraphrases=("Put the bread from the pot on the plate.", "Take the bread out of the pot and put it on the plate."),
    test_paraphrases=("Get the bread from the pot onto the plate.", "The bread in the pot belongs on the plate."),
)  # fmt: skip

_FROM_FRIDGE = TakeOut("bread", "fridge", at=(0.53, -0.24))
BREAD_FROM_FRIDGE = Task(
    name="bread_from_fridge",
    scene="kitchen",
    instruction="Pick up the bread from the refrigerator.",
    fixtures=(Fixture("fridge", ("white_fridge", "mint_fridge", "blue_fridge"), (0.60, 0.07), jitter=0.01, test_kinds=("red_fridge", "white_fridge")),),
    objects=(
        ObjectGroup(
            "bread", 1, BREADS, TEST_BREADS,
            tuple(
                Region((edge + 0.025, edge + 0.038), (-0.055, 0.055), (-0.25, 0.25), on="fridge", height=z, fixed=True)
                for z, edge in zip(fridge.SHELVES, fridge.SETBACK, strict=True)
            ), numbered=False,
        ),
    ),
    steps=(
        Step(
            _FROM_FRIDGE.predicate, _FROM_FRIDGE, "Take the {object} out of the refrigerator and lay it on the {goal}.",
            ("Reach into the refrigerator, take the {object} out and put it down.", "Lift the {object} off its shelf, out of the refrigerator."),
        ),
    ),
    finished="The bread is out of the refrigerator.",
    time_limit_s=30,
    paraphrases=("Take the bread out of the refrigerator.", "Get the bread from the fridge.", "Find the bread in the refrigerator and take it out."),
    test_paraphrases=("Fetch the bread out of the fridge.", "Lift the bread out of the refrigerator and put it down in front of it."),
)  # fmt: skip

def _then(task: Task, unwind: bool = True) -> Task:
    """The task, begun by a hand that has just let go of something else."""
    return replace(task, steps=tuple(replace(step, skill=Withdrawn(step.skill, unwind)) for step in task.steps))


PREPARE_BREAKFAST = composed(
    name="prepare_breakfast",
    instruction="Prepare the breakfast for me.",
    tasks=(PLATE_TO_TABLECLOTH, _then(FLIP_CUP, unwind=False), _then(BREAD_TO_PLATE)),
    fixtures=(SHELF, TABLECLOTH, BASKET),
    objects=(*PLATE_TO_TABLECLOTH.objects, *FLIP_CUP.objects, BREAD_TO_PLATE.objects[1]),
    finished="Breakfast is ready.",
    paraphrases=("Get breakfast ready.", "Lay the table and serve the bread for breakfast.", "Make me breakfast."),
    test_paraphrases=("Please prepare my breakfast.", "Set out the breakfast."),
)

TASKS = (PLATE_TO_TABLECLOTH, BREAD_TO_PLATE, PREPARE_BREAKFAST, BREAD_FROM_POT, BREAD_FROM_FRIDGE)
