"""A Ray cluster gives the same rows as processes do, and the same events."""

import dataclasses

import numpy as np
import pytest
from rich.console import Console

from envs.snapshots import read_snapshots
from envs.types import Trial
from experiments.collect import CollectConfig, collect
from experiments.evaluation import make_env
from experiments.policies import make_policy
from experiments.pool import Died, Done, run
from experiments.recording import SNAPSHOTS
from experiments.results import Result
from experiments.rollout import Provenance
from experiments.sweep import sweep
from experiments.workers import EnvRun, Job, run_trials
from tests.experiments.test_pool import Doubler

ray = pytest.importorskip("ray", reason="workers=ray is an extra: pip install -e '.[ray]' -c constraints.txt")
TRIALS = [Trial("sort_toys", i) for i in range(4)]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two workers on this machine; a cluster of its own, whatever else runs here."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def short_env(name):
    """Without cameras, and over after two seconds."""
    env = make_env("fast", "step", name)
    env.task = dataclasses.replace(env.task, time_limit_s=2.0)
    return env


def make_zero(env):
    return make_policy("zero", env)


def rows(tmp_path, workers):
    job = Job(short_env, make_zero, {"sort_toys": EnvRun(Provenance("zero", "abc"), tmp_path / str(workers))}, "none")
    results = [e for e in run_trials(job, TRIALS, workers) if isinstance(e, Result)]
    return sorted((dataclasses.replace(r, wall_s=0, infer_ms_p50=0, infer_ms_p95=0) for r in results), key=lambda r: r.trial)


def test_rows_and_state_hashes_do_not_depend_on_who_plays(tmp_path):
    alone = rows(tmp_path, 0)
    assert [(r.outcome, r.seconds) for r in alone] == [("timeout", 2.0)] * 4
    assert len({r.state_hash for r in alone}) == 4
    assert rows(tmp_path, 1) == rows(tmp_path, 2) == rows(tmp_path, "ray") == alone


def test_a_worker_that_dies_costs_its_item_only():
    events = {e.item: e for e in run(Doubler, ["die", 1, 2], "ray")}
    assert isinstance(events["die"], Died)
    assert (events[1], events[2]) == (Done(1, 2), Done(2, 4))


def test_what_a_worker_raises_is_raised_here():
    with pytest.raises(ValueError, match="no such thing"):
        list(run(Doubler, ["raise"], "ray"))


def test_a_collection_is_the_same_wherever_it_is_made(tmp_path):
    for workers in (0, "ray"):
        collect(CollectConfig(out=str(tmp_path / str(workers)), episodes=0, stills=2, test_stills=0, stills_per_model=1, workers=workers))
    here, there = ({s.record["id"]: s for s in read_snapshots(tmp_path / w / SNAPSHOTS)} for w in ("0", "ray"))
    assert len(here) == 2
    assert here.keys() == there.keys()
    for name, snapshot in here.items():
        assert snapshot.record == there[name].record
        np.testing.assert_array_equal(snapshot.images, there[name].images)


def test_a_sweep_runs_its_points_on_the_cluster(tmp_path):
    table = sweep(["env=take_lid", "policy=zero,expert", "trials=1", "workers=0", "video=none"], out=tmp_path, launcher="ray", console=Console(quiet=True))
    assert table[table.metric == "success"].set_index("policy").value.to_dict() == {"zero": 0.0, "expert": 1.0}
