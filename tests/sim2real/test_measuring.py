from __future__ import annotations

import pytest

from sim2real.measuring import TRIES, append, measured, rows
from sim2real.outcomes import LinkLost


def test_rows_are_read_as_they_were_written_and_none_where_there_is_no_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert rows(path) == []
    for row in ({"a": 1}, {"a": [2.5, None]}):
        append(path, row)
    assert rows(path) == [{"a": 1}, {"a": [2.5, None]}]


def test_a_device_that_fails_is_no_measurement_and_is_played_again(capsys):
    answers = [LinkLost("the twin does not go on"), LinkLost("again"), "found"]

    def play():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert measured(play) == "found"
    assert capsys.readouterr().err.splitlines()[0] == "no measurement, once more: the twin does not go on"


def test_one_that_fails_each_time_ends_it():
    calls = []

    def play():
        calls.append(1)
        raise LinkLost("busy")

    with pytest.raises(LinkLost, match="busy"):
        measured(play)
    assert len(calls) == TRIES


def test_other_errors_are_no_failures_of_devices():
    with pytest.raises(ZeroDivisionError):
        measured(lambda: 1 / 0)
