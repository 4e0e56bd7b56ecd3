"""Measurements of the robot's side, run by hand; see each module's docstring."""
