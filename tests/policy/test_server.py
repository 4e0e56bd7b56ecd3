"""Our server, spoken to by a client that was written from openpi's protocol, and by openpi's own where it is installed."""

import http.client
import importlib
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from envs.types import CAMERAS, Inference, Trial
from policy import checkpoint, serve
from policy.baselines import Random
from policy.messages import read_trial, trial_message
from policy.server import PolicyServer
from tests.policy.serving import decode, dial, encode, serving

ROOT = Path(__file__).resolve().parents[2]


def observation(**more) -> Any:
    pixels = {c: np.zeros((240, 320, 3), np.uint8) for c in CAMERAS}
    state = np.r_[np.zeros(7), 0.5, 0, 0.2, 1, 0, 0, 0, -1, 0, 0].astype(np.float32)
    return {"pixels": pixels, "agent_pos": state, "prompt": "Sort toys."} | more


def ask(connection, message):
    connection.send(message if isinstance(message, bytes | str) else encode(message))
    return connection.recv(20)


def refusal(connection, message):
    """The text that the server says before it closes."""
    told = ask(connection, message)
    assert isinstance(told, str)
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    return told


@pytest.fixture(scope="module")
def port():
    with serving(PolicyServer(Random(), {"policy": "random"}, max_bytes=2**20)) as port:
        yield port


def test_it_says_first_what_it_is_and_what_it_expects(port):
    with dial(port) as connection:
        metadata = decode(connection.recv(20))
    assert metadata == {"policy": "random", "contract": checkpoint.contract(), "contract_hash": checkpoint.contract_hash()}


def test_it_answers_an_observation_with_actions_words_and_times(port):
    with dial(port) as connection:
        connection.recv(20)
        answer = decode(ask(connection, observation()))
    assert answer["actions"].shape == (16, 10)
    assert answer["actions"].dtype == np.float32
    assert answer["reasoning"] == ""
    assert answer["server_timing"]["infer_ms"] > 0


def test_a_trial_has_its_own_noise_whoever_else_is_connected(port):
    def chunk(connection, index):
        return decode(ask(connection, observation(trial=trial_message(Trial("sort_toys", index)))))["actions"]

    local = Random()
    local.reset(Trial("sort_toys", 3))
    message = observation()
    expected = [local.infer(message, "").action_chunk for _ in range(2)]
    with dial(port) as one, dial(port) as other:
        one.recv(20)
        other.recv(20)
        assert np.array_equal(chunk(one, 3), expected[0])
        assert not np.array_equal(chunk(other, 4), expected[0])
        assert np.array_equal(decode(ask(one, observation()))["actions"], expected[1])


def test_a_trial_comes_back_the_same():
    trial = Trial("hang_cup", 7, 3, "train", "light")
    assert read_trial(trial_message(trial)) == trial


def test_its_health_can_be_asked_for_on_the_same_port(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"OK\n")


def test_a_web_page_is_refused(port):
    with pytest.raises(InvalidStatus, match="HTTP 403"), connect(f"ws://127.0.0.1:{port}", origin=Origin("http://example.org"), proxy=None):
        pass


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"prompt": "Sort toys."}, "an observation has keys ['prompt'], expected pixels"),
        ([1, 2], "a list came, expected a mapping"),
        ("hello", "a text came ('hello'), expected a msgpack message"),
        (pickle.dumps({"x": 1}), "are no msgpack message"),
        (observation(agent_pos={b"__ndarray__": True, b"data": b"8bytes..", b"dtype": "|O", b"shape": [1]}), "arrays of dtype object are refused"),
        (observation(trial={"env": "sort_toys"}), "trial is {'env': 'sort_toys'}, expected env (str), index (int)"),
        (
            observation(contract_hash="abc", contract={**checkpoint.contract(), "horizon": 8}),
            f"the client's contract abc is not this server's {checkpoint.contract_hash()}: horizon is 8, this code has 16; run both",
        ),
    ],
)
def test_a_mistake_is_told_the_connection_closed_and_the_server_goes_on(port, message, told):
    with dial(port) as connection:
        connection.recv(20)
        text = refusal(connection, message)
    assert text.startswith("Traceback")
    assert told in text
    with dial(port) as connection:
        connection.recv(20)
        assert isinstance(ask(connection, observation()), bytes)


def test_a_message_beyond_the_limit_closes_its_connection_with_the_reason(port):
    with dial(port) as connection:
        connection.recv(20)
        connection.send(bytes(2**20 + 1))
        with pytest.raises(ConnectionClosed, match=r"1009 \(message too big\).*exceeds limit"):
            connection.recv(20)


class Failing(Random):
    """Fails at every inference."""

    def infer(self, observation, instruction) -> Inference:
        raise RuntimeError("the network caught fire")


def test_a_policy_that_fails_is_told_of():
    with serving(PolicyServer(Failing())) as port, dial(port) as connection:
        connection.recv(20)
        assert "RuntimeError: the network caught fire" in refusal(connection, observation())


def test_openpis_own_client_works_with_it(port):
    client = pytest.importorskip(
        "openpi_client.websocket_client_policy", reason="openpi-client is not installed (pip install --no-deps openpi-client)"
    )
    policy = client.WebsocketClientPolicy("127.0.0.1", port)
    assert policy.get_server_metadata()["policy"] == "random"
    assert policy.infer(observation())["actions"].shape == (16, 10)
    with pytest.raises(RuntimeError, match="Error in inference server:\nTraceback"):
        policy.infer({"prompt": ""})


def test_our_resize_is_that_of_openpis_client():
    tools = pytest.importorskip("openpi_client.image_tools", reason="openpi-client is not installed (pip install --no-deps openpi-client)")
    droid = importlib.import_module("policy.droid")
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    assert np.array_equal(droid.resized_with_pad(image), tools.resize_with_pad(image, 224, 224))


def start(*args):
    return subprocess.Popen(
        [sys.executable, "-m", "policy.serve", *args], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def test_the_command_serves_on_this_machine_alone_until_ctrl_c():
    process = start("policy=zero", "port=0")
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("zero answers on ws://127.0.0.1:")
    port = int(line.split("ws://127.0.0.1:")[1].split(",")[0])
    with dial(port) as connection:
        assert decode(connection.recv(20))["policy"] == "zero"
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, ("stopped\n", ""))


@pytest.mark.parametrize(
    ("arg", "told"),
    [
        ("prot=1", "'prot=1' is no option; did you mean 'port='? expected python -m policy.serve"),
        ("port=abc", "port=abc; expected a whole number"),
        ("policy=nobody", "nobody; give checkpoint=FOLDER, or policy= one of chatvla_tiny, chatvla_tiny_multitask, random, zero"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(arg, told, capsys):
    assert serve.main([arg]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1


def test_a_port_that_is_taken_is_told(port, capsys):
    assert serve.main(["policy=zero", f"port={port}"]) == 2
    assert "address already in use" in capsys.readouterr().err
