"""The simulated world: tasks, scenes, Gymnasium environments, scripted experts, questions about the scene."""
