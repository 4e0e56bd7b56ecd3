"""The model, its training, baselines, the policy server."""
