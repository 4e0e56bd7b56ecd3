"""What `experiments.sweep` is made of: points, how one is run, how many are, and their results as a table."""
