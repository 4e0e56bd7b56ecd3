"""Rows survive what happens to runs: a cut line, a full disk, another configuration."""

import errno
import os

import pytest

from experiments.errors import UsageError
from experiments.results import RESULTS_FILE, Result, ResultsWriter, from_dict, read, to_line

IDENTITY = {"env": "sort_toys", "policy": "zero", "seed": 0}


def row(trial, **changes):
    return Result(**{"env": "sort_toys", "trial": trial, "seed": 0, "split": "test", "shift": "none", "policy": "zero", "outcome": "timeout", "config_hash": "c", "steps": 4} | changes)


def test_a_row_is_read_back_as_it_was_written(tmp_path):
    written = row(3, reasoning=((0.0, "Put the pig into the box."),), step_done_s=(1.2,), infer_ms_p50=12.5)
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(written)
    assert read(tmp_path / RESULTS_FILE) == [written]


def test_a_row_is_on_the_disk_when_append_returns(tmp_path):
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(row(0))
        assert (tmp_path / RESULTS_FILE).read_text() == to_line(row(0))


def test_a_later_run_knows_what_is_finished_and_tries_errors_again(tmp_path):
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(row(0))
        writer.append(row(1, outcome="error", error="crash"))
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        assert writer.finished == {0}
        writer.append(row(1))
    assert [r.outcome for r in read(tmp_path / RESULTS_FILE)] == ["timeout", "timeout"]


def test_a_last_line_that_was_cut_off_is_dropped_and_overwritten(tmp_path):
    path = tmp_path / RESULTS_FILE
    path.write_text(to_line(row(0)) + to_line(row(1))[:40])
    assert [r.trial for r in read(path)] == [0]
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(row(1))
    assert path.read_text() == to_line(row(0)) + to_line(row(1))


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / RESULTS_FILE
    path.write_text(to_line(row(0)) + "{oops\n" + to_line(row(1)))
    with pytest.raises(UsageError, match="line 2: not a result row"):
        read(path)


def test_results_of_another_configuration_are_refused(tmp_path):
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(row(0))
    with pytest.raises(UsageError, match=r"another configuration \(seed 0 there, 1 now\); choose another out="):
        ResultsWriter(tmp_path, IDENTITY | {"seed": 1})


def test_a_full_disk_says_so_and_keeps_what_is_finished(tmp_path, monkeypatch):
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        writer.append(row(0))
        write, room = os.write, [10]

        def full(fd, data):
            if not room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(fd, data[: room.pop()])

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(UsageError, match=r"disk full while writing .*the 1 finished trials are kept"):
            writer.append(row(1))
    monkeypatch.undo()
    with ResultsWriter(tmp_path, IDENTITY) as writer:
        assert writer.finished == {0}
        writer.append(row(1))
    assert [r.trial for r in read(tmp_path / RESULTS_FILE)] == [0, 1]


def test_fields_of_a_newer_version_are_left_out():
    assert from_dict({**row(0).__dict__, "moon_phase": 3}) == row(0)
