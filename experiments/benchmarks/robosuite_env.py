"""robosuite's own environment, made to run on MuJoCo 4 and timed: what our simulation is compared with.

The only file that imports robosuite. Three of its assumptions no longer hold on MuJoCo 4.0 (it was written for 3.3):
joint types are compared as numpy integers, which the stricter enums never equal; `mj_fullM` takes the data in place of
`qM`, which is gone; and multi-contact convex collision, on by default from 3.8, jams the Robotiq's overlapping meshes,
so that it silently grasps nothing. `adapt` and the reset in `main` undo these three and leave all else stock.
"""

from __future__ import annotations

from types import SimpleNamespace

import mujoco
import numpy as np
import robosuite
from robosuite.controllers.parts import controller
from robosuite.utils import binding_utils

from experiments.benchmarks.timing import gl_renderer, serve

CAMERAS = ("agentview", "frontview", "robot0_eye_in_hand")


def adapt() -> None:
    """Make robosuite 1.5.2 call MuJoCo 4.0 as it wants to be called."""
    integers = property(lambda self: self._model.jnt_type.astype(object))  # Python's own
    setattr(binding_utils.MjModel, "jnt_type", integers)  # noqa: B010 (the class makes its attributes when it runs)
    setattr(binding_utils.MjData, "qM", property(lambda self: self._data))  # noqa: B010
    controller.mujoco = SimpleNamespace(mj_fullM=lambda model, dense, data: mujoco.mj_fullM(model, data, dense))


def make(height: int = 240, width: int = 320):
    """Stack, the Panda with the Robotiq 2F-85, three cameras, 15 Hz, the default controller (OSC pose)."""
    adapt()
    env = robosuite.make(
        "Stack",
        robots="Panda",
        gripper_types="Robotiq85Gripper",
        has_renderer=False,
        has_offscreen_renderer=True,
        use_camera_obs=True,
        camera_names=list(CAMERAS),
        camera_heights=height,
        camera_widths=width,
        control_freq=15,
        ignore_done=True,
        seed=0,
    )
    return env


def main() -> None:
    """Serve timed blocks to `experiments.benchmarks.env_speed`."""
    env = make()
    rng = np.random.default_rng(0)

    def reset() -> None:
        env.reset()
        env.sim.model._model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MULTICCD)

    def step() -> None:
        observation, *_ = env.step(rng.uniform(-0.3, 0.3, env.action_dim))
        assert all(observation[f"{name}_image"].shape == (240, 320, 3) for name in CAMERAS)

    serve(reset, step, {"name": f"robosuite {robosuite.__version__} Stack, 3 cameras 320x240", "gl": gl_renderer()})


if __name__ == "__main__":
    main()
