"""The points of a sweep: Hydra's choices and ranges multiplied out, each a single run named by a hash of what decides it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException

from experiments import config as conf
from experiments.errors import UsageError
from experiments.options import TRAINING
from experiments.policies import LEARNED, checkpoint_dir, checkpoint_hash

# How and where a point runs, but not what comes out.
HOW = (
    "out", "workers", "video", "beside", "wandb", "sweep", "collect.out", "train.out", "train.workers", "train.threads", "train.accelerator", "train.devices",
    "train.nodes", "train.strategy", "train.checkpoint_activations", "train.compile",
)  # fmt: skip
WEIGHTS = ("checkpoint", "train.init", "train.pretrained")  # folders that count by their contents, not by where they lie


@dataclass(frozen=True)
class Point:
    """One run of a sweep. `varied`: what sets it apart from the others; `values`: every override's value; `key`: its hash."""

    overrides: tuple[str, ...]
    varied: Mapping[str, str]
    values: Mapping[str, Any]
    key: str


def grid(overrides: Sequence[str], points: Sequence[Sequence[str]] = ((),)) -> list[Point]:
    """All combinations of what the overrides list (`seed=1,2,3`, `seed=range(1,4)`), for each of `points` that has more of them.

    Raises:
        UsageError: an override that no run can have, the same run twice, or nothing to run.
    """
    if not points:
        raise UsageError("a sweep without points; give overrides such as seed=1,2,3, or leave points out")
    lists = [[_choices(parsed) for parsed in _parsed([*overrides, *more])] for more in points]
    multiple = {key for choices in lists for key, values in choices if len(values) > 1} | {t.partition("=")[0] for more in points for t in more}
    found = [_point(dict(chosen), multiple) for choices in lists for chosen in itertools.product(*([(k, v) for v in vs] for k, vs in choices))]
    if len({p.key for p in found}) < len(found):
        raise UsageError("two points of the sweep are the same run; give each value once, and vary something that decides the result")
    return found


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their overrides' names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def point_key(config: conf.Config) -> str:
    """12 hex digits of all that decides what a run gives; weights count by their contents."""
    values = flat(asdict(config))
    decides = {k: v for k, v in values.items() if not k.startswith(HOW)}
    decides |= {name: checkpoint_hash(Path(values[name])) for name in WEIGHTS if values[name] and Path(values[name]).is_dir()}
    if config.policy in LEARNED and config.stage not in TRAINING:
        decides["checkpoint"] = checkpoint_hash(checkpoint_dir(config.policy, config.checkpoint))
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]


def _point(chosen: Mapping[str, str], multiple: set[str]) -> Point:
    overrides = tuple(f"{key}={value}" for key, value in chosen.items())
    config = conf.load(overrides)
    return Point(overrides, {k: v for k, v in chosen.items() if k in multiple}, flat(asdict(config)), point_key(config))


def _parsed(overrides: Sequence[str]) -> list[Override]:
    conf.check_overrides(overrides)
    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise UsageError(str(error).splitlines()[0]) from None


def _choices(override: Override) -> tuple[str, list[str]]:
    """Its key, and its values as they are written on a command line."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return key, [override.get_value_element_as_str()]
    if override.value_type not in (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP, ValueType.GLOB_CHOICE_SWEEP):
        raise UsageError(f"'{override.input_line}' has no list of values to run; give them, such as {key}=1,2,3 or {key}=range(1,4)")
    return key, list(override.sweep_string_iterator())
