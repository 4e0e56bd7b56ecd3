"""A pool does every item once, says what happened to each, and passes on what a worker raises."""

import os
from functools import partial

import pytest

from experiments.pool import Died, Done, News, run


class Doubler:
    """Tells the item, doubles it; "die" ends its process, "raise" raises."""

    def __init__(self, closed=None):
        self.closed = closed

    def __call__(self, item, tell):
        tell(item)
        if item == "die":
            os._exit(3)
        if item == "raise":
            raise ValueError("no such thing")
        return item * 2

    def close(self):
        if self.closed is not None:
            self.closed.append(True)


def done(items, workers):
    return {event.item: event.result for event in run(Doubler, items, workers) if isinstance(event, Done)}


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_item_is_done_whatever_the_number_of_workers(workers):
    assert done([1, 2, 3], workers) == {1: 2, 2: 4, 3: 6}


def test_a_worker_process_tells_news():
    assert News(1, 1) in list(run(Doubler, [1, 2], 1))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_raises_is_raised_here(workers):
    with pytest.raises(ValueError, match="no such thing"):
        list(run(Doubler, ["raise", 1], workers))


def test_another_worker_takes_the_place_of_one_that_dies():
    events = [e for e in run(Doubler, ["die", 1, 2], 1) if not isinstance(e, News)]
    assert events == [Died("die", "exit code 3"), Done(1, 2), Done(2, 4)]


def test_a_worker_is_closed_even_when_the_caller_stops_listening():
    closed = []
    events = run(partial(Doubler, closed), [1, 2, 3], 0)
    next(events)
    events.close()
    assert closed == [True]


def test_nothing_to_do_makes_no_worker():
    assert list(run(lambda: pytest.fail("made a worker"), [], 2)) == []
