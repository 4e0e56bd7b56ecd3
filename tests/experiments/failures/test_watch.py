"""Each kind of failure is provoked in the simulator by a hand that follows a script, and is told from the others."""

from dataclasses import replace

import numpy as np
import pytest

from envs.expert import Expert, act
from envs.sim_env import SimEnv
from envs.skills.skill import grasp_pos
from envs.tasks import get_task
from envs.types import CONTROL_HZ, Inference, Trial
from experiments.failures.watch import FailureRecorder
from experiments.rollout import Provenance, rollout
from policy.baselines import Zero

SECONDS = 8.0
BLOCK = replace(get_task("block_to_basket"), time_limit_s=SECONDS)


class Scripted:
    """Calls `script(env, action)` with the expert's action (10,) for the action to execute instead; `said` as it goes."""

    name, execute, uses_pixels = "scripted", 1, False

    def __init__(self, env, script, said=""):
        self.env, self.script, self.said = env, script, said

    def reset(self, trial):
        self.memory = {}

    def infer(self, observation, instruction):
        return Inference(self.script(self, act(self.env)[0].copy())[None].astype(np.float32), self.said)


@pytest.fixture(scope="module")
def env():
    return SimEnv(BLOCK, cameras=False)


def play(env, policy):
    result = rollout(env, policy, Trial("block_to_basket", 0), [FailureRecorder()], Provenance("scripted", ""))
    assert result.error is None
    return result


def why(result):
    assert result.failure is not None
    return result.failure


def wander(policy, action, height=0.25):
    """Round and round beside the basket, without an end, the gripper as `action` has it."""
    turn = 2 * np.pi * policy.env.control_steps / CONTROL_HZ / 1.5
    action[:3] = 0.45 + 0.04 * np.cos(turn), -0.05 + 0.04 * np.sin(turn), height
    return action


def at(policy, action, pos, closed):
    action[:3], action[9] = pos, closed
    return action


def take(policy, action, role, aside=(0.0, 0.0), closed=1.0):
    """Down upon `role`, `aside` (x, y) m of where it is grasped, fingers closed after 3 s, up after 4 s."""
    world, t = policy.env.world, policy.env.control_steps / CONTROL_HZ
    skill = replace(BLOCK.steps[0].skill, object=role)
    spot = policy.memory.setdefault("spot", grasp_pos(skill, world) + [*aside, 0])
    height = 0.12 if t < 1.5 or t > 4 else 0.0
    return at(policy, action, spot + [0, 0, height], closed * (t > 3))


def test_a_trial_that_succeeds_has_no_failure_but_a_grasp(env):
    result = play(env, Expert(env))
    assert result.success
    assert result.failure is None
    (grasp,) = result.grasps
    assert (grasp["step"], grasp["object"], grasp["held"]) == (1, "block", True)
    assert 0 <= grasp["cm"] < 1.0


def test_a_hand_that_stays_away_was_never_near(env):
    failure = why(play(env, Scripted(env, wander)))
    assert (failure["step"], failure["kind"]) == (1, "never_near")
    assert failure["nearest_cm"] > 8.5


def test_a_hand_that_hovers_about_the_object_did_not_close(env):
    def script(policy, action):
        sway = 0.03 * np.sin(4 * policy.env.control_steps / CONTROL_HZ)
        action = take(policy, action, "block", closed=0.0)
        return at(policy, action, np.r_[policy.memory["spot"][:2] + [sway, 0], 0.09], 0.0)

    failure = why(play(env, Scripted(env, script)))
    assert failure["kind"] == "not_closed"
    assert failure["nearest_cm"] < 8.5


def test_fingers_that_close_beside_the_object_missed_it_by_so_much(env):
    def script(policy, action):
        late = policy.env.control_steps > 5 * CONTROL_HZ
        return wander(policy, action) if late else take(policy, action, "block", aside=(0.06, 0.0))

    result = play(env, Scripted(env, script))
    assert why(result)["kind"] == "missed_grasp"
    assert why(result)["grasp_cm"] == pytest.approx(6.0, abs=0.7)
    assert [(g["object"], g["cm"], g["held"]) for g in result.grasps] == [("block", why(result)["grasp_cm"], False)]


def test_another_object_in_the_hand_is_the_wrong_one(env):
    failure = why(play(env, Scripted(env, lambda policy, action: take(policy, action, "toy"))))
    assert (failure["kind"], failure["object"]) == ("wrong_object", "toy")


def test_an_object_that_slips_out_of_closed_fingers_is_lost(env):
    def script(policy, action):
        if env.world.holding("block") and env.world.pos("block")[2] > 0.06:
            env.model.geom_friction[:] = 1e-4
            policy.memory["lost"] = True
        return wander(policy, at(policy, action, 0, 1.0)) if "lost" in policy.memory else take(policy, action, "block")

    failure = why(play(env, Scripted(env, script)))
    assert failure["kind"] == "lost"
    assert failure["goal_cm"] > 15


def test_an_object_that_is_let_go_of_elsewhere_is_placed_wrong_by_so_much(env):
    def script(policy, action):
        late = policy.env.control_steps > 5 * CONTROL_HZ
        return wander(policy, at(policy, action, 0, 0.0)) if late else take(policy, action, "block")

    result = play(env, Scripted(env, script))
    assert (why(result)["kind"], result.grasps[0]["held"]) == ("placed_wrong", True)
    away = np.linalg.norm((env.world.pos("block") - BLOCK.steps[0].skill.target(env.world))[:2])
    assert why(result)["goal_cm"] == pytest.approx(100 * away, abs=2.5)  # it rolls a little where it falls


def test_an_object_still_in_the_hand_is_a_matter_of_time(env):
    def script(policy, action):
        return wander(policy, at(policy, action, 0, 1.0)) if policy.env.control_steps > 5 * CONTROL_HZ else take(policy, action, "block")

    assert why(play(env, Scripted(env, script)))["kind"] == "timeout"


def test_a_hand_that_has_never_been_so_near_and_still_comes_is_a_matter_of_time(env):
    def script(policy, action):
        way = grasp_pos(BLOCK.steps[0].skill, env.world) + [0, 0, 0.04 * (SECONDS - env.control_steps / CONTROL_HZ)]
        return at(policy, action, way, 0.0)

    assert why(play(env, Scripted(env, script)))["kind"] == "timeout"


def test_standing_still_is_stopping_early(env):
    failure = why(play(env, Zero()))
    assert failure["kind"] == "stopped_early"
    assert failure["idle_s"] > SECONDS - 1


def test_saying_that_all_is_done_is_stopping_early(env):
    assert why(play(env, Scripted(env, wander, said=BLOCK.finished)))["kind"] == "stopped_early"


def test_the_step_that_is_lacking_is_told_and_its_own_grasp():
    env = SimEnv("stack_cubes", cameras=False)

    def script(policy, action):
        return wander(policy, at(policy, action, 0, 0.0), 0.3) if env.steps_done else action

    result = rollout(env, Scripted(env, script), Trial("stack_cubes", 0), [FailureRecorder()], Provenance("scripted", ""))
    assert (result.steps_done, why(result)["step"], why(result)["kind"]) == (1, 2, "never_near")
    assert [g["step"] for g in result.grasps] == [1]


def test_a_drawer_that_is_left_ajar_is_placed_wrong():
    env = SimEnv(replace(get_task("close_drawer"), time_limit_s=SECONDS), cameras=False)

    def script(policy, action):
        half = policy.memory.setdefault("half", 0.5 * env.world.travel("drawer_slide"))
        if env.world.travel("drawer_slide") < half or "left" in policy.memory:
            policy.memory["left"] = True
            return wander(policy, at(policy, action, 0, 1.0), 0.35)
        return action

    failure = why(rollout(env, Scripted(env, script), Trial("close_drawer", 0), [FailureRecorder()], Provenance("scripted", "")))
    assert failure["kind"] == "placed_wrong"
    assert failure["goal_cm"] == pytest.approx(env.world.travel("drawer_slide") * 100 * np.ptp(env.model.joint("drawer_slide").range), abs=1)


@pytest.mark.parametrize("name", ["hang_cup", "flip_cup", "plate_to_tablecloth", "bread_from_fridge", "toy_in_drawer"])
def test_the_expert_closes_where_each_skill_says_that_it_grasps(name):
    env = SimEnv(name, cameras=False)
    result = rollout(env, Expert(env), Trial(name, 0), [FailureRecorder()], Provenance("expert", ""))
    assert result.success
    assert result.grasps
    assert all(g["held"] and g["cm"] < 1.0 for g in result.grasps)
