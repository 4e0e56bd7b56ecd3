from __future__ import annotations

import json

import numpy as np
import pytest

from envs.types import Trial
from sim2real.benchmarks import twin_repeats


def row(*hashes, joint=0.0):
    return {"trial": 0, "steps": None, "arm": "fr3", "hashes": list(hashes), "joint_pos": [[joint] * 7] * len(hashes)}


def write(folder, *found):
    (folder / twin_repeats.ROWS).write_text("".join(json.dumps(row) + "\n" for row in found))


def test_a_trial_through_the_environment_and_the_drivers_is_the_same_to_the_bit_each_time(tmp_path, capsys):
    wanted = ["--repeats", "3", "--steps", "8", "--out", str(tmp_path)]
    assert twin_repeats.main(wanted) == 0
    assert "3 of 3 repeats of 8 control steps are the same to the bit: held" in capsys.readouterr().out
    found = [json.loads(line) for line in (tmp_path / twin_repeats.ROWS).read_text().splitlines()]
    assert len(set(found[0]["hashes"])) == 9
    moved = [abs(a - b) for a, b in zip(found[0]["joint_pos"][0], found[0]["joint_pos"][-1], strict=True)]
    assert max(moved) > 0.01


def test_repeats_that_are_there_are_not_played_again_and_one_that_differs_is_told(tmp_path, capsys):
    write(tmp_path, row("a", "b", "c"), row("a", "b", "c"), row("a", "x", "y", joint=1e-9))
    assert twin_repeats.main(["--repeats", "2", "--out", str(tmp_path)]) == 0
    assert twin_repeats.main(["--repeats", "3", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "repeat 2 is another one from control step 1 on; joints at most 1.0e-09 rad apart in all of the trial",
        "2 of 3 repeats of 2 control steps are the same to the bit: NOT held",
    ]


@pytest.mark.parametrize("wrong", [["--repeats", "1"], ["--steps", "0"]])
def test_what_cannot_be_compared_is_refused(wrong, tmp_path):
    with pytest.raises(SystemExit):
        twin_repeats.main([*wrong, "--out", str(tmp_path)])


def test_the_expert_s_actions_are_those_of_its_trial():
    first, again, other = (np.array(twin_repeats.expert_actions(Trial(twin_repeats.TASK, k), 5)) for k in (0, 0, 1))
    assert first.shape == (5, 10)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
