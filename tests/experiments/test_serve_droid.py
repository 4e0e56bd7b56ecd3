"""DROID's clients are answered in their own words, and the joints they get do what the policy asked for."""


from typing import Any

import numpy as np
import pytest

from envs.ik import IK
from envs.robot import HOME_QPOS
from envs.types import EXECUTE, HORIZON, JOINT_POS, Inference
from experiments import serve_droid
from experiments.joint_actions import Droid, poses_from_joints
from experiments.serve_droid import DroidDialect
from policy import droid
from policy.baselines import Zero, hold_action
from policy.remote import RemotePolicy
from policy.server import PolicyServer
from tests.policy.serving import decode, dial, encode, serving

ABOUT = {"image_resolution": [224, 224], "needs_wrist_camera": True, "n_external_cameras": 2, "needs_stereo_camera": False, "needs_session_id": False}


class Reaching(Zero):
    """Moves the hand 4 mm a step along x and keeps what it saw."""

    name = "reaching"

    def infer(self, observation, instruction):
        Reaching.saw, Reaching.told = observation, instruction
        chunk = np.tile(hold_action(observation), (HORIZON, 1))
        chunk[:, 0] += 0.004 * np.arange(1, HORIZON + 1)
        return Inference(chunk, "I reach.")


def picture(value):
    return np.full((224, 224, 3), value, np.uint8)


def openpi_message(**more):
    """What openpi's DROID example sends: one exterior camera."""
    return {
        "observation/exterior_image_1_left": picture(10), "observation/wrist_image_left": picture(30),
        "observation/joint_position": HOME_QPOS.astype(np.float32), "observation/gripper_position": np.array([1.0], np.float32), "prompt": "reach",
    } | more  # fmt: skip


def roboarena_message():
    return {
        "observation/exterior_image_0_left": picture(10), "observation/exterior_image_1_left": picture(20), "observation/wrist_image_left": picture(30),
        "observation/joint_position": HOME_QPOS.astype(np.float32), "observation/cartesian_position": np.zeros(6, np.float32),
        "observation/gripper_position": np.zeros(1, np.float32), "prompt": "reach", "endpoint": "infer",
    }  # fmt: skip


@pytest.fixture(scope="module", params=["joint_position", "joint_velocity"])
def served(request):
    with serving(PolicyServer(Reaching(), dialect=DroidDialect(request.param))) as port:
        yield request.param, port


def ask(port, message) -> Any:
    with dial(port) as connection:
        metadata = decode(connection.recv(20))
        connection.send(encode(message))
        told = connection.recv(20)
    return metadata, told if isinstance(told, str) else decode(told)


def test_a_client_of_openpi_gets_joint_actions(served):
    space, port = served
    metadata, answer = ask(port, openpi_message())
    assert metadata == {**ABOUT, "action_space": space}
    assert answer["actions"].shape == (EXECUTE, 8)
    assert answer["actions"][:, 7].tolist() == [1.0] * EXECUTE
    assert answer["reasoning"] == "I reach."


def test_the_joint_actions_are_the_policys_motion(served):
    space, port = served
    sent = np.asarray(ask(port, openpi_message())[1]["actions"], np.float64)
    joints = sent if space == "joint_position" else droid.positions_from_velocities(sent, HOME_QPOS)
    x = poses_from_joints(IK(), joints)[:, 0]
    assert np.allclose(x, 0.47 + 0.004 * np.arange(1, EXECUTE + 1), atol=1e-3)


def test_the_policy_sees_our_observation(served):
    ask(served[1], openpi_message())
    assert {c: int(p.max()) for c, p in Reaching.saw["pixels"].items()} == {"left": 10, "right": 0, "wrist": 30}  # the missing one is black
    assert np.allclose(Reaching.saw["agent_pos"][JOINT_POS], HOME_QPOS)
    assert np.allclose(Reaching.saw["agent_pos"][7:10], [0.47, 0, 0.28], atol=1e-4)
    assert Reaching.told == "reach"


def test_a_client_of_roboarena_counts_its_cameras_from_0_and_resets(served):
    _, answer = ask(served[1], roboarena_message())
    assert answer["actions"].shape == (EXECUTE, 8)
    assert {c: int(p.max()) for c, p in Reaching.saw["pixels"].items()} == {"left": 10, "right": 20, "wrist": 30}
    assert ask(served[1], {"endpoint": "reset"})[1] == "reset successful"


def test_what_is_no_observation_of_droid_is_told(served):
    _, told = ask(served[1], openpi_message() | {"observation/joint_position": np.zeros(6, np.float32)})
    assert "observation/joint_position is [0.0, 0.0, 0.0, 0.0, 0.0, 0.0], expected 7 finite angles in rad" in told
    message = openpi_message()
    del message["observation/wrist_image_left"]
    assert "the observation has no observation/wrist_image_left" in ask(served[1], message)[1]


def test_our_own_remote_policy_evaluates_it(served):
    space, port = served
    policy = RemotePolicy(f"ws://127.0.0.1:{port}", Droid(space))
    policy.connect()
    state = np.r_[HOME_QPOS, 0.47, 0, 0.28, 1, 0, 0, 0, -1, 0, 0].astype(np.float32)
    chunk = policy.infer({"pixels": {c: np.zeros((240, 320, 3), np.uint8) for c in ("left", "right", "wrist")}, "agent_pos": state}, "reach").action_chunk
    policy.close()
    assert np.allclose(chunk[:, 0], 0.47 + 0.004 * np.arange(1, EXECUTE + 1), atol=1e-3)


def test_openpis_own_client_is_answered(served):
    client = pytest.importorskip(
        "openpi_client.websocket_client_policy", reason="openpi-client is not installed (pip install --no-deps openpi-client)"
    )
    assert client.WebsocketClientPolicy("127.0.0.1", served[1]).infer(openpi_message())["actions"].shape == (EXECUTE, 8)


def test_an_unknown_action_space_is_refused(capsys):
    assert serve_droid.main(["action_space=cartesian_position"]) == 2
    assert "action_space=cartesian_position; expected joint_position or joint_velocity" in capsys.readouterr().err
