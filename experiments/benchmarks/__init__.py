"""Measurements that are run by hand: speed of simulation and policy, success of the expert."""
