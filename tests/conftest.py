"""MuJoCo reads MUJOCO_GL once, at its first import; importing envs before any test module sets it."""

import envs  # noqa: F401
