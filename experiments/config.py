"""The configuration: what can be overridden, of which type, with which values; read by Hydra, checked here."""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs import names
from experiments.errors import UsageError, check_name
from experiments.pacing import fixed_ms
from experiments.planners import ASK_EVERY, PLANNER_NAMES
from experiments.policies import ADAPTER_NAMES, LEARNED, POLICY_NAMES, checkpoint_dir, checkpoint_hash
from experiments.pool import Workers
from experiments.protocol import find_row
from experiments.results import IDENTITY
from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.benchmarks import GROUPS as BENCHMARK_GROUPS
from experiments.understanding.protocols import PROTOCOLS
from policy.config import ExpertKind, Reasoning
from policy.presets import PRESETS
from policy.recipes import Budget, Recipe

CONF_DIR = Path(__file__).parent / "conf"
SETTING, SETTINGS = "setting", tuple(sorted(path.stem for path in (CONF_DIR / "setting").glob("*.yaml")))  # named sets of overrides
TRIALS = 10  # of an env that is no row of the paper's protocol
ENV_GROUPS = names.GROUPS | {"all": names.TASK_NAMES}

HF_VLM = "hf_vlm"  # any image-text-to-text model of Hugging Face: it answers, and does not act
LISTS = ("env", "benchmark")  # overrides that may be lists; `a,b` is taken for `[a,b]`
TRAINING = ("train", "dry_run", "all")  # stages
VARIANTS = ("experts", "expert_count", "top_k", "reasoning", "recipe", "text_ratio", "budget")  # of TrainOptions: what is compared
REMOTE_STAGES = ("evaluate", "report", "replay", "robustness")  # of policy=remote

GROUP_HELP = (
    "a task; a group (direct = tasks 1-4, planner = 5-13, multitask = 14-25, chatvla = these three, the paper's protocol; "
    "chatvla_tasks = the 25 one by one, to learn from; all = every task); or a list: [sort_toys,hang_cup]"
)

BENCHMARK_HELP = "stage=understand: a benchmark; table1 = the paper's 13, paper = with ERQA; or a list: [textvqa,mmmu]"

CHOICES: dict[str, tuple[str, ...]] = {
    "env": (*ENV_GROUPS, *names.TASK_NAMES),
    "stage": ("evaluate", "collect", "train", "dry_run", "correct", "all", "report", "replay", "robustness", "understand"),
    "benchmark": (*BENCHMARK_GROUPS, *BENCHMARKS),
    "understand.protocol": tuple(PROTOCOLS),
    "policy": (*POLICY_NAMES, HF_VLM),
    "train.preset": tuple(PRESETS),
    "train.strategy": ("auto", "ddp", "fsdp"),
    "train.compile": ("none", "layers"),
    "train.lora_parts": ("language", "vision", "experts"),
    "train.experts": get_args(ExpertKind),
    "train.reasoning": get_args(Reasoning),
    "train.recipe": get_args(Recipe),
    "train.budget": get_args(Budget),
    "policy_adapter": ADAPTER_NAMES,
    "planner": PLANNER_NAMES,
    "split": ("test", "train"),
    "shift": names.SHIFTS,
    "collect.shift": names.TRAINING_SHIFTS,
    "execution": ("sync", "async"),
    "quality": ("fast", "high"),
    "motion": names.MOTIONS,
    "sweep.launcher": ("local", "ray", "slurm", "basic"),
    "wandb": ("off", "offline", "online"),
}


def option(default: Any, help: str) -> Any:
    """A field with the sentence that `--help` prints for it."""
    return field(default=default, metadata={"help": help})


@dataclass
class CollectOptions:
    """Demonstrations of the expert, and scene questions; feeds `experiments.collect.CollectConfig`."""

    episodes: int = option(500, "demonstrations to attempt, on training layouts")
    noisy_share: float = option(0.5, "share of them in which the expert is disturbed")
    snapshot_every: int = option(12, "frames between an episode's snapshots; 0 = none")
    stills: int = option(6000, "made-up scenes of training layouts, for grounding")
    test_stills: int = option(600, "made-up scenes of test layouts, for questions")
    shift: str = option("none", "train = light, cameras, tint and friction vary a little from episode to episode")
    cache_every: int = option(1, "one frame in so many is decoded for training")
    pictures: int = option(1, "cameras per snapshot that questions are asked about, 1 to 3")
    seed: int | None = option(None, "of the demonstrations' layouts (default: seed)")
    out: str | None = option(None, "data folder, of a group one with a folder for each task (default: outputs/data/<env>)")


@dataclass
class TrainOptions:
    """Training, stage after stage; feeds `policy.train_config.TrainConfig`."""

    preset: str = option("chatvla_tiny", "which network: *_tiny for two cores, the others at their source's size")
    experts: str | None = option(None, "what stands in each layer (default: the preset's); dense_wide = one network as large as two experts")
    reasoning: str | None = option(None, "how what it says reaches the actions (default: the preset's); latter, former, all = into those blocks of the head")
    expert_count: int | None = option(None, "experts of a layer where a router chooses (default: the preset's, 8)")
    top_k: int | None = option(None, "how many of them it chooses for each token (default: the preset's, 2)")
    recipe: str = option("phased", "robot data, then robot data and text (ChatVLA); both from the start; robot data alone; always in as many steps")
    text_ratio: str | None = option(None, "rows of robot data to rows of text where both are trained: 3:1, 1:1, 1:3, or 1:0 for no text (default: the stage's own, 3:1)")
    budget: str = option("full", "ablation = few steps, from a pretrained network, for a sweep on two cores")
    pretrained: str | None = option(None, "folder of Qwen2-VL weights, for chatvla_2b; or of a checkpoint, whose understanding path a network of its trunk starts from")
    init: str | None = option(None, "folder of a checkpoint to start from (default: a fresh network)")
    minutes: float | None = option(None, "time for all stages together (default: their full number of steps)")
    steps_scale: float = option(1.0, "multiplies the steps of every stage")
    stages: list[str] = field(default_factory=list, metadata={"help": "names of the stages to run (default: all)"})
    workers: int = option(0, "processes that make batches")
    threads: int = option(1, "threads of the network")
    accelerator: str = option("auto", "cpu, gpu or auto")
    precision: str = option("auto", "as Lightning names it; auto = bf16-mixed where the hardware has it, else 32-true")
    devices: int = option(1, "GPUs of each machine (processes, where there is none)")
    nodes: int = option(1, "machines; start the same command on each, with torchrun or Slurm")
    accumulate: int = option(1, "turns in which each device computes its share of a batch; what is learnt depends on devices x nodes x accumulate alone")
    strategy: str = option("auto", "ddp = the whole network on every device; fsdp = a shard of it; auto = fsdp where there are several devices and the stage allows it")
    lora: int = option(0, "rank of adapters that are learnt instead of the weights under them (the paper's scripts: 64); 0 = none. Merged when a stage ends")
    lora_parts: list[str] = field(default_factory=lambda: ["language", "vision"], metadata={"help": "what has adapters: the language model's attention, the vision tower, the experts"})
    checkpoint_activations: bool = option(False, "compute layers again on the way back instead of keeping what they made")
    compile: str = option("none", "layers = torch.compile of every layer")
    llava: str | None = option(None, "file of visual-text data in LLaVA's format, .json or .jsonl")
    images: str | None = option(None, "folder of its pictures (default: the file's)")
    llava_share: float = option(1.0, "share of each batch's understanding rows that come from it; the others are scene questions")
    questions: int = option(400, "asked after each stage; 0 = none")
    feature_frames: int | None = option(None, "frames whose conditions are kept for the head alone, at most (default: 20,000)")
    out: str | None = option(None, "training folder (default: outputs/train/<preset>, with a group's name, experts and reasoning where they are given, and a seed other than 0)")


@dataclass
class UnderstandOptions:
    """Understanding benchmarks; feeds `experiments.understanding.stage.Plan`."""

    protocol: str = option("chatvla_release", "wording, pixels, answer length and scoring rules (experiments/understanding/protocols.py)")
    batch: int = option(8, "questions answered together")
    limit: int | None = option(None, "the first so many questions of each benchmark (default: all)")


@dataclass
class SweepOptions:
    """How a sweep (-m) runs; see `experiments.sweep`."""

    jobs: int = option(1, "points that run at once on this machine; 0 = all in this process")
    launcher: str = option("local", "processes of this machine, a Ray cluster, or Slurm through Hydra's launcher, whose own overrides begin with hydra.launcher.")


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
    motion: str = option("step", "joint targets reach the arm's controller at once; smooth = within a Franka's torque rate, as on the robot")
    video: str = option("all", "all | failures | none | a number: the first N trials")
    questions: int = option(200, "held-out scene questions that a policy which can answer is asked; 0 = none")
    corrections: int = option(40, "episodes of the policy that the expert corrects (stage=correct)")
    beside: list[str] = field(default_factory=list, metadata={"help": "results of other policies to show in the report: [outputs/A,outputs/B]"})
    wandb: str = option("off", "log the results to Weights & Biases")
    out: str | None = option(None, "where results go (default: outputs/<env>-<policy>-<split>-seed<seed>, with planner, shift, clock, execution, motion, train.experts and train.reasoning where they are given)")
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
        return Path(self.out or f"outputs/{self.label}-{self.policy}{self.variant}{planner}-{self.split}{shift}{clock}{execution}{motion}-seed{self.seed}")

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
    _check_pace(config)
    asked = [name for name in VARIANTS if name != "budget" and getattr(config.train, name) != getattr(TrainOptions(), name)]
    if asked and config.stage not in TRAINING:  # a setting brings its budget to every stage
        given = f"train.{asked[0]}"
        raise UsageError(f"{given} decides what is trained, and stage={config.stage} trains nothing; leave it out, or choose stage=train or all")
    if config.trials is not None and not re.fullmatch(r"x?[1-9]\d*", config.trials):
        raise UsageError(f"trials={config.trials}; expected a number of trials from 1, or a factor such as x2")
    if not re.fullmatch(r"\d+|ray", config.workers):
        raise UsageError(f"workers={config.workers}; expected a number of processes from 0, or ray")
    lowest = {"seed": 0, "sweep.jobs": 0, "questions": 0, "planner_every": 1, "reason_every": 1}
    lowest |= {"train.devices": 1, "train.nodes": 1, "train.accumulate": 1, "train.lora": 0}
    for key, low in lowest.items():
        value = operator.attrgetter(key)(config)
        if value is not None and value < low:
            raise UsageError(f"{key}={value}; expected at least {low}")


def _check_pace(config: Config) -> None:
    if config.clock not in ("stepped", "real"):
        try:
            fixed_ms(config.clock)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if config.reason_every > 1 and config.policy not in LEARNED:
        raise UsageError(f"policy '{config.policy}' speaks no reasoning here, so reason_every={config.reason_every} changes nothing; leave it out")
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
