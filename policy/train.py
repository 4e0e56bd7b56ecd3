"""Trains a ChatVLA through its stages; called again, it goes on where it stopped.

Each stage leaves a checkpoint folder `out/<stage>/checkpoint`, which marks it as done; while it runs,
`out/<stage>/resume/last.ckpt` holds everything that resuming needs. `out/training_log.csv` has one row in twenty steps.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from policy import checkpoint, fingerprint
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, ExpertKind, Reasoning
from policy.corpus import corpus
from policy.datamodule import Numbered
from policy.features import Corrections, FeatureBatches, cached_features
from policy.feed_forward import copy_experts
from policy.fit import FitSetting, fit_stage
from policy.llava import LlavaRows, skipped_count
from policy.llava_index import LlavaIndex
from policy.lora import check_parts as check_lora_parts
from policy.normalizer import NormStats
from policy.parts import check_parts
from policy.presets import preset, varied
from policy.pretrained import is_checkpoint, understanding_path
from policy.processor import Processor, config_for
from policy.qa import write_accuracy
from policy.recipes import Budget, Plan, Recipe, stages_of
from policy.recorded import Data, Frames
from policy.rows import Batches
from policy.sharding import strategy_name
from policy.stages import Stage
from policy.stills import Snapshots
from policy.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
from policy.vocabulary import taught, unknown

SKIPPED = "llava_skipped.jsonl"  # records of visual-text data that could not be read


@dataclass(frozen=True)
class TrainConfig:
    """What decides a training run.

    data: folder of the recorded data of a task, or of each of several.
    init: folder of a checkpoint to start from, with its weights, tokenizer and ranges, instead of a fresh network; where
    the data has words that it lacks, they are added and the ranges are the data's (`policy.vocabulary`).
    minutes: of all stages together; None runs every stage's full number of steps, which alone is reproducible.
    steps_scale: multiplies the steps of every stage. stages: their names, empty for all; the first goes on from the
    stage before it, where `out` has that. workers: processes that make batches. pretrained: folder of Qwen2-VL (2b).
    wandb: off, offline or online. questions: asked after each stage, 0 for none. feature_frames: at most so many
    frames are cached for the head. devices to compile: see `policy.fit.FitSetting`. llava: a file in LLaVA's format,
    whose pictures are in the folder `images`; llava_share of the understanding rows of each batch come from it.
    experts, expert_count, top_k, reasoning: instead of the preset's (see `policy.config`). pretrained may also be a
    checkpoint of ours (see `policy.pretrained`). recipe, text_ratio, budget: see `policy.recipes.Plan`.
    """

    data: str | tuple[str, ...] = "outputs/data/sort_toys"
    out: str = "outputs/train/chatvla_tiny"
    preset: str = "chatvla_tiny"
    pretrained: str | None = None
    init: str | None = None
    seed: int = 0
    minutes: float | None = None
    steps_scale: float = 1.0
    stages: tuple[str, ...] = ()
    workers: int = 0
    threads: int = 1
    accelerator: str = "auto"
    precision: str = "auto"
    devices: int = 1
    nodes: int = 1
    accumulate: int = 1
    strategy: str = "auto"
    lora: int = 0
    lora_parts: tuple[str, ...] = ("language", "vision")
    checkpoint_activations: bool = False
    compile: str = "none"
    llava: str | None = None
    images: str | None = None
    llava_share: float = 1.0
    checkpoint_minutes: float = 1.0
    progress: bool = True
    wandb: str = "off"
    questions: int = 400
    feature_frames: int | None = 20_000
    experts: ExpertKind | None = None
    reasoning: Reasoning | None = None
    expert_count: int | None = None
    top_k: int | None = None
    recipe: Recipe = "phased"
    text_ratio: str | None = None
    budget: Budget = "full"

    @property
    def tasks(self) -> tuple[Path, ...]:
        """The data's folders."""
        return (Path(self.data),) if isinstance(self.data, str) else tuple(map(Path, self.data))


def train(config: TrainConfig, stages: tuple[Stage, ...] | None = None) -> Path:
    """Runs what is left of the stages; returns the folder of the last checkpoint.

    Raises:
        ValueError: an unknown preset or stage, with the nearest name; an `init` that is no checkpoint of the preset; an
            `out` with a checkpoint of another network.
        FileNotFoundError: no recorded data, with the command that makes it.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high")
    out, todo = Path(config.out), stages if stages is not None else selected(config)
    check(config, todo)
    out.mkdir(parents=True, exist_ok=True)
    last = _before(config, todo[0])
    for stage in todo:
        folder = out / stage.name
        if checkpoint_done(folder):
            check_same_network(config, checkpoint.read_config(folder / "checkpoint"), folder)
        else:
            policy, processor = _start(config, last)
            policy = run_stage(config, stage, policy, processor)
            if is_first_process():
                save_whole(folder / "checkpoint", policy, processor, card(config, stage, todo))
            if config.questions and policy.config.speaks and is_first_process():
                write_accuracy(folder, policy, processor, config.tasks, config.questions)
            if config.llava is not None and is_first_process():
                tell_skipped(config)
            wait_for_all()
        last = folder / "checkpoint"
    assert last is not None
    return last


def network(config: TrainConfig) -> ChatVLAConfig:
    """The preset, with the experts and the reasoning that the config gives.

    Raises:
        ValueError: there is no such preset, with the nearest name; or it cannot have them.
    """
    return varied(preset(config.preset), config.experts, config.reasoning, config.expert_count, config.top_k)


def all_stages(config: TrainConfig) -> tuple[Stage, ...]:
    """Those of the preset, as they are for its experts and under the config's plan.

    Raises:
        ValueError: it has no stages of that kind.
    """
    return stages_of(network(config), Plan(config.recipe, config.text_ratio, config.budget))


def selected(config: TrainConfig) -> tuple[Stage, ...]:
    """The stages of the preset that the config names, scaled.

    Raises:
        ValueError: an unknown stage, with the nearest name.
    """
    known = {s.name: s for s in all_stages(config)}
    for name in config.stages:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.3)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"unknown training stage {name!r}; {hint}")
    chosen = [s for s in known.values() if not config.stages or s.name in config.stages]
    return tuple(replace(s, steps=max(1, round(s.steps * config.steps_scale))) for s in chosen)


def check(config: TrainConfig, stages: tuple[Stage, ...]) -> None:
    """Refuses before anything is done what would fail in a later stage.

    Raises:
        ValueError: a stage that cannot be split or sharded so, an unknown part for adapters, or a share that is none.
    """
    if not 0 <= config.llava_share <= 1:
        raise ValueError(f"llava_share is {config.llava_share}; expected a share of the understanding rows, from 0 to 1")
    check_lora_parts(config.lora_parts if config.lora else ())
    processes = config.devices * config.nodes
    for stage in stages:
        check_parts(stage.mixture, processes * config.accumulate)
        strategy_name(stage, config.strategy, processes)


def run_stage(config: TrainConfig, stage: Stage, policy: ChatVLA, processor: Processor) -> ChatVLA:
    """Trains one stage to its end; gives the network with the averaged weights (see `policy.fit.fit_stage`)."""
    if stage.copy_expert:
        copy_experts(policy)
    return fit_stage(stage, policy, batches(config, stage, policy, processor), setting(config, stage))


def setting(config: TrainConfig, stage: Stage) -> FitSetting:
    """What the config says of how and where a stage runs."""
    shared = {f.name: getattr(config, f.name) for f in fields(FitSetting) if hasattr(config, f.name)}
    minutes = config.minutes * stage.share_of_minutes if config.minutes else None
    return FitSetting(**{**shared, "folder": Path(config.out), "minutes": minutes})


def save_whole(folder: Path, policy: ChatVLA, processor: Processor, card: dict) -> None:
    """Writes a checkpoint that appears whole or not at all: its folder marks the stage as done."""
    half = folder.with_name(f"{folder.name}.part")
    checkpoint.save(half, policy, processor.tokenizer, card)
    half.rename(folder)


def is_first_process() -> bool:
    """Whether this process writes; True where there is only one."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def wait_for_all() -> None:
    """Until every process that trains has come here."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def batches(config: TrainConfig, stage: Stage, policy: ChatVLA, processor: Processor) -> Numbered:
    """Where the stage's batches come from: recorded data, or conditions of its frames under the frozen network."""
    if not stage.features:
        return Batches(config.tasks, processor, stage, config.seed, llava=llava_rows(config, stage))
    source = Batches(config.tasks, processor, stage, config.seed)
    path = Path(config.out) / stage.name / "conditions.pt"
    policy.to(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() and config.accelerator != "cpu" else "cpu")
    index, condition = cached_features(policy, source, path, limit=config.feature_frames)
    corrections = Corrections.read(*(folder / "corrections" for folder in config.tasks)) if stage.corrected else None
    return FeatureBatches(source.frames, index, condition, stage.mixture.robot, config.seed, corrections)


def llava_rows(config: TrainConfig, stage: Stage) -> LlavaRows | None:
    """The visual-text data that the config names, for a stage that answers."""
    if config.llava is None or not stage.mixture.understanding:
        return None
    count = round(config.llava_share * stage.mixture.understanding)
    index = LlavaIndex.of(Path(config.llava), Path(config.out) / "llava")
    return LlavaRows(index, Path(config.images or Path(config.llava).parent), count, Path(config.out) / SKIPPED)


def tell_skipped(config: TrainConfig) -> None:
    """Prints how many records of the visual-text data were passed over so far, and where it says why."""
    path = Path(config.out) / SKIPPED
    count = skipped_count(path)
    if count:
        Console().print(f"{count} records of {config.llava} were skipped: {path}", highlight=False, soft_wrap=True)


def fresh_policy(config: TrainConfig) -> tuple[ChatVLA, Processor]:
    """An untrained network fitted to the data's words and ranges (tiny), pretrained Qwen2-VL (2b), or the understanding path of a checkpoint."""
    wanted = network(config)
    chat = FORMATS[wanted.backbone]
    stats = norm_stats(config.tasks)
    torch.manual_seed(config.seed)
    if config.pretrained is not None and is_checkpoint(config.pretrained):
        policy, tokenizer = understanding_path(config.pretrained, wanted, stats)
        return policy, Processor.of(tokenizer, policy.config, stats)
    if config.pretrained is not None:
        tokenizer = load_tokenizer(config.pretrained, chat)
        fitted = config_for(wanted, tokenizer)
        return ChatVLA.from_pretrained_backbone(config.pretrained, fitted, stats), Processor.of(tokenizer, fitted, stats)
    folder = Path(config.out)
    if not (folder / "tokenizer.json").is_file():
        save_tokenizer(train_tokenizer(*corpus(config.tasks, wanted.reasoning == "chain"), chat=chat), folder)
    tokenizer = load_tokenizer(folder, chat)
    fitted = config_for(wanted, tokenizer)
    return ChatVLA(fitted, stats), Processor.of(tokenizer, fitted, stats)


def policy_from(config: TrainConfig) -> tuple[ChatVLA, Processor]:
    """The network of `config.init` with its weights, tokenizer and ranges; with new ones of the last two for new words.

    Raises:
        ValueError: there is no whole checkpoint for this code, or it is of another preset; the message says what to do.
    """
    assert config.init is not None
    if config.pretrained is not None:
        raise ValueError(f"train.init={config.init} and train.pretrained={config.pretrained} both say where to start; give one")
    try:
        policy, tokenizer = checkpoint.load(config.init)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(
            f"train.init={config.init} is no checkpoint to start from ({error}); give the folder of one, such as "
            "policy/checkpoints/chatvla_tiny or <train.out>/<stage>/checkpoint, or leave train.init out for a fresh network"
        ) from error
    if policy.config.name != preset(config.preset).name:
        raise ValueError(f"train.init={config.init} is a {policy.config.name!r}; give train.preset={policy.config.name} too")
    check_same_network(config, policy.config, config.init)
    processor = Processor.of(tokenizer, policy.config, policy.stats)
    texts, words = corpus(config.tasks, policy.config.reasoning == "chain")
    new = unknown(processor, words)
    if not new:
        return policy, processor
    Console().print(f"{config.init} learns {len(new)} words ({', '.join(new[:8])}{', …' if new[8:] else ''}); its ranges become those of this data")
    return taught(policy, processor, texts, words, norm_stats(config.tasks))


def check_same_network(config: TrainConfig, found: ChatVLAConfig, folder: str | Path) -> None:
    """Refuses a checkpoint whose experts or reasoning are not those that the config asks for.

    Raises:
        ValueError: naming what it has, and the override that goes with it.
    """
    wanted = network(config)
    routed = found.experts.kind == wanted.experts.kind == "dynamic"
    for name, has, asked in (
        ("experts", found.experts.kind, wanted.experts.kind),
        ("reasoning", found.reasoning, wanted.reasoning),
        *([("expert_count", found.experts.count, wanted.experts.count), ("top_k", found.experts.top_k, wanted.experts.top_k)] if routed else []),
    ):
        if has != asked:
            raise ValueError(f"{folder} has {name}={has}, not {asked}; give train.{name}={has}, or another train.out or train.init")


def norm_stats(data: Data) -> NormStats:
    """Ranges of the recorded actions and states, stills included, and of the targets' positions."""
    a, stills = Frames(data).arrays, Snapshots(data, "train").shards.values()
    action, agent_pos = (np.concatenate([a[k], *(s[k] for s in stills)]) for k in ("action", "agent_pos"))
    return NormStats.fit(action, agent_pos, a["target_pos"][np.isfinite(a["target_pos"]).all(1)])


def checkpoint_done(folder: Path) -> bool:
    """Whether a stage's folder holds its finished checkpoint."""
    return (folder / "checkpoint").is_dir()


def card(config: TrainConfig, stage: Stage, stages: tuple[Stage, ...]) -> dict:
    """What the checkpoint says about its training; `init` is the card of what it started from."""
    own = {"train": asdict(config), "data": fingerprint.of_data(*config.tasks), "stage": stage.name, "stages": [asdict(s) for s in stages]}
    return own | ({"init": checkpoint.read_card(config.init)} if config.init else {})


def _before(config: TrainConfig, first: Stage) -> Path | None:
    """The checkpoint of the last finished stage before `first`."""
    names = [s.name for s in all_stages(config)]
    earlier = [Path(config.out) / n for n in names[: names.index(first.name)]] if first.name in names else []
    return next((f / "checkpoint" for f in reversed(earlier) if checkpoint_done(f)), None)


def _start(config: TrainConfig, last: Path | None) -> tuple[ChatVLA, Processor]:
    if last is None:
        return policy_from(config) if config.init is not None else fresh_policy(config)
    policy, tokenizer = checkpoint.load(last)
    check_same_network(config, policy.config, last)
    return policy, Processor.of(tokenizer, policy.config, policy.stats)
