"""What a still is asked to find beside its own target."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest

from policy.stills import Snapshots

THINGS = {  # role: phrase, category, fixed, holds
    "bread": ("bread", "food", False, "on"),
    "plate": ("white plate", "plate", False, "in"),
    "pot": ("pot", "pot", True, "in"),
    "left_cup": ("mug", "mug", False, "on"),
    "right_cup": ("mug", "mug", False, "on"),
}


@pytest.fixture
def stills(tmp_path):
    objects = [
        {"role": role, "phrase": phrase, "category": category, "fixed": fixed, "holds": holds, "pos": [0.1 * i, 0.0, 0.0]}
        for i, (role, (phrase, category, fixed, holds)) in enumerate(THINGS.items())
    ]
    record = {"id": "still", "split": "train", "objects": objects, "reasoning": "Put the bread on the white plate.", "target": ["bread", "plate"]}
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "snapshots_0.jsonl").write_text(json.dumps(record) + "\n")
    return Snapshots(tmp_path)


def test_whatever_can_be_carried_is_asked_for_with_each_place_for_it(stills):
    found = {r.text: r.target_pos for r in stills.references(0)}
    assert set(found) == {"Put the bread into the pot.", "Put the white plate on the bread.", "Put the white plate into the pot."}
    np.testing.assert_allclose(found["Put the white plate into the pot."], [0.1, 0, 0, 0.2, 0, 0], rtol=1e-6)


def test_who_reads_a_shard_keeps_it_while_another_unpacks_it(stills):
    shard = stills.data / "snapshots" / "snapshots_0.npz"
    np.savez(shard, images=np.zeros(1000))
    before = stills.shards[str(shard)]["images"]
    np.savez(shard, images=np.ones(1000))
    later = time.time() + 1
    os.utime(shard, (later, later))
    after = Snapshots(stills.data).shards[str(shard)]["images"]
    assert (before == 0).all()  # written over in place, it would change under its reader, or end too soon
    assert (after == 1).all()
