"""Reports come from rows alone, with errors outside the rates and the paper's numbers beside ours."""

import json
import re

import pytest

from experiments.report import write_report
from experiments.results import RESULTS_FILE, Result, to_line


def row(trial, steps_done, **changes):
    base = {"env": "sort_toys", "trial": trial, "seed": 0, "split": "test", "shift": "none", "policy": "chatvla_tiny", "config_hash": "c0ffee", "steps": 4}
    ended = {"outcome": "success" if steps_done == 4 else "timeout", "steps_done": steps_done, "success": steps_done == 4, "instruction": "Sort toys.", "gl": "egl", "command": "python experiments/run.py policy=chatvla_tiny", "versions": {"mujoco": "4.0.0"}}
    return Result(**base | ended | changes)


@pytest.fixture
def out(tmp_path):
    rows = [row(1, 2), row(0, 4, infer_ms_p50=100.0, infer_ms_p95=130.0), row(2, 0, outcome="error", success=False, error="ValueError: <b>boom</b>")]
    (tmp_path / RESULTS_FILE).write_text("".join(map(to_line, rows)))
    return tmp_path


def test_summary_counts_trials_and_leaves_errors_out(out):
    write_report(out)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["n_episodes"], summary["n_success"], summary["errors"]) == (2, 1, 1)
    assert summary["avg_len"] == 0.75
    assert summary["step_counts"] == [2, 2, 1, 1]
    assert summary["paper"]["ChatVLA"]["counts"] == [12, 9, 4, 3]
    assert summary["versions"] == {"mujoco": "4.0.0"}


def test_markdown_has_the_paper_s_lines_and_ours(out):
    write_report(out)
    text = (out / "report.md").read_text()
    assert "| ChatVLA | paper | 13 | 0.92 | 0.69 | 0.31 | 0.23 | 0.54 [" in text
    assert "| chatvla_tiny | here | 2 | 1.00 | 1.00 | 0.50 | 0.50 | 0.75 [" in text
    assert "python experiments/run.py policy=chatvla_tiny" in text


def test_html_needs_no_other_file_and_escapes_what_it_is_told(out):
    write_report(out)
    page = (out / "report.html").read_text()
    assert "&lt;b&gt;boom&lt;/b&gt;" in page
    assert not re.findall(r"(?:src|href)='(?!data:)", page)


def test_videos_are_embedded_while_they_fit_and_linked_beyond(out, monkeypatch):
    (out / "videos").mkdir()
    (out / "videos/trial_0000.mp4").write_bytes(b"x" * 100)
    (out / "videos/trial_0001.mp4").write_bytes(b"y" * 100)
    lines = [row(0, 4, video="videos/trial_0000.mp4"), row(1, 2, video="videos/trial_0001.mp4")]
    (out / RESULTS_FILE).write_text("".join(map(to_line, lines)))
    monkeypatch.setattr("experiments.report.EMBED_BYTES", 150)
    write_report(out)
    page = (out / "report.html").read_text()
    assert page.count("data:video/mp4;base64,") == 1  # the failure comes first
    assert "src='videos/trial_0000.mp4'" in page


def test_questions_stand_beside_the_majority_answer(out):
    family = {"n": 40, "correct": 38, "low": 0.83, "high": 0.99, "majority": 0.5}
    (out / "questions.json").write_text(json.dumps({"families": {"colour": family}, "overall": family}))
    write_report(out)
    assert "| colour | 40 | 95.0 % | 83-99 % | 50.0 % |" in (out / "report.md").read_text()


def test_results_of_other_policies_stand_beside_ours(out, tmp_path_factory):
    other = tmp_path_factory.mktemp("zero")
    (other / RESULTS_FILE).write_text(to_line(row(0, 0, policy="zero")))
    write_report(out, [other])
    assert "| zero | here | 1 | 0.00 |" in (out / "report.md").read_text()


def test_a_run_of_errors_alone_still_has_a_report(tmp_path):
    (tmp_path / RESULTS_FILE).write_text(to_line(row(0, 0, outcome="error", success=False, steps=0, error="no GL")))
    write_report(tmp_path)
    assert "no GL" in (tmp_path / "report.md").read_text()
