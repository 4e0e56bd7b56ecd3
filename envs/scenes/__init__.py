"""Scenes by name: the rooms, and how one is put together from a layout."""

from __future__ import annotations

from envs.scenes import bathroom, kitchen, tabletop, toy
from envs.scenes.scene import Scene

SCENES: dict[str, Scene] = {scene.name: scene for scene in (toy.SCENE, tabletop.SCENE, kitchen.SCENE, bathroom.SCENE)}
