"""Evaluates a policy: the trials of every task that are not finished yet, questions, reports; all from one pool of workers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from envs import gl
from envs.types import Trial
from experiments import provenance
from experiments.chat_model import ChatModel
from experiments.config import Config, config_hash, identity
from experiments.display import Display
from experiments.errors import UsageError
from experiments.planners import Planner, make_planner
from experiments.policies import BLIND, LEARNED, PER_ENV, make_policy, make_remote
from experiments.pool import Workers
from experiments.report import write_report
from experiments.results import RESULTS_FILE, Result, ResultsWriter
from experiments.rollout import Provenance
from experiments.summary import QUESTIONS_FILE, beside_folder
from experiments.table_report import write_table_report
from experiments.workers import EnvRun, Job, run_trials
from policy import tracking
from policy.running import Running

Identity = dict[str, Any]
START_WAIT_S = 60.0  # for a policy server that is being started with the run
RECONNECT_WAIT_S = 10.0  # for one that answered before, at the start of a trial


def evaluate(config: Config, command: str) -> None:
    """Trials that are not finished yet, then the questions, then the reports."""
    known = identities(config)
    title = f"{config.label} · {config.policy} · {config.split}"
    rows = run_job(make_job(config, known, command), planned_trials(config), config.pool, known, title)
    ask_questions(config, known)
    report(config, command)
    _track(config, rows)


def identities(config: Config, backend: str = "mujoco") -> dict[str, Identity]:
    """What decides the trials of each task.

    Raises:
        UsageError: the checkpoint is not whole or of another contract, or there is no policy server.
    """
    known = {env: identity(config, env, backend) for env in config.envs}
    if config.policy in LEARNED:
        check_checkpoint(known[config.envs[0]]["checkpoint"])
    if config.policy == "remote":
        served = served_weights(config)
        known = {env: values | {"checkpoint_hash": served} for env, values in known.items()}
    return known


def planned_trials(config: Config) -> list[Trial]:
    """All trials of all tasks, in order."""
    return [
        Trial(env, i, config.seed, config.split, config.shift)  # type: ignore[arg-type]
        for env in config.envs
        for i in range(config.trial_count(env))
    ]


def make_job(config: Config, known: Mapping[str, Identity], command: str) -> Job:
    """What the workers are told."""
    planners = {env: _planner(config, env) for env in config.envs}
    renders = config.video != "none" or config.policy not in BLIND or any(p.uses_pixels for p in planners.values())
    every = Provenance(
        config.policy, "", clock=config.clock, execution=config.execution, reason_every=config.reason_every, quality=config.quality, motion=config.motion, commit=provenance.commit(), command=command,
        gl=gl.vendor() if renders else None, versions=provenance.versions(),
    )  # fmt: skip
    fields = ("checkpoint", "checkpoint_hash", "planner", "planner_model", "planner_every", "policy_adapter", "backend")
    runs = {
        env: EnvRun(
            dataclasses.replace(every, config_hash=config_hash(values), **{name: values.get(name) for name in fields}),
            config.env_dir(env),
            planners[env],
        )
        for env, values in known.items()
    }
    return Job(
        functools.partial(make_env, config.quality, config.motion),
        _policy_maker(config),
        runs,
        config.video,
        policy_per_env=config.policy in PER_ENV,
    )


def served_weights(config: Config) -> str | None:
    """16 hex digits of the weights that a policy server says it has, None where it says nothing of them; waits for its start.

    Raises:
        UsageError: there is no server, or it has another contract.
    """
    from policy.checkpoint import ContractError
    from policy.remote import RemoteError

    assert config.policy_url
    assert config.adapter
    policy = make_remote(config.policy_url, config.adapter, START_WAIT_S)
    try:
        policy.connect()
    except (RemoteError, ContractError) as error:
        raise UsageError(str(error)) from error
    policy.close()
    weights = policy.metadata.get("weights_sha256")
    return weights[:16] if isinstance(weights, str) else None


def check_checkpoint(folder: str) -> None:
    """Refuse a checkpoint that is not whole or was made for another contract, before any worker starts."""
    from policy.checkpoint import check_contract

    try:
        check_contract(folder)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error


def run_job(job: Job, trials: list[Trial], workers: Workers, known: Mapping[str, Identity], title: str) -> list[Result]:
    """Run the trials that the results files lack; every row is on the disk before the next is awaited."""
    with ExitStack() as stack:
        writers = {env: stack.enter_context(ResultsWriter(run.out, known[env])) for env, run in job.runs.items()}
        todo = [t for t in trials if t.index not in writers[t.env].finished]
        done = [row for writer in writers.values() for row in writer.rows.values() if row.counted]
        totals = {env: len({t.index for t in trials if t.env == env} | writer.finished) for env, writer in writers.items()}
        display = stack.enter_context(Display(title, totals, done))
        for event in run_trials(job, todo, workers):
            if isinstance(event, Result):
                writers[event.env].append(event)
            display.show(event)
        return [writer.rows[k] for writer in writers.values() for k in sorted(writer.rows)]


def report(config: Config, command: str) -> None:
    """Write report.md, report.html and summary.json from the rows alone: of each task, and of a group as a whole."""
    beside = [Path(p) for p in config.beside]
    done = [env for env in config.envs if (config.env_dir(env) / RESULTS_FILE).exists() and (config.env_dir(env) / RESULTS_FILE).stat().st_size]
    if not done:
        raise UsageError(f"no results in {config.env_dir(config.envs[0]) / RESULTS_FILE}; run stage=evaluate first, or give out=")
    told = [write_report(config.env_dir(env), [beside_folder(p, env) for p in beside]) for env in done]
    if config.is_group:
        told = [*told, write_table_report(config.out_dir, done, beside)]
    Console().print("\n".join([*told, f"{config.out_dir}/report.html"]), highlight=False, soft_wrap=True, markup=False)


def ask_questions(config: Config, known: Mapping[str, Identity]) -> None:
    """questions.json of each task from a policy that can answer, unless it is there; a group's tasks share `questions`."""
    lacking = [env for env in config.envs if not (config.env_dir(env) / QUESTIONS_FILE).exists()]
    if config.policy not in LEARNED or not config.questions or not lacking:
        return
    from policy.inference import ChatVLAPolicy

    Console().print(f"asking {config.questions} questions about held-out scenes", highlight=False)
    from experiments.asking import ask_policy

    policy = ChatVLAPolicy.from_pretrained(known[lacking[0]]["checkpoint"])
    for env in lacking:
        ask_policy(policy, env, config.seed, max(1, config.questions // len(config.envs)), config.env_dir(env))


def make_env(quality: str, motion: str, name: str) -> Any:
    """The simulated environment; imported in the process that uses it."""
    from envs.sim_env import SimEnv

    return SimEnv(name, quality=quality, motion=motion)


def make_remote_policy(url: str, adapter: str, env: Any) -> Any:
    """`make_remote` with the env last, of which it knows nothing."""
    return make_remote(url, adapter, RECONNECT_WAIT_S)


def make_named_policy(name: str, checkpoint: str | None, running: Running, data: Mapping[str, Path], env: Any) -> Any:
    """`make_policy` with the env last, so that a partial of it can be sent to a worker."""
    return make_policy(name, env, checkpoint, data[env.task.name], running)


def _policy_maker(config: Config) -> Callable[[Any], Any]:
    if config.policy_url and config.adapter:
        return functools.partial(make_remote_policy, config.policy_url, config.adapter)
    data = {env: config.data_dir(env) for env in config.envs}
    return functools.partial(make_named_policy, config.policy, config.checkpoint, config.running, data)


def _planner(config: Config, env: str) -> Planner:
    chat = ChatModel(config.planner_url, config.planner_model) if config.planner_url and config.planner_model else None
    return make_planner(config.planner_of(env), config.planner_every, chat)


def _track(config: Config, rows: list[Result]) -> None:
    run = tracking.start_run(config.wandb, f"{config.label}-{config.policy}", dataclasses.asdict(config), config.out_dir)
    if run is None:
        return
    for row in rows:
        run.log({f"eval/{row.env}/steps_done": row.steps_done, f"eval/{row.env}/success": float(row.success), "trial": row.trial})
    run.finish()
