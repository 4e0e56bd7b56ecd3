"""What training on a robot costs a network's understanding: retention, recovery, interference, gradients, probes"""
