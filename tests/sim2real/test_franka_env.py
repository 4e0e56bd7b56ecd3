"""FrankaEnv on a rig of fakes: Gymnasium's rules, the simulation's starts, and every way in which an episode can end."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.sim_env import SimEnv
from envs.types import Trial
from policy.baselines import hold_action
from sim2real.outcomes import CameraError, LinkLost, NotHomeError, OperatorStop, ReflexError
from tests.sim2real.fakes import FakeOperator, fake_env

TRIAL = Trial("sort_toys", 0)


@pytest.fixture(scope="module")
def shared():
    env, sources = fake_env()
    yield env, sources
    env.close()


@pytest.fixture
def env(shared):
    """At the start of a trial, nothing wrong."""
    env, sources = shared
    for camera in sources.values():
        camera.behind, camera.unplugged = 0.0, False
    env.operator = FakeOperator()
    env.rig.clock.thinking = 0
    env.rig.gripper.silent = 0
    env.rig.arm.trouble = None
    env.observation, _ = env.reset(options={"trial": TRIAL})
    env.rig.arm.sent.clear()
    return env


@pytest.fixture(scope="module")
def sim():
    return SimEnv("sort_toys", cameras=False, motion="smooth")


def test_gymnasiums_checker_has_nothing_to_say(shared):
    check_env(shared[0], skip_render_check=False)


def test_spaces_and_start_are_the_simulations(env, sim):
    observation, _ = sim.reset(options={"trial": TRIAL})
    assert env.observation_space == sim.observation_space
    assert env.action_space == sim.action_space
    np.testing.assert_allclose(env.observation["agent_pos"][:16], observation["agent_pos"][:16], atol=2e-3)
    assert env.instruction == sim.instruction
    assert env.layout == sim.layout


def test_commands_are_the_simulations(env, sim):
    observation, _ = sim.reset(options={"trial": TRIAL})
    action = hold_action(observation)
    action[:3] += [0.05, 0.03, -0.02]
    for _ in range(3):
        _, _, _, _, info = env.step(action)
        sim.advance(action)
        np.testing.assert_array_equal(env.rig.arm.sent[-1], sim.full_state()[-7:])
        np.testing.assert_allclose(info["action_sent"], sim._info()["action_sent"], atol=1e-6)


def test_the_log_tells_what_was_asked_clamped_and_sent(env):
    action = hold_action(env.observation)
    action[0] += 0.4
    env.step(action)
    log = env.log
    assert len(log) == 1
    np.testing.assert_allclose(log.asked[0], action, atol=1e-6)
    assert log.clamped[0, 0] < action[0]
    assert "jump" in log.why[0]
    np.testing.assert_array_equal(log.command[0], env.rig.arm.sent[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_action_raises_as_in_simulation_and_nothing_is_sent(env, bad):
    action = hold_action(env.observation)
    action[4] = bad
    with pytest.raises(ValueError, match="not finite"):
        env.step(action)
    assert env.rig.arm.sent == []


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [(ReflexError("cartesian_reflex"), "reflex"), (OperatorStop("stop button"), "operator_stop"), (LinkLost("no answer"), "invalid")],
)
def test_what_the_arm_tells_truncates_the_episode_with_its_outcome(env, trouble, outcome):
    env.step(hold_action(env.observation))
    env.rig.arm.trouble = trouble
    observation, _, terminated, truncated, info = env.step(hold_action(env.observation))
    assert (terminated, truncated) == (False, True)
    assert (info["outcome"], info["error"]) == (outcome, str(trouble))
    assert env.observation_space.contains(observation)
    env.reset(options={"trial": TRIAL})  # the next trial runs
    _, _, _, truncated, info = env.step(hold_action(env.observation))
    assert not truncated
    assert "outcome" not in info


def test_a_silent_gripper_is_invalid_and_is_connected_anew(env):
    env.rig.gripper.silent = 1
    _, _, _, truncated, info = env.step(hold_action(env.observation))
    assert truncated
    assert info["outcome"] == "invalid"
    assert env.rig.arm.stops >= 1
    env.rig.gripper.silent = 1
    env.reset(options={"trial": TRIAL})
    assert env.rig.gripper.recovered >= 1


def test_the_stop_button_ends_the_episode_before_the_next_command(env):
    env.operator.pressed = True
    _, _, _, truncated, info = env.step(hold_action(env.observation))
    assert truncated
    assert info["outcome"] == "operator_stop"
    assert env.rig.arm.sent == []
    assert not env.rig.arm.following


def test_the_arm_waits_for_the_dead_man_key_and_goes_on(env):
    env.operator.let_go_s = 1.0
    env.rig.clock.on_wait = lambda: setattr(env.operator, "let_go_s", 0.0 if env.rig.clock.steps >= 4 else 1.0)
    held = []
    action = hold_action(env.observation)
    action[0] += 0.02
    env.step_chunk(action[None], on_step=lambda e: held.append(e.held))
    env.rig.clock.on_wait = env.rig.cameras.expire
    assert held == [True] * 4 + [False]
    assert len({tuple(q) for q in env.rig.arm.sent[:4]}) == 1  # held where it was
    assert "dead-man" in env.log.why[0]
    assert np.isnan(env.log.sent[0]).all()


def test_a_key_let_go_of_for_long_stops(env):
    env.operator.let_go_s = 99.0
    assert env.step(hold_action(env.observation))[4]["outcome"] == "operator_stop"


def test_pictures_too_far_apart_hold_then_stop(env, shared):
    shared[1]["wrist"].behind = 0.2
    held = []
    while not env.truncated:
        info = env.step_chunk(hold_action(env.observation)[None], on_step=lambda e: held.append(e.held))[4]
    assert info["outcome"] == "invalid"
    assert "wrist" in info["error"]
    assert held.count(False) == pytest.approx(15 * env.limits.frame_hold_s, abs=2)
    assert len(held) == pytest.approx(15 * env.limits.frame_stop_s, abs=2)


def test_pictures_that_come_together_again_let_the_arm_go_on(env, shared):
    shared[1]["wrist"].behind = 0.2
    env.rig.clock.on_wait = lambda: (env.rig.cameras.expire(), setattr(shared[1]["wrist"], "behind", 0.0 if env.rig.clock.steps > 8 else 0.2))
    for _ in range(12):
        _, _, _, truncated, _ = env.step(hold_action(env.observation))
    env.rig.clock.on_wait = env.rig.cameras.expire
    assert not truncated
    assert any("apart" in why for why in env.log.why)


def test_an_unplugged_camera_ends_the_episode(env, shared):
    shared[1]["left"].unplugged = True
    env.step(hold_action(env.observation))
    _, _, _, truncated, info = env.step(hold_action(env.observation))
    assert truncated
    assert info["outcome"] == "invalid"


def test_a_camera_that_is_missing_at_the_start_is_told(env, shared):
    shared[1]["right"].unplugged = True
    with pytest.raises(CameraError, match="not connected"):
        env.reset(options={"trial": TRIAL})


def test_swapped_cameras_are_found_at_the_start(env, shared):
    scene = env.rig.scene
    look = scene.look
    scene.look = lambda: {"left": look()["right"], "right": look()["left"], "wrist": look()["wrist"]}
    with pytest.raises(CameraError, match=r"camera left shows what camera right should see"):
        env.reset(options={"trial": TRIAL})
    scene.look = look


def test_an_arm_that_was_pushed_does_not_start(env):
    env.operator.prepare = lambda setting: env.rig.arm.joint_pos.__setitem__(1, env.rig.arm.joint_pos[1] + 0.05)
    with pytest.raises(NotHomeError, match=r"joint 2 is 0\.050 rad"):
        env.reset(options={"trial": TRIAL})


def test_the_operator_can_refuse_a_trial(env):
    env.operator.refuses = OperatorStop("not now")
    with pytest.raises(OperatorStop):
        env.reset(options={"trial": TRIAL})
    assert not env.rig.arm.following


def test_the_operator_is_shown_what_to_lay_out(env):
    setting = env.operator.settings[0]
    assert setting.layout == env.layout
    assert setting.wanted["left"].shape == (240, 320, 3)
    assert len(setting.rubric) == 4
    assert all("animal_0" not in sentence and "block_0" not in sentence for sentence in setting.rubric)


def test_steps_that_the_operator_counts_are_the_reward_and_end_the_episode(env):
    env.operator.done_at = (1, 1, 2, 3)
    rewards = []
    for _ in range(3):
        _, reward, terminated, _, info = env.step(hold_action(env.observation))
        rewards.append(reward)
    assert rewards == [0.5, 0.25, 0.25]
    assert terminated
    np.testing.assert_allclose(info["step_done_s"], np.array([1, 1, 2, 3]) / 15)


def test_a_step_once_done_stays_done(env):
    env.operator.done_at = (1,)
    env.step(hold_action(env.observation))
    env.operator.done_at = ()
    assert env.step(hold_action(env.observation))[4]["steps_done"] == 1


def test_a_hopeless_trial_can_be_given_up(env):
    env.operator.tired = True
    _, _, _, truncated, info = env.step(hold_action(env.observation))
    assert truncated
    assert info["outcome"] == "failure"


def test_time_that_passes_while_the_policy_thinks_counts(env):
    env.rig.clock.thinking = 5
    held = []
    env.step_chunk(hold_action(env.observation)[None], on_step=lambda e: held.append(e.held))
    assert held == [True] * 5 + [False]
    assert env.control_steps == 6


def test_after_the_end_the_arm_is_still(env):
    env.operator.done_at = (1, 1, 1, 1)
    env.step(hold_action(env.observation))
    assert not env.rig.arm.following
