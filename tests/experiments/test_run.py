"""The command line: mistakes are one line with the nearest name and exit code 2; a run resumes and reports."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import config as conf
from experiments import run
from experiments.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def call(*args, **kwargs):
    return subprocess.run([sys.executable, "experiments/run.py", *args], cwd=ROOT, capture_output=True, text=True, timeout=120, **kwargs)


def test_an_unknown_env_is_one_line_with_the_nearest_name_and_exit_code_2():
    done = call("env=sort_toy")
    assert (done.returncode, done.stderr) == (2, "unknown env 'sort_toy'; did you mean 'sort_toys'?\n")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("policy=exprt", "unknown policy 'exprt'; did you mean 'expert'?"),
        ("stage=evalute", "unknown stage 'evalute'; did you mean 'evaluate'?"),
        ("trails=3", "unknown override 'trails'; did you mean 'trials'?"),
        ("train.minute=3", "unknown override 'train.minute'; did you mean 'train.minutes'?"),
        ("train.preset=chatvla_7", "unknown train.preset 'chatvla_7'; did you mean 'chatvla_7b'?"),
        ("train.experts=dense", "train.experts decides what is trained, and stage=evaluate trains nothing; leave it out, or choose stage=train or all"),
        ("train.experts=statik", "unknown train.experts 'statik'; did you mean 'static'?"),
        ("train.reasoning=later", "unknown train.reasoning 'later'; did you mean 'latter'?"),
        ("split=tset", "unknown split 'tset'; did you mean 'test'?"),
        ("shift=textures", "unknown shift 'textures'; did you mean 'texture'?"),
        ("collect.shift=trian", "unknown collect.shift 'trian'; did you mean 'train'?"),
        ("clock=reel", "unknown clock 'reel'; expected stepped, real or milliseconds such as 200ms"),
        ("reason_every=0", "reason_every=0; expected at least 1"),
        ("execute=17", "execute=17; expected 1 to 16, the actions of a chunk"),
        ("device=gpu", "device=gpu; expected auto, cpu, cuda or a certain GPU, such as cuda:1"),
        ("precision=fp8", "unknown precision 'fp8'; known: auto, float32, bfloat16"),
        ("execution=async", "execution=async is the same as sync where thinking costs no time; give clock=real or clock=200ms too"),
        ("wandb=of", "unknown wandb 'of'; did you mean 'off'?"),
        ("trials=abc", "trials=abc; expected a number of trials from 1, or a factor such as x2"),
        ("seed=abc", "Error merging override seed=abc: Value 'abc' of type 'str' could not be converted to Integer"),
        ("trials=0", "trials=0; expected a number of trials from 1, or a factor such as x2"),
        ("workers=-1", "workers=-1; expected a number of processes from 0, or ray"),
        ("video=some", "unknown video 'some'; expected all, failures, none or a number"),
        ("sort_toys", "override 'sort_toys' has no '='; expected name=value, such as trials=13"),
        ("env=[sort_toys,hang_cop]", "unknown env 'hang_cop'; did you mean 'hang_cup'?"),
        ("env=[sort_toys,planner]", "env=['sort_toys', 'planner'] has the group 'planner' in it; list tasks, or give the group alone"),
        ("env=[sort_toys,sort_toys]", "env=['sort_toys', 'sort_toys']; expected a list of different tasks"),
        ("planner=script", "unknown planner 'script'; did you mean 'scripted'?"),
        ("planner=scripted", "env 'sort_toys' has no sub-tasks for planner=scripted; they are in tidy_up, two_blocks, prepare_breakfast"),
        ("policy=remote", "policy=remote has policy_url=None; expected the address of a server, such as policy_url=ws://127.0.0.1:8000"),
        ("policy_url=ws://localhost:8000", "policy_url and policy_adapter belong to policy=remote; give it, or leave them out"),
        ("policy_adapter=our", "unknown policy_adapter 'our'; did you mean 'ours'?"),
        ("train.devices=0", "train.devices=0; expected at least 1"),
        ("train.compile=layer", "unknown train.compile 'layer'; did you mean 'layers'?"),
        ("train.lora_parts=[visio]", "unknown train.lora_parts 'visio'; did you mean 'vision'?"),
        ("train.images=pictures", "train.images is the folder of train.llava's pictures; give train.llava too, or leave it out"),
        ("planner_url=http://localhost", "planner_url and planner_model belong to planner=openai; give it, or leave them out"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(override, message, capsys):
    assert run.main([override]) == 2
    assert capsys.readouterr().err == message + "\n"


@pytest.mark.parametrize("given", ["compile=loops", "device=cpu", "reason_every=4", "execute=4"])
def test_how_a_network_runs_is_not_asked_of_policies_that_have_none(given, capsys):
    assert run.main(["policy=expert", given]) == 2
    assert capsys.readouterr().err == f"policy 'expert' is no network of ours, so {given} changes nothing; leave it out\n"


def test_help_lists_every_override_with_its_values(capsys):
    assert run.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, _, _ in conf.options():
        assert name in text
    for word in ("evaluate", "chatvla_tiny", "replay", "stepped", "offline"):
        assert word in text


def test_defaults_are_the_published_ones():
    config = conf.load([])
    assert (config.env, config.stage, config.policy, config.split, config.workers) == ("sort_toys", "evaluate", "chatvla_tiny", "test", "2")
    assert config.trial_count("sort_toys") == 13
    assert str(config.out_dir) == "outputs/sort_toys-chatvla_tiny-test-seed0"


def test_what_a_sweep_varies_has_a_folder_of_its_own():
    points = [["train.experts=dense"], ["train.experts=static"], ["train.experts=static", "seed=1"], ["train.reasoning=latter"], []]
    trained = [conf.load(["stage=all", *more]) for more in points]
    assert len({str(c.train_dir) for c in trained}) == len({str(c.out_dir) for c in trained}) == 5
    assert str(trained[2].train_dir) == "outputs/train/chatvla_tiny-experts_static-seed1"
    folders = {str(conf.load(["env=planner", *more]).out_dir) for more in ([], ["planner=none"], ["planner=policy"], ["seed=1"], ["split=train"])}
    assert len(folders) == 5


def test_options_of_the_training_are_read():
    assert conf.load(["train.preset=chatvla_2b", "train.minutes=5"]).train == conf.TrainOptions(preset="chatvla_2b", minutes=5.0)


def test_a_dry_run_tells_what_the_training_of_the_same_overrides_would_cost(capsys):
    assert run.main(["stage=dry_run", "train.experts=dense", "train.stages=[2_cotrain]", "train.devices=2"]) == 0
    told = capsys.readouterr().out
    assert "control expert" not in told
    assert "4 understanding rows" in told
    assert "in 2 parts" in " ".join(told.split())


def test_a_training_that_cannot_be_split_so_is_refused_before_it_begins(capsys):
    assert run.main(["stage=train", "train.devices=8"]) == 2
    assert "a batch with 4 grounding rows cannot be split into 8 parts" in capsys.readouterr().err


def test_every_override_has_a_sentence_of_help():
    assert all(text for _, _, text in conf.options())


def test_a_missing_checkpoint_says_how_to_get_one(tmp_path):
    with pytest.raises(UsageError, match=r"no checkpoint at .*; train one \(stage=train\), give checkpoint=PATH, or try policy=expert"):
        conf.identity(conf.load([f"checkpoint={tmp_path}/none"]), "sort_toys")


def test_a_network_that_is_not_shipped_says_how_to_train_it():
    with pytest.raises(UsageError, match=r"no checkpoint of octo_tiny is shipped; train one \(stage=train train\.preset=octo_tiny\)"):
        conf.identity(conf.load(["policy=octo_tiny", "checkpoint="]), "sort_toys")


def test_a_checkpoint_for_a_policy_without_weights_is_refused(tmp_path):
    with pytest.raises(UsageError, match="policy 'zero' has no checkpoint"):
        conf.identity(conf.load(["policy=zero", f"checkpoint={tmp_path}"]), "sort_toys")


def test_another_checkpoint_is_another_configuration(tmp_path):
    hashes = []
    for text in ("one", "two"):
        (tmp_path / "weights").write_text(text)
        hashes.append(conf.config_hash(conf.identity(conf.load([f"checkpoint={tmp_path}"]), "sort_toys")))
    assert hashes[0] != hashes[1]


def test_a_report_without_results_says_what_to_run(tmp_path, capsys):
    assert run.main(["stage=report", f"out={tmp_path}"]) == 2
    assert "run stage=evaluate first" in capsys.readouterr().err


def test_a_run_leaves_results_and_reports_and_nothing_else(tmp_path):
    args = ("policy=zero", "trials=1", "workers=0", "video=none", f"out={tmp_path}/out")
    done = call(*args)
    assert done.returncode == 0, done.stderr
    assert "timeout  0/4 steps" in done.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"results.jsonl", "states", "report.md", "report.html", "summary.json"}
    again = call(*args)
    assert "1 trials, 1 done before" in again.stdout
    assert "timeout" not in again.stdout


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_ctrl_c_and_kill_keep_the_finished_trials_and_say_how_to_go_on(tmp_path, ending):
    args = ["policy=zero", "trials=500", "workers=1", "video=none", f"out={tmp_path}/out"]
    process = subprocess.Popen(
        [sys.executable, "experiments/run.py", *args], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    )  # fmt: skip
    results = tmp_path / "out/results.jsonl"
    deadline = time.monotonic() + 100
    while not (results.exists() and results.read_text().count("\n")) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(ending)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"stopped; the finished trials are kept. To go on: python experiments/run.py {' '.join(args)}" in told
    assert results.read_text().count("\n") >= 1
