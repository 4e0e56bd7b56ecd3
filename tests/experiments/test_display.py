"""What a run shows: plain lines off a terminal, a live panel on one."""

import io

from rich.console import Console

from experiments.display import Display
from experiments.workers import Said
from tests.experiments.test_report import row


def shown(terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=120)
    with Display("sort_toys · zero", {"sort_toys": 3}, [row(0, 4)], console) as display:
        display.show(Said("sort_toys", 1, "Put the yellow duck into the box.", 1))
        display.show(row(1, 2))
        display.show(row(2, 0, outcome="error", error="RuntimeError: fire"))
        if terminal:
            display.show(Said("sort_toys", 3, "Put the pink pig into the box.", 1))
    return file.getvalue()


def test_off_a_terminal_there_is_a_line_per_trial_and_the_score_so_far():
    text = shown(terminal=False)
    assert "sort_toys · zero: 3 trials, 1 done before" in text
    assert "trial    1  timeout  2/4 steps" in text
    assert "Avg. Len. 75 % [" in text
    assert "per step 2/2 2/2 1/2 1/2" in text
    assert "RuntimeError: fire" in text
    assert "\x1b[" not in text


def shown_group(terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=120)
    with Display("direct · zero", {"sort_toys": 2, "hang_cup": 1}, [row(0, 4)], console) as display:
        display.show(Said("hang_cup", 0, "Hang the mug on the hook.", 0))
        display.show(row(1, 2))
        if terminal:
            display.show(Said("hang_cup", 0, "Hang the mug on the hook.", 0))
    return file.getvalue()


def test_a_group_shows_each_task_by_name_and_how_far_the_whole_is():
    text = shown_group(terminal=False)
    assert "direct · zero: 3 trials, 1 done before" in text
    assert "sort_toys  trial    1  timeout  2/4 steps" in text
    assert "per step 2/2 2/2 1/2 1/2  errors 0  2/3 trials, " in text
    live = shown_group(terminal=True)
    assert "sort_toys  2/2  Avg. Len. 75 % [" in live
    assert "hang_cup   trial 0" in live


def test_on_a_terminal_the_panel_shows_what_is_said_now():
    text = shown(terminal=True)
    assert "Put the pink pig into the box." in text
    assert "trials/min" in text
