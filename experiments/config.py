"""The configuration: what can be overridden, of which type, with which values; read by Hydra, checked here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs import names
from envs.types import EXECUTE
from experiments.checks import check
from experiments.errors import UsageError, check_name
from experiments.options import (
    BENCHMARK_HELP,
    ENV_GROUPS,
    GROUP_HELP,
    LISTS,
    VARIANTS,
    CollectOptions,
    SweepOptions,
    TrainOptions,
    UnderstandOptions,
    option,
)
from experiments.planners import ASK_EVERY
from experiments.policies import checkpoint_dir, checkpoint_hash
from experiments.pool import Workers
from experiments.protocol import find_row
from experiments.results import IDENTITY
from experiments.understanding.benchmarks import GROUPS as BENCHMARK_GROUPS
from policy.running import Running

CONF_DIR = Path(__file__).parent / "conf"
SETTING, SETTINGS = "setting", tuple(sorted(path.stem for path in (CONF_DIR / "setting").glob("*.yaml")))  # named sets of overrides
TRIALS = 10  # of an env that is no row of the paper's protocol


@dataclass
class Config:
    """Everything a run depends on."""

    # A string or a list of them, which OmegaConf has no type for; `check` sees to it.
    env: Any = field(default="sort_toys", metadata={"help": GROUP_HELP})
    stage: str = option("evaluate", "what to do; all = collect, train, evaluate; dry_run = what that training would cost; replay = repeat the recorded trials of out; robustness = evaluate under every shift; understand = answer the benchmarks")
    policy: str = option("chatvla_tiny", "who acts, or answers; hf_vlm = an image-text-to-text model of Hugging Face, for stage=understand")
    policy_url: str | None = option(None, "policy=remote: the server, such as ws://127.0.0.1:8000")
    policy_adapter: str | None = option(None, "policy=remote: what it is told and answers (default: ours)")
    checkpoint: str | None = option(None, "folder with weights (default: the shipped one)")
    path: str | None = option(None, "policy=hf_vlm: folder of the model")
    # As `env`, a string or a list of them.
    benchmark: Any = field(default="table1", metadata={"help": BENCHMARK_HELP})
    data: str | None = option(None, "stage=understand: folder with the benchmarks as TSV, parquet, JSONL or TFRecord, or one such file")
    reason_every: int = option(1, "chunks that one spoken reasoning serves, of a policy that speaks")
    execute: int = option(EXECUTE, "actions of a chunk that are executed before the next inference, 1 to 16")
    device: str = option("auto", "of the network: auto = the first GPU where there is one, else the CPU; cpu, cuda, cuda:1")
    precision: str = option("auto", "of the network: auto = bfloat16 on a GPU for networks over 100 M parameters, else float32")
    compile: str = option("none", "loops = speaking and denoising compiled, on a GPU as CUDA graphs; takes half a minute first, and a C++ compiler")
    planner: str | None = option(None, "who names the next sub-task (default: scripted for tasks 5-13, none elsewhere)")
    planner_every: int | None = option(None, "inferences between two questions to the planner (default: scripted 1, others 4)")
    planner_url: str | None = option(None, "planner=openai: base of an OpenAI-compatible API, such as http://localhost:8000/v1; the key is read from OPENAI_API_KEY")
    planner_model: str | None = option(None, "planner=openai: name of the model")
    trials: str | None = option(None, "of each task: a number, or x2 for twice the paper's number (default: x1, 176 for env=chatvla)")
    split: str = option("test", "layouts: held out, or those of training")
    seed: int = option(0, "of the layouts and of the policy's noise")
    shift: str = option("none", "in which factor the trials depart from training")
    workers: str = option("2", "processes; 0 = in this one; ray = one per free CPU of a Ray cluster")
    clock: str = option("stepped", "stepped = thinking costs no time; real = what it takes; 200ms = always so much")
    execution: str = option("sync", "while the policy thinks the arm waits; async = it goes on with the chunk before")
    quality: str = option("fast", "high = shadows and full meshes, slower")
    motion: str = option("step", "joint targets reach the arm's controller at once; smooth = as on the robot: led at 1 kHz within a Franka's torques, and an arm that is pushed too hard stops itself")
    video: str = option("all", "all | failures | none | a number: the first N trials")
    questions: int = option(200, "held-out scene questions that a policy which can answer is asked; 0 = none")
    corrections: int = option(40, "episodes of the policy that the expert corrects (stage=correct)")
    beside: list[str] = field(default_factory=list, metadata={"help": "results of other policies to show in the report: [outputs/A,outputs/B]"})
    wandb: str = option("off", "log the results to Weights & Biases")
    out: str | None = option(None, "where results go (default: outputs/<env>-<policy>-<split>-seed<seed>, with planner, shift, clock, execution, motion, execute, train.experts and train.reasoning where they are given)")
    collect: CollectOptions = field(default_factory=CollectOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    understand: UnderstandOptions = field(default_factory=UnderstandOptions)
    sweep: SweepOptions = field(default_factory=SweepOptions)

    @property
    def envs(self) -> tuple[str, ...]:
        """The tasks that `env` names."""
        return ENV_GROUPS.get(self.env, (self.env,)) if isinstance(self.env, str) else tuple(self.env)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks that `benchmark` names."""
        if isinstance(self.benchmark, str):
            return BENCHMARK_GROUPS.get(self.benchmark, (self.benchmark,))
        return tuple(self.benchmark)

    @property
    def answers_dir(self) -> Path:
        """Folder of the answers to the benchmarks."""
        name = Path(self.path).name if self.path else self.policy
        return Path(self.out or f"outputs/understand-{name}-{self.understand.protocol}")

    @property
    def label(self) -> str:
        """`env` as one word."""
        return self.env if isinstance(self.env, str) else "+".join(self.env)

    def only_env(self) -> str:
        """The only task.

        Raises:
            UsageError: there are several.
        """
        if self.is_group:
            raise UsageError(f"stage={self.stage} works on one task; env={self.label} are {len(self.envs)}")
        return self.envs[0]

    @property
    def running(self) -> Running:
        """How the policy's network runs."""
        return Running(**{f.name: getattr(self, f.name) for f in fields(Running)})

    @property
    def thinking_takes_time(self) -> bool:
        """Whether the world goes on while the policy thinks."""
        return self.clock != "stepped"

    @property
    def is_group(self) -> bool:
        """Whether each task has a folder of its own in `out_dir`."""
        return not isinstance(self.env, str) or self.env in ENV_GROUPS

    @property
    def variant(self) -> str:
        """What the trained network and its training have instead of the preset's, as a part of folders' names."""
        usual = TrainOptions()
        given = {name: (getattr(self.train, name), getattr(usual, name)) for name in VARIANTS}
        return "".join(f"-{name}_{str(value).replace(':', '_')}" for name, (value, default) in given.items() if value != default)

    @property
    def out_dir(self) -> Path:
        """Folder of the results; what a sweep often varies is part of its default name."""
        planner = f"-planner_{self.planner}" if self.planner else ""
        clock = f"-clock_{self.clock}" if self.clock != "stepped" else ""
        execution = f"-{self.execution}" if self.execution != "sync" else ""
        shift = f"-shift_{self.shift}" if self.shift != "none" else ""
        motion = f"-motion_{self.motion}" if self.motion != "step" else ""
        execute = f"-execute{self.execute}" if self.execute != EXECUTE else ""
        return Path(self.out or f"outputs/{self.label}-{self.policy}{self.variant}{planner}-{self.split}{shift}{clock}{execution}{motion}{execute}-seed{self.seed}")

    @property
    def adapter(self) -> str | None:
        """How a remote policy is spoken to; None for the others."""
        return (self.policy_adapter or "ours") if self.policy == "remote" else None

    @property
    def pool(self) -> Workers:
        """Who works: a number of processes, or `ray`."""
        return "ray" if self.workers == "ray" else int(self.workers)

    def env_dir(self, env: str) -> Path:
        """Folder of the results of one task."""
        return self.out_dir / env if self.is_group else self.out_dir

    def data_dir(self, env: str) -> Path:
        """Folder of the demonstrations and questions of one task."""
        given = self.collect.out and (Path(self.collect.out) / env if self.is_group else Path(self.collect.out))
        return given or Path("outputs/data") / env

    @property
    def train_dir(self) -> Path:
        """Folder of the training."""
        group = f"-{self.label}" if self.is_group else ""
        seed = f"-seed{self.seed}" if self.seed else ""
        return Path(self.train.out or f"outputs/train/{self.train.preset}{group}{self.variant}{seed}")

    def trial_count(self, env: str) -> int:
        """How many trials of a task: what was asked for, or what the paper ran."""
        if self.trials is not None and not self.trials.startswith("x"):
            return int(self.trials)
        row = find_row(env)
        return (row.trials if row else TRIALS) * int((self.trials or "x1")[1:])

    def planner_of(self, env: str) -> str:
        """Who plans in a task: only the chains have sub-tasks to choose from."""
        return (self.planner or "scripted") if env in names.PLANNER else "none"

    def planner_every_of(self, env: str) -> int | None:
        """Inferences between two questions to the planner of a task."""
        name = self.planner_of(env)
        return None if name == "none" else self.planner_every or ASK_EVERY[name]


AnyConfig = TypeVar("AnyConfig", bound=Config)


def load(overrides: Sequence[str], kind: type[AnyConfig] = Config) -> AnyConfig:
    """The configuration that `key=value` overrides ask for; `kind`: one with more fields than `Config`.

    Raises:
        UsageError: an unknown key or value (with the nearest known one), or a value of the wrong type.
    """
    check_overrides(overrides, kind)
    register(kind)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            config = OmegaConf.to_object(compose("config", [_listed(text) for text in overrides]))
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(_told(error)) from None
    assert isinstance(config, kind)
    check(config)
    return config


def register(kind: type[Config] = Config) -> None:
    """Tell Hydra the structured configuration, so that names and types are checked."""
    ConfigStore.instance().store("schema", kind)


def check_overrides(overrides: Sequence[str], kind: type[Config] = Config) -> None:
    """Refuse an override that is not `key=value` with a known key."""
    keys = [name for name, _, _ in options(kind)]
    for text in overrides:
        key, equals, _ = text.partition("=")
        key = key.lstrip("+~").split("@")[0]
        if not equals:
            raise UsageError(f"override '{text}' has no '='; expected name=value, such as trials=13")
        if key == SETTING:
            check_name(text.partition("=")[2], SETTINGS, SETTING)
        elif not key.startswith(("hydra.", "hydra/")):
            check_name(key, keys, "override")


def options(kind: type = Config, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(name, default, help) of every override, groups as `group.name`."""
    for f in fields(kind):
        default = f.default_factory() if callable(f.default_factory) else f.default  # type: ignore[misc]
        if is_dataclass(default):
            yield from options(type(default), f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", default, f.metadata.get("help", "")


def identity(config: Config, env: str, backend: str = "mujoco") -> dict[str, Any]:
    """What decides a trial of a task besides its index (see `results.IDENTITY`); rows that differ in it never share a file."""
    folder = checkpoint_dir(config.policy, config.checkpoint)
    values = {key: getattr(config, key) for key in IDENTITY if hasattr(config, key)}
    if values["execute"] == EXECUTE:  # policies that are no networks have their own number
        del values["execute"]
    planned = {"planner": config.planner_of(env), "planner_every": config.planner_every_of(env)}
    planned["planner_model"] = config.planner_model if planned["planner"] == "openai" else None
    planned |= {"policy_adapter": config.adapter} if config.adapter else {}
    weights = {"checkpoint": str(folder) if folder else None, "checkpoint_hash": checkpoint_hash(folder)}
    return values | {"env": env, "backend": backend} | planned | weights


def config_hash(values: dict[str, Any]) -> str:
    """12 hex digits of an identity; the checkpoint counts by its contents, not by where it lies."""
    counted = {k: v for k, v in values.items() if k != "checkpoint"}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:12]


def _listed(override: str) -> str:
    """`benchmark=a,b` as `benchmark=[a,b]`: a sweep needs -m, and does not come here."""
    key, _, value = override.partition("=")
    return f"{key}=[{value}]" if key in LISTS and "," in value and not value.startswith("[") else override


def _told(error: Exception) -> str:
    """Hydra's message and its cause, on one line."""
    lines = [str(e).strip().splitlines()[0] for e in (error, error.__cause__) if e is not None and str(e).strip()]
    return ": ".join(dict.fromkeys(lines))
