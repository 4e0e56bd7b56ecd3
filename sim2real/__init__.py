"""The physical robot behind the interface of the simulation."""
