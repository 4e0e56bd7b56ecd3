"""What a training is asked for, and what that comes to: which network, which stages."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path

from policy.config import ChatVLAConfig, ExpertKind, Reasoning
from policy.lora import check_parts as check_lora_parts
from policy.parts import check_parts
from policy.presets import preset, varied
from policy.recipes import Budget, Plan, Recipe, stages_of
from policy.sharding import strategy_name
from policy.stages import Stage


@dataclass(frozen=True)
class TrainConfig:
    """What decides a training run.

    data: folder of the recorded data of a task, or of each of several.
    init: folder of a checkpoint to start from, with its weights, tokenizer and ranges, instead of a fresh network; where
    the data has words that it lacks, they are added and the ranges are the data's (`policy.vocabulary`).
    minutes: of all stages together; None runs every stage's full number of steps, which alone is reproducible.
    steps_scale: multiplies the steps of every stage. recolour: see `policy.stages.Stage`, of every stage that augments. stages: their names, empty for all; the first goes on from the
    stage before it, where `out` has that. workers: processes that make batches. pretrained: folder of the trunk's published weights.
    wandb: off, offline or online. questions: asked after each stage, and stills in which things are to be found; 0 for none. feature_frames: at most so many
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
    recolour: float = 0.0
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
    return tuple(replace(s, steps=max(1, round(s.steps * config.steps_scale)), recolour=config.recolour if s.augment else 0.0) for s in chosen)


def check(config: TrainConfig, stages: tuple[Stage, ...]) -> None:
    """Refuses before anything is done what would fail in a later stage.

    Raises:
        ValueError: a stage that cannot be split or sharded so, an unknown part for adapters, or a share that is none.
    """
    for name, of in (("llava_share", "understanding rows"), ("recolour", "things and pictures")):
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} is {getattr(config, name)}; expected a share of the {of}, from 0 to 1")
    check_lora_parts(config.lora_parts if config.lora else ())
    processes = config.devices * config.nodes
    for stage in stages:
        check_parts(stage.mixture, processes * config.accumulate)
        strategy_name(stage, config.strategy, processes)
