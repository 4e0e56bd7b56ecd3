"""Batches: what stands where, what is a label, that packed texts and words agree with the picture."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from envs.dataset import build_cache, repair
from envs.wordings import WORDINGS
from policy import rows
from policy.augment import SHIFT_PX, recoloured, thinned
from policy.batch import Batch
from policy.collate import IGNORE, collate
from policy.corpus import corpus
from policy.image_words import Named, Segmented
from policy.inference import ChatVLAPolicy
from policy.localisation import by_task
from policy.recorded import Frames
from policy.rows import Batches, answer_in, mentioned, moved_scene, with_other_colours
from policy.stages import STAGES, Mixture
from policy.start import norm_stats
from tests.policy.synthetic import write

COTRAIN = replace(STAGES["chatvla_tiny"][2], mixture=Mixture(2, 1, 2))


@pytest.fixture(scope="module")
def batches(data, processor) -> Batches:
    return Batches(data, processor, COTRAIN, seed=3)


@pytest.fixture(scope="module")
def batch(batches) -> Batch:
    return batches.batch(0)


@pytest.fixture
def scenes_alone(tmp_path):
    """Data as `stage=collect collect.episodes=0` leaves it."""
    folder = write(tmp_path / "scenes")
    shutil.rmtree(folder / "cache")
    repair(folder / "dataset")
    build_cache(folder / "dataset", folder / "cache")
    return folder


def test_made_up_scenes_alone_teach_answers_and_nothing_else(scenes_alone, processor):
    answer = next(s for s in STAGES["chatvla_tiny"] if s.name == "4_answer")
    made = Batches(scenes_alone, processor, replace(answer, mixture=Mixture(understanding=2))).batch(0)
    assert made.n_control == 0
    assert len(Frames(scenes_alone)) == 0
    assert corpus(scenes_alone)[1]
    assert by_task(ChatVLAPolicy.from_pretrained("policy/checkpoints/chatvla_tiny"), scenes_alone, 2) == {}
    for mixture in (Mixture(robot=1), Mixture(grounding=1)):
        with pytest.raises(ValueError, match=r"scenes holds no demonstrations, only made-up scenes, .* record some: stage=collect collect\.episodes=20"):
            Batches(scenes_alone, processor, replace(COTRAIN, mixture=mixture)).batch(0)
    with pytest.raises(ValueError, match="holds no demonstrations"):
        norm_stats((scenes_alone,))


def texts_of(processor, batch: Batch, row: int, segment: int) -> str:
    return processor.tokenizer.decode(batch.input_ids[row][batch.segment[row] == segment])


def labelled(processor, batch: Batch, row: int) -> str:
    return processor.tokenizer.decode(batch.labels[row][batch.labels[row] != IGNORE])


def test_control_rows_come_first_with_three_pictures_each(batch):
    assert batch.n_control == 3
    assert batch.images.shape == (3 * 3 + 2, 120, 160, 3)
    assert batch.cameras[:9].tolist() == [0, 1, 2] * 3
    assert set(batch.cameras[9:].tolist()) <= {0, 1}


def test_a_control_row_says_its_reasoning_and_next_action(processor, batch):
    assert texts_of(processor, batch, 0, 1).endswith(" Next Action:<|im_end|>")
    assert labelled(processor, batch, 0) == texts_of(processor, batch, 0, 1)
    assert (
        processor.tokenizer.decode(batch.input_ids[0][batch.answer[0]])
        == texts_of(processor, batch, 0, 1)[: -len("<|im_end|>")]
    )


def test_the_readout_is_the_last_token_before_the_end(processor, batch):
    for column in range(4):
        token = batch.input_ids[2, batch.readout[2, column]]
        assert processor.tokenizer.decode([token]) == ":"
    assert batch.readout_mask[2].all()
    assert batch.readout_mask[0].tolist() == [True, False, False, False]


def test_references_are_read_but_not_learnt(processor, batch):
    assert texts_of(processor, batch, 2, 2).startswith(" Put the")
    assert (batch.labels[2][batch.segment[2] > 1] == IGNORE).all()


def test_grounding_rows_have_no_action_labels(batch):
    assert batch.action_mask[:2].any(1).all()
    assert not batch.action_mask[2].any()


def test_an_understanding_row_learns_answers_and_their_ends_only(processor, batch):
    row = batch.n_control
    segments = int(batch.segment[row].max())
    assert 5 <= segments <= 9
    answers = [texts_of(processor, batch, row, s).split("assistant\n")[1] for s in range(1, segments + 1)]
    assert labelled(processor, batch, row) == "".join(answers)
    assert all(a.endswith("<|im_end|>") for a in answers)


def test_pictures_match_the_image_tokens(processor, batch):
    assert int((batch.input_ids == processor.image_id).sum()) == len(batch.images) * 48


def test_batch_k_is_a_pure_function_of_seed_and_k(data, processor, batches):
    again = Batches(data, processor, COTRAIN, seed=3)
    again.batch(5)
    for name, value in vars(again.batch(0)).items():
        same = (
            torch.equal(value, getattr(batches.batch(0), name))
            if torch.is_tensor(value)
            else value == batches.batch(0).n_control
        )
        assert same, name
    assert not torch.equal(batches.batch(1).images, batches.batch(0).images)


def test_words_stand_under_their_object(processor, batches, batch):
    still = batches.snapshots.scene(0, 0)
    words, inside = batches.labels.words(still)
    said = {tuple(processor.decode([w]) for w in row) for row in words[inside]}
    duck = still.objects[0]
    assert ("duck", "yellow", *str(still.cell(duck)).split()) in said
    assert processor.decode(words[~inside][0][:2]) == "none none"
    sums = batch.image_words_weight.sum((0, 1))
    torch.testing.assert_close(sums, torch.ones(4))


def test_robot_pictures_have_no_words(batch):
    assert (batch.image_words[:6] == IGNORE).all()
    assert (batch.image_words[6:] >= 0).all()


def test_a_shift_moves_the_cells_that_answers_name(batches):
    still, camera, questions = batches.pictures[0]
    scene = batches.snapshots.scene(still, camera)
    for question in questions:
        assert answer_in(question, scene) == question.answer
    moved = moved_scene(scene, 20, 0)
    table = next(q for q in questions if q.family == "list")
    before, after = table.answer.split(", "), answer_in(table, moved).split(", ")
    assert [int(a.split()[-2][1]) - int(b.split()[-2][1]) for a, b in zip(after[:4], before[:4], strict=True)] == [
        1
    ] * 4
    assert after[4] == "green block none"


def test_pictures_with_labels_in_metres_move_less_than_those_with_labels_in_the_picture(batches, monkeypatch):
    limits = []
    monkeypatch.setattr(rows, "random_shift", lambda rng, limit=SHIFT_PX: limits.append(limit) or (0, 0))
    batches.batch(2)
    assert limits == [COTRAIN.control_shift_px] * 9 + [SHIFT_PX] * 2
    assert COTRAIN.control_shift_px < SHIFT_PX


def test_a_thinned_question_keeps_what_decides_its_answer():
    rng, text = np.random.default_rng(0), "in the picture, is the red block left of the duck?"
    kept = {"red", "duck", *rows.DECIDING}
    thin = {thinned(text, rng, 0.5, kept) for _ in range(50)}
    assert len(thin) > 20
    assert all([w.strip("?") for w in t.split() if w.strip("?") in kept] == ["red", "block", "left", "duck"] for t in thin)
    assert thinned("is it so?", rng, 1.0, ()) == "is it so?"


def test_no_thinned_question_is_one_of_the_wordings_kept_for_testing():
    rng = np.random.default_rng(0)
    common, held_out = ({w for words in WORDINGS.values() for w in words[i]} for i in (0, 1))
    assert not held_out & {thinned(w, rng, 0.3, rows.DECIDING) for w in common for _ in range(300)}


def test_questions_are_thinned_only_where_the_stage_says_so(processor, batches):
    full = replace(batches, stage=replace(COTRAIN, word_dropout=0.0)).batch(0)
    thin = replace(batches, stage=replace(COTRAIN, word_dropout=0.9)).batch(0)
    assert (thin.segment[3:] >= 0).sum() < 0.9 * (full.segment[3:] >= 0).sum()


def test_what_leaves_the_picture_is_not_asked_for(batches):
    still, camera, questions = batches.pictures[0]
    scene = batches.snapshots.scene(still, camera)
    empty = Segmented(np.zeros_like(scene.segmentation), scene.objects)
    cell = next(q for q in questions if q.family == "cell")
    assert answer_in(cell, empty) == ""
    assert mentioned("where is the red block?", scene.objects) == scene.objects[2]


def test_an_empty_mixture_is_refused(processor):
    with pytest.raises(ValueError, match="a batch of 0 rows"):
        collate(processor, [], [])


def test_short_phases_are_drawn_more_often_than_their_share(batches):
    frames = batches.frames
    closed = frames.arrays["action"][:, 9] > 0.5
    assert frames.probability[closed[frames.pictured]].sum() > closed.mean() * 1.2


def test_a_chunk_stops_at_the_end_of_its_episode(batches):
    actions, mask = batches.frames.chunk(23)
    assert mask.tolist() == [True] + [False] * 15
    np.testing.assert_array_equal(actions[15], batches.frames.arrays["action"][23])


def test_things_get_other_colours_in_pictures_and_words_unless_colours_tell_them_apart(batches):
    row = batches.snapshots.row(0, "Put the yellow duck away.", 3, np.random.default_rng(0))
    changed = with_other_colours(row, 1.0, ["purple"], np.random.default_rng(1))
    before, after = row.scene[0], changed.scene[0]
    assert before is not None
    assert after is not None
    assert {o.noun for o in after.objects if o.colour == "purple"} == {"duck", "pig", "box", "basket"}  # two are blocks
    assert {o.phrase for o in after.objects} == {"purple duck", "purple pig", "red block", "blue block", "box", "basket"}
    for i, thing in enumerate(after.objects):
        mask = before.segmentation == i + 1
        assert (changed.images[0][mask] == row.images[0][mask]).all() == (thing.noun == "block")
    assert (changed.images[0][before.segmentation == 0] == row.images[0][before.segmentation == 0]).all()
    assert (changed.instruction, changed.reasoning.text) == ("Put the purple duck away.", "Put the purple duck into the box.")
    for old, new in zip(row.references, changed.references, strict=True):
        assert new.text == old.text.replace("yellow duck", "purple duck").replace("pink pig", "purple pig")
        assert new.target_pos is old.target_pos
    assert with_other_colours(row, 0.0, ["purple"], np.random.default_rng(1)) is row


def test_a_recoloured_thing_has_about_that_colour_and_keeps_its_shade():
    picture = np.full((4, 4, 3), 100, np.uint8)
    picture[0] = 150
    found = recoloured(picture, np.ones((4, 4), bool), "green", np.random.default_rng(0)).astype(float)
    assert (found[..., 1] > found[..., 0]).all()
    assert (found[0] > found[1]).all()


def test_a_fruit_that_is_called_as_its_colour_keeps_its_name():
    assert Named("orange", "orange", "orange").coloured("blue") == Named("orange", "orange", "blue")


def test_things_are_only_given_colours_that_the_data_has_words_for(batches):
    assert set(batches.colours) == {"red", "yellow", "blue", "pink", "brown", "white"}


def test_a_still_of_a_task_with_a_planner_is_told_its_sub_task(data, processor, batches):
    own = Batches(data, processor, replace(COTRAIN, mixture=Mixture(grounding=4)), seed=3)
    own.snapshots.records[:] = [{**r, "told": "Open the drawer."} for r in batches.snapshots.records]
    batch = own.batch(0)
    assert all("Open the drawer." in processor.tokenizer.decode(ids) for ids in batch.input_ids)
    assert not any("Open the drawer." in processor.tokenizer.decode(ids) for ids in batches.batch(1).input_ids)


def test_recolouring_changes_the_pictures_of_control_rows_alone(data, processor, batches, batch):
    other = Batches(data, processor, replace(COTRAIN, recolour=1.0), seed=3).batch(0)
    n = 3 * batch.n_control
    assert (other.images[:n] != batch.images[:n]).flatten(1).any(1).sum() >= 6  # of two robot rows at least
    assert torch.equal(other.images[n:], batch.images[n:])
    assert torch.equal(other.target_pos[:2], batch.target_pos[:2])
