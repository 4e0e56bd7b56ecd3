"""The command that tells how far off a network is; what it counts, `tests/policy/test_train.py` reads after each stage."""

from __future__ import annotations

import numpy as np
import pytest

from envs.types import Inference
from policy import localisation
from policy.inference import ChatVLAPolicy, Decision
from policy.localisation import by_task, main
from policy.stills import Snapshots

SHIPPED = "policy/checkpoints/chatvla_tiny"


def test_the_command_prints_a_row_for_each_task(data, capsys):
    assert main([f"data={data.parent}", "stills=2"]) == 0
    assert "sort_toys" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["checkpoint=nowhere"], "nowhere"), (["data=nowhere"], "no recorded data in nowhere; run `stage=collect` first"), (["still=3"], "did you mean 'stills='?")],
)
def test_a_mistake_is_told_in_a_message(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err


def test_a_policy_that_knows_where_things_are_is_off_by_as_much_as_it_says_wrong(data, monkeypatch):
    truth = [t for i in range(3) if (t := Snapshots(data, "test").target_pos(i)) is not None]

    said = Inference(np.zeros((16, 10), np.float32), "Put the pink pig into the box.")
    error = np.array([0.03, 0, 0, 0, 0, 0.01], np.float32)

    def knows(policies, observations, instructions):
        return [Decision(said, np.zeros(1, np.float32), t + error) for t in truth]

    monkeypatch.setattr(localisation, "decide_together", knows)
    found = by_task(ChatVLAPolicy.from_pretrained(SHIPPED), data, 10)["sort_toys"]
    assert (found.n, found.named) == (3, 0)  # the duck is due
    assert (found.object_cm, found.goal_cm) == (3.0, 1.0)
