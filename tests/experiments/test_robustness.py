"""The report of what breaks a policy: paired differences, one folder a level, resumed."""

import json
import re

import numpy as np
import pytest

from envs.names import SHIFTS
from experiments import config as conf
from experiments import evaluation, stages
from experiments.errors import UsageError
from experiments.gaps import LEVELS, paired_difference
from experiments.results import RESULTS_FILE, read
from experiments.robustness import MEANING
from tests.experiments import fakes


class Slower(fakes.FakeEnv):
    """Under shift=camera its trials end after two of the four steps, under shift=layout in a crash."""

    def reset(self, *, options):
        self.shift = options["trial"].shift
        if self.shift == "layout":
            raise RuntimeError("nothing fits")
        return super().reset(options=options)

    @property
    def truncated(self):
        return super().truncated or (self.shift == "camera" and self.steps_done == 2)


def make_slower(quality, motion, name):
    return Slower(name)


def make_forward(name, checkpoint, running, data, env):
    return fakes.Forward()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "make_env", make_slower)
    monkeypatch.setattr(evaluation, "make_named_policy", make_forward)

    def call(*overrides):
        config = conf.load(["stage=robustness", "policy=zero", "video=none", "workers=0", "trials=6", f"out={tmp_path}/out", *overrides])
        stages.run_stage(config, "the command")
        return tmp_path / "out"

    return call


def test_a_shift_that_breaks_the_policy_stands_out(run, capsys):
    out = run()
    levels = json.loads((out / "summary.json").read_text())["levels"]
    assert tuple(levels) == LEVELS
    assert levels["none"]["avg_len"] == 1.0
    assert levels["none"]["difference"] is None
    assert levels["camera"]["difference"] == {"value": -0.5, "low": -0.5, "high": -0.5, "trials": 6, "worse": 6, "better": 0}
    assert levels["light"]["difference"]["value"] == 0
    assert (levels["layout"]["n_episodes"], levels["layout"]["errors"], levels["layout"]["difference"]) == (0, 6, None)
    assert "broken by: camera -0.50 [-0.50 to -0.50]\n" in capsys.readouterr().out
    assert "| camera | 6 | 0.50 [0.19-0.81] | -0.50 [-0.50 to -0.50] | 6 | 0 | 0 |" in (out / "report.md").read_text()


def test_a_few_trials_are_not_taken_for_more(run, capsys):
    run("trials=3")
    assert "3 trials are too few to say what breaks it, expected at least 6\n" in capsys.readouterr().out


def test_the_page_needs_no_other_file_and_links_each_level(run):
    out = run()
    page = (out / "report.html").read_text()
    assert page.count("<rect class='track'") == len(LEVELS) - 1  # layout has no trial
    assert not re.findall(r"src='(?!data:)", page)
    for link in re.findall(r"href='([^']+)'", page):
        assert (out / link).exists()


def test_finished_trials_are_not_run_again(run):
    out = run()
    before = {level: (out / level / RESULTS_FILE).read_bytes() for level in LEVELS if level != "layout"}
    run()
    assert {level: (out / level / RESULTS_FILE).read_bytes() for level in before} == before


def test_a_group_has_a_folder_for_each_task_of_each_level(run):
    out = run("env=[sort_toys,tidy_up]")
    assert [r.env for r in read(out / "camera" / "tidy_up" / RESULTS_FILE)] == ["tidy_up"] * 6
    assert json.loads((out / "summary.json").read_text())["levels"]["camera"]["n_episodes"] == 12


def test_a_shift_of_its_own_is_refused(run):
    with pytest.raises(UsageError, match="runs every shift; leave shift=light out"):
        run("shift=light")


def test_only_trials_of_both_levels_are_compared():
    difference = paired_difference({0: 1.0, 1: 0.5, 2: 0.0}, {1: 0.25, 2: 0.25, 3: 1.0})
    assert difference is not None
    assert (difference.value, difference.trials, difference.worse, difference.better) == (0.0, 2, 1, 1)
    assert (difference.low, difference.high) == (-0.25, 0.25)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_pairing_finds_what_unpaired_intervals_hide():
    """Half of the trials are hopeless anyway; in the others a shift costs one step of four."""
    none = {i: float(i % 2) for i in range(40)}
    level = {i: 0.75 * v for i, v in none.items()}
    difference = paired_difference(none, level)
    assert difference is not None
    assert difference.value == pytest.approx(-0.125)
    assert -0.18 < difference.low < difference.high < -0.08


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        change = rng.choice([-0.25, 0.0, 0.25], 50, p=[0.3, 0.6, 0.1])
        d = paired_difference(dict.fromkeys(range(50), 0.5), dict(enumerate(0.5 + change)), seed)
        assert d is not None
        covered += d.low <= -0.05 <= d.high
    assert 88 <= covered <= 100


def test_every_shift_is_explained():
    assert tuple(MEANING) == LEVELS
    assert set(LEVELS) == {*SHIFTS, "seen"}
