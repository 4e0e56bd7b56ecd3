"""What can be chosen: the values of each override, and the groups of options of collecting, training, answering and sweeping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from envs import names
from experiments.planners import PLANNER_NAMES
from experiments.policies import ADAPTER_NAMES, POLICY_NAMES
from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.benchmarks import GROUPS as BENCHMARK_GROUPS
from experiments.understanding.protocols import PROTOCOLS
from policy.config import ExpertKind, Reasoning
from policy.presets import PRESETS
from policy.recipes import Budget, Recipe
from policy.running import Compiled, Precision

ENV_GROUPS = names.GROUPS | {"all": names.TASK_NAMES}

HF_VLM = "hf_vlm"  # any image-text-to-text model of Hugging Face: it answers, and does not act
LISTS = ("env", "benchmark")  # overrides that may be lists; `a,b` is taken for `[a,b]`
TRAINING = ("train", "dry_run", "all")  # stages
VARIANTS = ("experts", "expert_count", "top_k", "reasoning", "recipe", "text_ratio", "budget")  # of TrainOptions: what is compared
REMOTE_STAGES = ("evaluate", "report", "replay", "robustness")  # of policy=remote

GROUP_HELP = (
    "a task; a group (direct = tasks 1-4, planner = 5-13, multitask = 14-25, chatvla = these three, the paper's protocol; "
    "chatvla_tasks = the 25 one by one and the planner's compositions, to learn from; all = every task); or a list: [sort_toys,hang_cup]"
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
    "precision": get_args(Precision),
    "compile": get_args(Compiled),
    "execution": ("sync", "async"),
    "quality": ("fast", "high"),
    "motion": names.MOTIONS,
    "sweep.launcher": ("local", "ray", "slurm"),
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
    budget: str = option("full", "few steps, for a sweep on two cores: ablation = from a pretrained network, scratch = from none")
    pretrained: str | None = option(None, "folder of Qwen2-VL weights, for chatvla_2b; or of a checkpoint, whose understanding path a network of its trunk starts from")
    init: str | None = option(None, "folder of a checkpoint to start from (default: a fresh network)")
    minutes: float | None = option(None, "time for all stages together (default: their full number of steps)")
    steps_scale: float = option(1.0, "multiplies the steps of every stage")
    recolour: float = option(0.0, "share of the things in stills that get another colour, and of the demonstrations' pictures that get another hue")
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
    launcher: str = option("local", "processes of this machine, a Ray cluster, or Slurm with the settings of Hydra's launcher for it: hydra.launcher.partition=gpu")
