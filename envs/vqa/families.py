"""The families by ring, which of them a recovery experiment keeps out of its data, and what one picture is asked.

Ring 0 never shows the robot, ring 1 shows the scene but asks what no task needs, ring 2 asks what the task needs
(research/understanding.md, 3.3). Group A may be trained on to bring answers back; group B is only tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envs.questions import Rng
from envs.vqa import needed, seen
from envs.vqa.facts import Item, View

Ask = Callable[[View, Rng], list[Item]]


@dataclass(frozen=True)
class Family:
    """`ask`: the items about a view, none when the picture cannot answer; None for pictures that are drawn (`envs.vqa.drawn`)."""

    name: str
    ring: int
    group: str
    ask: Ask | None = None


FAMILIES: tuple[Family, ...] = (
    Family("ocr", 0, "A"),
    Family("shape_colour", 0, "A"),
    Family("shape_count", 0, "B"),
    Family("chart_most", 0, "A"),
    Family("chart_value", 0, "B"),
    Family("chart_compare", 0, "B"),
    Family("exists", 1, "A", seen.exists),
    Family("count", 1, "A", seen.count),
    Family("colour", 1, "A", seen.colour),
    Family("is_colour", 1, "B", seen.is_colour),
    Family("which_side", 1, "B", seen.which_side),
    Family("left_right", 1, "A", seen.left_right),
    Family("front_behind", 1, "B", seen.front_behind),
    Family("nearest", 1, "B", seen.nearest),
    Family("text", 1, "B", seen.text),
    Family("point", 1, "A", seen.point),
    Family("free_space", 1, "B", seen.free_space),
    Family("caption", 1, "A", seen.caption),
    Family("where", 2, "A", needed.where),
    Family("inside", 2, "A", needed.inside),
    Family("empty", 2, "B", needed.empty),
    Family("drawer", 2, "B", needed.drawer),
    Family("gripper", 2, "A", needed.gripper),
    Family("holding", 2, "B", needed.holding),
    Family("is_holding", 2, "B", needed.is_holding),
    Family("next_step", 2, "A", needed.next_step),
    Family("done_step", 2, "B", needed.done_step),
    Family("finished", 2, "B", needed.finished),
)
BY_NAME = {family.name: family for family in FAMILIES}


def ask(view: View, rng: Rng) -> list[tuple[Family, list[Item]]]:
    """What one picture is asked: of each family at most one item, or one group of opposites."""
    asked = [(family, family.ask(view, rng)) for family in FAMILIES if family.ask is not None]
    return [(family, items) for family, items in asked if items]
