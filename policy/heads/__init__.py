"""Action heads: from what the network has seen and said to an action chunk."""
