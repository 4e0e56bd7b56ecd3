"""How each family is worded: (family, key) -> wordings of both splits, and wordings that only the test split asks.

A held-out wording uses words that training wordings use too, in another arrangement: it tests reading, not vocabulary.
"""

from __future__ import annotations

WORDINGS: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    # ring 0
    ("ocr", ""): (("What is written here?", "Which word is written in the picture?"), ("Which word is written here?",)),
    ("shape_colour", ""): (("What colour is the {shape}?", "Which colour does the {shape} have?"), ("What colour does the {shape} have?",)),
    ("shape_count", ""): (("How many {shapes} are in the picture?", "How many {shapes} do you see?"), ("How many {shapes} do you see in the picture?",)),
    ("chart_most", ""): (("Which bar is the {extreme}?", "In the chart, which bar is the {extreme}?"), ("Which bar in the chart is the {extreme}?",)),
    ("chart_value", ""): (("What is the value of the {bar} bar?", "In the chart, what is the value of {bar}?"), ("What is the value of the {bar} bar in the chart?",)),
    ("chart_compare", "higher"): (("Is the {a} bar higher than the {b} bar?", "In the chart, is {a} higher than {b}?"), ("Is {a} higher than {b} in the chart?",)),
    ("chart_compare", "lower"): (("Is the {a} bar lower than the {b} bar?", "In the chart, is {a} lower than {b}?"), ("Is {a} lower than {b} in the chart?",)),
    # ring 1
    ("exists", ""): (("Is there {thing}?", "Is there {thing} in the picture?", "Do you see {thing}?"), ("Do you see {thing} in the picture?",)),
    ("count", ""): (("How many {what} do you see?", "How many {what} are in the picture?"), ("How many {what} do you see in the picture?",)),
    ("colour", ""): (("What colour is the {thing}?", "Which colour does the {thing} have?"), ("What colour does the {thing} have?",)),
    ("is_colour", ""): (("Is the {thing} {colour}?", "Is {colour} the colour of the {thing}?"), ("Is the colour of the {thing} {colour}?",)),
    ("which_side", ""): (("Which thing is furthest to the {side}?", "What is the {side}most thing?"), ("Which is the {side}most thing?",)),
    ("left_right", "left"): (("Is the {a} left of the {b}?", "In the picture, is the {a} left of the {b}?"), ("Is the {a} left of the {b} in the picture?",)),
    ("left_right", "right"): (("Is the {a} right of the {b}?", "In the picture, is the {a} right of the {b}?"), ("Is the {a} right of the {b} in the picture?",)),
    ("front_behind", "front"): (("From the camera, is the {a} in front of the {b}?", "Is the {a} in front of the {b}, as the camera sees it?"), ("As the camera sees it, is the {a} in front of the {b}?",)),
    ("front_behind", "behind"): (("From the camera, is the {a} behind the {b}?", "Is the {a} behind the {b}, as the camera sees it?"), ("As the camera sees it, is the {a} behind the {b}?",)),
    ("nearest", ""): (("What is nearest to the {thing}?", "Which thing is nearest to the {thing}?"), ("Nearest to the {thing} is which thing?",)),
    ("text", ""): (("What is written on the {thing}?", "What does the {thing} say?"), ()),
    ("point", "thing"): (("Point to the {thing}.", "Where is the {thing}? Point to it."), ()),
    ("free_space", "free"): (("Point to a free place on the table.", "Where on the table is a free place? Point to it."), ()),
    ("caption", ""): (("Describe what lies where.", "What do you see, and where does it lie?"), ("Describe what you see, and where it lies.",)),
    # ring 2
    ("where", ""): (("Where is the {thing}?", "Where does the {thing} lie?"), ()),
    ("inside", ""): (("Is the {thing} {place}?", "Does the {thing} lie {place}?"), ()),
    ("empty", "empty"): (("Is the {thing} empty?", "Is nothing in the {thing}?"), ()),
    ("empty", "full"): (("Does something lie in the {thing}?", "Is something in the {thing}?"), ()),
    ("drawer", "state"): (("Is the {thing} open, half open or closed?", "How far is the {thing} open: open, half open or closed?"), ()),
    ("drawer", "open"): (("Is the {thing} open?", "Does the {thing} stand open?"), ()),
    ("drawer", "closed"): (("Is the {thing} closed?", "Does the {thing} stand closed?"), ()),
    ("gripper", "open"): (("Is the gripper open?", "Are the fingers of the gripper apart?"), ("Is the gripper of the robot open?",)),
    ("gripper", "closed"): (("Is the gripper closed?", "Are the fingers of the gripper together?"), ("Is the gripper of the robot closed?",)),
    ("holding", ""): (("What is the gripper holding?", "What does the robot hold?"), ("What is the robot holding?",)),
    ("is_holding", ""): (("Is the gripper holding the {thing}?", "Does the robot hold the {thing}?"), ("Is the robot holding the {thing}?",)),
    ("next_step", ""): (("The task is: {task} What should the robot do next?", "The task is: {task} What is the next step?"), ("The task is: {task} What is the next step the robot should do?",)),
    ("done_step", ""): (("Which of these is done already?", "Which step is done already?"), ()),
    ("finished", "done"): (("The task is: {task} Is it done?", "The task is: {task} Is everything done?"), ()),
    ("finished", "left"): (("The task is: {task} Is something left to do?", "The task is: {task} Is there something left to do?"), ()),
}  # fmt: skip

# What is added so that the answer has a form that can be judged.
INSTRUCTIONS: dict[str, str] = {
    "yesno": " Answer yes or no.",
    "number": " Answer with a number.",
    "points": " Answer with points [(x, y), ...], x from 0 at the left to 1, y from 0 at the top to 1.",
    "choice": " Answer with the letter.",
}
