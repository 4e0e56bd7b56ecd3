"""Recorded demonstrations as the replay baseline needs them: one layout vector and the actions of each clean episode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.dataset import DatasetError, open_dataset
from envs.types import Trial
from experiments.errors import UsageError
from experiments.recording import DATASET
from policy.baselines import Demonstration

if TYPE_CHECKING:
    from envs.sim_env import SimEnv


def load_demonstrations(env: SimEnv | Any, data: Path) -> list[Demonstration]:
    """Demonstrations of `data` for the env's task; left out are disturbed episodes (their labels were not executed) and
    corrections (they begin where a policy had come to).

    Raises:
        UsageError: there is no recording, or no clean episode in it.
    """
    try:
        dataset = open_dataset(data / DATASET)
    except (DatasetError, FileNotFoundError) as error:
        raise UsageError(f"policy=replay needs demonstrations: {error}; collect some (stage=collect) or give collect.out=FOLDER") from None
    clean = [e for e in dataset.episodes if not (e.note.get("noisy") or e.note.get("corrected")) and e.note["trial"]["env"] == env.task.name]
    if not clean:
        raise UsageError(f"policy=replay needs demonstrations, but {data / DATASET} has no undisturbed one of {env.task.name}; collect more (stage=collect)")
    actions, reasoning = dataset.columns["action"], dataset.columns["reasoning"]
    return [
        Demonstration(trial_layout(env, Trial(**e.note["trial"])), actions[e.start : e.start + e.length], reasoning[e.start : e.start + e.length].tolist())
        for e in clean
    ]


def layout_vector(layout: Any) -> NDArray[np.float64]:
    """(2 * things,) m: positions of objects and fixtures by role, which is all that an open-loop motion depends on."""
    points = [p.pos for things in (layout.objects, layout.fixtures) for p in sorted(things, key=lambda p: p.role)]
    return np.asarray(points, np.float64).ravel()


def trial_layout(env: SimEnv | Any, trial: Trial) -> NDArray[np.float64]:
    """The layout vector of a trial."""
    from envs.shifts import start_layout

    return layout_vector(start_layout(trial, env.task, env.scene.region))
