"""Moments of the simulator: what is true, what is hidden, and the expert's run stopped on its way."""

from __future__ import annotations

import numpy as np
import pytest

from envs.sim_env import SimEnv
from envs.types import CAMERAS, Trial
from envs.vqa.families import ask
from envs.vqa.moments import capture, expert_run, kinds, made_up


@pytest.fixture(scope="module")
def env():
    env = SimEnv("tidy_up")
    yield env
    env.close()


@pytest.fixture(scope="module")
def run(env):
    return expert_run(env, Trial("tidy_up", 1, 9, "test"), 14)


def test_a_run_is_seen_on_its_way_and_at_its_end(run):
    done = [m.facts.said_done for m in run]
    assert done == sorted(done)
    assert len(set(done)) > 2
    last = run[-1].facts
    assert (last.targets, last.reasoning, last.said_done) == ((), last.finished, len(last.said))
    assert len({m.scene for m in run}) == 1


def test_what_is_being_done_is_not_done_yet(run):
    for m in run[:-1]:
        if m.facts.said_done < len(m.facts.said):
            assert m.facts.said[m.facts.said_done] == m.facts.reasoning


def test_the_drawer_travels_and_things_are_held(run):
    travel = [next(t.travel for t in m.facts.things if t.role == "drawer") for m in run]
    assert max(travel) > 0.8
    assert min(travel) < 0.05
    assert any(m.facts.held for m in run)
    assert all(t.travel is None for m in run for t in m.facts.things if t.role != "drawer")


def test_what_stands_behind_something_is_seen_in_part(env, run):
    shares = [m.shares[c][r] for m in run for c in CAMERAS for r in m.shares[c] if m.segmentation[c].any()]
    assert all(0 <= s <= 1.02 for s in shares)
    assert any(s < 0.5 for s in shares)
    assert np.mean([s > 0.98 for s in shares]) > 0.3


def test_a_thing_before_the_camera_hides_what_it_covers(env):
    env.reset(options={"trial": Trial("tidy_up", 2, 9, "test")})
    before = capture(env, "before").shares["left"]["block"]
    camera, block = env.data.camera("left").xpos, env.world.pos("block")
    env.data.joint("toy").qpos[:3] = block + 0.25 * (camera - block)
    env.set_arm(env.world.joint_pos)
    after = capture(env, "after").shares["left"]["block"]
    assert before > 0.95
    assert after < 0.2


def test_the_camera_is_where_the_picture_was_taken(env, run):
    for m in run[:3]:
        for thing in m.facts.things:
            view = m.view("left")
            if thing.fixed or not view.shows(thing.role) or view.shares[thing.role] < 0.9:
                continue
            camera = m.facts.cameras["left"]
            local = camera.mat.T @ (np.array(thing.pos) - camera.pos)
            scale = 240 / (2 * np.tan(np.radians(camera.fovy) / 2))
            assert 160 + scale * local[0] / -local[2] == pytest.approx(view.u(thing), abs=8)


@pytest.mark.parametrize(("task", "families"), [("clean_blocks", {"left_right", "where"}), ("take_towel", {"colour", "exists"}), ("math_matching", {"text", "exists"})])
def test_other_scenes_are_asked_about_too(task, families):
    env, found = SimEnv(task), set()
    for moment in made_up(env, Trial(task, 0, 9, "test"), 4):
        assert len(kinds(env.task.scene)) > 10
        for camera in CAMERAS:
            found |= {f.name for f, _ in ask(moment.view(camera), np.random.default_rng(0))}
    env.close()
    assert found >= families


def test_the_same_trial_gives_the_same_moments(env, run):
    again = expert_run(env, Trial("tidy_up", 1, 9, "test"), 14)
    assert [m.facts.reasoning for m in again] == [m.facts.reasoning for m in run]
    np.testing.assert_array_equal(again[3].images["right"], run[3].images["right"])
