"""The paper's protocol as data, and nothing else: its 19 rows in three tables, the trials of each and what the paper counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.scoring import Score, score_counts

PROTOCOL_VERSION = "chatvla-528/1"  # 528 trials = 3 policies x 176; raise the number when a row, a rule or a count changes
PAPER = "ChatVLA, arXiv 2502.14420, Tables 2-4 (real robot)"
PAPER_POLICIES = ("Octo", "OpenVLA", "ChatVLA")


@dataclass(frozen=True)
class Row:
    """One row of evaluation: one task of the paper, or a chain of them that its planner leads through.

    `counts[policy][i]`: trials of the paper in which steps 1..i+1 were all done. The paper prints rates; the counts are
    the only whole numbers over `trials` that round to them.
    """

    env: str
    tasks: str
    group: str  # direct | planner | multitask: Table 2, 3, 4
    scene: str
    instruction: str
    steps: tuple[str, ...]
    trials: int
    counts: dict[str, tuple[int, ...]]


def paper_score(row: Row, policy: str) -> Score:
    """What the paper reports for one of `PAPER_POLICIES` in `row`."""
    return score_counts(row.counts[policy], row.trials)


def find_row(env: str) -> Row | None:
    """The protocol's row of an env, or None for an env that the paper does not score as a row of its own."""
    return next((row for row in ROWS if row.env == env), None)


def _counts(octo: Sequence[int], openvla: Sequence[int], chatvla: Sequence[int]) -> dict[str, tuple[int, ...]]:
    return dict(zip(PAPER_POLICIES, (tuple(octo), tuple(openvla), tuple(chatvla)), strict=True))


def _single(env: str, task: int, scene: str, instruction: str, step: str, trials: int, octo: int, openvla: int, chatvla: int) -> Row:
    return Row(env, str(task), "multitask", scene, instruction, (step,), trials, _counts([octo], [openvla], [chatvla]))


# fmt: off
ROWS: tuple[Row, ...] = (
    # Table 2: direct prompting. Task 3: 9 trials; the 15/15 of Table 8 fits neither Table 2 (ninths) nor the 528 trials.
    Row("sort_toys", "1", "direct", "toy", "Sort toys.",
        ("1 toy sorted", "2 toys sorted", "3 toys sorted", "4 toys sorted"), 13,
        _counts((3, 1, 0, 0), (2, 1, 0, 0), (12, 9, 4, 3))),
    Row("stack_cubes", "2", "direct", "toy", "Stack building blocks.",
        ("orange block on the yellow block", "pink block on the orange block"), 7,
        _counts((2, 1), (3, 1), (6, 3))),
    Row("toy_in_drawer", "3", "direct", "toy", "Place the toy in the drawer.",
        ("drawer open", "toy in the drawer", "drawer closed"), 9,
        _counts((1, 1, 1), (2, 1, 1), (9, 9, 9))),
    Row("clean_blocks", "4", "direct", "toy", "Clean building blocks to the box.",
        ("1 block in the box", "2 blocks in the box"), 6,
        _counts((3, 1), (3, 2), (5, 4))),
    # Table 3: a high-level planner sends the sub-tasks.
    Row("tidy_up", "5-8", "planner", "toy", "Move the block to the basket then put the toy into the drawer.",
        ("orange block in the basket", "drawer open", "toy in the drawer", "drawer closed"), 12,
        _counts((5, 3, 2, 1), (5, 4, 4, 2), (12, 11, 11, 11))),
    Row("two_blocks", "9-10", "planner", "toy", "Move two blocks to the basket sequentially.",
        ("semi-circle block in the basket", "rectangle block in the basket"), 9,
        _counts((3, 2), (4, 2), (8, 7))),
    Row("prepare_breakfast", "11-13", "planner", "kitchen", "Prepare the breakfast for me.",
        ("plate on the tablecloth", "mug upright on the tablecloth", "bread on the plate"), 13,
        _counts((2, 1, 0), (3, 1, 0), (9, 7, 7))),
    # Table 4: multi-tasking.
    _single("soap_to_box", 14, "bathroom", "Put the soap to the soap box.", "soap in the soap dish", 11, 3, 2, 6),
    _single("hang_cup_bathroom", 15, "bathroom", "Pick up the cup and hang it on the shelf.", "cup on a hook of the shelf", 6, 0, 0, 2),
    _single("toothpaste_to_table", 16, "bathroom", "Pick up the tooth-paste and put it on the table.", "toothpaste on the table", 9, 1, 2, 5),
    _single("take_towel", 17, "bathroom", "Remove the towel from the shelf.", "towel on the other towel", 7, 0, 1, 3),
    _single("bread_from_pot", 18, "kitchen", "Move the bread from the pot to the plate.", "bread on the plate", 11, 0, 1, 3),
    _single("bread_from_fridge", 19, "kitchen", "Pick up the bread from the refrigerator.", "bread out of the refrigerator", 11, 3, 4, 6),
    _single("banana_to_plate", 20, "tabletop", "Move the banana onto the plate.", "banana on the plate", 7, 1, 2, 4),
    _single("bread_to_empty_plate", 21, "tabletop", "Move the bread to the empty plate.", "bread on the empty plate", 9, 2, 1, 5),
    _single("hang_cup", 22, "tabletop", "Hang on the cup.", "mug on a hook of the rack", 7, 1, 1, 4),
    _single("ball_to_can", 23, "tabletop", "Move the tennis ball to the tennis can.", "ball in the can", 13, 2, 4, 6),
    _single("stack_green_on_pink", 24, "tabletop", "Stack the green cube onto the pink cube.", "green cube on the pink cube", 9, 2, 0, 4),
    _single("take_lid", 25, "tabletop", "Take away the lid of the box and put it on the table.", "lid on the table", 7, 3, 2, 7),
)
# fmt: on
