"""Each shift changes one factor, by what it says; the physics and the task's truth stay, and the expert still solves it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from envs.distractors import TOYS
from envs.expert import Expert
from envs.looks import MATERIALS
from envs.names import SHIFTS, TRAINING_SHIFTS
from envs.outside import BAND, FIXTURE_BAND
from envs.shifts import CAMERA, FLOORS, LIGHTS, TABLES, TRAIN_CAMERA, WALLS, temperature
from envs.sim_env import SimEnv
from envs.tasks import TASKS
from envs.types import Trial

FACTORS: dict[str, Callable[[SimEnv], Any]] = {
    "light": lambda e: [e.model.light_dir, e.model.light_diffuse, e.model.light_active, e.model.vis.headlight.diffuse, e.model.vis.headlight.ambient],
    "camera": lambda e: [e.model.cam_pos, e.model.cam_quat],
    "fov": lambda e: [e.model.cam_fovy],
    "texture": lambda e: [e.model.mat(m).name for m in e.model.geom_matid if m >= 0],
    "tint": lambda e: [e.model.mat_rgba[m] for m in e.model.geom("table").matid],
    "friction": lambda e: [e.model.geom_friction],
    "places": lambda e: [p.pos for p in (*e.layout.objects, *e.layout.fixtures)],
    "kinds": lambda e: [(p.role, p.kind, p.yaw) for p in (*e.layout.objects, *e.layout.fixtures)],
    "distractors": lambda e: [p.pos for p in e.layout.distractors],
    "instruction": lambda e: e.instruction,
    "arm": lambda e: e.world.joint_pos.round(3),
}
CHANGED = {
    "none": set(), "train": {"light", "camera", "tint", "friction"}, "light": {"light"}, "camera": {"camera"}, "texture": {"texture"},
    "distractors": {"distractors", "friction", "texture"}, "layout": {"places"}, "paraphrase": {"instruction"},
}  # fmt: skip


@pytest.fixture(scope="module")
def env():
    return SimEnv("sort_toys", cameras=False)


def reset(env: SimEnv, shift: str, index: int = 3) -> SimEnv:
    env.reset(options={"trial": Trial("sort_toys", index, shift=shift)})
    return env


def seen(env: SimEnv) -> dict[str, bytes]:
    return {name: repr([np.asarray(v).tolist() for v in read(env)]).encode() for name, read in FACTORS.items()}


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_trial_differs_in_that_factor_only(env, shift):
    before = seen(reset(env, "none"))
    after = seen(reset(env, shift))
    assert {name for name in FACTORS if before[name] != after[name]} == CHANGED[shift]


@pytest.mark.parametrize("shift", ["light", "camera", "texture", "paraphrase"])
def test_what_is_only_seen_or_said_changes_no_physics(env, shift):
    """So the expert does the same there, to the last bit."""
    hashes = []
    for each in ("none", shift):
        expert = Expert(reset(env, each))
        for _ in range(40):
            env.step(expert.infer(env.observe(), "").action_chunk[0])
        hashes.append(env.state_hash())
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("shift", ["train", "distractors", "layout"])
def test_the_expert_still_solves_it(env, shift, index):
    expert = Expert(reset(env, shift, index))
    start = {d.role: env.world.pos(d.role) for d in env.layout.distractors}
    while not (env.terminated or env.truncated):
        env.advance(expert.infer({"pixels": {}, "agent_pos": env.agent_pos()}, "").action_chunk[0])
    assert env.terminated
    for role, pos in start.items():
        assert np.linalg.norm(env.world.pos(role) - pos) < 0.002, f"the robot touched {role}"


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shifted_reset_depends_on_the_trial_alone(env, shift):
    first = seen(reset(env, shift)), env.state_hash()
    reset(env, shift, 4)
    assert (seen(reset(env, shift)), env.state_hash()) == first


@pytest.mark.parametrize(("shift", "moves"), [("camera", CAMERA), ("train", TRAIN_CAMERA)])
def test_cameras_move_as_far_as_they_say(env, shift, moves):
    for index in range(5):
        reset(env, "none", index)
        pos, quat = env.model.cam_pos.copy(), env.model.cam_quat.copy()
        reset(env, shift, index)
        for name, move in moves.items():
            camera = env.model.camera(name).id
            degrees = np.degrees(2 * np.arccos(min(1.0, abs(quat[camera] @ env.model.cam_quat[camera]))))
            assert move.metres[0] - 1e-9 <= np.linalg.norm(env.model.cam_pos[camera] - pos[camera]) <= move.metres[1] + 1e-9
            assert move.degrees[0] - 1e-4 <= degrees <= move.degrees[1] + 1e-4


def test_every_light_is_drawn_and_one_has_a_lamp_off(env):
    lamps = set()
    for index in range(40):
        reset(env, "light", index)
        lamps.add(env.model.nlight)
    assert lamps == {0, 1}
    assert len({light.name for light in LIGHTS}) == len(LIGHTS)


def test_a_warm_lamp_is_redder_and_as_bright():
    red, _, blue = temperature(3000)
    assert red > 1 > blue
    assert temperature(6500) == pytest.approx([1, 1, 1])
    assert temperature(3000) @ [0.2126, 0.7152, 0.0722] == pytest.approx(1)


def test_no_scene_of_training_wears_the_other_materials():
    trained = {material.texture for material in MATERIALS.values()}
    assert not trained & {m.texture for materials in (TABLES, WALLS, FLOORS) for m in materials.values()}


def test_things_start_in_the_band_outside_their_region(env):
    region = env.scene.region
    for index in range(20):
        reset(env, "layout", index)
        for placed in env.layout.objects:
            gaps = [max(low - p, p - high) for p, (low, high) in zip(placed.pos, (region.x, region.y), strict=True)]
            assert 0 < max(gaps) <= BAND
        for fixture in env.task.fixtures:
            moved = np.abs(np.subtract(env.layout.placed(fixture.name).pos, fixture.pos)).max()
            assert fixture.jitter <= moved <= fixture.jitter + FIXTURE_BAND
        assert env.layout.is_test


def test_distractors_are_strangers_that_nothing_counts(env):
    for index in range(10):
        reset(env, "distractors", index)
        roles = [d.role for d in env.layout.distractors]
        assert roles
        assert not set(roles) & {*env.world.roles, *env.world.fixtures, *env.segments}
        assert not {env.world.kind(role).category for role in roles} & set(TOYS)


def test_a_distractor_in_the_box_takes_no_toys_place(env):
    role = reset(env, "distractors").layout.distractors[0].role
    skill = env.task.steps[0].skill.skills[0]
    before = skill.target(env.world)
    env.data.joint(role).qpos[:3] = env.world.pos("box") + [0, 0, 0.03]
    env.advance(env._action_sent)
    assert env.world.inside(role, "box")
    assert skill.target(env.world) == pytest.approx(before)
    assert env.steps_done == 0


def test_distractors_are_in_view():
    env = SimEnv("sort_toys")
    for index in range(3):
        reset(env, "distractors", index)
        bodies = env._renderer.body_ids(env.model, env.data)
        for d in env.layout.distractors:
            assert max((bodies[c] == env.model.body(d.role).id).sum() for c in ("left", "right")) > 40
    env.close()


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda t: t.name)
def test_test_paraphrases_are_never_trained_on(task):
    said = [task.instruction, *task.paraphrases, *task.test_paraphrases]
    assert len(set(said)) == len(said)
    assert task.test_paraphrases


def test_a_held_out_wording_of_sort_toys_uses_words_that_training_knows():
    task = TASKS["sort_toys"]
    words = [{w.strip(".,:").lower() for text in texts for w in text.split()} for texts in ((task.instruction, *task.paraphrases), task.test_paraphrases)]
    assert words[1] <= words[0]


def test_an_unknown_shift_is_told_the_nearest(env):
    with pytest.raises(ValueError, match=r"unknown shift 'textures'; did you mean 'texture'\?"):
        reset(env, "textures")


def test_training_may_use_the_first_two():
    assert SHIFTS[:2] == TRAINING_SHIFTS
