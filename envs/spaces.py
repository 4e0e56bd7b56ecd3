"""The Gymnasium spaces that simulation and robot share, and the check that an action fits them."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, IMAGE_SHAPE

# Metres in the base frame: what the arm can reach over the table, with a margin.
WORKSPACE_LOW = np.array([0.20, -0.55, -0.02], np.float32)
WORKSPACE_HIGH = np.array([0.85, 0.55, 0.70], np.float32)
ACTION_LOW = np.concatenate([WORKSPACE_LOW, np.full(6, -1.0), [0.0]]).astype(np.float32)
ACTION_HIGH = np.concatenate([WORKSPACE_HIGH, np.full(6, 1.0), [1.0]]).astype(np.float32)


def observation_space() -> spaces.Dict:
    """`pixels` of three cameras and `agent_pos`, as in `envs.types.Observation`."""
    image: dict[str, spaces.Space] = {name: spaces.Box(0, 255, IMAGE_SHAPE, np.uint8) for name in CAMERAS}
    return spaces.Dict(
        {"pixels": spaces.Dict(image), "agent_pos": spaces.Box(-np.inf, np.inf, (AGENT_POS_DIM,), np.float32)}
    )


def action_space() -> spaces.Box:
    """Target ee_pos (m, base frame), rot6d, gripper_closed."""
    return spaces.Box(ACTION_LOW, ACTION_HIGH, dtype=np.float32)


def checked_action(action: NDArray[np.floating]) -> NDArray[np.float32]:
    """The action as (10,) float32, its position and gripper clipped to the space.

    Raises:
        ValueError: the shape is not (10,), the dtype is not real numbers, or a value is not finite. A bad
            action is refused, never stepped.
    """
    array = np.asarray(action)
    if array.shape != (ACTION_DIM,):
        raise ValueError(f"action has shape {array.shape}, expected ({ACTION_DIM},): ee_pos 3, rot6d 6, gripper_closed 1")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"action has dtype {array.dtype}, expected real numbers such as float32")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array)).tolist()
        raise ValueError(f"action is not finite at {bad}: {array.tolist()}; it was refused, the robot did not move")
    return np.clip(array.astype(np.float32), ACTION_LOW, ACTION_HIGH)
