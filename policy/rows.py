"""Draws the rows of one batch: a pure function of (seed, stage, number, row), so that resuming and splitting are exact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from envs.types import CAMERAS
from policy.augment import COLOURS, random_shift, recoloured, rehued, relit, shifted, thinned
from policy.batch import Batch
from policy.chain import Chains
from policy.collate import ControlRow, DialogueRow, UnderstandingRow, collate
from policy.image_words import Labels, Named, Segmented, named
from policy.llava import LlavaRows
from policy.parts import WHOLE, Part
from policy.processor import Processor
from policy.recorded import Data, Frames, Question, by_picture, demonstrations, folders, questions_of
from policy.stages import Stage
from policy.stills import Snapshots
from policy.tokenizer import COLUMN_WORDS, NONE_WORD, ROW_WORDS, word_id

QUESTIONS_PER_PICTURE = (6, 9)  # packed behind one picture, at least and at most
ALWAYS_ASKED = "list"  # the look-up table (research/vlm_probe.md: without it 79 -> 64 %)
# With the toys' names and colours: words that decide the answer, never thinned out of a question.
DECIDING = ("left", "right", "leftmost", "rightmost", "animal", "animals", "block", "blocks", "toy", "toys", "table", "box", "basket")
_CELL = re.compile(r"\b(none|x\d y\d)\b")


@dataclass(frozen=True)
class Batches:
    """Batches of a stage from recorded data (`outputs/data/<env>`), of one task or of several.

    llava: visual-text data, from which the first of each batch's understanding rows come.
    """

    data: Data
    processor: Processor
    stage: Stage
    seed: int = 0
    llava: LlavaRows | None = None

    def batch(self, number: int, part: Part = WHOLE) -> Batch:
        """A part of batch `number` of this stage, always the same one: each row has a generator of its own."""
        mixture = self.stage.mixture
        seeds = np.random.SeedSequence([self.seed, number, *self.stage.name.encode()]).spawn(mixture.rows)
        rngs = [np.random.default_rng(seed) for seed in seeds]
        robot, grounding = mixture.robot, mixture.robot + mixture.grounding
        control = [self._robot(rngs[i]) for i in part.of(robot)]
        control += [self._grounding(rngs[robot + i]) for i in part.of(mixture.grounding)]
        understanding = [self._answering(i, rngs[grounding + i]) for i in part.of(mixture.understanding)]
        return collate(self.processor, control, understanding, self.labels if self.stage.words else None)

    @cached_property
    def frames(self) -> Frames:
        """Recorded episodes."""
        return demonstrations(self.data)

    @cached_property
    def chains(self) -> tuple[Chains, ...]:
        """What is thought at the frames of each task."""
        return tuple(map(Chains, folders(self.data)))

    @cached_property
    def snapshots(self) -> Snapshots:
        """Stills for training."""
        return Snapshots(self.data, "train")

    @cached_property
    def pictures(self) -> list[tuple[int, int, list[Question]]]:
        """(still, camera, its questions) for each picture with questions whose size is that of the first camera."""
        asked = by_picture(questions_of(self.data, "train"))
        index, size = self.snapshots.index, self.processor.config.size
        asked = {(s, c): q for (s, c), q in asked.items() if size(c) == size(CAMERAS[0])}
        return [(index[s], CAMERAS.index(c), q) for (s, c), q in sorted(asked.items()) if s in index]

    @cached_property
    def labels(self) -> Labels:
        """Ids of the words that image tokens say."""
        things = {n for r in self.snapshots.records for n in named(r["objects"])}
        words = {w for n in things for w in n.labels} | {*COLUMN_WORDS, *ROW_WORDS, NONE_WORD}
        ids = {w: word_id(self.processor.tokenizer, w) for w in sorted(words)}
        return Labels(ids, self.processor.config.token_grid(CAMERAS[0]))

    @cached_property
    def colours(self) -> list[str]:
        """Those that a thing can be given: the data has words for them."""
        return [c for c in COLOURS if c in self.labels.ids]

    def frame(self, index: int) -> ControlRow:
        """A recorded frame as the network is shown it, unaugmented; one that thinks in chains has them for reasoning."""
        row = self._fitted(self.frames.row(index))
        if self.processor.config.reasoning == "chain":
            task = int(self.frames.of_task[index])
            text = self.chains[task].text(index - int(np.searchsorted(self.frames.of_task, task)))
            row = replace(row, reasoning=replace(row.reasoning, text=text))
        return row

    def _robot(self, rng: np.random.Generator) -> ControlRow:
        row, share = self._augmented(self.frame(self.frames.draw(rng)), rng), self.stage.recolour
        return replace(row, images=rehued(row.images, rng)) if share and rng.random() < share else row

    def _grounding(self, rng: np.random.Generator) -> ControlRow:
        index = int(rng.integers(len(self.snapshots)))
        instructions = self.frames.instructions_of(self.snapshots.records[index]["task"])
        instruction = self.snapshots.told(index) or instructions[int(rng.integers(len(instructions)))]
        row = self.snapshots.row(index, instruction, self.stage.references - 1, rng)
        if self.stage.recolour:
            row = with_other_colours(row, self.stage.recolour, self.colours, rng)
        return self._augmented(self._fitted(row), rng)

    def _fitted(self, row: ControlRow) -> ControlRow:
        return replace(row, images=np.stack([self.processor.image(i, c) for i, c in zip(row.images, CAMERAS, strict=True)]))

    def _augmented(self, row: ControlRow, rng: np.random.Generator) -> ControlRow:
        if not self.stage.augment:
            return row
        moves = [random_shift(rng, self.stage.control_shift_px) for _ in row.images]
        moved = np.stack([shifted(i, *m) for i, m in zip(row.images, moves, strict=True)])
        scene = tuple(s and moved_scene(s, *m) for s, m in zip(row.scene, moves, strict=True))
        return replace(row, images=relit(moved, rng), scene=scene)

    def _answering(self, index: int, rng: np.random.Generator) -> UnderstandingRow | DialogueRow:
        if self.llava is not None and index < self.llava.count:
            return self.llava.row(rng)
        return self._understanding(rng)

    def _understanding(self, rng: np.random.Generator) -> UnderstandingRow:
        still, camera, questions = self.pictures[int(rng.integers(len(self.pictures)))]
        image = self.processor.image(self.snapshots.array(still, "images")[camera])
        scene = self.snapshots.scene(still, camera)
        chosen = pick(questions, rng)
        if self.stage.augment:
            move = random_shift(rng)
            image, scene = relit(shifted(image, *move), rng), moved_scene(scene, *move)
        turns = [(self._worded(q.question, rng), answer_in(q, scene)) for q in chosen]
        return UnderstandingRow(image, camera, tuple((q, a) for q, a in turns if a), scene)

    def _worded(self, question: str, rng: np.random.Generator) -> str:
        share = self.stage.word_dropout
        return thinned(question, rng, share, {*self.labels.ids, *DECIDING}) if share else question


def with_other_colours(row: ControlRow, share: float, colours: Sequence[str], rng: np.random.Generator) -> ControlRow:
    """A share of the row's things in other colours, in its pictures and in all that is said of them.

    Things that their nouns alone do not tell apart keep their own. Without this a network whose training had red, green, blue,
    yellow and white mugs is 7 cm off an orange one, and may call a teal one a green cube.
    """
    things = next(s.objects for s in row.scene if s is not None)
    count = Counter(t.labels[0] for t in things)
    changed = {i: colours[int(rng.integers(len(colours)))] for i, t in enumerate(things) if count[t.labels[0]] == 1 and rng.random() < share}
    if not changed:
        return row
    images, segmentation = row.images, np.stack([s.segmentation for s in row.scene if s is not None])
    for i, colour in changed.items():
        images = recoloured(images, segmentation == i + 1, colour, rng)
    objects = tuple(t.coloured(changed[i]) if i in changed else t for i, t in enumerate(things))

    def told(text: str) -> str:
        for old, new in zip(things, objects, strict=True):
            text = text.replace(old.phrase, new.phrase)
        return text

    return replace(
        row, images=images, scene=tuple(s and replace(s, objects=objects) for s in row.scene), instruction=told(row.instruction),
        reasoning=replace(row.reasoning, text=told(row.reasoning.text)), references=tuple(replace(r, text=told(r.text)) for r in row.references),
    )  # fmt: skip


def pick(questions: Sequence[Question], rng: np.random.Generator) -> list[Question]:
    """6-9 questions in random order; the look-up table is always among them."""
    most = int(rng.integers(QUESTIONS_PER_PICTURE[0], QUESTIONS_PER_PICTURE[1] + 1))
    order = [questions[i] for i in rng.permutation(len(questions))]
    first = [q for q in order if q.family == ALWAYS_ASKED][:1]
    return (first + [q for q in order if q not in first])[:most]


def moved_scene(scene: Segmented, dx: int, dy: int) -> Segmented:
    """The scene after its picture was shifted."""
    return replace(scene, segmentation=shifted(scene.segmentation, dx, dy))


def answer_in(question: Question, scene: Segmented) -> str:
    """The answer with the cells it names where they are in `scene`; empty if what was asked for is out of sight."""
    if question.family == "cell":
        thing = mentioned(question.question, scene.objects)
        return (scene.cell(thing) or "") if thing else question.answer
    if question.family == ALWAYS_ASKED:
        return ", ".join(_line(line, scene) for line in question.answer.split(", "))
    return question.answer


def mentioned(text: str, objects: Sequence[Named]) -> Named | None:
    """The object whose phrase, or else noun, stands in the text."""
    by_name = [(getattr(o, kind), o) for kind in ("phrase", "noun") for o in objects]
    return next((o for name, o in by_name if re.search(rf"\b{re.escape(name)}\b", text)), None)


def _line(line: str, scene: Segmented) -> str:
    phrase = _CELL.sub("", line).strip()
    thing = next((o for o in scene.objects if o.phrase == phrase), None)
    if thing is None or line.endswith(NONE_WORD):
        return line
    return f"{phrase} {scene.cell(thing) or NONE_WORD}"
