"""What must be set before any test module imports anything."""

import os

# MuJoCo reads MUJOCO_GL once, at its first import; importing envs sets it.
import envs  # noqa: F401

# What the tests compare to the last bit, they compare on the CPU, also where there is a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
