"""How a scene is drawn: what a picture's quality costs, and the materials that things are made of."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from envs import assets


@dataclass(frozen=True)
class Look:
    """What a picture's quality costs: decimated meshes or not, `slices` and `stacks` of a sphere, samples per pixel, shadow map."""

    light_meshes: bool
    slices: int
    stacks: int
    samples: int
    shadow: int
    texture: int  # pixels
    rounds: int  # segments of a turned mesh (a mug, a plate)
    zoom: int  # largest picture, in multiples of 320x240; the whole buffer is cleared for every frame


LOOKS: dict[str, Look] = {
    "fast": Look(light_meshes=True, slices=14, stacks=10, samples=0, shadow=0, texture=256, rounds=20, zoom=1),
    "high": Look(light_meshes=False, slices=40, stacks=28, samples=4, shadow=2048, texture=1024, rounds=64, zoom=4),
}


@dataclass(frozen=True)
class Material:
    """A surface. `texture`: a robosuite texture; `grain`: it is turned into bright grey grain that a colour multiplies.

    `cube`: wrapped around the thing instead of laid on each face.
    """

    texture: str = ""
    repeat: tuple[float, float] = (1, 1)
    grain: bool = False
    cube: bool = False
    rgba: tuple[float, float, float, float] = (1, 1, 1, 1)
    specular: float = 0.2
    shininess: float = 0.3


MATERIALS: dict[str, Material] = {
    "table": Material("light-wood", specular=0.2, shininess=0.3),
    "floor": Material("light-gray-floor-tile", (5, 5), specular=0.1, shininess=0.5),
    "wall": Material("cream-plaster", (2, 2), specular=0.0, shininess=0.5),
    "toy_grain": Material("light-wood", grain=True, cube=True, specular=0.3, shininess=0.3),
    "chest": Material("light-wood", grain=True, specular=0.2, shininess=0.3),
    "toy_plastic": Material(specular=0.45, shininess=0.5),
    "board": Material("wood-varnished-panels", specular=0.2, shininess=0.3),
    "walnut": Material("dark-wood", specular=0.2, shininess=0.4),
    "cloth": Material("gray-felt", (3, 3), grain=True, specular=0.0, shininess=0.1),
    "blue_wall": Material("white-plaster", (2, 2), rgba=(0.80, 0.93, 1.0, 1), specular=0.0, shininess=0.5),
    "boards": Material("wood-varnished-panels", (4, 4), rgba=(0.72, 0.72, 0.76, 1), specular=0.1, shininess=0.4),
    "porcelain": Material(specular=0.6, shininess=0.8),
    "lacquer": Material(specular=0.4, shininess=0.6),
    "tin": Material(specular=0.7, shininess=0.6),
    "ceramic": Material(specular=0.5, shininess=0.7),
    "chrome": Material(rgba=(0.80, 0.82, 0.85, 1), specular=0.9, shininess=0.8),
    "granite": Material("gray-felt", (4, 6), specular=0.3, shininess=0.6),
    "vanity": Material("light-wood", (2, 2), rgba=(0.62, 0.48, 0.40, 1), specular=0.2, shininess=0.3),
    "soap": Material(specular=0.25, shininess=0.4),
    "cotton": Material(specular=0.0, shininess=0.0),
    "metal": Material(rgba=(0.16, 0.17, 0.19, 1), specular=0.3, shininess=0.5),
    "straw": Material(specular=0.05, shininess=0.1),
    "steel": Material("steel-brushed", specular=0.7, shininess=0.6),
    "enamel": Material(specular=0.5, shininess=0.7),
    "counter": Material("light-gray-plaster", (3, 2), rgba=(0.98, 0.96, 0.93, 1), specular=0.3, shininess=0.6),
    "plaster": Material("white-plaster", (3, 2), rgba=(0.97, 0.95, 0.88, 1), specular=0.0, shininess=0.3),
}


class Builder:
    """A scene while it is put together: the spec, and materials that are added when something first wears them."""

    def __init__(self, spec: mujoco.MjSpec, look: Look):
        self.spec, self.look = spec, look
        self._used: set[str] = set()

    def material(self, name: str) -> str:
        """The name, once the spec has the material (of `MATERIALS`)."""
        return self.wear(name, MATERIALS[name])

    def wear(self, name: str, material: Material) -> str:
        """The name, once the spec has a material of that name."""
        if name not in self._used:
            self._used.add(name)
            self._add(name, material)
        return name

    def picture(self, name: str, pixels: np.ndarray) -> str:
        """A material that shows `pixels` (H, W, 3) uint8 RGB on each face; its name."""
        if name not in self._used:
            self._used.add(name)
            height, width, _ = pixels.shape
            texture = self.spec.add_texture(
                name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=width, height=height, nchannel=3
            )
            texture.data = np.ascontiguousarray(pixels, np.uint8).tobytes()
            self._wear(name, Material(specular=0.1))
        return name

    def mesh(
        self, body: mujoco.MjsBody, name: str, vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray | None = None, **values
    ) -> mujoco.MjsGeom:
        """Adds a mesh geom that is only seen: `vertices` (n, 3) m in the body's frame, `faces` (m, 3).

        `uv`: (n, 2) where each vertex lies in a picture that the geom wears, (0, 0) at its first pixel.
        """
        mesh = self.spec.add_mesh(
            name=name, uservert=np.ravel(vertices), userface=np.ravel(faces), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
        )
        if uv is not None:
            mesh.usertexcoord = np.ravel(uv)
        return body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, **{**SEEN, **values})

    def _add(self, name: str, m: Material) -> None:
        if m.texture:
            size = 64 if m.grain else self.look.texture
            path = (assets.grain if m.grain else assets.texture)(m.texture, size)
            kind = mujoco.mjtTexture.mjTEXTURE_CUBE if m.cube else mujoco.mjtTexture.mjTEXTURE_2D
            self.spec.add_texture(name=name, type=kind, file=str(path))
        self._wear(name, m, bool(m.texture))

    def _wear(self, name: str, m: Material, textured: bool = True) -> None:
        material = self.spec.add_material(
            name=name, texrepeat=m.repeat, rgba=m.rgba, specular=m.specular, shininess=m.shininess
        )
        if textured:
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


COLLISION_GROUP = 3  # a group that the renderer leaves out
SEEN = {"contype": 0, "conaffinity": 0, "group": 1, "mass": 0}  # of a geom that is only looked at
