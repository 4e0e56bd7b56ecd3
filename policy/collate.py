"""Rows of robot data and of questions become one `Batch`.

A control row: prefix (system, three pictures, instruction, assistant header), then the row's own reasoning as packed
text 1 and, on grounding rows, more reference texts whose objects the readout must find; of a network without reasoning,
the prefix alone. An understanding row: prefix (system, one picture), then one packed text per question with its answer.
A dialogue row: prefix (system, one picture or none), then the dialogue as a single packed text, every answer learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from envs.types import AGENT_POS_DIM, CAMERAS
from policy.batch import Batch
from policy.image_words import ATTRIBUTES, Labels, Segmented, balanced_weights
from policy.processor import Processor

IGNORE = -100
LONGEST = 2048  # tokens of a dialogue, as in ChatVLA's scripts


@dataclass(frozen=True)
class Reference:
    """A reasoning text and where the object it names lies and goes: (6,) float32 m, base frame; None if unknown."""

    text: str
    target_pos: NDArray[np.float32] | None


@dataclass(frozen=True)
class ControlRow:
    """One moment of a robot or of a still scene.

    images: (3, H, W, 3) uint8, cameras in the order of `envs.types.CAMERAS`; actions (16, 10) with their mask (16,).
    `speaks`: whether the reasoning is a label for the language model.
    """

    images: NDArray[np.uint8]
    agent_pos: NDArray[np.float32]
    instruction: str
    reasoning: Reference
    actions: NDArray[np.float32]
    action_mask: NDArray[np.bool_]
    references: tuple[Reference, ...] = ()
    scene: tuple[Segmented | None, ...] = (None, None, None)
    speaks: bool = True


@dataclass(frozen=True)
class UnderstandingRow:
    """One picture (H, W, 3) uint8 and questions about it with their answers."""

    image: NDArray[np.uint8]
    camera: int
    turns: tuple[tuple[str, str], ...]
    scene: Segmented | None = None


@dataclass(frozen=True)
class DialogueRow:
    """A picture (H, W, 3) uint8 of any size, or none, and one dialogue: later turns see the earlier ones."""

    image: NDArray[np.uint8] | None
    turns: tuple[tuple[str, str], ...]


@dataclass
class _Row:
    """Ids under construction, with what stands where."""

    ids: list[int] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    readout: list[int] = field(default_factory=list)
    answer: tuple[int, int] = (0, 0)

    def add(self, ids: list[int], segment: int, labelled: bool = False) -> None:
        self.ids += ids
        self.segment += [segment] * len(ids)
        self.labels += ids if labelled else [IGNORE] * len(ids)


def collate(
    processor: Processor,
    control: Sequence[ControlRow],
    understanding: Sequence[UnderstandingRow | DialogueRow],
    labels: Labels | None = None,
) -> Batch:
    """Control rows first, then the others. `labels` turns on the words at the image tokens.

    Raises:
        ValueError: no row at all, or two packed texts would not fit the network's longest row.
    """
    if not control and not understanding:
        raise ValueError("a batch of 0 rows; give the stage a mixture with at least one row")
    rows = [_control_row(processor, r) for r in control]
    rows += [_dialogue_row(processor, r) if isinstance(r, DialogueRow) else _understanding_row(processor, r) for r in understanding]
    longest = max(len(r.ids) for r in rows)
    limit = processor.config.text.max_positions
    if longest > limit:
        raise ValueError(f"a row has {longest} tokens, the network takes {limit}; pack fewer questions per picture")
    ids = _padded([r.ids for r in rows], longest, processor.pad_id)
    segment = _padded([r.segment for r in rows], longest, -1)
    seen = [_picture(processor, r) for r in understanding if r.image is not None]
    images = [image for r in control for image in r.images] + [image for image, _, _ in seen]
    cameras = [c for _ in control for c in range(len(CAMERAS))] + [camera for _, camera, _ in seen]
    words, weight = _words([s for r in control for s in r.scene] + [scene for _, _, scene in seen], processor, labels)
    no_image = np.zeros((0, *processor.config.image_size, 3), np.uint8)
    return Batch(
        input_ids=torch.from_numpy(ids),
        segment=torch.from_numpy(segment),
        position_ids=torch.from_numpy(np.stack([processor.positions(i, s) for i, s in zip(ids, segment, strict=True)], 1)),
        labels=torch.from_numpy(_padded([r.labels for r in rows], longest, IGNORE)),
        images=torch.from_numpy(np.stack(images) if images else no_image),
        cameras=torch.tensor(cameras, dtype=torch.long),
        n_control=len(control),
        image_words=words,
        image_words_weight=weight,
        **_control_tensors(control, rows[: len(control)], longest),
    )


def silenced(row: ControlRow) -> ControlRow:
    """The same row whose reasoning is read, not learnt."""
    return replace(row, speaks=False)


def _control_row(processor: Processor, source: ControlRow) -> _Row:
    row = _Row()
    row.add(processor.prompt_ids("control", len(source.images), source.instruction), 0)
    if not processor.config.reasoning_tokens and processor.action_tokens is None:  # the prompt's last state is all there is to read from
        row.readout.append(len(row.ids) - 1)
        return row
    for i, reference in enumerate((source.reasoning, *source.references)):
        known = i == 0 and bool(source.action_mask[: processor.config.horizon].all())
        ids = processor.control_ids(reference.text, source.actions if known else None)
        start = len(row.ids)
        row.add(ids, i + 1, labelled=i == 0 and source.speaks and len(ids) > 1)
        # <|im_end|> is left out: when the policy speaks, nothing is computed on the token that stops it.
        row.readout.append(len(row.ids) - 2)
        if i == 0:
            row.answer = (start, len(row.ids) - 1)
    return row


def _understanding_row(processor: Processor, source: UnderstandingRow) -> _Row:
    row = _Row()
    row.add(processor.opening_ids("understanding", 1), 0)
    for i, (question, answer) in enumerate(source.turns):
        row.add(processor.user_ids(question), i + 1)
        row.add(processor.answer_ids(answer), i + 1, labelled=True)
    return row


def _dialogue_row(processor: Processor, source: DialogueRow) -> _Row:
    """Turns from the first on, as many as fit; a first turn that is too long loses its end."""
    limit = min(LONGEST, processor.config.text.max_positions)
    row = _Row()
    row.add(processor.opening_ids("understanding", 0 if source.image is None else 1), 0)
    for i, (question, answer) in enumerate(source.turns):
        asked, said = processor.user_ids(processor.harmless(question)), processor.answer_ids(processor.harmless(answer))
        asked = processor.next_turn_ids() + asked if i else asked
        room = limit - len(row.ids)
        if len(asked) + len(said) > room and i:
            break
        asked = asked[: max(room - 1, 0)]
        row.add(asked, 1)
        row.add(said[: room - len(asked)], 1, labelled=True)
    return row


def _picture(processor: Processor, row: UnderstandingRow | DialogueRow) -> tuple[NDArray[np.uint8], int, Segmented | None]:
    """A row's picture, the camera that it counts as, and what lies where in it."""
    if isinstance(row, UnderstandingRow):
        return row.image, row.camera, row.scene
    assert row.image is not None
    return processor.image(row.image), 0, None


def _control_tensors(control: Sequence[ControlRow], rows: Sequence[_Row], longest: int) -> dict[str, torch.Tensor]:
    n, horizon = len(control), control[0].actions.shape if control else (16, 10)
    references = max((len(r.readout) for r in rows), default=1)
    answer = np.zeros((n, longest), bool)
    readout = np.zeros((n, references), np.int64)
    mask = np.zeros((n, references), bool)
    target = np.zeros((n, references, 6), np.float32)
    for i, (source, row) in enumerate(zip(control, rows, strict=True)):
        answer[i, slice(*row.answer)] = True
        readout[i] = row.readout[0]
        readout[i, : len(row.readout)] = row.readout
        for j, reference in enumerate((source.reasoning, *source.references)[: len(row.readout)]):
            if reference.target_pos is not None and np.isfinite(reference.target_pos).all():
                target[i, j], mask[i, j] = reference.target_pos, True
    arrays = {
        "agent_pos": np.stack([r.agent_pos for r in control]) if n else np.zeros((0, AGENT_POS_DIM)),
        "actions": np.stack([r.actions for r in control]) if n else np.zeros((0, *horizon)),
    }
    return {
        **{k: torch.from_numpy(np.ascontiguousarray(v, np.float32)) for k, v in arrays.items()},
        "action_mask": torch.from_numpy(
            np.stack([r.action_mask for r in control]) if n else np.zeros((0, horizon[0]), bool)
        ),
        "answer": torch.from_numpy(answer),
        "readout": torch.from_numpy(readout),
        "readout_mask": torch.from_numpy(mask),
        "target_pos": torch.from_numpy(target),
    }


def _words(
    scenes: Sequence[Segmented | None], processor: Processor, labels: Labels | None
) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = processor.config.image_tokens(CAMERAS[0])
    words = np.full((len(scenes), tokens, ATTRIBUTES), IGNORE, np.int64)
    foreground = np.zeros((len(scenes), tokens), bool)
    if labels is not None:
        for i, scene in enumerate(scenes):
            if scene is not None:
                words[i], foreground[i] = labels.words(scene)
    return torch.from_numpy(words), torch.from_numpy(balanced_weights(words, foreground))


def _padded(rows: list[list[int]], length: int, value: int) -> NDArray[np.int64]:
    out = np.full((len(rows), length), value, np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
