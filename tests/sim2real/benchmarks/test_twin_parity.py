from __future__ import annotations

import json

import pytest

from envs.expert import Expert
from envs.sim_env import SimEnv
from envs.types import Trial
from sim2real.arm import Collision
from sim2real.benchmarks import twin_parity
from sim2real.franka_env import FrankaEnv
from sim2real.scripted import ScriptedOperator
from sim2real.twin.faults import Reflex
from sim2real.twin_rig import make_twin_rig


@pytest.fixture(scope="module")
def worlds():
    rig = make_twin_rig(twin_parity.TASK, "gated", Collision())
    env, sim = FrankaEnv(rig, twin_parity.TASK, ScriptedOperator(rig.twin)), SimEnv(twin_parity.TASK, cameras=False, motion="smooth")
    yield sim, env
    env.close()
    sim.close()


def test_the_twin_s_hand_stays_within_the_bar_of_the_simulation_s(worlds):
    sim, env = worlds
    row = twin_parity.compare(sim, env, Expert(sim), Trial(twin_parity.TASK, 0), looks=False, steps=25)
    assert len(row["mm"]) == len(row["degrees"]) == 25
    assert 0 < max(row["mm"]) < twin_parity.BAR_MM
    assert max(row["degrees"]) < twin_parity.BAR_DEGREES
    assert (row["simulated_done"], row["twin_done"], row["simulated_ended"], row["twin_ended"]) == (0, 0, "", "")


def test_where_only_the_twin_s_arm_stops_itself_the_simulation_goes_on_alone(worlds):
    sim, env = worlds

    class Pressing(Expert):
        def infer(self, observation, instruction):
            made = super().infer(observation, instruction)
            if sim.control_steps >= 10:
                env.rig.twin.inject(Reflex())
            return made

    row = twin_parity.compare(sim, env, Pressing(sim), Trial(twin_parity.TASK, 0), looks=False)
    assert 8 <= len(row["mm"]) < 20  # the driver tells of it a step or two later
    assert max(row["mm"]) < twin_parity.BAR_MM
    assert (row["simulated_done"], row["twin_done"]) == (4, 0)
    assert "cartesian_reflex" in row["twin_ended"]
    assert not twin_parity.alike(row)
    assert twin_parity.table([dict(row, policy="expert")]).endswith("NOT held")


def row(policy, trial, mm, twin_done=4):
    return {"policy": policy, "arm": "fr3", "motion": "smooth", "trial": trial, "mm": [0.2, mm], "degrees": [0.0, 0.1], "simulated_done": 4, "twin_done": twin_done, "simulated_ended": "", "twin_ended": ""}


def test_rows_that_are_there_are_not_played_again(tmp_path, capsys):
    (tmp_path / twin_parity.ROWS).write_text("".join(json.dumps(row("expert", k, 0.4)) + "\n" for k in range(2)))
    assert twin_parity.main(["--trials", "2", "--policies", "expert", "--out", str(tmp_path)]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split()[:4] == ["expert", "2", "4", "2/2"]
    assert line.endswith("   held")


@pytest.mark.parametrize("bad", [row("expert", 1, 1.2), row("expert", 1, 0.4, twin_done=3)], ids=["far", "another end"])
def test_a_motion_or_an_end_that_differs_is_not_held(bad):
    assert twin_parity.table([row("expert", 0, 0.4), bad]).endswith("NOT held")
