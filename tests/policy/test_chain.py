"""ECoT's chain, on five frames whose every word can be worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from policy.chain import WORDS, Chains, directions
from policy.collate import ControlRow
from policy.corpus import corpus
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.rows import Batches
from policy.stages import STAGES, Mixture, Stage
from policy.tokenizer import train_tokenizer, word_id
from tests.policy import synthetic

# In cells of 20 px (synthetic.PROJECTION): x3 y3, x5 y4, x1 y1, x7 y1.
DUCK, PIG, BOX, BASKET = (0.49, 0.08, 0.02), (0.39, -0.12, 0.02), (0.68, 0.29, 0.02), (0.68, -0.31, 0.02)
DUCK_TO_BOX, PIG_TO_BASKET = (*DUCK, *BOX), (*PIG, *BASKET)
UPRIGHT, QUARTER_TURN = (1, 0, 0, 0, 1, 0), (0, -1, 0, 1, 0, 0)
NOWHERE = (np.nan,) * 6


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Chains:
    """Four frames of one episode (above the duck; holding it; at the pig; done) and one of another."""
    folder = synthetic.write(tmp_path_factory.mktemp("chain") / "sort_toys")
    hand = [(0.4, 0.08, 0.3), (0.5, 0.08, 0.05), (0.39, -0.12, 0.03), (0.39, -0.12, 0.3), (0.4, 0.0, 0.4)]
    closed = [0, 1, 0, 0, 1]
    goes_to = [(0.5, 0.08, 0.3), (0.5, 0.2, 0.2), (0.39, -0.12, 0.03), (0.39, -0.12, 0.3), (0.4, 0.0, 0.4)]
    closes = [1, 1, 1, 0, 1]
    turned = [UPRIGHT, UPRIGHT, UPRIGHT, UPRIGHT, QUARTER_TURN]
    np.savez(
        folder / "cache" / "frames.npz",
        agent_pos=np.array([[0] * 7 + [*h, *UPRIGHT, c] for h, c in zip(hand, closed, strict=True)], np.float32),
        action=np.array([[*p, *r, c] for p, r, c in zip(goes_to, turned, closes, strict=True)], np.float32),
        target_pos=np.array([DUCK_TO_BOX, DUCK_TO_BOX, PIG_TO_BASKET, NOWHERE, PIG_TO_BASKET], np.float32),
        reasoning_index=np.array([0, 0, 1, 2, 1]), task_index=np.zeros(5, int), image_index=np.arange(5),
        episode_index=np.array([0, 0, 0, 0, 1]), frame_index=np.array([0, 1, 2, 3, 0]),
    )  # fmt: skip
    said = ["Put the yellow duck into the box.", "Pick up the pink pig next to the box and put it into the basket.", "All done."]
    (folder / "cache" / "reasonings.json").write_text(json.dumps(said))
    return Chains(folder)


TAGS = ("TASK", "PLAN", "VISIBLE OBJECTS", "SUBTASK REASONING", "SUBTASK", "MOVE REASONING", "MOVE", "GRIPPER POSITION")


def part(text: str, tag: str) -> str:
    """What a chain says under a tag."""
    places = [text.index(f"{t}: ") for t in TAGS]
    assert places == sorted(places), f"tags out of order: {text}"
    number = TAGS.index(tag)
    return text[places[number] + len(tag) + 2 : [*places, len(text)][number + 1]].strip()


def test_a_whole_chain(chains):
    assert chains.text(0) == (
        "TASK: Sort the toys. "
        "PLAN: Put the yellow duck into the box. Pick up the pink pig next to the box and put it into the basket. "
        "VISIBLE OBJECTS: yellow duck x3 y3, box x1 y1, pink pig x5 y4, basket x7 y1 "
        "SUBTASK REASONING: the gripper is open "
        "SUBTASK: Put the yellow duck into the box. "
        "MOVE REASONING: it is forward and down to the yellow duck "
        "MOVE: move right "
        "GRIPPER POSITION: x5 y4 x5 y4 x5 y4 x5 y4 x5 y4"
    )


def test_the_plan_is_what_is_left_of_the_episode(chains):
    assert part(chains.text(2), "PLAN").startswith("Pick up the pink pig")
    assert part(chains.text(3), "PLAN") == part(chains.text(3), "SUBTASK") == "All done."
    assert part(chains.text(4), "PLAN") == part(chains.text(2), "PLAN")


def test_a_sentence_names_its_object_first_and_its_goal_last(chains):
    assert part(chains.text(2), "VISIBLE OBJECTS") == "pink pig x5 y4, basket x7 y1"


def test_a_thing_in_the_gripper_is_held_and_it_is_the_way_to_its_goal_that_counts(chains):
    assert part(chains.text(1), "SUBTASK REASONING") == "the gripper holds the yellow duck"
    assert part(chains.text(1), "MOVE REASONING") == "it is forward and left and down to the box"


def test_a_gripper_that_is_closed_on_nothing_holds_nothing(chains):
    assert part(chains.text(4), "SUBTASK REASONING") == "the gripper is closed"


def test_a_finished_task_has_no_object_and_no_way(chains):
    assert part(chains.text(3), "VISIBLE OBJECTS") == "none"
    assert part(chains.text(3), "MOVE REASONING") == "none"


def test_motion_is_that_of_the_actions_before_the_next_inference(chains):
    # All frames of the episode end within them, at the last action: up, and the gripper open.
    assert part(chains.text(2), "MOVE") == "move up"
    assert part(chains.text(1), "MOVE") == "move backward and right and up, open the gripper"
    assert part(chains.text(4), "MOVE") == "turn counterclockwise"


def test_a_hand_at_its_object_says_so(chains):
    assert part(chains.text(2), "MOVE REASONING") == "the gripper is at the pink pig"


@pytest.mark.parametrize(
    ("vector", "words"),
    [((0.03, -0.03, 0.03), ["forward", "right", "up"]), ((-0.03, 0.03, -0.03), ["backward", "left", "down"]), ((0.01, 0.01, -0.01), [])],
)
def test_axes_are_those_of_the_robot(vector, words):
    assert directions(np.array(vector)) == words


def test_older_data_without_cameras_says_how_to_add_them(chains, tmp_path):
    moved = Chains(tmp_path)
    moved.__dict__.update({k: chains.__dict__.get(k) or getattr(chains, k) for k in ("frames", "phrases")})
    with pytest.raises(FileNotFoundError, match=r"no .*cameras\.json.*run `stage=collect` again"):
        moved.text(0)


def test_every_word_of_the_chain_is_one_token(chains):
    tokenizer = train_tokenizer(*corpus(chains.folder, chains=True))
    for word in WORDS:
        word_id(tokenizer, word)


def test_rows_of_a_network_that_thinks_in_chains_have_them_and_no_other_network_has(data):
    tokenizer = train_tokenizer(*corpus(data, chains=True))
    stage = Stage("chain", Mixture(robot=1), 1, 1e-3, augment=False)

    def row(name: str) -> ControlRow:
        processor = Processor(tokenizer, config_for(preset(name), tokenizer))
        return Batches(data, processor, stage)._robot(np.random.default_rng(0))

    assert part(row("ecot_tiny").reasoning.text, "SUBTASK") == row("chatvla_tiny").reasoning.text
    assert STAGES["ecot_tiny"]
