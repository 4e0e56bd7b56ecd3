"""A composition has the steps of its tasks, each with what the planner says."""

from envs.tasks import get_task
from envs.tasks.compose import composed, planned
from envs.tasks.toy import CLOSE_DRAWER, OPEN_DRAWER


def test_steps_keep_their_order_and_say_their_task():
    task = composed("both", "Open and close.", (OPEN_DRAWER, CLOSE_DRAWER), OPEN_DRAWER.fixtures, OPEN_DRAWER.objects, "Done.")
    assert [s.instruction for s in task.steps] == ["Open the drawer.", "Close the drawer."]
    assert [s.predicate for s in task.steps] == [OPEN_DRAWER.steps[0].predicate, CLOSE_DRAWER.steps[0].predicate]
    assert (task.scene, task.time_limit_s) == ("toy", OPEN_DRAWER.time_limit_s + CLOSE_DRAWER.time_limit_s)


def test_a_step_that_has_an_instruction_keeps_it():
    (step,) = planned(OPEN_DRAWER)
    assert planned(get_task("tidy_up"))[1] == step


def test_tidy_up_is_its_four_tasks():
    names = ("block_to_basket", "open_drawer", "toy_into_drawer", "close_drawer")
    assert [s.instruction for s in get_task("tidy_up").steps] == [get_task(n).instruction for n in names]
