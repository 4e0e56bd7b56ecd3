"""The names of the tasks, known without importing a simulator."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

DIRECT = ("sort_toys", "stack_cubes", "toy_in_drawer", "clean_blocks")
PLANNER = ("tidy_up", "two_blocks", "prepare_breakfast")  # compositions: a planner sends their sub-tasks one by one
SUBTASKS = (
    "block_to_basket", "open_drawer", "toy_into_drawer", "close_drawer", "semicircle_to_basket", "rectangle_to_basket",
    "plate_to_tablecloth", "flip_cup", "bread_to_plate",
)  # fmt: skip
MULTITASK = (
    "soap_to_box", "hang_cup_bathroom", "toothpaste_to_table", "take_towel", "bread_from_pot", "bread_from_fridge",
    "banana_to_plate", "bread_to_empty_plate", "hang_cup", "ball_to_can", "stack_green_on_pink", "take_lid",
)  # fmt: skip
CHATVLA2 = ("math_matching", "toy_placement")
TASK_NAMES = (*DIRECT, *PLANNER, *SUBTASKS, *MULTITASK, *CHATVLA2)

# What `env=` may name besides a task: all tasks of a table of the paper, or of the whole 176-trial protocol; and what
# one policy for that protocol learns from: the 25 tasks by themselves (a planner's sub-tasks are tasks to it), and the
# compositions, told sub-task by sub-task, in which it has to tell by the words alone what is to be done of all that is there.
GROUPS = {
    "direct": DIRECT, "planner": PLANNER, "multitask": MULTITASK, "chatvla": (*DIRECT, *PLANNER, *MULTITASK),
    "chatvla_tasks": (*DIRECT, *PLANNER, *SUBTASKS, *MULTITASK),
}  # fmt: skip


# How a trial departs from training, one factor each (envs/shifts.py says how far); training itself may use the first two.
SHIFTS = ("none", "train", "light", "camera", "texture", "distractors", "layout", "paraphrase")
TRAINING_SHIFTS = ("none", "train")

MOTIONS = ("step", "smooth")  # how a joint target reaches the arm's controller (envs/motion.py)


def gym_id(task: str) -> str:
    """`sort_toys` -> `ChatVLA/SortToys-v0`."""
    return f"ChatVLA/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def checked_name(name: str, known: Iterable[str], what: str) -> str:
    """`name` if it is among `known`.

    Raises:
        ValueError: it is not; the message gives the nearest known name, or all of them.
    """
    known = list(known)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
    raise ValueError(f"unknown {what} '{name}'; {hint}")
