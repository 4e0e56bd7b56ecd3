"""Skills: feedback laws from the world's state to the next action, without memory.

A skill without memory recovers from whatever happened (a push, a slip, a wrong grasp), and its command is a function
of the present state, which is what a policy can learn.
"""
