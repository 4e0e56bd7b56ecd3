"""From verdicts to numbers: pairs, figures and rotations count together; degenerate models land on their known floors."""

import pytest

from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.sample import Sample
from experiments.understanding.scorers.judge import Rules, judge
from experiments.understanding.scorers.totals import COGNITION, PERCEPTION, floor, total

RULES = Rules()


def score(name, samples, answer):
    """The total of a model that answers `answer(sample)`."""
    benchmark = BENCHMARKS[name]
    return total(benchmark, [(s, judge(benchmark.judge, s, answer(s), RULES)) for s in samples])


def mme(pairs=3):
    return [
        Sample(f"{c}/{p}/{a}", 0, "?", (a,), category=c, keys={"pair": str(p)}) for c in (*PERCEPTION, *COGNITION) for p in range(pairs) for a in ("Yes", "No")
    ]


def mmbench(n=4):
    letters = "ABCD"
    return [
        Sample(f"{q}/{k}", 0, "?", (letters[(q - k) % 4],), {x: f"o{(i + k) % 4}" for i, x in enumerate(letters)}, category="c", keys={"question": str(q)})
        for q in range(n) for k in range(4)
    ]  # fmt: skip


def hallusion():
    keys = [(s, f, q) for s in range(2) for f in range(2) for q in range(3)]
    return [Sample(f"{k}", 0, "?", ("Yes",), category="chart", keys=dict(zip(("set", "figure", "question"), map(str, k), strict=True))) for k in keys]


def test_always_yes_has_50_points_of_each_part_of_mme():
    result = score("mme", mme(), lambda s: "Yes")
    assert (result.value, result.maximum) == (700, 2800)
    assert (result.parts["perception"], result.parts["cognition"]) == (500, 200)


def test_mme_is_2800_when_all_is_right_and_a_pair_counts_only_whole():
    assert score("mme", mme(), lambda s: s.answer).value == 2800
    half = score("mme", [s for s in mme(1) if s.category == "OCR"], lambda s: "No")
    assert half.parts["OCR"] == 50


def test_always_a_is_right_once_in_four_rotations_and_never_in_all():
    result = score("mmbench", mmbench(), lambda s: "A")
    assert (result.value, result.parts["each rotation"]) == (0, 25)
    assert score("mmbench", mmbench(), lambda s: s.answer).value == 100


def test_one_wrong_rotation_fails_its_question():
    result = score("mmbench", mmbench(), lambda s: "B" if s.id == "0/0" else s.answer)
    assert (result.value, result.done, result.tried) == (75, 3, 4)


def test_hallusion_counts_answers_figures_and_questions():
    result = score("hallusionbench", hallusion(), lambda s: "No" if s.keys == {"set": "0", "figure": "1", "question": "2"} else "Yes")
    assert result.parts == {"aAcc": pytest.approx(100 * 11 / 12), "fAcc": 75, "qAcc": pytest.approx(100 * 5 / 6)}
    assert result.value == pytest.approx((100 * 11 / 12 + 75 + 100 * 5 / 6) / 3)


def test_ocrbench_counts_points():
    samples = [Sample(str(i), 0, "?", ("word",), category="KIE") for i in range(7)]
    assert score("ocrbench", samples, lambda s: "the word").value == 7


def test_an_open_mmmu_question_is_right_by_its_text_or_by_a_bare_a_as_vlmevalkit_has_it():
    sample = Sample("q", 0, "How long?", ("3.5",), form="open")
    said = ["3.5", "it is 3.5 m", "A", "Other Answers", "4", ""]
    assert [judge("mmmu", sample, s, RULES).score for s in said] == [1, 1, 1, 0, 0, 0]
    assert judge("mmmu", sample, "It is 3.50", Rules(mmmu="official")).score == 1


def test_babble_is_a_quarter_by_mmmus_own_rule_and_nothing_by_vlmevalkits():
    samples = [Sample(f"q{i}", 0, "?", ("ABCD"[i % 4],), dict(zip("ABCD", ("up", "down", "left", "right"), strict=True)), form="choice") for i in range(400)]
    official = [judge("mmmu", s, "blah", Rules(mmmu="official")) for s in samples]
    assert 0.2 < sum(v.score for v in official) / 400 < 0.3
    assert not any(v.read for v in official)
    assert sum(judge("mmmu", s, "blah", RULES).score for s in samples) == 0


@pytest.mark.parametrize(("form", "answer", "said", "score", "valid"), [
    ("yesno", "Yes", "yes.", 1, True), ("yesno", "Yes", "blue", 0, False), ("number", "two", "2", 1, True), ("number", "2", "Two.", 1, True),
    ("number", "2", "many", 0, False), ("open", "red cube", "The red cube.", 1, True), ("open", "red cube", "red", 0, True),
    ("choice", "B", "(B)", 1, True), ("choice", "B", "hm", 0, False),
])  # fmt: skip
def test_scene_questions_are_scored_by_their_form(form, answer, said, score, valid):
    options = {"A": "left", "B": "right"} if form == "choice" else {}
    verdict = judge("scene", Sample("q", 0, "?", (answer,), options, form=form), said, RULES)
    assert (verdict.score, verdict.read is not None) == (score, valid)


def test_the_floor_is_the_best_single_answer():
    assert floor(BENCHMARKS["mme"], mme(), RULES).value == 700
    skewed = [Sample(str(i), 0, "?", ("A" if i < 7 else "B",), {"A": "x", "B": "y"}) for i in range(10)]
    assert (floor(BENCHMARKS["mmstar"], skewed, RULES).answer, floor(BENCHMARKS["mmstar"], skewed, RULES).value) == ("A", 70)
    said = [Sample(str(i), 0, "?", ("stop",) * 10 if i < 3 else ("go",) * 10) for i in range(4)]
    assert floor(BENCHMARKS["textvqa"], said, RULES).answer == "stop"
