"""The remote policy, against a tiny server that shares no code with ours: what it sends, what it takes, what it says of failures."""

import re
import socket
import threading
import time

import numpy as np
import pytest

from envs.types import CAMERAS, Observation, Trial
from policy import checkpoint
from policy.baselines import Random
from policy.remote import Ours, RemoteError, RemotePolicy
from policy.server import PolicyServer
from tests.policy.serving import listening, serving, tiny_server

TRIAL = Trial("sort_toys", 2, seed=5)
OBSERVATION: Observation = {
    "pixels": {c: np.zeros((240, 320, 3), np.uint8) for c in CAMERAS},
    "agent_pos": np.r_[np.zeros(7), 0.5, 0, 0.2, 1, 0, 0, 0, -1, 0, 0].astype(np.float32),
}


def policy(port, **more):
    return RemotePolicy(f"ws://127.0.0.1:{port}", Ours(), wait_s=0.3, **{"timeout_s": 20.0, **more})


def asked(port, **more):
    """The answer of the server on a port to the first observation of a trial."""
    remote = policy(port, **more)
    try:
        remote.reset(TRIAL)
        return remote.infer(OBSERVATION, "Sort toys.")
    finally:
        remote.close()


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def test_it_sends_the_observation_and_once_a_trial_the_trial_and_the_contract():
    came = []
    with tiny_server(lambda m: came.append(m) or {"actions": np.ones((10, 10))}) as port:
        remote = policy(port)
        for trial in (TRIAL, Trial("sort_toys", 3)):
            remote.reset(trial)
            for _ in range(2):
                remote.infer(OBSERVATION, "Sort toys.")
        remote.close()
    assert [m.get("trial", {}).get("index") for m in came] == [2, None, 3, None]
    assert came[0]["trial"] == {"env": "sort_toys", "index": 2, "seed": 5, "split": "test", "shift": "none"}
    assert came[0]["contract_hash"] == checkpoint.contract_hash()
    assert came[1]["prompt"] == "Sort toys."
    assert np.array_equal(came[1]["pixels"]["wrist"], OBSERVATION["pixels"]["wrist"])


def test_it_takes_actions_words_and_times_by_part():
    answer = {"actions": np.ones((10, 10)), "reasoning": "Put the duck into the box.", "server_timing": {"infer_ms": 0.001}}
    with tiny_server(lambda m: answer) as port:
        inference = asked(port)
    assert inference.action_chunk.shape == (10, 10)
    assert inference.action_chunk.dtype == np.float32
    assert inference.reasoning == "Put the duck into the box."
    assert inference.seconds["server"] == pytest.approx(1e-6)
    assert inference.seconds["network"] > 0


def test_through_our_server_it_is_the_policy_itself():
    local = Random()
    local.reset(TRIAL)
    with serving(PolicyServer(Random())) as port:
        assert np.array_equal(asked(port).action_chunk, local.infer(OBSERVATION, "").action_chunk)


def nan(message):
    actions = np.ones((10, 10))
    actions[3, 1] = np.nan
    return {"actions": actions}


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (nan, RemoteError, r"ws://127.0.0.1:\d+ answered actions that are not finite, the first at \[3, 1\]; they were refused"),
        (lambda m: {"actions": np.ones((10, 8))}, ValueError, r"actions have shape \(10, 8\), policy_adapter=ours expects \(n, 10\); is it the right"),
        (lambda m: {"action": 1}, RemoteError, "answered without an array 'actions'; it has action"),
        (lambda m: "Traceback\n  x\nValueError: no prompt", RemoteError, r"ws://127.0.0.1:\d+ failed: ValueError: no prompt"),
        (lambda m: None, RemoteError, r"ws://127.0.0.1:\d+ is gone in the middle of a trial"),
        (lambda m: [1], RemoteError, "sent a list, expected a mapping; is it a policy server"),
    ],
)
def test_a_bad_answer_is_told_with_the_address(answer, error, told):
    with tiny_server(answer) as port, pytest.raises(error, match=told):
        asked(port)


def test_a_server_that_is_too_slow_is_told():
    with tiny_server(lambda m: time.sleep(0.5) or {}) as port, pytest.raises(RemoteError, match=r"did not answer within 0.1 s"):
        asked(port, timeout_s=0.1)


def test_a_server_of_another_contract_is_refused_with_what_differs():
    metadata = {"contract_hash": "abc", "contract": {**checkpoint.contract(), "control_hz": 10}}
    told = "the server has another contract: control_hz is 10, this code has 15; run both with the same code"
    with tiny_server(lambda m: {}, metadata) as port, pytest.raises(checkpoint.ContractError, match=re.escape(told)):
        policy(port).reset(TRIAL)


def test_no_server_is_told_with_address_and_remedy():
    port = free_port()
    with pytest.raises(RemoteError, match=rf"no policy server at ws://127.0.0.1:{port} within 0.3 s \(ConnectionRefusedError.*start one \(python -m policy.serve"):
        policy(port).reset(TRIAL)


def test_it_waits_while_a_server_starts():
    port, found = free_port(), []
    remote = RemotePolicy(f"ws://127.0.0.1:{port}", Ours(), wait_s=20.0)
    client = threading.Thread(target=lambda: (remote.reset(TRIAL), found.append(remote.infer(OBSERVATION, ""))))
    client.start()
    time.sleep(0.3)
    with listening(lambda _: PolicyServer(Random()).listen("127.0.0.1", port)):
        client.join(20)
        remote.close()
    assert found[0].action_chunk.shape == (16, 10)


def test_it_connects_anew_after_an_error():
    answers = iter(["ValueError: once", {"actions": np.ones((10, 10))}])
    with tiny_server(lambda m: next(answers)) as port:
        remote = policy(port)
        remote.reset(TRIAL)
        with pytest.raises(RemoteError, match="once"):
            remote.infer(OBSERVATION, "")
        with pytest.raises(RemoteError, match="is not connected; call reset first"):
            remote.infer(OBSERVATION, "")
        remote.reset(TRIAL)
        assert remote.infer(OBSERVATION, "").action_chunk.shape == (10, 10)
        remote.close()
