"""Which configurations no run can have, and what to give instead."""

from __future__ import annotations

import operator
import re
from dataclasses import fields
from typing import TYPE_CHECKING

from envs import names
from experiments.errors import UsageError, check_name
from experiments.options import (
    CHOICES,
    ENV_GROUPS,
    HF_VLM,
    REMOTE_STAGES,
    TRAINING,
    VARIANTS,
    TrainOptions,
)
from experiments.pacing import fixed_ms
from experiments.policies import LEARNED
from experiments.understanding.benchmarks import GROUPS as BENCHMARK_GROUPS
from policy.running import Running

if TYPE_CHECKING:
    from experiments.config import Config


def check(config: Config) -> None:
    """Refuse values that no run can have."""
    for key, known in CHOICES.items():
        value = operator.attrgetter(key)(config)
        for name in value if isinstance(value, list) else [value]:
            if name is not None:
                check_name(str(name), known, key)
    _check_envs(config)
    _check_planner(config)
    _check_remote(config)
    _check_understand(config)
    if config.train.llava is None and config.train.images is not None:
        raise UsageError("train.images is the folder of train.llava's pictures; give train.llava too, or leave it out")
    if not (config.video in ("all", "failures", "none") or config.video.isdigit()):
        raise UsageError(f"unknown video '{config.video}'; expected all, failures, none or a number")
    _check_running(config)
    _check_pace(config)
    asked = [name for name in VARIANTS if name != "budget" and getattr(config.train, name) != getattr(TrainOptions(), name)]
    if asked and config.stage not in TRAINING:  # a setting brings its budget to every stage
        given = f"train.{asked[0]}"
        raise UsageError(f"{given} decides what is trained, and stage={config.stage} trains nothing; leave it out, or choose stage=train or all")
    if config.trials is not None and not re.fullmatch(r"x?[1-9]\d*", config.trials):
        raise UsageError(f"trials={config.trials}; expected a number of trials from 1, or a factor such as x2")
    if not re.fullmatch(r"\d+|ray", config.workers):
        raise UsageError(f"workers={config.workers}; expected a number of processes from 0, or ray")
    lowest = {"seed": 0, "sweep.jobs": 0, "questions": 0, "planner_every": 1}
    lowest |= {"train.devices": 1, "train.nodes": 1, "train.accumulate": 1, "train.lora": 0}
    for key, low in lowest.items():
        value = operator.attrgetter(key)(config)
        if value is not None and value < low:
            raise UsageError(f"{key}={value}; expected at least {low}")


def _check_running(config: Config) -> None:
    usual = Running()
    try:
        running = config.running
        running.check()
    except ValueError as error:
        raise UsageError(str(error)) from None
    if running != usual and config.policy not in LEARNED:
        given = next(f"{f.name}={getattr(running, f.name)}" for f in fields(Running) if getattr(running, f.name) != getattr(usual, f.name))
        raise UsageError(f"policy '{config.policy}' is no network of ours, so {given} changes nothing; leave it out")


def _check_pace(config: Config) -> None:
    if config.clock not in ("stepped", "real"):
        try:
            fixed_ms(config.clock)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if config.execution == "async" and not config.thinking_takes_time:
        raise UsageError("execution=async is the same as sync where thinking costs no time; give clock=real or clock=200ms too")


def _check_envs(config: Config) -> None:
    if isinstance(config.env, list):
        if grouped := [name for name in config.env if name in ENV_GROUPS]:
            raise UsageError(f"env={config.env} has the group '{grouped[0]}' in it; list tasks, or give the group alone")
        if not config.env or len(set(config.env)) < len(config.env):
            raise UsageError(f"env={config.env}; expected a list of different tasks")


def _check_planner(config: Config) -> None:
    if config.planner not in (None, "none") and not set(config.envs) & set(names.PLANNER):
        raise UsageError(f"env '{config.label}' has no sub-tasks for planner={config.planner}; they are in {', '.join(names.PLANNER)}")
    if config.planner == "policy" and config.policy not in LEARNED:
        raise UsageError(f"planner=policy asks the policy itself, and '{config.policy}' answers no questions; choose policy=chatvla_tiny or planner=scripted")
    given = config.planner_url is not None, config.planner_model is not None
    if config.planner == "openai" and not all(given):
        raise UsageError("planner=openai needs planner_url=http://.../v1 and planner_model=NAME")
    if config.planner != "openai" and any(given):
        raise UsageError("planner_url and planner_model belong to planner=openai; give it, or leave them out")


def _check_remote(config: Config) -> None:
    if config.policy == "remote" and not re.match(r"wss?://[^/]", config.policy_url or ""):
        raise UsageError(f"policy=remote has policy_url={config.policy_url}; expected the address of a server, such as policy_url=ws://127.0.0.1:8000")
    if config.policy != "remote" and (config.policy_url is not None or config.policy_adapter is not None):
        raise UsageError("policy_url and policy_adapter belong to policy=remote; give it, or leave them out")
    if config.policy == "remote" and config.stage not in REMOTE_STAGES:
        raise UsageError(f"stage={config.stage} needs the policy itself; with policy=remote: {', '.join(REMOTE_STAGES)}")


def _check_understand(config: Config) -> None:
    if config.stage == "understand":
        if config.policy not in (*LEARNED, HF_VLM):
            raise UsageError(f"policy '{config.policy}' answers no questions; choose policy=chatvla_tiny, or policy=hf_vlm path=FOLDER")
        if config.data is None:
            raise UsageError("stage=understand needs data=FOLDER, which has the benchmarks' files")
        names = config.benchmarks
        if not names or len(set(names)) < len(names) or (isinstance(config.benchmark, list) and set(names) & set(BENCHMARK_GROUPS)):
            raise UsageError(f"benchmark={config.benchmark}; expected a list of different benchmarks, or a group alone")
        for key, value in (("batch", config.understand.batch), ("limit", config.understand.limit)):
            if value is not None and value < 1:
                raise UsageError(f"understand.{key}={value}; expected at least 1")
    elif config.policy == HF_VLM:
        raise UsageError(f"policy=hf_vlm answers questions and does not act; it is for stage=understand, not stage={config.stage}")
    if (config.policy == HF_VLM) != (config.path is not None):
        raise UsageError("path=FOLDER and policy=hf_vlm belong together; give both, or leave both out")
