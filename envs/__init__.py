"""The simulated world: tasks, scenes, Gymnasium environments, scripted experts, questions about the scene."""

from envs import gl

gl.select()  # MuJoCo reads MUJOCO_GL once, when it is first imported: so before anything here can import it


def register() -> None:
    """Register `ChatVLA/<Task>-v0` for every task, for `gymnasium.make`; a second call changes nothing."""
    import gymnasium

    from envs.names import TASK_NAMES, gym_id

    for name in TASK_NAMES:
        if gym_id(name) not in gymnasium.registry:
            gymnasium.register(gym_id(name), entry_point="envs.sim_env:SimEnv", kwargs={"task": name}, order_enforce=False)
