"""Our scorers beside lmms-eval's own functions on 2,000 random answers each; skipped where it is not installed (extras/README.md).

The differences that are meant, each with an example below: its TextVQA joins words around a comma, its OCRBench folds
full-width characters, its yes or no stands at the start.
"""

import random

import pytest

from experiments.understanding.scorers import mmmu_official, strings, words

their_anls = pytest.importorskip("lmms_eval.api.metrics").anls
EvalAIAnswerProcessor = pytest.importorskip("lmms_eval.tasks._task_utils.vqa_eval_metric").EvalAIAnswerProcessor
relaxed_correctness = pytest.importorskip("lmms_eval.tasks.chartqa.utils").relaxed_correctness
parse_pred_ans = pytest.importorskip("lmms_eval.tasks.mme.utils").parse_pred_ans
mmmu = pytest.importorskip("lmms_eval.tasks.mmmu.utils")
mtvqa_process_results = pytest.importorskip("lmms_eval.tasks.mtvqa.utils").mtvqa_process_results
ocrbench_process_results = pytest.importorskip("lmms_eval.tasks.ocrbench.utils").ocrbench_process_results

N = 2000
PIECES = [
    *"abcABxyz0123", "the", "two", "stop", "sign", " ", " ", " ", ".", ",", "-", "/", "!", "yes", "no", "Yes.", "3.5", "5%", "100", "\n", "dont", "is ", "so ",
    "=", "(A)", "B ", "C.",
]  # fmt: skip


def texts(seed, longest=9):
    rng = random.Random(seed)
    return ["".join(rng.choices(PIECES, k=rng.randrange(1, longest))) for _ in range(N)]


def test_anls_agrees():
    for said, right in zip(texts(0), texts(1), strict=True):
        assert strings.anls(said, [right, "stop"]) == pytest.approx(their_anls([right, "stop"], [said])["anls"])


def test_relaxed_accuracy_agrees_on_stripped_answers():
    for said, right in zip(texts(2, 4), texts(3, 4), strict=True):
        assert strings.relaxed(said, [right]) == relaxed_correctness(said.strip(), right)


def test_yes_and_no_at_the_start_agree():
    for said in texts(4, 4):
        theirs = parse_pred_ans(said)
        assert strings.yes_no(said, "start") == (theirs.capitalize() if theirs in ("yes", "no") else None)


def test_containment_agrees():
    for said, right in zip(texts(5), texts(6, 3), strict=True):
        theirs = mtvqa_process_results({"answer": right, "category": "DE"}, [said])["mtvqa_score"]["score"]
        assert strings.contains_words(said, [right]) == bool(theirs)
        for dataset, category in (("HME100k", strings.FORMULAS), ("IIIT5K", "Regular Text Recognition")):
            doc = {"answer": [right, "stop"], "dataset": dataset, "question_type": category}
            assert strings.contains_ocr(said, [right, "stop"], category) == bool(ocrbench_process_results(doc, [said])["ocrbench_accuracy"]["score"])


def test_contractions_and_number_words_agree():
    theirs = EvalAIAnswerProcessor()
    for word, right in EvalAIAnswerProcessor.CONTRACTIONS.items():
        if word == word.lower():
            assert words.normalised(word) == right.lower(), word
    for word in ("none", "zero", "ten", "a", "an", "the"):
        assert words.normalised(f"x {word}") == theirs(f"x {word}")


def test_textvqa_agrees_on_plain_words():
    theirs = EvalAIAnswerProcessor()
    rng = random.Random(7)
    for _ in range(N):
        said = " ".join(rng.choices(["the", "Two", "stop", "sign", "DONT", "3.5", "an", "none", "x."], k=3))
        assert words.normalised(said) == theirs(said)


def test_mmmus_own_rule_agrees_wherever_it_does_not_draw():
    options = {"A": "stop sign", "B": "no", "C": "two", "D": "x y"}
    random.seed(0)
    for said in texts(8, 12):
        found = mmmu_official.found_option(said, options)
        if found is not None:
            assert found == mmmu.parse_multi_choice_response(said, list(options), options), said


def test_mmmus_open_rule_agrees():
    for said, right in zip(texts(9), texts(10, 3), strict=True):
        assert mmmu_official.open_right(said, [right]) == mmmu.eval_open(right, mmmu.parse_open_response(said)), (said, right)


def test_the_differences_that_are_meant():
    theirs = EvalAIAnswerProcessor()
    differ = [text for text in ("1,000", "coca-cola", "yes/no", "a,b", "u.s.a.", "3.5") if theirs(text) != words.normalised(text)]
    assert differ == ["a,b"]
    wide = {"answer": ["stop"], "dataset": "IIIT5K", "question_type": "Regular Text Recognition"}
    assert ocrbench_process_results(wide, ["\uff53top"])["ocrbench_accuracy"]["score"] == 1
    assert not strings.contains_ocr("\uff53top", ["stop"], "Regular Text Recognition")
    assert parse_pred_ans("I say yes") == "other"
    assert strings.yes_no("I say yes") == "Yes"
