"""Where a stage of training starts from: the stage before it, a given checkpoint, a pretrained backbone, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from policy import checkpoint
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.corpus import corpus
from policy.normalizer import NormStats
from policy.presets import preset
from policy.pretrained import is_checkpoint, understanding_path
from policy.processor import Processor, config_for
from policy.recorded import Data, demonstrations
from policy.stages import Stage
from policy.stills import Snapshots
from policy.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
from policy.train_config import TrainConfig, all_stages, network
from policy.vocabulary import taught, unknown


def start(config: TrainConfig, last: Path | None) -> tuple[ChatVLA, Processor]:
    """The network of the checkpoint `last`; without one that of `config.init`, or a fresh one."""
    if last is None:
        return policy_from(config) if config.init is not None else fresh_policy(config)
    policy, tokenizer = checkpoint.load(last)
    check_same_network(config, policy.config, last)
    return policy, Processor.of(tokenizer, policy.config, policy.stats)


def fresh_policy(config: TrainConfig) -> tuple[ChatVLA, Processor]:
    """An untrained network fitted to the data's words and ranges (tiny), pretrained Qwen2-VL (2b), or the understanding path of a checkpoint."""
    wanted = network(config)
    chat = FORMATS[wanted.backbone]
    stats = norm_stats(config.tasks)
    torch.manual_seed(config.seed)
    if config.pretrained is not None and is_checkpoint(config.pretrained):
        policy, tokenizer = understanding_path(config.pretrained, wanted, stats)
        return knowing(config, config.pretrained, policy, Processor.of(tokenizer, policy.config, stats))
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
    return knowing(config, config.init, policy, Processor.of(tokenizer, policy.config, policy.stats))


def knowing(config: TrainConfig, source: str, policy: ChatVLA, processor: Processor) -> tuple[ChatVLA, Processor]:
    """The network of `source`, as it is where it has the data's words, else with these words and the data's ranges."""
    texts, words = corpus(config.tasks, policy.config.reasoning == "chain")
    new = unknown(processor, words)
    if not new:
        return policy, processor
    Console().print(f"{source} learns {len(new)} words ({', '.join(new[:8])}{', …' if new[8:] else ''}); its ranges become those of this data")
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
    a, stills = demonstrations(data).arrays, Snapshots(data, "train").shards.values()
    action, agent_pos = (np.concatenate([a[k], *(s[k] for s in stills)]) for k in ("action", "agent_pos"))
    return NormStats.fit(action, agent_pos, a["target_pos"][np.isfinite(a["target_pos"]).all(1)])


def checkpoint_done(folder: Path) -> bool:
    """Whether a stage's folder holds its finished checkpoint."""
    return (folder / "checkpoint").is_dir()


def before(config: TrainConfig, first: Stage) -> Path | None:
    """The checkpoint of the last finished stage before `first`."""
    names = [s.name for s in all_stages(config)]
    earlier = [Path(config.out) / n for n in names[: names.index(first.name)]] if first.name in names else []
    return next((f / "checkpoint" for f in reversed(earlier) if checkpoint_done(f)), None)
