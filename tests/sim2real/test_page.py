"""The operator's page in a real browser, its session on a rig of fakes; and who may press its buttons."""

from __future__ import annotations

import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from envs.types import Trial
from experiments.errors import UsageError
from policy.baselines import hold_action
from sim2real.board import ARM_S, Board
from sim2real.page import PageOperator
from sim2real.page_server import PageServer
from tests.sim2real import browser
from tests.sim2real.fakes import fake_env

needs_chromium = pytest.mark.skipif(browser.find() is None, reason="no Chromium on this machine: apt-get install chromium")


@pytest.fixture
def served():
    board = Board()
    server = PageServer(board, 0)
    yield board, server
    server.close()


def post(server, name, key=None, host=None):
    headers = {"X-Key": key or server.key} | ({"Host": host} if host else {})
    return urlopen(Request(f"{server.url}{name}", b"", headers), timeout=5).status


def test_a_button_reaches_the_session(served):
    board, server = served
    assert post(server, "ready") == 200
    assert board.pressed(1) == ("ready", None)


@pytest.mark.parametrize("wrong", [{"key": "guessed"}, {"host": "evil.example"}])
def test_another_site_cannot_press_a_button(served, wrong):
    board, server = served
    with pytest.raises(HTTPError, match="403"):
        post(server, "stop", **wrong)
    assert not board.stopped


def test_a_page_under_another_name_does_not_get_the_key(served):
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(served[1].url, headers={"Host": "evil.example"}), timeout=5)


def test_an_unknown_button_is_told(served):
    with pytest.raises(HTTPError, match="404"):
        post(served[1], "launch")


def test_a_taken_port_is_told_with_its_remedy(served):
    with pytest.raises(UsageError, match="page_port="):
        PageServer(Board(), served[1].port)


def test_the_key_counts_as_held_only_without_a_break():
    board = Board()
    board.alive()
    assert 0 <= board.held_for() < ARM_S
    time.sleep(0.05)
    board.alive()
    assert board.held_for() >= 0.05
    board.let_go()
    assert board.held_for() == 0
    assert ARM_S <= board.dead_man_s() < ARM_S + 1


def test_stop_stays_pressed_until_the_next_trial():
    board = Board()
    board.stop()
    board.alive()
    assert board.stopped
    board.release()
    assert not board.stopped


@pytest.fixture(scope="module")
def session():
    """A page and a session that plays one trial after another on fakes, in real time enough to press keys."""
    operator = PageOperator(0)
    results, closing = [], threading.Event()

    def play():  # all of it in one thread, as OpenGL asks
        env, _ = fake_env(operator)
        env.rig.clock.on_wait = lambda: (env.rig.cameras.expire(), time.sleep(0.02))  # type: ignore[attr-defined]
        play_trials(env)
        env.close()

    def play_trials(env):
        for index in range(9):
            try:
                observation, info = env.reset(options={"trial": Trial("sort_toys", index)})
                while not (env.terminated or env.truncated) and not closing.is_set():
                    info = env.step(hold_action(observation))[4]
                results.append((info.get("outcome", "success" if env.terminated else "timeout"), operator.score(env, info.get("outcome", "")), env.rig.arm.following))
            except RuntimeError as error:
                results.append((str(error), None, env.rig.arm.following))
            except KeyboardInterrupt:
                return

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield operator, results
    closing.set()
    while thread.is_alive():
        operator.board.press("quit")
        thread.join(0.2)
    operator.close()


@needs_chromium
def test_a_trial_is_laid_out_armed_marked_stopped_and_scored_by_keys_alone(session, tmp_path):
    operator, results = session
    with browser.Browser(operator.server.url) as page:
        page.wait("state.phase==='prepare' && document.getElementById('live-left').naturalWidth===320 && document.getElementById('wanted-left').naturalWidth===320")
        assert page.evaluate("document.querySelectorAll('#rubric button').length") == 4
        page.screenshot(tmp_path / "prepare.png")
        page.key("Enter")
        page.wait("state.phase==='arm'")
        time.sleep(0.3)
        assert page.evaluate("state.phase") == "arm"  # nothing moves before the key is held
        page.key_down(" ")
        page.wait("state.phase==='run' && state.seconds>0.3 && !state.held")
        page.key("2")
        page.wait("document.querySelectorAll('#rubric [aria-pressed=true]').length===2 && state.steps_done===2")
        page.screenshot(tmp_path / "run.png")
        page.key_up(" ")
        page.wait("state.held.includes('dead-man')")
        page.key_down(" ")
        page.wait("!state.held")
        page.key("Escape")
        page.wait("state.phase==='score'")
        page.key_up(" ")
        page.key("3")
        page.screenshot(tmp_path / "score.png")
        page.evaluate("document.getElementById('note').value='the duck fell'")
        page.key("Enter")
        page.wait("state.phase==='prepare'")
    outcome, verdict, following = results[-1]
    assert (outcome, verdict.steps_done, verdict.note, following) == ("operator_stop", 3, "the duck fell", False)


@needs_chromium
def test_a_phone_shows_stop_and_hold_at_the_bottom_and_a_lost_page_holds_the_arm(session, tmp_path):
    operator, _ = session
    with browser.Browser(operator.server.url, 390, 844, mobile=True) as page:
        page.wait("state.phase==='prepare'")
        page.screenshot(tmp_path / "phone.png")
        box = page.evaluate("(b=>[b.left,b.top,b.right,b.bottom])(document.getElementById('stop').getBoundingClientRect())")
        assert box[0] > 150
        assert 844 - 180 < box[1] < box[3] <= 844
        assert box[3] - box[1] > 100
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.key("Enter")
        page.wait("state.phase==='arm'")
        page.touch("#hold")
        page.wait("state.phase==='run' && state.seconds>0.2")
    end = time.monotonic() + 5
    while "dead-man" not in operator.board.shown.held:  # the browser is gone
        assert time.monotonic() < end
        time.sleep(0.05)
    operator.board.stop()
    while operator.board.shown.phase != "score":
        time.sleep(0.02)
    operator.board.press("score", {"steps_done": 0})


@needs_chromium
def test_stop_before_the_start_begins_no_trial(session):
    operator, results = session
    before = len(results)
    with browser.Browser(operator.server.url) as page:
        page.wait("state.phase==='prepare'")
        page.evaluate("document.getElementById('stop').click()")
        end = time.monotonic() + 5
        while len(results) == before:
            assert time.monotonic() < end
            time.sleep(0.02)
    assert results[-1][0] == "the operator pressed stop before the trial began"
