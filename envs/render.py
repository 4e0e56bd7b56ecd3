"""Frames of the three cameras, rendered only when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs import gl
from envs.types import CAMERAS, IMAGE_SHAPE


class CameraRenderer:
    """Renders one model; it owns an OpenGL context, made when the first frame is asked for.

    The context is never made before: it must not exist when a process forks. `shape`: height and width of its frames; a
    wider one shows more at the sides, since a camera's field of view is given by its height.
    """

    def __init__(self, quality: str = "fast", shape: tuple[int, int] = IMAGE_SHAPE[:2]):
        self.quality, self.shape = quality, shape
        self._renderer: mujoco.Renderer | None = None
        self._model: mujoco.MjModel | None = None

    def frames(self, model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, NDArray[np.uint8]]:
        """Camera name -> (height, width, 3) uint8 RGB."""
        return {camera: self.frame(model, data, camera) for camera in CAMERAS}

    def frame(self, model: mujoco.MjModel, data: mujoco.MjData, camera: str) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB of one camera."""
        renderer = self._ready(model)
        renderer.update_scene(data, camera)
        return renderer.render()

    def body_ids(self, model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, NDArray[np.int32]]:
        """Camera name -> (240, 320) int32: the body that each pixel shows, 0 (world) where there is none."""
        renderer = self._ready(model)
        renderer.enable_segmentation_rendering()
        try:
            bodies = {}
            for camera in CAMERAS:
                renderer.update_scene(data, camera)
                ids, kinds = np.moveaxis(renderer.render(), -1, 0)
                is_geom = kinds == int(mujoco.mjtObj.mjOBJ_GEOM)  # the enum itself compares element by element: 230 ms
                body = np.where(is_geom, model.geom_bodyid[np.where(is_geom, ids, 0)], 0)
                if model.nflex:  # cloth: the body of its first point
                    is_flex = kinds == int(mujoco.mjtObj.mjOBJ_FLEX)
                    body = np.where(is_flex, model.flex_vertbodyid[model.flex_vertadr[np.where(is_flex, ids, 0)]], body)
                bodies[camera] = body.astype(np.int32)
            return bodies
        finally:
            renderer.disable_segmentation_rendering()

    def alone(self, model: mujoco.MjModel, data: mujoco.MjData, roots: Sequence[int]) -> dict[str, NDArray[np.int64]]:
        """Camera name -> (n,) pixels that each thing would have if nothing stood before it, by the root of its bodies."""
        renderer = self._ready(model)
        renderer.enable_segmentation_rendering()
        try:
            return {camera: np.array([self._alone(model, data, camera, root) for root in roots]) for camera in CAMERAS}
        finally:
            renderer.disable_segmentation_rendering()

    def _alone(self, model: mujoco.MjModel, data: mujoco.MjData, camera: str, root: int) -> int:
        renderer = self._ready(model)
        renderer.update_scene(data, camera)
        for geom in renderer.scene.geoms[: renderer.scene.ngeom]:
            if _root(model, geom) != root:
                geom.segid = -1  # not drawn in a segmentation
        return int((renderer.render()[..., 0] >= 0).sum())

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = self._model = None

    def _ready(self, model: mujoco.MjModel) -> mujoco.Renderer:
        if self._renderer is None or self._model is not model:
            gl.require()
            self.close()
            height, width = self.shape
            buffer = model.vis.global_  # as large as its largest frame
            buffer.offheight, buffer.offwidth = max(buffer.offheight, height), max(buffer.offwidth, width)
            try:
                self._renderer = mujoco.Renderer(model, height, width)
            except (mujoco.FatalError, ImportError) as error:
                raise gl.NoGLError(gl.FAILED.format(error=error)) from error
            self._model = model
        return self._renderer


def _root(model: mujoco.MjModel, geom: mujoco.MjvGeom) -> int:
    """The root of the body that a drawn geom or flex belongs to; 0 for decoration."""
    if geom.objtype == int(mujoco.mjtObj.mjOBJ_GEOM):
        return int(model.body_rootid[model.geom_bodyid[geom.objid]])
    if geom.objtype == int(mujoco.mjtObj.mjOBJ_FLEX):
        return int(model.body_rootid[model.flex_vertbodyid[model.flex_vertadr[geom.objid]]])
    return 0
