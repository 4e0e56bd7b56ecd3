"""What client and server tell each other in our own words: an observation, a trial that begins, an answer, a contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from envs.types import Inference, Observation, Trial

PROMPT = "prompt"  # openpi's key of the instruction
TRIAL = "trial"  # only in the first observation of a trial; servers of others look at the keys that they know
CONTRACT, CONTRACT_HASH = "contract", "contract_hash"


def observation_message(observation: Observation, instruction: str) -> dict[str, Any]:
    """The observation as it is, with the instruction as `prompt`."""
    return {"pixels": dict(observation["pixels"]), "agent_pos": observation["agent_pos"], PROMPT: instruction}


def read_observation(message: Mapping[str, Any]) -> tuple[Observation, str]:
    """The observation and instruction of a message; the inverse of `observation_message`.

    Raises:
        ValueError: a key is missing or holds something else; the message names it and the keys that came.
    """
    pixels: Any = message.get("pixels")
    agent_pos, prompt = message.get("agent_pos"), message.get(PROMPT)
    whole = isinstance(pixels, dict) and all(isinstance(p, np.ndarray) for p in pixels.values())
    if not (whole and isinstance(agent_pos, np.ndarray) and isinstance(prompt, str)):
        raise ValueError(
            f"an observation has keys {sorted(map(str, message))}, expected pixels (a mapping of cameras to (240, 320, 3) uint8), "
            "agent_pos (17,) float32 and prompt (a text)"
        )
    return {"pixels": pixels, "agent_pos": agent_pos}, prompt


def trial_message(trial: Trial) -> dict[str, Any]:
    """The trial as a mapping: with it a server draws the same noise as a policy here would."""
    return {"env": trial.env, "index": trial.index, "seed": trial.seed, "split": trial.split, "shift": trial.shift}


def read_trial(message: Mapping[str, Any]) -> Trial:
    """The trial of `trial_message`.

    Raises:
        ValueError: a field is missing, unknown or of another type.
    """
    types = {"env": str, "index": int, "seed": int, "split": str, "shift": str}
    if set(message) != set(types) or not all(isinstance(message[key], kind) for key, kind in types.items()):
        raise ValueError(f"trial is {dict(message)!r}, expected {', '.join(f'{k} ({t.__name__})' for k, t in types.items())}")
    return Trial(**message)


def answer_message(inference: Inference, infer_s: float) -> dict[str, Any]:
    """`actions` (n, d), `reasoning` and `server_timing` in ms: the whole as `infer_ms`, and its parts."""
    parts = {f"{part}_ms": seconds * 1000 for part, seconds in inference.seconds.items()}
    timing = {"infer_ms": infer_s * 1000, **parts}
    return {"actions": np.asarray(inference.action_chunk, np.float32), "reasoning": inference.reasoning, "server_timing": timing}
