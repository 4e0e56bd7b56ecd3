"""Two runs compared: how trials are joined, what is refused, and what the page and its files say."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from experiments.errors import UsageError
from experiments.results import RESULTS_FILE, Result, to_line
from sim2real.compare.__main__ import main
from sim2real.compare.comparison import compare
from sim2real.compare.pairs import load


def row(trial, done, backend="mujoco", policy="chatvla_tiny", layout=None, **changes):
    layout = {"objects": [["block", trial if layout is None else layout, 0.1]]}
    base = {"env": "sort_toys", "trial": trial, "seed": 0, "split": "test", "shift": "none", "policy": policy, "config_hash": "c0ffee", "steps": 2, "layout": layout, "checkpoint_hash": "aa"}
    ended = {"outcome": "success" if done == 2 else "timeout", "steps_done": done, "success": done == 2, "progress": done / 2, "backend": backend}
    return Result(**base | ended | changes)


@pytest.fixture
def folder(tmp_path):
    def write(name, rows):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / RESULTS_FILE).write_text("".join(map(to_line, rows)))
        return tmp_path / name

    return write


def test_trials_are_joined_by_layout_whatever_their_number(folder):
    sim = folder("sim", [row(i, 2 * (i % 2)) for i in range(6)])
    real = folder("real", [row(40 + i, 2, "franka", layout=i) for i in (3, 1, 2)])
    (cell,) = load([sim], [real])
    assert {(p.sim.row.trial, p.real.row.trial) for p in cell.pairs} == {(1, 41), (2, 42), (3, 43)}
    assert len(cell.sim_only) == 3
    assert not cell.real_only


def test_a_line_counts_how_the_pairs_ended(folder):
    sim = folder("sim", [row(i, d) for i, d in enumerate([2, 2, 1, 0, 2])])
    real = folder("real", [row(i, d, "franka") for i, d in enumerate([2, 1, 2, 0])])
    (line,) = compare(load([sim], [real])).lines
    assert line.table == (1, 1, 1, 1)
    assert (line.sim.value, line.real.value, line.p, line.agreement.value) == (0.5, 0.5, 1.0, 0.5)
    assert line.progress is not None
    assert line.progress.value == pytest.approx((0 - 0.5 + 0.5 + 0) / 4)


def test_errors_and_invalid_trials_are_outside_the_pairs(folder):
    sim = folder("sim", [row(0, 2), row(1, 2)])
    real = folder("real", [row(0, 2, "franka"), row(1, 0, "franka", outcome="invalid", layout=None)])
    (cell,) = load([sim], [real])
    assert (len(cell.pairs), len(cell.sim_only), cell.left_out) == (1, 1, 1)


def test_policies_are_ranked_in_both_worlds(folder):
    good, bad = [2, 2, 2, 0, 2, 2], [2, 0, 0, 0, 0, 2]
    sims = [folder(f"sim_{p}", [row(i, d, policy=p) for i, d in enumerate(done)]) for p, done in (("a", good), ("b", bad))]
    same = [folder(f"real_{p}", [row(i, d, "franka", p) for i, d in enumerate(done)]) for p, done in (("a", good), ("b", bad))]
    turned = [folder(f"turned_{p}", [row(i, d, "franka", p) for i, d in enumerate(done)]) for p, done in (("a", bad), ("b", good))]
    (ranking,) = compare(load(sims, same)).rankings
    assert (ranking.policies, ranking.pearson[0], ranking.mmrv) == (2, pytest.approx(1), (0.0, 0.0, 0.0))
    (ranking,) = compare(load(sims, turned)).rankings
    assert ranking.pearson[0] == pytest.approx(-1)
    assert ranking.mmrv[0] == pytest.approx(0.5)


def test_a_group_has_a_folder_for_each_task(folder, tmp_path):
    for world, backend in (("sim", "mujoco"), ("real", "twin")):
        for env in ("sort_toys", "hang_cup"):
            folder(f"{world}/{env}", [replace(row(0, 2, backend), env=env)])
    assert [cell.env for cell in load([tmp_path / "sim"], [tmp_path / "real"])] == ["hang_cup", "sort_toys"]


@pytest.mark.parametrize(
    ("sim", "real", "message"),
    [
        ([row(0, 2, "franka")], [row(0, 2)], "backend 'franka', expected 'mujoco'; are sim= and real= swapped"),
        ([row(0, 2)], [row(0, 2)], "expected a robot or its twin, not 'mujoco'"),
        ([row(0, 2)], [row(5, 2, "franka")], "no trial was played in both worlds: sim has chatvla_tiny on sort_toys"),
        ([row(0, 2)], [row(0, 2, "franka", policy="expert")], "real has expert on sort_toys"),
        ([row(0, 2)], [row(0, 2, "franka", checkpoint_hash="bb")], "has weights aa in sim and bb in real"),
        ([row(0, 2), row(1, 2, layout=0)], [row(0, 2, "franka")], "trials 0 of .* and 1 of .* have the same layout"),
        ([replace(row(0, 2), layout=None)], [row(0, 2, "franka")], "trial 0 has no layout"),
    ],
)
def test_what_cannot_be_compared_is_refused(folder, sim, real, message):
    with pytest.raises(UsageError, match=message):
        load([folder("sim", sim)], [folder("real", real)])


def test_the_command_writes_a_page_that_needs_no_other_file(folder, tmp_path, capsys):
    sim = folder("sim", [row(i, 2, video=f"videos/{i}.mp4") for i in range(3)])
    real = folder("real", [row(i, 2 if i else 0, "twin", video=f"videos/{i}.mp4") for i in range(2)])
    for side, names in ((sim, "012"), (real, "0")):
        (side / "videos").mkdir()
        for name in names:
            (side / "videos" / f"{name}.mp4").write_bytes(f"{side.name}{name}".encode())
    assert main([f"sim={sim}", f"real={real}", f"out={tmp_path / 'out'}"]) == 0
    assert "sort_toys, chatvla_tiny: sim 100 %" in capsys.readouterr().out
    page = (tmp_path / "out/comparison.html").read_text()
    assert page.count("data:video/mp4;base64,") == 3
    assert page.count("no video") == 1
    assert page.index("ended differently</em>") < page.index("ended alike</figcaption>")
    assert not re.findall(r"(?:src|href)='(?!data:)", page)
    numbers = json.loads((tmp_path / "out/comparison.json").read_text())
    assert numbers["lines"][0]["both_onlysim_onlyreal_neither"] == [1, 1, 0, 0]
    assert "| sort_toys | chatvla_tiny | twin | 2 |" in (tmp_path / "out/comparison.md").read_text()


def test_videos_that_do_not_fit_are_linked(folder, tmp_path, monkeypatch):
    sides = [folder(name, [row(0, 2, backend, video="v.mp4")]) for name, backend in (("sim", "mujoco"), ("real", "franka"))]
    for side in sides:
        (side / "v.mp4").write_bytes(b"x" * 100)
    monkeypatch.setattr("sim2real.compare.page.EMBED_BYTES", 150)
    main([f"sim={sides[0]}", f"real={sides[1]}"])
    page = (sides[1] / "comparison.html").read_text()
    assert page.count("data:video") == 1
    assert "src='v.mp4'" in page


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sim=a"], "real= is missing"),
        (["sim=a", "reel=b"], "'reel=b' is no option"),
        (["sim=a", "real=b"], "a holds no results.jsonl"),
    ],
)
def test_a_mistaken_command_is_told_in_a_message(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err
