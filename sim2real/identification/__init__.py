"""The simulated arm made to move like the real one: friction, armature, gains, delay and gripper timing from logged motions"""

import envs  # noqa: F401 (chooses the OpenGL library, which must come before the first import of mujoco)
