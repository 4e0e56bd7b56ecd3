"""Where the cameras are and how they see: intrinsics and extrinsics from pictures of a ChArUco board, into simulation"""

import envs  # noqa: F401 (chooses the OpenGL library, which must come before the first import of mujoco)
