"""Prompts as VLMEvalKit words them for Qwen2-VL, and as lmms-eval does."""

import pytest

from experiments.understanding.prompts import prompt
from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.sample import Sample

CHOICE = Sample("q", 0, "Which?", ("A",), {"A": "red", "B": "blue"})


def asked(benchmark, sample, protocol="chatvla_release"):
    return prompt(PROTOCOLS[protocol], benchmark, sample)


def test_words_are_asked_for_shortly():
    assert asked("textvqa", Sample("q", 0, "What?", ("a",))) == "What?\nPlease try to answer the question with short words or phrases if possible."


def test_a_choice_has_its_hint_its_options_and_an_instruction():
    expected = "Question: Which?\nOptions:\nA. red\nB. blue\nPlease select the correct answer from the options above."
    assert asked("mmstar", CHOICE) == expected
    hinted = Sample("q", 0, "Which?", ("A",), CHOICE.options, hint="Look.")
    assert asked("mmbench", hinted) == "Hint: Look.\n" + expected


def test_chinese_is_told_in_chinese_except_in_mmmu():
    chinese = Sample("q", 0, "哪个?", ("A",), CHOICE.options)
    assert asked("mmstar", chinese).endswith("B. blue\n请直接回答选项字母。")
    assert asked("mmmu", chinese).endswith("B. blue\nPlease select the correct answer from the options above.")


def test_an_open_question_of_mmmu_has_no_instruction():
    assert asked("mmmu", Sample("q", 0, "How long? <image 1>", ("3",), form="open")) == "Question: How long? <image 1>"


def test_yes_or_no_is_added_where_the_question_does_not_say_it():
    assert asked("hallusionbench", Sample("q", 0, "Is it?", ("Yes",))) == "Is it? Please answer yes or no."
    mme = Sample("q", 0, "Is it? Please answer yes or no.", ("Yes",))
    assert asked("mme", mme) == mme.question
    assert asked("mme", mme, "lmms_eval") == "Is it?\nAnswer the question using a single word or phrase."


def test_lmms_eval_asks_for_the_letter():
    assert asked("ai2d", CHOICE, "lmms_eval") == "Which?\nA. red\nB. blue\nAnswer with the option's letter from the given choices directly."
    assert asked("mmmu", CHOICE, "lmms_eval") == "Which?\nA. red\nB. blue\n\nAnswer with the option's letter from the given choices directly."


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_result_says_how_it_was_made(name):
    stamp = PROTOCOLS[name].stamp("ocrbench")
    assert (stamp["protocol"], stamp["judge"]) == (name, "exact matching")
    assert stamp["limits"]["max_new_tokens"] > 0


def test_the_releases_pixels_are_those_of_its_config():
    release = PROTOCOLS["chatvla_release"]
    assert (release.limits.max_new_tokens, release.limits.min_pixels, release.limits.max_pixels) == (64, 200704, 1003520)
    assert release.limits_of("ocrbench").min_pixels == 78400
    assert (release.rules.chartqa_tolerance, release.rules.options) == ("prediction", "0.2rc1")
