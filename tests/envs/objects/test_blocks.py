"""Blocks and figures stand still as they are placed, within the extents that their kinds tell."""

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import blocks, figures
from envs.scenes.toy import SCENE

KINDS = {kind.name: kind for kind in (*blocks.KINDS, *figures.KINDS)}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_stands_within_its_extents(kind):
    model = SCENE.build(Layout((Placed("thing", kind, (0.5, 0.0)),))).compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=150)
    thing = data.body("thing")
    assert thing.xpos == pytest.approx([0.5, 0.0, KINDS[kind].rest_height], abs=0.001)
    assert np.abs(data.joint("thing").qvel).max() < 0.01
    assert 0.005 < model.body("thing").mass[0] < 0.12
    for geom in np.flatnonzero(model.geom_bodyid == model.body("thing").id):
        reach = np.abs(thing.xmat.reshape(3, 3).T @ (data.geom_xpos[geom] - thing.xpos))
        assert (reach <= np.add(KINDS[kind].half_extents, 0.002)).all()


def test_shades_are_called_by_plain_colours():
    kind = KINDS["amber_block_42"]
    assert (kind.phrase, kind.colour) == ("orange block", "orange")
