"""Shards of snapshots, and the made-up scenes that most of them show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.capture import kind_words
from envs.questions import ask, looks
from envs.sim_env import SimEnv
from envs.snapshots import Snapshot, facts, read_snapshots, segment_names, shard_file, write_shard
from envs.stills import MAX_DEPTH, stills
from envs.tasks import get_task
from envs.types import CAMERAS, Trial


def made_up(name: str) -> Snapshot:
    rng = np.random.default_rng(len(name))
    return Snapshot(
        rng.integers(0, 256, (3, 120, 160, 3), np.uint8), rng.integers(0, 8, (3, 120, 160), np.uint8),
        rng.random(17, np.float32), rng.random(10, np.float32), {"id": name, "split": "train", "objects": []},
    )  # fmt: skip


@pytest.fixture(scope="module")
def env():
    env = SimEnv("sort_toys")
    yield env
    env.close()


@pytest.fixture(scope="module")
def scenes(env: SimEnv) -> list[Snapshot]:
    return list(stills(env, Trial("sort_toys", 0, seed=5, split="test"), 16))


def test_a_shard_is_read_back(tmp_path: Path):
    written = [made_up(name) for name in ("a", "bb", "ccc")]
    write_shard(tmp_path, "0001", written[:2])
    write_shard(tmp_path, "0002", written[2:])
    read = list(read_snapshots(tmp_path))
    assert [s.record for s in read] == [s.record for s in written]
    for a, b in zip(read, written, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.segmentation, b.segmentation)
        np.testing.assert_array_equal(a.action, b.action)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"snapshots_000{i}.{e}" for i in (1, 2) for e in ("jsonl", "npz")]


def test_a_shard_whose_lines_are_cut_off_is_refused(tmp_path: Path):
    write_shard(tmp_path, "0001", [made_up("a"), made_up("b")])
    lines = shard_file(tmp_path, "0001").with_suffix(".jsonl")
    lines.write_text(lines.read_text().splitlines()[0] + "\n")
    with pytest.raises(ValueError, match="2 snapshots and 1 lines; delete both files"):
        list(read_snapshots(tmp_path))


def test_a_still_says_where_everything_is(scenes: list[Snapshot]):
    for snapshot in scenes:
        roles = [o["role"] for o in snapshot.record["objects"]]
        assert roles == ["animal_0", "animal_1", "block_0", "block_1", "box", "basket"]
        centre = {o["role"]: np.array(o["pos"]) for o in snapshot.record["objects"]}
        for o in snapshot.record["objects"][:4]:
            if o["place"] in ("box", "basket"):
                assert np.abs((np.array(o["pos"]) - centre[o["place"]])[:2]).max() < 0.09
            elif o["place"] == "gripper":
                assert np.linalg.norm(np.array(o["pos"]) - snapshot.agent_pos[7:10]) < 0.04
            else:
                assert o["pos"][2] < 0.03


def test_stills_vary(scenes: list[Snapshot]):
    places = {o["place"] for s in scenes for o in s.record["objects"][:4]}
    assert places >= {"table", "box", "basket"}
    assert len({s.record["reasoning"] for s in scenes}) > 2
    spread = np.ptp([s.agent_pos[7:10] for s in scenes], axis=0)
    assert (spread > [0.15, 0.3, 0.15]).all()


def test_the_segmentation_shows_what_lies_free_on_the_table(scenes: list[Snapshot]):
    for snapshot in scenes:
        seen = [looks(snapshot.segmentation[c], segment_names(snapshot.record)) for c in range(len(CAMERAS))]
        for o in snapshot.record["objects"]:
            assert o["place"] != "table" or max(s[o["role"]].pixels for s in seen) > 0


def test_the_target_is_what_the_expert_says(scenes: list[Snapshot]):
    for snapshot in scenes:
        target, record = snapshot.record["target"], snapshot.record
        if target is None:
            assert record["reasoning"] == "All toys are sorted."
            continue
        toy = next(o for o in record["objects"] if o["role"] == target[0])
        assert record["reasoning"] == f"Put the {toy['phrase']} into the {target[1]}."


def test_a_still_of_a_composition_has_the_sub_task_that_its_reasoning_is_about(scenes: list[Snapshot]):
    env = SimEnv("two_blocks")
    found = [s.record for s in stills(env, Trial("two_blocks", 0, seed=5, split="train"), 4)]
    env.close()
    assert {r["told"] for r in found} == {"Move the semi-circle block to the basket."}
    assert {r["target"][0] for r in found} == {"semicircle"}
    assert {s.record["told"] for s in scenes} == {None}  # no planner


def test_the_same_trial_gives_the_same_stills(env: SimEnv, scenes: list[Snapshot]):
    again = list(stills(env, Trial("sort_toys", 0, seed=5, split="test"), 2))
    for a, b in zip(again, scenes, strict=False):
        assert a.record == b.record
        np.testing.assert_array_equal(a.images, b.images)


def test_a_held_toy_touches_both_fingers_and_nothing_else_overlaps(env: SimEnv):
    held = 0
    for snapshot in stills(env, Trial("sort_toys", 1, seed=5, split="train"), 12):
        role = snapshot.record["held"]
        held += role is not None
        assert env.world.held() == role
        if role is None and env.data.ncon:
            assert -env.data.contact.dist.min() < MAX_DEPTH
    assert held > 0


def test_a_still_can_be_asked_about(scenes: list[Snapshot]):
    rng, kinds = np.random.default_rng(0), kind_words(get_task("sort_toys"))
    families = set()
    for snapshot in scenes:
        seen = looks(snapshot.segmentation[0], segment_names(snapshot.record))
        families |= {q.family for q in ask(facts(snapshot.record, kinds), seen, rng)}
    assert len(families) >= 10
