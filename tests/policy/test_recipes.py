"""Recipes change a network's stages in one respect and leave the others as they are."""

import pytest

from policy.config import ChatVLAConfig
from policy.presets import preset, varied
from policy.recipes import Plan, mixed, stages_of
from policy.stages import STAGES, Mixture

TINY = preset("chatvla_tiny")


def by_name(config: ChatVLAConfig, *plan, **named):
    return {s.name: s for s in stages_of(config, Plan(*plan, **named))}


@pytest.mark.parametrize("name", list(STAGES))
def test_without_a_plan_the_stages_are_the_preset_s(name):
    assert stages_of(preset(name), Plan()) == STAGES[name]


@pytest.mark.parametrize("budget", ["full", "ablation"])
def test_every_recipe_takes_as_many_steps(budget):
    steps = {r: sum(s.steps for s in stages_of(TINY, Plan(r, budget=budget))) for r in ("phased", "cotrained", "robot")}
    assert len(set(steps.values())) == 1


def test_co_training_from_the_start_is_stage_2_with_experts_that_start_alike():
    stages = by_name(TINY, "cotrained")
    assert "1_control" not in stages
    assert stages["2_cotrain"].copy_expert
    assert stages["2_cotrain"].mixture == by_name(TINY)["2_cotrain"].mixture


def test_robot_data_alone_is_stage_1_with_the_understanding_expert_frozen():
    stages = by_name(TINY, "robot")
    assert "2_cotrain" not in stages
    assert stages["1_control"].frozen == ("understanding_expert",)
    assert stages["1_control"].mixture.understanding == 0


def test_a_network_without_two_phases_has_no_such_recipe():
    with pytest.raises(ValueError, match="recipe=robot needs the stages 1_control and 2_cotrain; this network's are 0_ground, 1_train, 2_head"):
        stages_of(preset("divla_tiny"), Plan("robot"))


@pytest.mark.parametrize(("ratio", "expected"), [("3:1", Mixture(9, 3, 4)), ("1:1", Mixture(6, 2, 8)), ("1:3", Mixture(3, 1, 12)), ("1:0", Mixture(12, 4, 0))])
def test_a_ratio_keeps_the_rows_of_a_batch(ratio, expected):
    assert mixed(Mixture(9, 3, 4), ratio) == expected
    stages = by_name(TINY, text_ratio=ratio)
    assert stages["2_cotrain"].mixture == expected
    assert stages["1_control"] == by_name(TINY)["1_control"]


@pytest.mark.parametrize("ratio", ["3", "0:1", "a:b", "3:1:1", "-1:2"])
def test_what_is_no_ratio_is_refused(ratio):
    with pytest.raises(ValueError, match=f"text_ratio={ratio}; expected robot:text in whole numbers"):
        mixed(Mixture(9, 3, 4), ratio)


def test_a_ratio_of_what_is_not_mixed_is_refused():
    with pytest.raises(ValueError, match="text_ratio=1:1 changes nothing: none of 0_ground, 1_train, 2_head"):
        stages_of(preset("divla_tiny"), Plan(text_ratio="1:1"))


def test_the_short_budget_is_for_tiny_networks_and_starts_after_stage_0():
    assert list(by_name(TINY, budget="ablation")) == ["1_control", "2_cotrain", "3_head"]
    assert list(by_name(preset("chatvla2_tiny"), budget="ablation")) == ["1_cotrain", "2_action"]
    with pytest.raises(ValueError, match=r"budget=ablation shortens the stages of a \*_tiny network; these are 1_control, 2_cotrain"):
        stages_of(preset("chatvla_2b"), Plan(budget="ablation"))


@pytest.mark.parametrize("name", ["chatvla_tiny", "chatvla_paligemma_tiny", "pi0_tiny"])
def test_without_pretrained_weights_the_short_budget_has_a_stage_0(name):
    short, scratch = (by_name(preset(name), budget=budget) for budget in ("ablation", "scratch"))
    assert list(scratch) == ["0_ground", *short]
    assert {n: s for n, s in scratch.items() if n in short} == short
    assert scratch["0_ground"].steps < by_name(preset(name))["0_ground"].steps


def test_experts_and_recipe_go_together():
    assert all(s.frozen == () for s in stages_of(varied(TINY, "dense"), Plan("robot", budget="ablation"))[:1])


def test_the_number_of_experts_is_of_those_that_a_router_chooses():
    four = varied(preset("chatvla2_tiny"), count=4, top_k=1)
    assert (four.experts.count, four.experts.top_k) == (4, 1)
    with pytest.raises(ValueError, match="expert_count and top_k are of dynamic experts, and these are static"):
        varied(TINY, top_k=1)
