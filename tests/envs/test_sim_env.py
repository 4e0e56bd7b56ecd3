"""The environment keeps Gymnasium's contract, refuses bad actions, and resets depend on the trial alone."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs
from envs.expert import Expert
from envs.sim_env import SimEnv
from envs.types import ACTION_DIM, Split, Trial

TRIAL = Trial("sort_toys", 3)


@pytest.fixture(scope="module")
def env():
    env = SimEnv("sort_toys")
    yield env
    env.close()


@pytest.fixture(scope="module")
def blind():
    return SimEnv("sort_toys", cameras=False)


def hold(env) -> np.ndarray:
    return env.unwrapped._action_sent


def test_gymnasiums_checker_passes(env):
    check_env(env, skip_render_check=False)


def test_registered_under_its_gymnasium_id():
    envs.register()
    made = gymnasium.make("ChatVLA/SortToys-v0", cameras=False)
    assert isinstance(made.unwrapped, SimEnv)
    assert made.unwrapped.task.name == "sort_toys"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(7), r"action has shape \(7,\), expected \(10,\)"),
        (np.full(ACTION_DIM, np.nan), "action is not finite at .* refused"),
        (np.array(["a"] * ACTION_DIM), "expected real numbers"),
        (np.zeros(ACTION_DIM), "names no rotation"),
    ],
)
def test_a_bad_action_is_refused_and_nothing_moves(blind, action, message):
    blind.reset(options={"trial": TRIAL})
    before = blind.state_hash()
    with pytest.raises(ValueError, match=message):
        blind.step(action)
    assert blind.state_hash() == before


def test_a_reset_depends_on_the_trial_alone(env):
    first, _ = env.reset(options={"trial": TRIAL})
    state, frame = env.state_hash(), first["pixels"]["left"].copy()
    env.reset(options={"trial": Trial("sort_toys", 4)})
    assert env.state_hash() != state
    again, _ = env.reset(options={"trial": TRIAL})
    assert env.state_hash() == state
    np.testing.assert_array_equal(again["pixels"]["left"], frame)


def test_another_process_reaches_the_same_state_and_pixels(env):
    code = (
        "import hashlib; from envs.sim_env import SimEnv; from envs.types import Trial; e = SimEnv('sort_toys');"
        "o, _ = e.reset(options={'trial': Trial('sort_toys', 3)});"
        "[e.advance(e._action_sent) for _ in range(5)];"
        "print(e.state_hash(), hashlib.sha256(e.render().tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    import hashlib

    env.reset(options={"trial": TRIAL})
    for _ in range(5):
        env.step(hold(env))
    assert other == [env.state_hash(), hashlib.sha256(env.render().tobytes()).hexdigest()]


def test_a_restored_state_goes_on_identically(blind):
    blind.reset(options={"trial": TRIAL})
    expert = Expert(blind)

    def act(n):
        for _ in range(n):
            blind.step(expert.infer(blind.observe(), "").action_chunk[0])

    act(20)
    saved = blind.full_state()
    act(20)
    straight = blind.state_hash()
    blind.set_full_state(saved)
    act(20)
    assert blind.state_hash() == straight


def test_a_chunk_equals_its_steps(blind):
    blind.reset(options={"trial": TRIAL})
    chunk = np.tile(hold(blind), (6, 1))
    chunk[:, 2] -= 0.01 * np.arange(6)
    for action in chunk:
        blind.step(action)
    singly = blind.state_hash()
    blind.reset(options={"trial": TRIAL})
    blind.step_chunk(chunk)
    assert blind.state_hash() == singly


def test_vector_environments_equal_a_single_one():
    envs.register()
    trial_options = {"trial": TRIAL}
    kinds = {}
    for mode in ("sync", "async"):
        vector = gymnasium.make_vec("ChatVLA/SortToys-v0", 2, mode, vector_kwargs={"context": "spawn"} if mode == "async" else {})
        observation, _ = vector.reset(options=trial_options)
        kinds[mode] = observation
        vector.close()
    np.testing.assert_array_equal(kinds["sync"]["pixels"]["wrist"], kinds["async"]["pixels"]["wrist"])
    np.testing.assert_array_equal(kinds["sync"]["agent_pos"][0], kinds["sync"]["agent_pos"][1])


def test_doing_nothing_does_no_step(blind):
    for index in range(5):
        blind.reset(options={"trial": Trial("sort_toys", index)})
        *_, info = blind.step_chunk(np.tile(hold(blind), (75, 1)))
        assert info["steps_done"] == 0


@pytest.mark.parametrize("index", range(4))
def test_the_expert_sorts_the_toys(blind, index):
    blind.reset(options={"trial": Trial("sort_toys", index)})
    expert, done, rewards = Expert(blind), False, []
    while not done:
        _, reward, terminated, truncated, info = blind.step(expert.infer(blind.observe(), "").action_chunk[0])
        rewards.append(reward)
        done = terminated or truncated
    assert info["is_success"]
    assert sum(rewards) == pytest.approx(1)
    assert np.all(np.diff(info["step_done_s"]) >= 0)


def test_test_layouts_are_not_training_layouts(blind):
    splits: tuple[tuple[Split, bool], ...] = (("test", True), ("train", False))
    for split, expected in splits:
        for index in range(10):
            blind.reset(options={"trial": Trial("sort_toys", index, split=split)})
            assert blind.layout.is_test is expected


def test_segmentation_names_what_is_seen(env):
    env.reset(options={"trial": TRIAL})
    seen = env.segmentation()["left"]
    for name in (*env.world.roles, "box", "basket", "robot"):
        assert (seen == env.segments.index(name) + 1).sum() > 30, name


def test_an_unknown_task_is_told_the_nearest_name():
    with pytest.raises(ValueError, match=r"unknown env 'sort_toy'; did you mean 'sort_toys'\?"):
        SimEnv("sort_toy")
