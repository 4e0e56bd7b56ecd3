"""DROID's words: there and back again, and the conventions that a silent mistake would hide in."""

import numpy as np
import pytest

from envs.types import CAMERAS, EE_POS, EE_ROT6D, Observation
from policy import droid


def observation() -> Observation:
    ramp = np.linspace(0, 255, 320)[None, :, None] * np.ones((240, 1, 3))
    state = np.arange(17, dtype=np.float32) / 20
    return {"pixels": {c: (ramp * (i + 1) / 3).astype(np.uint8) for i, c in enumerate(CAMERAS)}, "agent_pos": state}


def test_an_observation_comes_back_the_same():
    ours = observation()
    state = ours["agent_pos"]
    back, prompt = droid.from_droid(droid.to_droid(ours, "Sort toys."), state[EE_POS], state[EE_ROT6D])
    assert prompt == "Sort toys."
    assert np.array_equal(back["agent_pos"], state)
    for camera in CAMERAS:
        assert back["pixels"][camera].shape == (240, 320, 3)
        assert np.abs(back["pixels"][camera].astype(int) - ours["pixels"][camera]).max() <= 3


def test_the_keys_are_those_of_openpis_policies_for_droid():
    message = droid.to_droid(observation(), "Sort toys.")
    shapes = {key: np.shape(value) for key, value in message.items() if key != "observation/exterior_image_2_left"}
    assert shapes == {
        "observation/exterior_image_1_left": (224, 224, 3),
        "observation/wrist_image_left": (224, 224, 3),
        "observation/joint_position": (7,),
        "observation/gripper_position": (1,),
        "prompt": (),
    }


def test_a_picture_is_neither_stretched_nor_cut():
    padded = droid.resized_with_pad(np.full((240, 320, 3), 200, np.uint8))
    assert padded[:28].max() == padded[196:].max() == 0
    assert padded[28:196].min() == 200


def test_a_closed_gripper_is_one_in_both_languages():
    ours = observation()
    for closed in (0.0, 1.0):
        ours["agent_pos"][16] = closed
        assert droid.to_droid(ours, "")["observation/gripper_position"].tolist() == [closed]


def test_a_missing_key_is_named():
    message = droid.to_droid(observation(), "")
    del message["observation/joint_position"]
    with pytest.raises(ValueError, match=r"the observation has no observation/joint_position; it has observation/ext"):
        droid.from_droid(message, np.zeros(3), np.zeros(6))


def test_velocities_and_positions_are_each_others_inverse():
    rng = np.random.default_rng(0)
    start, velocities = rng.normal(size=7), np.c_[rng.uniform(-1, 1, (10, 7)), rng.integers(0, 2, 10)]
    targets = droid.positions_from_velocities(velocities, start)
    assert np.allclose(droid.velocities_from_positions(targets, start), velocities)
    assert np.allclose(targets[0, :7], start + 0.2 * velocities[0, :7])


def test_a_velocity_beyond_one_slows_all_joints_alike():
    targets = droid.positions_from_velocities(np.array([[2.0, 1.0, 0, 0, 0, 0, 0, 1.0]]), np.zeros(7))
    assert np.allclose(targets, [[0.2, 0.1, 0, 0, 0, 0, 0, 1.0]])
