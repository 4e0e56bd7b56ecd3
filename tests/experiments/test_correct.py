"""The expert's corrections leave the episode as it was, and are what the expert then does."""

import numpy as np

from envs.expert import act
from envs.sim_env import SimEnv
from envs.types import Trial
from experiments.correct import expert_chunk


def test_a_correction_leaves_no_trace_and_is_what_the_expert_does():
    env = SimEnv("sort_toys", cameras=False)
    env.reset(options={"trial": Trial("sort_toys", 0, split="train")})
    for _ in range(40):
        env.advance(act(env)[0])
    before = (env.state_hash(), env.control_steps, env.steps_done)
    chunk = expert_chunk(env)
    assert (env.state_hash(), env.control_steps, env.steps_done) == before
    for expected in chunk:
        action = act(env)[0]
        np.testing.assert_array_equal(action, expected)
        env.advance(action)
