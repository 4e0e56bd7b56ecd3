"""Observations and actions in the words of DROID, as openpi's policies for it take and give them, and back.

Joint names, radians and the gripper's polarity (0 open - 1 closed) are DROID's as well as ours; pictures are 224x224 with
black bars, and an action is seven joint velocities or positions with the gripper. Poses of the hand need the arm's
kinematics and are not made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import EE_POS, EE_ROT6D, GRIPPER_CLOSED, IMAGE_SHAPE, JOINT_POS, Observation
from policy.messages import PROMPT

SIZE = 224  # pixels, both sides
CAMERA_KEYS = {  # ours -> DROID's; openpi's own policies and clients have the first exterior camera and the wrist alone
    "left": "observation/exterior_image_1_left",
    "right": "observation/exterior_image_2_left",
    "wrist": "observation/wrist_image_left",
}
ROBOARENA_KEYS = {"observation/exterior_image_0_left": CAMERA_KEYS["left"], "observation/exterior_image_1_left": CAMERA_KEYS["right"]}  # it counts from 0
JOINTS, GRIPPER = "observation/joint_position", "observation/gripper_position"
ACTION_DIM = 8  # seven joints, gripper
MAX_JOINT_DELTA = 0.2  # rad in one control step at velocity 1 (DROID, robot_ik_solver.py: relative_max_joint_delta)

Array = NDArray[np.float64]


def to_droid(observation: Observation, instruction: str) -> dict[str, Any]:
    """Pictures (224, 224, 3) uint8, joints (7,) rad, gripper (1,) and `prompt`."""
    pixels, state = observation["pixels"], np.asarray(observation["agent_pos"], np.float32)
    pictures = {key: resized_with_pad(pixels[camera]) for camera, key in CAMERA_KEYS.items()}
    return {**pictures, JOINTS: state[JOINT_POS], GRIPPER: state[GRIPPER_CLOSED], PROMPT: instruction}


def from_droid(message: Mapping[str, Any], ee_pos: NDArray[np.floating], ee_rot6d: NDArray[np.floating]) -> tuple[Observation, str]:
    """Our observation and the instruction; the hand's pose, which DROID's keys lack, is that of the message's joints.

    RoboArena's keys will do too. A second exterior camera that the client has not is black, as openpi does it.

    Raises:
        ValueError: another key is missing.
    """
    if "observation/exterior_image_0_left" in message:
        message = {ROBOARENA_KEYS.get(key, key): value for key, value in message.items()}
    if missing := sorted({CAMERA_KEYS["left"], CAMERA_KEYS["wrist"], JOINTS, GRIPPER, PROMPT} - set(message)):
        raise ValueError(f"the observation has no {', '.join(missing)}; it has {', '.join(sorted(map(str, message)))}")
    state = np.zeros(GRIPPER_CLOSED.stop, np.float32)
    state[JOINT_POS], state[GRIPPER_CLOSED] = message[JOINTS], message[GRIPPER]
    state[EE_POS], state[EE_ROT6D] = ee_pos, ee_rot6d
    black = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels = {camera: unpadded(np.asarray(message.get(key, black))) for camera, key in CAMERA_KEYS.items()}
    return {"pixels": pixels, "agent_pos": state}, message[PROMPT]


def resized_with_pad(image: NDArray[np.uint8], size: int = SIZE) -> NDArray[np.uint8]:
    """(H, W, 3) -> (size, size, 3): as large as fits without distortion (bilinear), in the middle, black around it."""
    height, width = image.shape[:2]
    ratio = max(height, width) / size
    inner = Image.fromarray(image).resize((int(width / ratio), int(height / ratio)), Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (size, size))
    padded.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
    return np.array(padded)


def unpadded(image: NDArray[np.uint8], shape: tuple[int, ...] = IMAGE_SHAPE) -> NDArray[np.uint8]:
    """The inverse of `resized_with_pad`, as far as the smaller picture allows: (size, size, 3) -> `shape`."""
    size, (height, width) = len(image), shape[:2]
    ratio = max(height, width) / size
    inner_height, inner_width = int(height / ratio), int(width / ratio)
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    inner = Image.fromarray(image[top : top + inner_height, left : left + inner_width])
    return np.array(inner.resize((width, height), Image.Resampling.BILINEAR))


def positions_from_velocities(actions: Array, joint_pos: Array) -> Array:
    """(n, 8) joint velocities with gripper -> (n, 8) joint targets, rad, from the joints (7,) where the chunk starts.

    q_k = q_{k-1} + 0.2 v_k, with v scaled down where one joint exceeds 1, as DROID's controller does. That controller adds
    to the joints it measures; within a chunk nobody measures, so that here the steps add up from target to target.
    """
    velocities = actions[:, :7] / np.maximum(1.0, np.abs(actions[:, :7]).max(1, keepdims=True))
    return np.concatenate([joint_pos + MAX_JOINT_DELTA * velocities.cumsum(0), actions[:, 7:]], 1)


def velocities_from_positions(targets: Array, joint_pos: Array) -> Array:
    """(n, 8) joint targets with gripper -> (n, 8) velocities; the inverse, where no step exceeds 0.2 rad."""
    steps = np.diff(targets[:, :7], axis=0, prepend=joint_pos[None])
    return np.concatenate([steps / MAX_JOINT_DELTA, targets[:, 7:]], 1)
