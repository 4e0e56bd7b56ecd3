"""The protocol: trials, rollouts, scoring, reports; the command line."""
