"""A chat model is asked as any OpenAI-compatible endpoint expects it; what fails says why, and what may pass is tried again."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from envs.imaging import decode_png
from envs.types import IMAGE_SHAPE, Trial
from experiments.chat_model import ChatError, ChatModel
from experiments.planners import make_planner
from experiments.rollout import Provenance, rollout
from tests.experiments.fakes import FakeEnv, Forward


class Endpoint:
    """A server that answers with the given (status, body) in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers):
        self.asked, self.answers = [], list(answers)
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.asked.append((self.path, dict(self.headers), json.loads(body)))
                status, answer = endpoint.answers.pop(0) if len(endpoint.answers) > 1 else endpoint.answers[0]
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.model = ChatModel(f"http://127.0.0.1:{self.server.server_port}/v1", "tiny-vlm", timeout_s=5, tries=3, pause_s=0.01)


def said(text):
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = []

    def make(*answers):
        made.append(Endpoint(*answers))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_words_and_pictures_arrive_as_the_protocol_says(endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    there = endpoint(said(" Open the drawer.\n"))
    picture = np.arange(np.prod(IMAGE_SHAPE), dtype=np.uint8).reshape(IMAGE_SHAPE)
    assert there.model.ask("What next?", [picture]) == "Open the drawer."
    path, headers, body = there.asked[0]
    assert (path, headers["Authorization"], body["model"]) == ("/v1/chat/completions", "Bearer sesame", "tiny-vlm")
    text, image = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What next?"}
    head, data = image["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(decode_png(base64.b64decode(data)), picture)


def test_a_local_server_needs_no_key(endpoint):
    there = endpoint(said("yes"))
    there.model.ask("?")
    assert "Authorization" not in there.asked[0][1]


def test_what_may_pass_is_tried_again(endpoint):
    there = endpoint((503, {"error": "loading"}), (429, {}), said("yes"))
    assert there.model.ask("?") == "yes"
    assert len(there.asked) == 3


def test_after_the_last_try_the_error_says_what_was_answered(endpoint):
    there = endpoint((500, {"error": "out of memory"}))
    with pytest.raises(ChatError, match=r"/v1/chat/completions \(tiny-vlm\) gave no answer after 3 tries: 500 .*out of memory"):
        there.model.ask("?")


def test_a_refusal_is_not_tried_again_and_names_the_variable_of_the_key(endpoint):
    there = endpoint((401, {"error": "who are you"}))
    with pytest.raises(ChatError, match=r"after 1 tries: 401 .*; is OPENAI_API_KEY set\?"):
        there.model.ask("?")
    assert len(there.asked) == 1


def test_nobody_at_the_address_is_told():
    model = ChatModel("http://127.0.0.1:9", "m", tries=2, pause_s=0.01)
    with pytest.raises(ChatError, match=r"gave no answer after 2 tries: .*refused"):
        model.ask("?")


@pytest.mark.parametrize(("body", "told"), [(b"<html>", "is no chat completion"), (b'{"choices": []}', "is no chat completion"), (b'{"choices": [{"message": {"content": null}}]}', "has no text")])
def test_an_answer_of_another_form_is_refused(endpoint, body, told):
    with pytest.raises(ChatError, match=told):
        endpoint((200, body)).model.ask("?")


def test_a_url_with_the_whole_path_is_taken_as_it_is():
    assert ChatModel("http://host/v1/chat/completions/", "m").endpoint == "http://host/v1/chat/completions"


def test_the_planner_tells_the_policy_what_the_endpoint_says(endpoint):
    there = endpoint(said('The next one is "Go to 0.50 m."'))
    planner = make_planner("openai", 2, there.model)
    row = rollout(FakeEnv(), Forward(), Trial("tidy_up", 0), [], Provenance("forward", "abc"), planner)
    assert row.plan == ((0.0, 'The next one is "Go to 0.50 m."', "Go to 0.50 m."),)
    assert len(there.asked) == -(-row.inferences // 2)
    text, *pictures = there.asked[0][2]["messages"][0]["content"]
    assert "- Go to 0.45 m.\n- Go to 0.50 m." in text["text"]
    assert '"Sort toys." The pictures show the scene now, from these cameras: left, right, wrist.' in text["text"]
    assert len(pictures) == 3


def test_an_endpoint_that_is_down_makes_error_rows(endpoint):
    planner = make_planner("openai", 1, endpoint((500, {})).model)
    row = rollout(FakeEnv(), Forward(), Trial("tidy_up", 0), [], Provenance("forward", "abc"), planner)
    assert (row.outcome, row.counted) == ("error", False)
    assert "gave no answer after 3 tries" in str(row.error)
