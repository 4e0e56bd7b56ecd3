"""Families ask only what the picture can answer, and their answers are true; constant answers gain nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from envs.questions import looks
from envs.vqa import needed, seen
from envs.vqa.facts import Camera, Facts, Gates, Thing, View, distance
from envs.vqa.families import FAMILIES, ask
from envs.vqa.wordings import WORDINGS

H, W = 240, 320
KINDS = (
    Thing("duck", "yellow duck", "duck", "yellow", "animal"), Thing("pig", "pink pig", "pig", "pink", "animal"),
    Thing("red", "red block", "block", "red", "block"), Thing("blue", "blue block", "block", "blue", "block"),
    Thing("green", "green block", "block", "green", "block"), Thing("frog", "green frog", "frog", "green", "animal"),
    Thing("card_3", "card 3", "card", "white", "card", text="3"), Thing("card_5", "card 5", "card", "white", "card", text="5"),
)  # fmt: skip
# A camera 1 m above the table's origin that looks straight down, the picture's top towards +x.
DOWN = Camera(np.array([0.0, 0.0, 1.0]), np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), 60.0)
# A camera behind the table (x = 1.5), looking towards -x and down.
ACROSS = Camera(np.array([1.5, 0.0, 0.6]), np.array([[0.0, -0.5, 0.8660254], [1.0, 0.0, 0.0], [0.0, 0.8660254, 0.5]]), 60.0)
BOX = Thing("box", "box", "box", "brown", "container", "box", "table", (0.5, -0.3, 0.0), True, "in")
DRAWER = Thing("drawer", "drawer", "drawer", "blue", "container", "drawer", "table", (0.5, 0.4, 0.0), True, "in", travel=0.0)


def scene(rng, **change) -> Facts:
    """Four things in random places, a box and a drawer."""
    chosen = rng.permutation(len(KINDS))[:4]
    places = rng.choice(["table", "table", "box"], 4).tolist()
    if rng.random() < 0.3:
        places[0] = "gripper"
    things = tuple(
        replace(KINDS[k], role=f"thing_{i}", place=places[i], pos=(*rng.uniform((0.3, -0.3), (0.7, 0.3)).tolist(), 0.02))
        for i, k in enumerate(chosen)
    )
    drawer = replace(DRAWER, travel=float(rng.random()))
    done = int(rng.integers(4))
    said = ("Open the drawer.", "Put it in.", "Push the drawer shut.")
    facts = Facts(
        (*things, BOX, drawer), KINDS, float(rng.random() < 0.5), "Tidy up.", said[done] if done < 3 else "All is tidy.", "All is tidy.",
        ("thing_1",) if done < 3 else (), said, done, ((0.3, 0.7), (-0.3, 0.3)), {"left": ACROSS, "wrist": DOWN},
    )  # fmt: skip
    return replace(facts, **change)


def view_of(facts, spots, size=14, shares=None, camera="left", gates=None) -> View:
    """A picture in which each thing is a square at its spot (u, v)."""
    segmentation = np.zeros((H, W), np.uint8)
    segmentation[:40, 120:200] = len(facts.things) + 1
    for i, (u, v) in enumerate(spots):
        segmentation[v : v + size, u : u + size] = i + 1
    names = [*(t.role for t in facts.things), "robot"]
    return View(facts, camera, segmentation, looks(segmentation, names), shares or dict.fromkeys(names, 1.0), gates)


def spots(rng, n):
    cells = rng.permutation(24)[:n]
    return [(int(10 + 50 * (c % 6) + rng.integers(0, 20)), int(50 + 45 * (c // 6))) for c in cells]


def views(count=150, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        facts = scene(rng)
        yield view_of(facts, spots(rng, len(facts.things)), camera="left" if rng.random() < 0.7 else "wrist"), rng


def asked(count=150):
    for view, rng in views(count):
        for family, items in ask(view, rng):
            yield view, family, items


def test_every_family_of_a_scene_is_asked_and_can_be_worded():
    found = defaultdict(int)
    for _, family, items in asked():
        found[family.name] += 1
        for item in items:
            common, kept = WORDINGS[family.name, item.key]
            assert all("{" not in text.format(**item.words) for text in (*common, *kept))
    assert set(found) == {f.name for f in FAMILIES if f.ask is not None}


def test_a_constant_answer_is_right_half_of_the_time_in_every_group_of_yes_and_no():
    groups = 0
    for _, _, items in asked():
        answers = [i.answer for i in items if i.form == "yesno"]
        assert answers.count("yes") == answers.count("no")
        groups += bool(answers)
    assert groups > 500


def test_answers_are_true_by_the_facts_and_the_picture():
    for view, family, items in asked():
        by_name = {t.phrase: t for t in view.facts.things}
        for item in items:
            yes, words = item.answer == "yes", item.words
            if family.name == "left_right":
                left = view.u(by_name[words["a"]]) < view.u(by_name[words["b"]])
                assert yes == (left == (item.key == "left"))
            elif family.name == "front_behind":
                in_front = by_name[words["a"]].pos[0] > by_name[words["b"]].pos[0]  # the camera stands at large x
                assert yes == (in_front == (item.key == "front"))
            elif family.name == "exists":
                assert yes == (words["thing"].partition(" ")[2] in by_name)
            elif family.name == "nearest":
                base = by_name[words["thing"]]
                assert item.answer == min((by_name[p] for p in item.pool), key=lambda t: distance(t, base)).phrase
            elif family.name == "where":
                assert by_name[words["thing"]].place == item.answer
            elif family.name == "inside":
                assert yes == words["place"].endswith(f"the {by_name[words['thing']].place}")
            elif family.name == "empty":
                inside = any(t.place == words["thing"] for t in view.facts.things)
                assert yes == (inside == (item.key == "full"))
            elif family.name == "count":
                colour, _, plural = f" {words['what']}".rpartition(" ")
                category = next(c for c, p in seen.PLURALS.items() if p == plural)
                meant = [t for t in view.facts.things if t.category == category and colour.strip() in ("", t.colour)]
                assert item.answer == str(len(meant))
            elif family.name == "is_holding":
                assert yes == (by_name[words["thing"]].place == "gripper")
            elif family.name == "point":
                assert item.mask is not None
                assert item.mask.sum() == view.pixels(by_name[words["thing"]].role)
            elif family.name == "finished":
                assert yes == ((not view.facts.targets) == (item.key == "done"))


def test_an_option_that_is_offered_is_never_right_as_well():
    for view, family, items in asked():
        for item in items:
            assert len(set(item.pool)) == len(item.pool)
            if family.name == "done_step":
                done = view.facts.said[: view.facts.said_done]
                assert [p in done for p in item.pool].count(True) == 1


@pytest.mark.parametrize(("pixels", "share", "named"), [(64, 1.0, True), (49, 1.0, False), (64, 0.29, False), (64, 0.31, True)])
def test_a_thing_is_named_when_enough_of_it_is_seen(pixels, share, named):
    thing = replace(KINDS[0], role="a", place="table")
    facts = scene(np.random.default_rng(0), things=(thing,))
    view = view_of(facts, [(100, 100)], math.isqrt(pixels), {"a": share})
    assert (thing in view.shown) == named
    assert (thing in view.unclear) == (not named)
    assert bool(needed.where(view, np.random.default_rng(0))) == named


@pytest.mark.parametrize(("gap", "share", "compared"), [(11, 1.0, False), (13, 1.0, True), (13, 0.6, False)])
def test_things_are_compared_across_a_margin_and_when_neither_is_half_hidden(gap, share, compared):
    a, b = (replace(KINDS[i], role=f"t{i}", place="table") for i in (0, 1))
    view = view_of(scene(np.random.default_rng(0), things=(a, b)), [(100, 60), (100 + gap, 100)], shares={"t0": 1.0, "t1": share})
    items = seen.left_right(view, np.random.default_rng(0))
    assert len(items) == (4 if compared else 0)


@pytest.mark.parametrize(("gap", "compared"), [(0.04, False), (0.06, True)])
def test_in_front_is_asked_across_a_margin_in_metres_and_not_by_the_wrist(gap, compared):
    a, b = (replace(KINDS[i], role=f"t{i}", place="table", pos=(0.5 + i * gap, 0.0, 0.02)) for i in (0, 1))
    facts = scene(np.random.default_rng(0), things=(a, b))
    for camera in ("left", "wrist"):
        view = view_of(facts, [(60, 60), (200, 100)], camera=camera)
        assert bool(seen.front_behind(view, np.random.default_rng(0))) == (compared and camera == "left")


@pytest.mark.parametrize(("travel", "state"), [(0.0, "closed"), (0.05, "closed"), (0.1, None), (0.34, None), (0.5, "half open"), (0.65, None), (0.8, "open")])
def test_a_drawer_has_three_states_with_gaps_between_them(travel, state):
    facts = scene(np.random.default_rng(0), things=(replace(DRAWER, travel=travel),))
    found = [i for s in range(20) for i in needed.drawer(view_of(facts, [(100, 100)]), np.random.default_rng(s))]
    assert bool(found) == (state is not None)
    for item in found:
        assert item.answer == (state if item.key == "state" else "yes" if state == item.key else "no")


@pytest.mark.parametrize(("closed", "asked"), [(0.1, True), (0.5, False), (0.9, True)])
def test_a_gripper_between_open_and_closed_is_not_asked_about(closed, asked):
    facts = scene(np.random.default_rng(0), things=(replace(KINDS[0], role="a", place="table"),), gripper_closed=closed)
    assert bool(needed.gripper(view_of(facts, [(100, 100)]), np.random.default_rng(0))) == asked


def test_nothing_is_said_to_be_absent_that_a_person_might_see():
    red = replace(KINDS[2], role="a", place="table", phrase="rectangle block", noun="rectangle")  # a red one
    view = view_of(scene(np.random.default_rng(0), things=(red,)), [(100, 100)])
    absent = {i.words["thing"].partition(" ")[2] for s in range(40) for i in seen.exists(view, np.random.default_rng(s)) if i.answer == "no"}
    assert "red block" not in absent
    assert "blue block" in absent


def test_free_space_is_the_table_where_nothing_is_drawn():
    facts = scene(np.random.default_rng(0), things=(replace(KINDS[0], role="a", place="table"),), area=((-0.2, 0.2), (-0.3, 0.3)), cameras={"left": DOWN})
    view = view_of(facts, [(150, 100)], 20)
    (item,) = seen.free_space(view, np.random.default_rng(0))
    assert item.mask is not None
    metre = H / (2 * math.tan(math.radians(30)))  # px, straight down from 1 m
    assert item.mask.sum() == pytest.approx(0.4 * 0.6 * metre**2 - 400, rel=0.03)
    assert not item.mask[100:120, 150:170].any()
    u, v = (float(x) for x in item.answer.strip("[()]").split(","))
    assert item.mask[int(v * H), int(u * W)]


def test_rays_meet_the_table_where_the_camera_projects_it():
    rays = ACROSS.rays(H, W)
    point = ACROSS.pos + rays[100, 50] * 0.8
    local = ACROSS.mat.T @ (point - ACROSS.pos)
    scale = H / (2 * math.tan(math.radians(30)))
    assert W / 2 + scale * local[0] / -local[2] == pytest.approx(50.5)
    assert H / 2 - scale * local[1] / -local[2] == pytest.approx(100.5)


def test_nothing_is_asked_of_an_empty_picture():
    facts = scene(np.random.default_rng(0))
    view = View(facts, "left", np.zeros((H, W), np.uint8), {}, {}, Gates())
    families = {f.name for f, _ in ask(view, np.random.default_rng(0))}
    assert families <= {"count", "free_space"}


def test_held_out_wordings_use_words_that_training_knows():
    known = {w for common, _ in WORDINGS.values() for text in common for w in text.lower().replace(",", "").strip("?.").split()}
    for common, kept in WORDINGS.values():
        assert not set(common) & set(kept)
        for text in kept:
            assert set(text.lower().replace(",", "").strip("?.").replace("?", "").split()) <= {w.strip(".?") for w in known}
