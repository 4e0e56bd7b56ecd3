"""How scene questions are worded: for each family and template, wordings for training and others kept for testing.

A held-out wording uses words that training wordings use too, in another arrangement: it tests reading, not vocabulary.
"""

from __future__ import annotations

# (family, template key) -> (wordings of both splits, wordings that only the test split asks)
WORDINGS: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("exists", ""): (
        ("is there a {toy}?", "is there a {toy} in the picture?", "do you see a {toy}?"),
        ("do you see a {toy} in the picture?",),
    ),
    ("count", ""): (
        ("how many {what} are on the table?", "how many {what} lie on the table?"),
        ("how many {what} are there on the table?",),
    ),
    ("colour", "of"): (
        ("what colour is the {toy}?", "which colour does the {toy} have?"),
        ("what colour does the {toy} have?",),
    ),
    ("colour", "side"): (
        ("what colour is the {side} {what}?", "which colour does the {side} {what} have?"),
        ("what colour does the {side} {what} have?",),
    ),
    ("which", ""): (("which {thing} is {side}?", "what is the {side} {thing}?"), ("which is the {side} {thing}?",)),
    ("left_of", "left"): (
        ("is the {a} left of the {b}?", "in the picture, is the {a} left of the {b}?"),
        ("is the {a} left of the {b} in the picture?",),
    ),
    ("left_of", "right"): (
        ("is the {a} right of the {b}?", "in the picture, is the {a} right of the {b}?"),
        ("is the {a} right of the {b} in the picture?",),
    ),
    ("where", ""): (("where is the {toy}?", "where does the {toy} lie?"), ()),
    ("inside", ""): (("is the {toy} {place}?", "does the {toy} lie {place}?"), ()),
    ("holding", ""): (
        ("what is the gripper holding?", "what does the gripper hold?", "what is in the gripper?"),
        ("what is the robot holding?",),
    ),
    ("cell", ""): (
        ("where in the picture is the {toy}?", "in which cell of the picture is the {toy}?"),
        ("in the picture, where is the {toy}?",),
    ),
    ("list", ""): (("list the {things}.",), ()),
    ("next", ""): (
        ("what should the robot do next?", "what is the next step?", "what should be done next?"),
        ("what is the next step the robot should do?",),
    ),
    ("done", ""): (("is the robot done?", "is everything done?"), ()),
}  # fmt: skip
