"""A log file gets a line now and then, a terminal a bar; neither changes what is gone through."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from policy.progress import Counting, clock_text, counted, line


def log() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=200)


def written(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (3723, "1:02:03")])
def test_a_duration_is_told_in_hours_minutes_and_seconds(seconds, text):
    assert clock_text(seconds) == text


def test_a_line_tells_how_long_yet_by_what_is_known():
    assert line("stills", 25, 100, 60) == "stills: 25/100, 0:01:00, about 0:03:00 left"
    assert line("2_cotrain", 25, 100, 60, share=0.5) == "2_cotrain: 25/100, 0:01:00, about 0:01:00 left"
    assert line("stills", 100, 100, 60) == "stills: 100/100, 0:01:00"


def test_outside_a_terminal_the_last_is_always_told():
    console = log()
    assert list(counted(range(3), "records", console)) == [0, 1, 2]
    assert written(console) == ["records: 3/3, 0:00:00"]


def test_lines_come_as_often_as_asked():
    console = log()
    with Counting("collect", 2, console, every_s=0) as counting:
        counting.advance(what="take_lid: 1/2 episodes")
        counting.advance(what="take_lid: 2/2 episodes")
    assert [text.split(",")[0] for text in written(console)] == ["take_lid: 1/2 episodes: 1/2", "take_lid: 2/2 episodes: 2/2"]


def test_a_terminal_gets_a_bar():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    list(counted(range(3), "records", console))
    assert "3/3" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "━" in console.file.getvalue()  # type: ignore[attr-defined]
