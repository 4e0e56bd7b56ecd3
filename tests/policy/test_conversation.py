"""A conversation: questions are streamed, commands do what they say, a mistake is told and the talk goes on."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from policy.chat import ChatOptions, Pictures, conversation, main
from policy.conversation import Command, Conversation
from policy.half_blocks import half_blocks, shows_colour


class Parrot:
    """Says the question and the picture's colour, word by word."""

    def __init__(self):
        self.cameras = []

    def answer(self, images, question, camera="left", on_text=None):
        self.cameras.append(camera)
        words = [*question.split(" "), str(images[0, 0].tolist())]
        for i, word in enumerate(words):
            if on_text is not None:
                on_text((" " if i else "") + word)
        return " ".join(words)


class Mute:
    def answer(self, images, question, camera="left", on_text=None):
        return ""


class Colours:
    def look(self, camera):
        value = {"left": 10, "right": 20}.get(camera)
        if value is None:
            raise ValueError(f"no picture of camera {camera}; there are left, right")
        return np.full((24, 32, 3), value, np.uint8)


def talk(text, policy=None, folder=Path("unused"), commands=()):
    out = io.StringIO()
    chat = Conversation(policy or Parrot(), Colours(), folder, source=io.StringIO(text), out=out)
    chat.add(*commands)
    chat.run()
    return out.getvalue()


def test_a_question_is_answered_about_the_camera_that_is_looked_through():
    assert talk("what is it?\n/look right\nand now?\n") == "what is it? [10, 10, 10]\n(32x24 picture of camera right)\nand now? [20, 20, 20]\n"


def test_an_answer_of_nothing_is_told():
    assert talk("what?\n", Mute()) == "(says nothing)\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/luk left", "no command /luk; there are /look, /save, /help, /quit"),
        ("/look up", "no camera 'up'; there are left, right, wrist"),
        ("/look wrist", "no picture of camera wrist; there are left, right"),
    ],
)
def test_a_mistake_is_told_and_the_talk_goes_on_as_before(line, said):
    assert talk(f"{line}\nwell?\n") == f"{said}\nwell? [10, 10, 10]\n"


def test_quit_ends_it_and_so_does_the_end_of_the_input():
    assert talk("/quit\nunheard\n") == ""
    assert talk("\n\n") == ""


def test_the_picture_is_saved(tmp_path):
    said = talk("/look right\n/save it\n", folder=tmp_path / "new")
    assert said.endswith(f"saved {tmp_path}/new/it.png\n")
    assert np.asarray(Image.open(tmp_path / "new" / "it.png")).tolist() == Colours().look("right").tolist()


def test_commands_can_be_added_and_are_in_the_help():
    heard = []
    said = talk("/wave twice\n/help\n", commands=[Command("wave", "[HOW]", "wave a hand", heard.append)])
    assert heard == ["twice"]
    assert "/wave [HOW]" in said
    assert "wave a hand" in said
    assert "/look [left|right|wrist]" in said


def test_ctrl_c_stops_what_is_going_on_and_not_the_talk():
    def wait(_):
        raise KeyboardInterrupt

    assert talk("/wait\nstill there?\n", commands=[Command("wait", "", "", wait)]) == "\nstopped\nstill there? [10, 10, 10]\n"


def test_a_picture_is_drawn_in_its_colours():
    image = np.zeros((4, 2, 3), np.uint8)
    image[:2] = (255, 0, 0)
    image[2:] = (0, 0, 255)
    drawn = half_blocks(np.repeat(np.repeat(image, 8, 0), 8, 1), 2)
    assert drawn.count("\n") == 1
    assert drawn.split("\n")[0] == "\x1b[38;2;255;0;0;48;2;255;0;0m\u2580" * 2 + "\x1b[0m"
    assert "38;2;0;0;255" in drawn.split("\n")[1]


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert shows_colour(Terminal())
    assert not shows_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shows_colour(Terminal())


def test_a_folder_has_a_picture_for_each_camera_and_a_file_serves_all(tmp_path):
    for camera, value in (("left", 1), ("wrist", 3)):
        Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(tmp_path / f"{camera}.png")
    folder, file = Pictures(tmp_path), Pictures(tmp_path / "wrist.png")
    assert [int(folder.look(c)[0, 0, 0]) for c in ("left", "wrist")] == [1, 3]
    assert int(file.look("right")[0, 0, 0]) == 3
    with pytest.raises(ValueError, match="no picture of camera right; there are left, wrist"):
        folder.look("right")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["image=missing.png"], "no picture at missing.png; give image=FILE"),
        ([], "image= is missing; python -m policy.chat"),
        (["image=README.md"], "README.md is no picture that can be read"),
        (["image=policy"], "no left.png, right.png, wrist.png in policy"),
        (["image=x.png", "camera=top"], "camera=top; expected one of left, right, wrist"),
        (["imgae=x.png"], "did you mean 'image='?"),
    ],
)
def test_a_mistake_in_the_command_is_told_without_a_traceback(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("policy", "said"), [("zero", "policy=zero answers no questions"), ("gpt", "no checkpoint at .*; give checkpoint=FOLDER, or policy= one of chatvla_tiny")])
def test_a_policy_that_cannot_talk_is_refused(policy, said, tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "left.png")
    with pytest.raises(ValueError, match=said):
        conversation(ChatOptions(policy=policy, image=str(tmp_path)))
