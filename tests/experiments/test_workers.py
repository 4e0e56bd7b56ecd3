"""Workers give the same rows whatever their number, and outlive a worker that dies."""

import dataclasses

import pytest

from envs.types import Trial
from experiments.results import Result
from experiments.rollout import Provenance
from experiments.workers import EnvRun, Job, run_trials
from tests.experiments import fakes

TRIALS = [Trial("sort_toys", i) for i in range(4)]


def rows(tmp_path, make_policy, workers, video="none"):
    job = Job(fakes.FakeEnv, make_policy, {"sort_toys": EnvRun(Provenance("forward", "abc"), tmp_path)}, video)
    events = [e for e in run_trials(job, TRIALS, workers) if isinstance(e, Result)]
    return sorted(events, key=lambda r: r.trial)


def timeless(results):
    return [dataclasses.replace(r, wall_s=0, infer_ms_p50=0, infer_ms_p95=0) for r in results]


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_do_not_depend_on_the_number_of_workers(tmp_path, workers):
    assert timeless(rows(tmp_path, fakes.make_forward, workers)) == timeless(rows(tmp_path, fakes.make_forward, 0))


def test_a_crash_costs_one_trial_only(tmp_path):
    assert [r.outcome for r in rows(tmp_path, fakes.make_crashing, 0)] == ["success", "error", "success", "success"]


def test_a_worker_that_dies_costs_one_trial_only(tmp_path):
    results = rows(tmp_path, fakes.make_dying, 1)
    assert [r.outcome for r in results] == ["success", "error", "success", "success"]
    assert results[1].error == "the worker process died (exit code 7) during this trial"


def test_no_trials_start_no_worker(tmp_path):
    job = Job(fakes.FakeEnv, fakes.make_forward, {"sort_toys": EnvRun(Provenance("forward", "abc"), tmp_path)})
    assert list(run_trials(job, [], 2)) == []
