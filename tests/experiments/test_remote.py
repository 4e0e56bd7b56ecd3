"""A remote policy under our protocol: the same rows as here, and errors that are error rows."""

import dataclasses
import itertools

import numpy as np
import pytest

from envs.robot import HOME_QPOS
from envs.sim_env import SimEnv
from envs.tasks import TASKS
from envs.types import Trial
from experiments import config as conf
from experiments import evaluation
from experiments.errors import UsageError
from experiments.policies import CHECKPOINTS, make_remote
from experiments.results import RESULTS_FILE, read
from experiments.rollout import Provenance, rollout
from policy.baselines import Random
from policy.inference import ChatVLAPolicy
from policy.server import PolicyServer
from tests.experiments import fakes
from tests.policy.serving import serving, tiny_server


def make_fake_env(quality, motion, name):
    return fakes.FakeEnv(name)


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """The rows of an evaluation in the fakes' world."""
    monkeypatch.setattr(evaluation, "make_env", make_fake_env)
    monkeypatch.setattr(evaluation, "START_WAIT_S", 0.3)
    monkeypatch.setattr(evaluation, "RECONNECT_WAIT_S", 0.3)
    folders = (tmp_path / str(i) for i in itertools.count())

    def run(*overrides):
        out = next(folders)
        config = conf.load(["video=none", "workers=0", "trials=2", f"out={out}", *overrides])
        evaluation.evaluate(config, "the command")
        return read(out / RESULTS_FILE)

    return run


def played(row):
    """What does not depend on who answered, nor on how long it took."""
    ignored = ("policy", "policy_adapter", "config_hash", "checkpoint_hash", "infer_parts_ms", "infer_ms_p50", "infer_ms_p95", "wall_s", "gl")
    return {k: v for k, v in dataclasses.asdict(row).items() if k not in ignored}


def test_a_remote_policy_plays_the_trials_of_the_local_one(evaluate):
    local = evaluate("policy=random")
    with serving(PolicyServer(Random(), {"weights_sha256": "ab" * 32})) as port:
        remote = evaluate("policy=remote", f"policy_url=ws://127.0.0.1:{port}")
    assert [played(row) for row in remote] == [played(row) for row in local]
    assert {(row.policy, row.policy_adapter, row.checkpoint_hash) for row in remote} == {("remote", "ours", "ab" * 8)}
    assert set(remote[0].infer_parts_ms) == {"network", "server"}


def test_other_weights_behind_the_address_are_another_configuration(evaluate, tmp_path):
    for weights in ("ab", "cd"):
        with serving(PolicyServer(Random(), {"weights_sha256": weights * 32})) as port:
            run = ("policy=remote", f"policy_url=ws://127.0.0.1:{port}", f"out={tmp_path}/same")
            if weights == "cd":
                with pytest.raises(UsageError, match=r"holds results of another configuration \(checkpoint_hash 'abababababababab' there"):
                    evaluate(*run)
            else:
                evaluate(*run)


def test_an_error_in_the_middle_is_an_error_row_and_the_next_trial_is_played(evaluate):
    asked = itertools.count()

    def answer(message):
        return "Traceback\nValueError: out of memory" if next(asked) == 1 else {"actions": np.tile(fakes.hold_action(message), (8, 1))}

    with tiny_server(answer) as port:
        rows = evaluate("policy=remote", f"policy_url=ws://127.0.0.1:{port}")
    assert [row.outcome for row in rows] == ["error", "timeout"]
    assert f"RemoteError: ws://127.0.0.1:{port} failed: ValueError: out of memory (" in str(rows[0].error)
    assert not rows[0].counted


def test_no_server_is_told_before_any_trial(evaluate):
    with pytest.raises(UsageError, match=r"no policy server at ws://127.0.0.1:1 within 0.3 s .*start one \(python -m policy.serve"):
        evaluate("policy=remote", "policy_url=ws://127.0.0.1:1")


def test_a_droid_policy_is_asked_in_its_words_and_its_joint_actions_are_executed(evaluate):
    came = []

    def answer(message):
        came.append(message)
        return {"actions": np.tile(np.r_[HOME_QPOS, 0.0], (10, 1))}

    with tiny_server(answer) as port:
        rows = evaluate("policy=remote", f"policy_url=ws://127.0.0.1:{port}", "policy_adapter=droid_joint_position", "trials=1")
    assert rows[0].outcome in ("timeout", "success")
    assert "trial" not in came[0]
    assert came[0]["observation/exterior_image_1_left"].shape == (224, 224, 3)


def test_the_shipped_network_behind_a_server_moves_the_world_as_it_does_here():
    short = dataclasses.replace(TASKS["sort_toys"], time_limit_s=2)
    network, trial = ChatVLAPolicy.from_pretrained(CHECKPOINTS["chatvla_tiny"]), Trial("sort_toys", 0)
    with serving(PolicyServer(network)) as port:
        remote = make_remote(f"ws://127.0.0.1:{port}", "ours", 5.0)
        rows = [rollout(SimEnv(short), policy, trial, [], Provenance("any", "")) for policy in (network, remote)]
        remote.close()
    assert rows[0].outcome == "timeout"
    assert rows[0].error is None
    assert played(rows[0]) == played(rows[1])
    assert rows[0].state_hash
    assert rows[0].reasoning
