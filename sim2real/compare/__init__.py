"""Simulation against reality: the same trials in both worlds, what they agree on, and what simulation adds to few real trials"""
