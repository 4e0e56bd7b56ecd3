"""stage=understand from files to report: all benchmarks, degenerate models, resume, broken rows, failing networks, workers."""

import csv
import json
import sys

import pytest
from rich.console import Console

from experiments import config as conf
from experiments import run
from experiments.errors import UsageError
from experiments.understanding import stage
from experiments.understanding.answers import FILE, read_answers
from experiments.understanding.benchmarks import BENCHMARKS, GROUPS
from experiments.understanding.prompts import prompt
from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.readers.find import read
from experiments.understanding.stage import Plan, understand
from tests.experiments.understanding.fixtures import kit, write_hub, write_kit, write_tsv

FOURTEEN = GROUPS["paper"]
EMPTY = {name: 0.0 for name in FOURTEEN}
# Of the fixtures: a dozen questions each, the right letter going round; 13 rows of MMMU with an open one, of
# RealWorldQA (parquet) an open one too.
ALWAYS_A = EMPTY | {"mmstar": 25.0, "ai2d": 25.0, "erqa": 25.0, "mmbench": 0.0}
ALWAYS_YES = EMPTY | {"mme": 100.0, "hallusionbench": (50 + 0 + 50) / 3}


class Model:
    """Answers from a function of the prompt, and remembers what it was asked."""

    def __init__(self, say):
        self.say, self.asked, self.facts = say, [], {"prompt": "none"}

    def answer(self, questions, limits):
        self.asked += [question.text for question in questions]
        return [self.say(question.text) for question in questions]


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Runs the stage with a model; gives summary.json's benchmarks."""

    def go(data, names, say, **changes):
        model = say if isinstance(say, Model) else Model(say)
        monkeypatch.setattr(stage, "make_answerer", lambda policy, folder: model)
        plan = Plan("model", "hf_vlm", tmp_path, "weights", tuple(names), data, "vlmevalkit", tmp_path / "out", **changes)
        understand(plan, "command", Console(file=(tmp_path / "said").open("w")))
        return json.loads((tmp_path / "out" / "summary.json").read_text())["benchmarks"]

    return go


@pytest.fixture(scope="module")
def kit_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    for name in FOURTEEN:
        write_kit(folder, name)
    return folder


@pytest.fixture(scope="module")
def hub_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    for name in FOURTEEN:
        write_hub(folder, name)
    return folder


def right_answers(data, names=FOURTEEN):
    """Prompt -> the right answer; an open MMMU question's own words."""
    protocol = PROTOCOLS["vlmevalkit"]
    return {prompt(protocol, name, s): s.answer for name in names for s in read(BENCHMARKS[name], data).samples}


@pytest.mark.parametrize("kind", ["kit_data", "hub_data"])
def test_all_fourteen_are_at_their_maximum_for_a_model_that_knows(ask, request, kind):
    data = request.getfixturevalue(kind)
    known = right_answers(data)
    results = ask(data, FOURTEEN, known.__getitem__)
    for name, result in results.items():
        assert (result["value"], result["valid"], result["corrupt"], result["errors"]) == (result["maximum"], result["questions"], {}, {}), name
    assert results["mme"]["maximum"] == 400
    assert len(results) == 14


@pytest.mark.parametrize(("said", "expected"), [("", EMPTY), ("A", ALWAYS_A), ("Yes", ALWAYS_YES)])
def test_degenerate_models_land_on_their_floors(ask, hub_data, said, expected):
    results = ask(hub_data, FOURTEEN, lambda text: said)
    for name, value in expected.items():
        if said == "A" and name in ("mmmu", "realworldqa"):  # 3 of 12 letters; MMMU's open question too, as VLMEvalKit has it
            value = 100 * {"mmmu": 4, "realworldqa": 3}[name] / 13
        assert results[name]["value"] == pytest.approx(value, abs=1e-3), name
        assert results[name]["floor"]["value"] >= results[name]["value"] - 1e-3
    assert said or all(result["valid"] == 0 for result in results.values())


def test_an_echo_has_no_valid_answer_where_letters_and_yes_or_no_are_asked_for(ask, kit_data):
    results = ask(kit_data, ("mmstar", "mmbench", "mme", "hallusionbench", "docvqa"), lambda text: text)
    assert [results[name]["valid"] for name in ("mmstar", "mmbench", "mme", "hallusionbench")] == [0, 0, 0, 0]
    assert all(result["value"] == 0 for result in results.values())


def test_a_second_run_asks_only_what_is_left_and_ends_with_the_same_report(ask, kit_data, tmp_path):
    model = Model(right_answers(kit_data, ["textvqa"]).__getitem__)
    ask(kit_data, ["textvqa"], model, limit=5, batch=2)
    assert len(model.asked) == 5
    file = tmp_path / "out" / "textvqa" / FILE
    file.write_text(file.read_text() + '{"key": "cut o')
    results = ask(kit_data, ["textvqa"], model)
    assert len(model.asked) == len(set(model.asked)) == 12
    assert len(read_answers(file)) == results["textvqa"]["questions"] == 12
    ask(kit_data, ["textvqa"], model)
    assert len(model.asked) == 12


def test_answers_of_something_else_are_not_mixed_in(ask, kit_data, tmp_path):
    ask(kit_data, ["textvqa"], lambda text: "x", limit=2)
    plan = Plan("model", "hf_vlm", tmp_path, "other weights", ("textvqa",), kit_data, "vlmevalkit", tmp_path / "out")
    with pytest.raises(UsageError, match=r"answers\.jsonl holds answers of another policy, protocol or data; choose another out= or delete it"):
        understand(plan, "command")


def test_a_row_that_cannot_be_read_is_counted_and_named_and_nothing_else_suffers(ask, tmp_path):
    rows = kit("textvqa")[1]
    rows[3]["image"] = "QUJD" * 30
    rows[4]["answer"] = ""
    rows[5]["image"] = ""
    results = ask(write_tsv(tmp_path / "TextVQA_VAL.tsv", rows), ["textvqa"], lambda text: "word0")
    assert results["textvqa"]["questions"] == 9
    told = results["textvqa"]["corrupt"]
    assert set(told) == {"3", "5", "row 4"}
    assert told["3"].startswith("its picture cannot be decoded")
    assert (told["5"], told["row 4"]) == ("no picture", "4: no answer")
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| TextVQA | corrupt | row 4 | 4: no answer |" in report


def test_a_question_on_which_the_network_fails_is_an_error_outside_the_score_and_asked_again(ask, kit_data):
    def fails(text):
        if "sign 3 " in text:
            raise RuntimeError("out of memory")
        return "word0"

    results = ask(kit_data, ["docvqa"], fails, batch=4)["docvqa"]
    assert (results["questions"], results["errors"]) == (11, {"3": "RuntimeError: out of memory"})
    model = Model(lambda text: "word3")
    assert ask(kit_data, ["docvqa"], model)["docvqa"]["errors"] == {}
    assert len(model.asked) == 1


def test_predictions_are_written_as_vlmevalkit_reads_them(ask, hub_data, tmp_path):
    results = ask(hub_data, FOURTEEN, right_answers(hub_data).__getitem__)
    csv.field_size_limit(sys.maxsize)
    for name in FOURTEEN:
        path = tmp_path / "out" / results[name]["predictions"]
        assert path.name == f"model_{BENCHMARKS[name].kit}.tsv"
        again = read(BENCHMARKS[name], path)
        assert (len(again.samples), again.bad) == (results[name]["questions"], ())
        rows = list(csv.DictReader(path.open(), delimiter="\t"))
        expected = {s.id: s.answer for s in again.samples}
        assert all(row["prediction"] == expected[row["index"]] for row in rows)


def test_the_report_has_the_papers_rows_above_ours_and_says_what_cannot_be_compared(ask, kit_data, tmp_path):
    ask(kit_data, ["mme", "textvqa", "erqa"], lambda text: "Yes")
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| method | params | MME | TextVQA | ERQA |" in report
    assert "| ChatVLA | 2B | 1435.2 | 71.2 | 33.5 |" in report
    assert "| model, here |  | 100* | 0* | 0* |" in report
    assert "| Janus | 1.3B | 1338 | - | - |" in report
    assert "They cannot be ranked together" in report
    assert "not the whole benchmark" in report
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<tr class=ours><td>model, here</td>" in page


def test_another_run_can_stand_beside(ask, kit_data, tmp_path):
    ask(kit_data, ["textvqa"], lambda text: "word1")
    (tmp_path / "out").rename(tmp_path / "before")
    ask(kit_data, ["textvqa"], lambda text: "", beside=(tmp_path / "before", tmp_path / "none"))
    assert (tmp_path / "out" / "report.md").read_text().count("| model, here |") == 2


def length_answerer(policy, folder):
    """A model that a worker process can make: it says how long the question is."""
    return Model(lambda text: str(len(text)))


def test_two_workers_answer_as_one_does(kit_data, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "make_answerer", length_answerer)
    answers = []
    for workers in (0, 2):
        out = tmp_path / str(workers)
        understand(Plan("model", "hf_vlm", tmp_path, "w", ("mme", "docvqa"), kit_data, "vlmevalkit", out, batch=5, workers=workers), "command")
        answers.append([{k: a.prediction for k, a in read_answers(out / name / FILE).items()} for name in ("mme", "docvqa")])
    assert [sorted(found) for found in answers[0]] == [sorted(found) for found in answers[1]]
    assert answers[0] == answers[1]
    assert len(answers[0][0]) == 12


def test_the_shipped_network_answers_and_says_how_it_saw(kit_data, tmp_path):
    args = ["stage=understand", "benchmark=mme,erqa", f"data={kit_data}", "workers=0", "understand.limit=2", f"out={tmp_path}"]
    assert run.main(args) == 0
    report = (tmp_path / "report.md").read_text()
    assert "- pictures: squashed to 160x120" in report
    assert "stage=understand" in report


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["benchmark=textvq"], "unknown benchmark 'textvq'; did you mean 'textvqa'?"),
        (["stage=understand"], "stage=understand needs data=FOLDER, which has the benchmarks' files"),
        (["stage=understand", "data=x", "policy=expert"], "policy 'expert' answers no questions; choose policy=chatvla_tiny, or policy=hf_vlm path=FOLDER"),
        (["stage=understand", "data=/none"], "no data at /none; give data= the folder that has the benchmarks"),
        (["policy=hf_vlm", "path=x"], "policy=hf_vlm answers questions and does not act; it is for stage=understand, not stage=evaluate"),
        (["stage=understand", "data=x", "policy=hf_vlm"], "path=FOLDER and policy=hf_vlm belong together; give both, or leave both out"),
        (["path=x"], "path=FOLDER and policy=hf_vlm belong together; give both, or leave both out"),
        (["stage=understand", "data=x", "benchmark=[mme,mme]"], "benchmark=['mme', 'mme']; expected a list of different benchmarks, or a group alone"),
        (["stage=understand", "data=x", "understand.batch=0"], "understand.batch=0; expected at least 1"),
        (["stage=understand", "data=x", "policy=hf_vlm", "path=/none"], "no folder /none; give path= the folder of a model"),
        (["understand.protocol=vlmeval"], "unknown understand.protocol 'vlmeval'; did you mean 'vlmevalkit'?"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(overrides, message, capsys):
    assert run.main(overrides) == 2
    assert capsys.readouterr().err == message + "\n"


def test_a_folder_without_a_model_is_a_mistake(kit_data, tmp_path, capsys):
    assert run.main(["stage=understand", "benchmark=mme", f"data={kit_data}", "policy=hf_vlm", f"path={tmp_path}", "workers=0", f"out={tmp_path}/out"]) == 2
    assert "no config.json in" in capsys.readouterr().err


def test_a_list_may_be_written_with_commas():
    assert conf.load(["benchmark=textvqa,mmmu"]).benchmarks == conf.load(["benchmark=[textvqa,mmmu]"]).benchmarks == ("textvqa", "mmmu")
    assert len(conf.load([]).benchmarks) == 13
