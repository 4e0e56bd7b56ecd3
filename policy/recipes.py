"""What an ablation changes in a network's stages: their phases, the ratio of robot to text, and how long they last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from policy.config import ChatVLAConfig
from policy.stages import STAGES, Mixture, Stage, for_experts

Recipe = Literal["phased", "cotrained", "robot"]
Budget = Literal["full", "ablation", "scratch"]
CONTROL, COTRAIN = "1_control", "2_cotrain"

# Of stages that start from a pretrained network; those that are not named are left out. As many steps as minutes allow; that
# arms rank as after the full stages has not been measured.
ABLATION: Mapping[str, Mapping[str, Any]] = {
    "1_control": {"steps": 40, "warmup": 5},
    "2_cotrain": {"steps": 120, "warmup": 10},
    "3_head": {"steps": 500, "warmup": 20},
    "1_cotrain": {"steps": 160, "warmup": 10},
    "2_action": {"steps": 500, "warmup": 20},
    "1_train": {"steps": 160, "warmup": 10},
    "2_head": {"steps": 500, "warmup": 20},
}
SHORT: Mapping[Budget, Mapping[str, Mapping[str, Any]]] = {"ablation": ABLATION, "scratch": {"0_ground": {"steps": 400, "warmup": 20}, **ABLATION}}


@dataclass(frozen=True)
class Plan:
    """Which of the stages, in which mixture, for how long.

    recipe: the phases of ChatVLA's Tables 9 and 10: `phased`, stage 1 and then 2; `cotrained`, stage 2 alone; `robot`,
    stage 1 alone; each of the last two as many steps as both have together. text_ratio: robot to text in every stage
    that has both, such as "3:1" (None: the stage's own; "1:0" leaves the text out). budget: `ablation` for the short
    stages of a network that starts from a pretrained one, `scratch` for the same behind a short stage 0, which a network
    on a trunk that nobody has trained needs.
    """

    recipe: Recipe = "phased"
    text_ratio: str | None = None
    budget: Budget = "full"


def stages_of(config: ChatVLAConfig, plan: Plan) -> tuple[Stage, ...]:
    """The stages of a network, as they are for its experts and under the plan.

    Raises:
        ValueError: its stages have no such phases, mixture or short form; the message says what there is.
    """
    stages = for_experts(STAGES[config.name], config.experts.kind)
    if plan.budget != "full":
        stages = shortened(stages, plan.budget)
    stages = with_recipe(stages, plan.recipe)
    return with_text_ratio(stages, plan.text_ratio) if plan.text_ratio else stages


def shortened(stages: tuple[Stage, ...], budget: Budget) -> tuple[Stage, ...]:
    """Those that `SHORT` names for the budget, in few steps.

    Raises:
        ValueError: they are not the stages of a tiny network.
    """
    if not stages[0].name.startswith("0_"):
        raise ValueError(f"budget={budget} shortens the stages of a *_tiny network; these are {named(stages)}")
    return tuple(replace(s, **SHORT[budget][s.name]) for s in stages if s.name in SHORT[budget])


def with_recipe(stages: tuple[Stage, ...], recipe: Recipe) -> tuple[Stage, ...]:
    """The stages with other phases; both phases' steps go to the one that is left.

    Raises:
        ValueError: they have no two phases.
    """
    if recipe == "phased":
        return stages
    by_name = {s.name: s for s in stages}
    if not {CONTROL, COTRAIN} <= set(by_name):
        raise ValueError(f"recipe={recipe} needs the stages {CONTROL} and {COTRAIN}; this network's are {named(stages)}")
    control, cotrain = by_name[CONTROL], by_name[COTRAIN]
    length = {"steps": control.steps + cotrain.steps, "share_of_minutes": control.share_of_minutes + cotrain.share_of_minutes}
    kept, left_out = (cotrain, CONTROL) if recipe == "cotrained" else (control, COTRAIN)
    only = replace(kept, copy_expert=True, schedule=cotrain.schedule, lr_end=cotrain.lr_end, **length)
    return tuple(only if s.name == kept.name else s for s in stages if s.name != left_out)


def with_text_ratio(stages: tuple[Stage, ...], ratio: str) -> tuple[Stage, ...]:
    """The stages with `ratio` of robot rows to text, in batches as large as before.

    Raises:
        ValueError: the ratio is none, or no stage has both.
    """
    if not any(has_both(s.mixture) for s in stages):
        raise ValueError(f"text_ratio={ratio} changes nothing: none of {named(stages)} has robot data and text")
    return tuple(replace(s, mixture=mixed(s.mixture, ratio)) if has_both(s.mixture) else s for s in stages)


def has_both(mixture: Mixture) -> bool:
    """Whether robot data and text are trained together."""
    return bool(mixture.robot and mixture.understanding)


def mixed(mixture: Mixture, ratio: str) -> Mixture:
    """As many rows in `ratio` of control rows to text; robot and grounding rows keep theirs among themselves.

    Raises:
        ValueError: the ratio is not two whole numbers, the first at least 1.
    """
    robot, colon, text = ratio.partition(":")
    if not (colon and robot.isdecimal() and text.isdecimal() and int(robot)):
        raise ValueError(f"text_ratio={ratio}; expected robot:text in whole numbers, such as 3:1, 1:1, 1:3, or 1:0 for robot data alone")
    control = max(1, round(mixture.rows * int(robot) / (int(robot) + int(text))))
    grounding = min(control - 1, round(control * mixture.grounding / (mixture.robot + mixture.grounding)))
    return Mixture(control - grounding, grounding, mixture.rows - control)


def named(stages: tuple[Stage, ...]) -> str:
    """Their names in a row."""
    return ", ".join(s.name for s in stages)
