"""A planner's words become a sub-task instruction, or are counted; what it says and how long it takes is in the row."""

import time
from types import SimpleNamespace

import pytest

from envs.types import CAMERAS, Trial
from experiments.planners import ASK_EVERY, NO_PLANNER, QUESTION, Planner, ask_policy, make_planner, match, menu
from experiments.policies import CHECKPOINTS
from experiments.rollout import Provenance, rollout
from tests.experiments.fakes import FakeEnv, Forward

MENU = ("Move the orange block to the basket.", "Open the drawer.", "Put the toy into the drawer.", "Close the drawer.")


class Listening(Forward):
    """Remembers what it is told, and answers questions as told."""

    def __init__(self, answers=()):
        self.told, self.asked, self.answers = [], [], list(answers)

    def infer(self, observation, instruction):
        self.told.append(instruction)
        return super().infer(observation, instruction)

    def answer_batch(self, images, questions, cameras):
        self.asked.append((len(images), questions[0], tuple(cameras)))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return list(said) if isinstance(said, tuple) else [said] * len(images)


def play(policy, planner, clock="stepped"):
    return rollout(FakeEnv(), policy, Trial("tidy_up", 0), [], Provenance("forward", "abc", clock=clock), planner)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Open the drawer.", MENU[1]),
        ("open  the drawer", MENU[1]),
        ('The next sub-task is: "Put the toy into the drawer."', MENU[2]),
        ("- Close the drawer.", MENU[3]),
        ("move orange block in basket", MENU[0]),
        ("first open the drawer. then close the drawer.", None),
        ("I see a robot.", None),
        ("", None),
    ],
)
def test_an_answer_is_matched_to_its_words_or_the_nearest_or_nothing(answer, found):
    assert match(answer, MENU) == found


def test_without_a_planner_the_policy_is_told_the_task():
    policy = Listening()
    result = play(policy, NO_PLANNER)
    assert set(policy.told) == {"Sort toys."}
    assert (result.plan, result.plan_ms_p50) == ((), None)


def test_the_scripted_planner_tells_the_first_step_that_is_not_done():
    policy = Listening()
    result = play(policy, make_planner("scripted"))
    assert result.success
    assert policy.told == sorted(policy.told)  # 0.45 m, then 0.50 m, ...: the fake's steps in order
    assert policy.told[0] == "Go to 0.45 m."
    assert [said for _, said, _ in result.plan] == list(dict.fromkeys(policy.told))
    assert result.plan[0][0] == 0.0
    assert result.plan_ms_p95 is not None


def test_the_policy_is_asked_with_all_cameras_every_few_inferences():
    policy = Listening(["Go to 0.45 m."])
    result = play(policy, make_planner("policy", every=2))
    assert policy.asked == [(3, QUESTION.format(instruction="Sort toys."), CAMERAS)] * len(policy.asked)
    assert len(policy.asked) == -(-result.inferences // 2)
    assert set(policy.told) == {"Go to 0.45 m."}


def test_most_cameras_decide_and_of_equally_many_the_first():
    two = play(Listening([("Go to 0.45 m.", "Go to 0.50 m.", "Go to 0.50 m.")]), make_planner("policy"))
    assert two.plan[0][1] == "Go to 0.50 m."
    all_differ = play(Listening([("Go to 0.60 m.", "Go to 0.50 m.", "Go to 0.45 m.")]), make_planner("policy"))
    assert all_differ.plan[0][1] == "Go to 0.60 m."


def test_a_trained_network_is_asked_in_understanding_mode():
    from policy.inference import ChatVLAPolicy

    env = FakeEnv()
    network = ChatVLAPolicy.from_pretrained(str(CHECKPOINTS["chatvla_tiny"]))
    observation, _ = env.reset(options={"trial": Trial("tidy_up", 0)})
    said = ask_policy(env, observation, network)  # type: ignore[arg-type]
    assert said
    assert said in network.answer_batch(list(observation["pixels"].values()), [QUESTION.format(instruction=env.instruction)] * 3, CAMERAS)


def test_an_answer_that_names_no_sub_task_is_counted_and_the_last_instruction_stays():
    policy = Listening(["I see a cat.", "Go to 0.50 m.", "A dog barks."])
    result = play(policy, make_planner("policy", every=1))
    assert policy.told[:3] == ["Sort toys.", "Go to 0.50 m.", "Go to 0.50 m."]
    assert result.plan_unmatched == result.inferences - 1
    assert [(said, told) for _, said, told in result.plan] == [("I see a cat.", None), ("Go to 0.50 m.", "Go to 0.50 m."), ("A dog barks.", None)]


def test_a_planner_that_fails_is_an_error_row_and_no_failed_trial():
    def fail(env, observation, policy):
        raise RuntimeError("nobody answers")

    result = play(Listening(), Planner("openai", 1, fail))
    assert (result.outcome, result.counted) == ("error", False)
    assert "nobody answers" in str(result.error)


def test_only_planners_that_look_have_pictures_rendered():
    seen = []

    class Watching(FakeEnv):
        def observe(self):
            seen.append(self.cameras)
            return super().observe()

    for planner in (make_planner("scripted"), make_planner("policy")):
        rollout(Watching(), Listening(["Go to 0.45 m."]), Trial("tidy_up", 0), [], Provenance("forward", "abc"), planner)
        assert seen.pop() is planner.uses_pixels


def test_the_menu_has_each_sub_task_once_and_the_task_where_a_step_has_no_words():
    steps = [SimpleNamespace(instruction=text) for text in ("Open the drawer.", "Open the drawer.", "")]
    assert menu(SimpleNamespace(steps=steps, instruction="Tidy up.")) == ("Open the drawer.", "Tidy up.")


def test_planners_that_look_are_asked_less_often():
    assert ASK_EVERY["scripted"] == 1
    assert make_planner("policy").every == ASK_EVERY["policy"] > 1
    assert make_planner("policy", 7).every == 7


def test_on_the_real_clock_planning_costs_control_steps_too():
    def slow(env, observation, policy):
        time.sleep(0.1)
        return "Go to 0.45 m."

    planner = Planner("policy", 1, slow)
    stepped, real = play(Listening(), planner), play(Listening(), planner, clock="real")
    assert real.seconds >= stepped.seconds + 2 / 15 - 1e-3
    assert real.infer_ms_p50 is not None
    assert real.infer_ms_p50 < 50 < 100 <= (real.plan_ms_p50 or 0)
