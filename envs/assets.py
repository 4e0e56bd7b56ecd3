"""Meshes and textures of robosuite's asset folder, made light enough to render on a CPU.

The only file that knows robosuite. The package itself is never imported: its folder is enough, and its import costs seconds.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import fast_simplification
import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CACHE_VERSION = "1"  # raise it whenever the recipe of a cached file changes
MIN_FACES = 100  # no mesh is cut below this: small covers turn into shards first


@cache
def root() -> Path:
    """The folder `robosuite/models/assets`.

    Raises:
        ModuleNotFoundError: robosuite is not installed, or lies there without its assets.
    """
    spec = importlib.util.find_spec("robosuite")  # of a top-level package: finds it without running it
    folders = [Path(p) / "models" / "assets" for p in (spec.submodule_search_locations or [])] if spec else []
    for folder in folders:
        if (folder / "robots" / "panda" / "robot.xml").is_file():
            return folder
    where = f"no assets in {folders[0]}" if folders else "it is not installed"
    raise ModuleNotFoundError(
        f"robosuite's assets (Panda, Robotiq 2F-85, textures) are missing: {where}; "
        "install the pinned requirements, or `pip install robosuite==1.5.2`"
    )


def cache_dir() -> Path:
    """Where light copies are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `chatvla-workbench/VERSION`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chatvla-workbench" / CACHE_VERSION


def light_mesh(sources: Sequence[Path], keep: float) -> Path:
    """One STL of all `sources` together (their own units), with the share `keep` of their faces. Made once."""
    key = [str(p.relative_to(root())) for p in sources]
    return _cached(f"{sources[0].stem}.stl", [*key, keep], lambda path: _write_light_mesh(path, sources, keep))


def texture(name: str, size: int) -> Path:
    """Texture `name` (no suffix) as a square PNG of `size` pixels. Made once; full-size ones cost 50 ms a scene."""
    return _cached(
        f"{name}.png", [name, size], lambda path: _write_texture(path, root() / f"textures/{name}.png", size)
    )


def grain(name: str, size: int) -> Path:
    """Texture `name` as bright grey grain (mean about 0.9), to be multiplied by a colour."""
    return _cached(f"{name}_grain.png", [name, size, "grain"], lambda path: _write_grain(path, name, size))


@cache
def _version() -> str:
    return importlib.metadata.version("robosuite")


def _cached(name: str, recipe: Sequence[object], write: Callable[[Path], None]) -> Path:
    """The cached file of this recipe; written aside and moved into place, so that processes may race for it."""
    words = repr([_version(), *recipe])
    path = cache_dir() / f"{hashlib.sha256(words.encode()).hexdigest()[:12]}_{name}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            aside = Path(folder) / name
            write(aside)
            aside.replace(path)
    return path


def _write_light_mesh(path: Path, sources: Sequence[Path], keep: float) -> None:
    parts = []
    for source in sources:
        vertices, faces = _load(source)
        target = max(MIN_FACES, round(len(faces) * keep))
        if target < len(faces):
            # Its annotations know one dtype and one of several results.
            vertices, faces = fast_simplification.simplify(vertices, faces, target_count=target)  # pyright: ignore
        parts.append(vertices[faces])
    triangles = np.concatenate(parts).astype("<f4")
    record = np.zeros(len(triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    record["corners"] = triangles
    path.write_bytes(bytes(80) + np.uint32(len(triangles)).tobytes() + record.tobytes())


def _load(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (n, 3) and faces (m, 3) of a mesh file, in the file's frame (the compiler moves them into the inertial one)."""
    spec = mujoco.MjSpec()
    spec.add_mesh(name="mesh", file=str(path), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="mesh")
    model = spec.compile()
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.mesh_quat[0])
    vertices = model.mesh_vert @ rotation.reshape(3, 3).T + model.mesh_pos[0]
    # Seams of normals and texture split vertices; the simplifier would tear the surface open there.
    unique, index = np.unique(vertices.round(7), axis=0, return_inverse=True)
    return np.asarray(unique, np.float32), np.asarray(index.reshape(-1)[model.mesh_face], np.int32)


def _write_texture(path: Path, source: Path, size: int) -> None:
    with Image.open(source) as image:
        image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS).save(path)


def _write_grain(path: Path, name: str, size: int) -> None:
    with Image.open(root() / f"textures/{name}.png") as image:
        grey = np.asarray(image.convert("L").resize((size, size), Image.Resampling.LANCZOS), np.float32) / 255
    grey = np.clip(0.9 + 0.8 * (grey - grey.mean()), 0.6, 1.0)
    Image.fromarray((grey * 255).astype(np.uint8)).convert("RGB").save(path)
