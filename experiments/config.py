"""The configuration: what can be overridden, of which type, with which values; read by Hydra, checked here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.names import TASK_NAMES
from experiments.errors import UsageError, check_name
from experiments.policies import POLICY_NAMES, checkpoint_dir, checkpoint_hash
from experiments.protocol import ROWS, find_row
from experiments.results import IDENTITY

CONF_DIR = Path(__file__).parent / "conf"
GROUPS = ("collect", "train")
TRIALS = 13  # for an env that is no row of the paper's protocol

CHOICES: dict[str, tuple[str, ...]] = {
    "env": TASK_NAMES,
    "stage": ("evaluate", "collect", "train", "correct", "all", "report"),
    "policy": POLICY_NAMES,
    "split": ("test", "train"),
    "shift": ("none",),
    "clock": ("stepped", "real"),
    "quality": ("fast", "high"),
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
    cache_every: int = option(1, "one frame in so many is decoded for training")
    pictures: int = option(1, "cameras per snapshot that questions are asked about, 1 to 3")
    out: str | None = option(None, "data folder (default: outputs/data/<env>)")


@dataclass
class TrainOptions:
    """Training, stage after stage; feeds `policy.train.TrainConfig`."""

    preset: str = option("tiny", "tiny (two cores) or 2b (Qwen2-VL-2B weights)")
    pretrained: str | None = option(None, "folder of Qwen2-VL weights, for 2b")
    init: str | None = option(None, "folder of a checkpoint to start from (default: a fresh network)")
    minutes: float | None = option(None, "time for all stages together (default: their full number of steps)")
    steps_scale: float = option(1.0, "multiplies the steps of every stage")
    stages: list[str] = field(default_factory=list, metadata={"help": "names of the stages to run (default: all)"})
    workers: int = option(0, "processes that make batches")
    threads: int = option(1, "threads of the network")
    accelerator: str = option("auto", "cpu, gpu or auto")
    precision: str = option("auto", "as Lightning names it; auto = bf16-mixed where the hardware has it, else 32-true")
    questions: int = option(400, "asked after each stage; 0 = none")
    out: str | None = option(None, "training folder (default: outputs/train/chatvla_<preset>)")


@dataclass
class Config:
    """Everything a run depends on."""

    env: str = option("sort_toys", "the task")
    stage: str = option("evaluate", "what to do; all = collect, train, evaluate")
    policy: str = option("chatvla_tiny", "who acts")
    checkpoint: str | None = option(None, "folder with weights (default: the shipped one)")
    trials: int | None = option(None, "how many trials (default: as many as the paper ran; sort_toys 13)")
    split: str = option("test", "layouts: held out, or those of training")
    seed: int = option(0, "of the layouts and of the policy's noise")
    shift: str = option("none", "how far the scene's look departs from training")
    workers: int = option(2, "processes; 0 = in this one")
    clock: str = option("stepped", "real = inference time costs control steps")
    quality: str = option("fast", "high = shadows and full meshes, slower")
    video: str = option("all", "all | failures | none | a number: the first N trials")
    questions: int = option(200, "held-out scene questions that a policy which can answer is asked; 0 = none")
    corrections: int = option(40, "episodes of the policy that the expert corrects (stage=correct)")
    beside: list[str] = field(default_factory=list, metadata={"help": "results of other policies to show in the report: [outputs/A,outputs/B]"})
    wandb: str = option("off", "log the results to Weights & Biases")
    out: str | None = option(None, "where results go (default: outputs/<env>-<policy>-<split>-seed<seed>)")
    collect: CollectOptions = field(default_factory=CollectOptions)
    train: TrainOptions = field(default_factory=TrainOptions)

    @property
    def out_dir(self) -> Path:
        """Folder of the results."""
        return Path(self.out or f"outputs/{self.env}-{self.policy}-{self.split}-seed{self.seed}")

    @property
    def data_dir(self) -> Path:
        """Folder of the demonstrations and questions."""
        return Path(self.collect.out or f"outputs/data/{self.env}")

    @property
    def train_dir(self) -> Path:
        """Folder of the training."""
        return Path(self.train.out or f"outputs/train/chatvla_{self.train.preset}")

    @property
    def trial_count(self) -> int:
        """How many trials: what was asked for, or what the paper ran."""
        row = find_row(self.env)
        return self.trials if self.trials is not None else row.trials if row else TRIALS


def load(overrides: Sequence[str]) -> Config:
    """The configuration that `key=value` overrides ask for.

    Raises:
        UsageError: an unknown key or value (with the nearest known one), or a value of the wrong type.
    """
    check_overrides(overrides)
    register()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            config = OmegaConf.to_object(compose("config", list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(_told(error)) from None
    assert isinstance(config, Config)
    check(config)
    return config


def register() -> None:
    """Tell Hydra the structured configuration, so that names and types are checked."""
    store = ConfigStore.instance()
    store.store("schema", Config)
    store.store("schema", CollectOptions, group="collect")
    store.store("schema", TrainOptions, group="train")


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse an override that is not `key=value` with a known key."""
    keys = [name for name, _, _ in options()]
    for text in overrides:
        key, equals, value = text.partition("=")
        key = key.lstrip("+~").split("@")[0]
        if not equals:
            raise UsageError(f"override '{text}' has no '='; expected name=value, such as trials=13")
        if key in GROUPS:
            check_name(value, [path.stem for path in sorted((CONF_DIR / key).glob("*.yaml"))], f"{key} preset")
        elif not key.startswith(("hydra.", "hydra/")):
            check_name(key, keys, "override")


def check(config: Config) -> None:
    """Refuse values that no run can have."""
    for key, known in CHOICES.items():
        value = getattr(config, key)
        if key == "env" and value not in known and find_row(value):
            built = ", ".join(known)
            raise UsageError(f"env '{value}' is one of the {len(ROWS)} rows of the protocol, but is not built yet; built: {built}")
        check_name(value, known, key)
    if not (config.video in ("all", "failures", "none") or config.video.isdigit()):
        raise UsageError(f"unknown video '{config.video}'; expected all, failures, none or a number")
    for key, low in (("trials", 1), ("workers", 0), ("seed", 0), ("questions", 0)):
        value = getattr(config, key)
        if value is not None and value < low:
            raise UsageError(f"{key}={value}; expected at least {low}")


def options(kind: type = Config, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(name, default, help) of every override, groups as `group.name`."""
    for f in fields(kind):
        default = f.default_factory() if callable(f.default_factory) else f.default  # type: ignore[misc]
        if is_dataclass(default):
            yield from options(type(default), f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", default, f.metadata.get("help", "")


def identity(config: Config) -> dict[str, Any]:
    """What decides a trial besides its index (see `results.IDENTITY`); rows that differ in it never share a file."""
    folder = checkpoint_dir(config.policy, config.checkpoint)
    values = {key: getattr(config, key) for key in IDENTITY if hasattr(config, key)}
    return values | {"checkpoint": str(folder) if folder else None, "checkpoint_hash": checkpoint_hash(folder), "backend": "mujoco"}


def config_hash(values: dict[str, Any]) -> str:
    """12 hex digits of an identity; the checkpoint counts by its contents, not by where it lies."""
    counted = {k: v for k, v in values.items() if k != "checkpoint"}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:12]


def _told(error: Exception) -> str:
    """Hydra's message and its cause, on one line."""
    lines = [str(e).strip().splitlines()[0] for e in (error, error.__cause__) if e is not None and str(e).strip()]
    return ": ".join(dict.fromkeys(lines))
