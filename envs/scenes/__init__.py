"""Scenes by name: how to build one from a layout, and where its objects may start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco

from envs.layout import Layout, Region
from envs.scenes import toy


@dataclass(frozen=True)
class Scene:
    """`build(layout, quality)` gives the model's spec; `region` bounds the layouts."""

    build: Callable[[Layout, str], mujoco.MjSpec]
    region: Region


SCENES = {
    "toy": Scene(
        toy.build,
        Region(x=(0.40, 0.68), y=(-0.145, 0.145), yaw=0.3, containers={"box": (0.54, 0.345), "basket": (0.54, -0.345)}, container_jitter=0.015),
    )
}
