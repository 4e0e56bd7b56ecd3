"""A trained ChatVLA as a policy: it looks, says what it will do next, and acts; asked a question, it answers.

The prompt is run once; reasoning is spoken with the key-value cache and its states are pooled as in training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.types import EXECUTE, Inference, Observation, Trial
from policy import checkpoint
from policy.chatvla import ChatVLA, Conditioned, Seen
from policy.ensemble import TemporalEnsemble
from policy.generation import Prefilled, Prompt, Spoken, prefill, speak, spell
from policy.loops import CompiledLoops
from policy.processor import NEXT_ACTION, Processor
from policy.running import Running
from policy.streaming import TokenStream

Frame = NDArray[np.uint8]
USUAL = Running()


@dataclass(frozen=True)
class Decision:
    """An inference, the condition (D,) float32 that the action head saw, and where it takes object and goal to be: (6,) float32 m,
    base frame (option `object_positions`)."""

    inference: Inference
    condition: NDArray[np.float32]
    positions: NDArray[np.float32] | None


@dataclass(frozen=True)
class Thought:
    """What was said last: to which instruction, as which tokens, and how many inferences have used it."""

    instruction: str
    tokens: tuple[int, ...]
    uses: int = 1


class ChatVLAPolicy:
    """`envs.types.Policy`, plus `answer` for questions about pictures.

    `reason_every`: inferences that one reasoning serves, unless the instruction changes; it is then read, not spoken, again.
    """

    name = "chatvla"

    def __init__(self, model: ChatVLA, processor: Processor, execute: int = EXECUTE, reason_every: int = 1) -> None:
        self.model, self.processor, self.reason_every = model.eval(), processor, reason_every
        self.execute = 1 if model.config.ensemble is not None else min(execute, model.config.horizon)
        self.generator = torch.Generator().manual_seed(0)
        self.thought: Thought | None = None
        self.ensemble: TemporalEnsemble | None = None
        self.loops: CompiledLoops | None = None

    @classmethod
    def from_pretrained(cls, folder: str | Path, running: Running = USUAL) -> ChatVLAPolicy:
        """The policy of a checkpoint folder; `policy.checkpoint.load`, `Running.place` and `policy.loops` say what is refused."""
        model, tokenizer = checkpoint.load(folder)
        running.place(model)
        policy = cls(model, Processor.of(tokenizer, model.config, model.stats), running.execute, running.reason_every)
        policy.name = model.config.name
        if running.compile == "loops":
            policy.loops = CompiledLoops(model)
        return policy

    @property
    def speaks(self) -> bool:
        """Whether it has words to answer questions with."""
        return self.model.config.speaks

    def reset(self, trial: Trial) -> None:
        """Starts a trial: the diffusion noise is drawn from the trial's own stream."""
        # A new one: copies of this policy that share its weights (the server's) each have their own.
        self.generator = torch.Generator().manual_seed(int(trial.rng("policy").integers(2**62)))
        self.thought = None
        decay = self.model.config.ensemble
        self.ensemble = None if decay is None else TemporalEnsemble(decay)

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """Reasoning and an action chunk (horizon, 10); `seconds` by part: see, prefill, reasoning, action.

        Raises:
            ValueError: a camera is missing, or a frame or `agent_pos` has another shape.
        """
        return self.decide(observation, instruction).inference

    def decide(self, observation: Observation, instruction: str) -> Decision:
        """`infer`, with what the action head saw.

        Raises:
            ValueError: a camera is missing, or a frame or `agent_pos` has another shape.
        """
        return decide_together([self], [observation], [instruction])[0]

    def infer_together(
        self, policies: Sequence[ChatVLAPolicy], observations: Sequence[Observation], instructions: Sequence[str]
    ) -> list[Inference]:
        """One inference for each of several copies of this policy, in one pass; `seconds` are those of the pass.

        Raises:
            ValueError: as `infer`.
        """
        return [d.inference for d in decide_together(policies, observations, instructions)]

    def recalled(self, instruction: str) -> Thought | None:
        """The reasoning that still serves."""
        thought = self.thought
        return thought if thought and thought.instruction == instruction and thought.uses < self.reason_every else None

    def answer(
        self, images: Frame | Sequence[Frame], question: str, camera: str = "left", on_text: Callable[[str], None] | None = None
    ) -> str:
        """What the network says to `question` about one picture (H, W, 3) uint8, or one per camera in order.

        `on_text` is told each piece of it as it is spoken.
        """
        told = TokenStream(self.processor, on_text) if on_text is not None else None
        frames = [images] if isinstance(images, np.ndarray) else list(images)
        cameras = [camera] if isinstance(images, np.ndarray) else self.model.config.cameras[: len(frames)]
        return self._answers([frames], [question], [cameras], on_token=told)[0]

    def answer_batch(
        self, images: Sequence[Frame], questions: Sequence[str], cameras: Sequence[str] | None = None
    ) -> list[str]:
        """One answer per (picture, question)."""
        cameras = cameras if cameras is not None else ["left"] * len(images)
        return self._answers([[image] for image in images], questions, [(c,) for c in cameras])

    def answer_about(self, images: Sequence[Sequence[Frame]], questions: Sequence[str], max_new_tokens: int) -> list[str]:
        """One answer per question about any number of pictures of any size, each seen as the first camera's."""
        first = self.model.config.cameras[:1]
        return self._answers(images, questions, [first * len(row) for row in images], max_new_tokens)

    @torch.inference_mode()
    def _answers(
        self, images: Sequence[Sequence[Frame]], questions: Sequence[str], cameras: Sequence[Sequence[str]],
        max_new_tokens: int | None = None, on_token: Callable[[Tensor], None] | None = None,
    ) -> list[str]:  # fmt: skip
        if not len(images) == len(questions) == len(cameras):
            raise ValueError(f"{len(images)} pictures, {len(questions)} questions and {len(cameras)} cameras; expected as many of each")
        if not questions:
            return []
        if not self.speaks:
            raise ValueError(f"{self.model.config.name} reads words and has none to answer with; ask another policy")
        ids = [self.processor.prompt_ids("understanding", len(c), q, c) for q, c in zip(questions, cameras, strict=True)]
        prefixes = [len(self.processor.opening_ids("understanding", len(c), c)) for c in cameras]
        cap = self.model.config.max_new_tokens if max_new_tokens is None else max_new_tokens
        with self._precision:
            seen = self._see([f for row in images for f in row], [c for row in cameras for c in row])
            prefilled = prefill(self.model, self._prompt(ids, prefixes, seen), "understanding", self.loops)
            spoken = speak(self.model, prefilled, self.processor.end_id, cap, on_token=on_token)
        rows = zip(spoken.tokens, spoken.valid, strict=True)
        return [self.processor.decode(tokens[valid].tolist()) for tokens, valid in rows]

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def _precision(self) -> torch.autocast:
        """Where the embeddings are in bfloat16, so is what is computed."""
        weight = next(p for p in self.model.vlm.parameters() if p.ndim > 1)
        return torch.autocast(weight.device.type, torch.bfloat16, enabled=weight.dtype == torch.bfloat16)

    def _see(self, frames: Sequence[Frame], cameras: Sequence[str]) -> Seen:
        images = np.stack([self.processor.image(f, c) for f, c in zip(frames, cameras, strict=True)])
        index = torch.tensor([self.model.config.cameras.index(c) for c in cameras], device=self._device)
        return self.model.see(torch.from_numpy(images).to(self._device), index)

    def _prompt(self, rows: Sequence[Sequence[int]], prefixes: Sequence[int], seen: Seen) -> Prompt:
        """Rows of ids right-padded to one length; `prefixes`: how many ids of each were the prefix of a training row."""
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self.model.config.text.pad_token_id, np.int64)
        segment = np.full((len(rows), longest), -1, np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)], segment[i, : len(row)] = row, 0
        positions = np.stack([self.processor.positions(i, s) for i, s in zip(ids, segment, strict=True)], 1)
        prefix = np.arange(longest) < np.asarray(prefixes)[:, None]
        input_ids, position_ids, valid, prefix = (
            torch.from_numpy(a).to(self._device) for a in (ids, positions, segment == 0, prefix)
        )
        return Prompt(self.model.embeds(input_ids, seen), position_ids, valid, prefix)

    def _agent_pos(self, observation: Observation) -> Tensor:
        agent_pos = np.array(observation["agent_pos"], np.float32)  # of its own: an observation may be read-only
        if agent_pos.shape != (self.model.config.agent_pos_dim,) or not np.isfinite(agent_pos).all():
            raise ValueError(
                f"agent_pos is {agent_pos.shape} {agent_pos.tolist()}, expected {self.model.config.agent_pos_dim} finite numbers"
            )
        return torch.from_numpy(agent_pos)[None].to(self._device)


@torch.inference_mode()
def decide_together(
    policies: Sequence[ChatVLAPolicy], observations: Sequence[Observation], instructions: Sequence[str]
) -> list[Decision]:
    """A decision for each of several copies of one policy (they share its weights), computed as one batch.

    Raises:
        ValueError: a camera is missing, or a frame or `agent_pos` has another shape.
    """
    first = policies[0]
    model, processor, cameras = first.model, first.processor, first.model.config.cameras
    clock = _Clock(first._device)
    with first._precision:
        seen = first._see([_frame(o, c) for o in observations for c in cameras], cameras * len(policies))
        agent_pos = torch.cat([first._agent_pos(o) for o in observations])
        recalled = [p.recalled(i) for p, i in zip(policies, instructions, strict=True)]
        asked = [processor.prompt_ids("control", len(cameras), i) for i in instructions]
        read = [(*ids, *(thought.tokens if thought else ())) for ids, thought in zip(asked, recalled, strict=True)]
        clock.lap("see")
        prefilled = prefill(model, first._prompt(read, [len(ids) for ids in asked], seen), "control", first.loops)
        clock.lap("prefill")
        silent = torch.tensor([thought is not None for thought in recalled], device=first._device)
        actions = processor.action_tokens
        first_action = actions.first_id if actions else None
        spoken = speak(model, prefilled, processor.end_id, model.config.reasoning_tokens, silent, first_action)
        clock.lap("reasoning")
        made = _conditioned(model, prefilled, spoken, [len(ids) for ids in asked], agent_pos, seen)
        context, positions = made.context, None
        if model.positions is not None and made.positions is not None:
            positions = model.positions.metres(made.positions[:, 0]).cpu().numpy()
        if actions:
            spelt = spell(model, prefilled, spoken, actions.first_id, actions.end_id, actions.count).cpu().numpy()
            chunks = np.stack([actions.decode(ids) for ids in spelt])
        else:
            chunks = model.sample_actions(context, [p.generator for p in policies]).float().cpu().numpy()
        clock.lap("action")
    decisions = []
    for i, (policy, instruction, thought) in enumerate(zip(policies, instructions, recalled, strict=True)):
        said = thought.tokens if thought else tuple(spoken.tokens[i][spoken.valid[i]].tolist())
        policy.thought = Thought(instruction, said, thought.uses + 1 if thought else 1)
        text = processor.decode(list(said)).removesuffix(NEXT_ACTION.strip()).strip()
        chunk = policy.ensemble(chunks[i]) if policy.ensemble else chunks[i]
        inference = Inference(np.ascontiguousarray(chunk, np.float32), text, clock.seconds)
        decisions.append(Decision(inference, context.vector[i].float().cpu().numpy(), None if positions is None else positions[i]))
    return decisions


def _conditioned(
    model: ChatVLA, prefilled: Prefilled, spoken: Spoken, asked: Sequence[int], agent_pos: Tensor, seen: Seen
) -> Conditioned:
    """What the action head gets, and where things are: of each row its first `asked` states are the prompt, the other valid ones the reasoning."""
    hidden = torch.cat([prefilled.hidden, spoken.hidden], 1)
    valid = torch.cat([prefilled.prompt.valid, spoken.valid], 1)
    place = torch.arange(hidden.shape[1], device=hidden.device)
    prompt = valid & (place < torch.tensor(asked, device=hidden.device)[:, None])
    last = (valid * place).amax(1, keepdim=True)
    prefix = None
    if model.head is not None and model.head.needs_prefix:
        positions = torch.cat([prefilled.prompt.position_ids, spoken.position_ids], 2)
        prefix = model.prefix_of(prefilled.cache, len(hidden), valid, positions)
    return model.control_condition(hidden, prompt, valid & ~prompt, last, agent_pos, seen, prefix)


class _Clock:
    """Seconds by part of an inference; on a GPU each lap waits for what was launched in it."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        self.seconds[part] = now - self._last
        self._last = now


def _frame(observation: Any, camera: str) -> Frame:
    pixels = observation["pixels"]
    if camera not in pixels:
        raise ValueError(f"the observation has cameras {sorted(pixels)}, the policy needs {camera!r}; see envs.types.CAMERAS")
    return pixels[camera]
