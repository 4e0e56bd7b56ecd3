"""Runs lmms-eval's tasks with our checkpoints or any image-text-to-text folder: see extras/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from lmms_eval import evaluator
from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.tasks import TaskManager

from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.stage import make_answerer
from policy.answering import Answerer, Limits, Question


class ChatVlaLmms(lmms):
    """lmms-eval's model interface over one of our answerers; prompts and token caps are the task's."""

    is_simple = True

    def __init__(self, answerer: Answerer, batch_size: int) -> None:
        super().__init__()
        self.answerer, self._batch_size = answerer, batch_size

    @property
    def batch_size(self) -> int:
        """Questions answered together."""
        return self._batch_size

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """One greedy answer per request, cut at the task's stop texts."""
        answers: list[str] = []
        for start in range(0, len(requests), self._batch_size):
            made = [self._made(request) for request in requests[start : start + self._batch_size]]
            pixels = PROTOCOLS["lmms_eval"].limits
            limits = Limits(max(int(options.get("max_new_tokens", 1024)) for _, options in made), pixels.min_pixels, pixels.max_pixels)
            said = self.answerer.answer([question for question, _ in made], limits)
            answers += [cut(text, options.get("until") or []) for text, (_, options) in zip(said, made, strict=True)]
        return answers

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """None of our benchmarks asks for it."""
        raise NotImplementedError("tasks that compare likelihoods are not answered; choose one that generates")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """None of our benchmarks asks for it."""
        raise NotImplementedError("tasks of several rounds are not answered")

    def _made(self, request: Instance) -> tuple[Question, dict]:
        text, options, visuals, document, task, split = request.args
        pictures = visuals(self.task_dict[task][split][document])
        return Question(tuple(picture.convert("RGB") for picture in pictures), text.replace("<image>", "")), options


def cut(text: str, until: str | list[str]) -> str:
    """The text before the first stop text."""
    for stop in [until] if isinstance(until, str) else until:
        text = text.split(stop)[0] if stop else text
    return text


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="hf_vlm", help="hf_vlm, or a policy of this project such as chatvla_tiny")
    parser.add_argument("--path", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--tasks", required=True, help="lmms-eval's names, with commas")
    parser.add_argument("--include", help="folder with tasks of your own, such as ones on local files")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()
    model = ChatVlaLmms(make_answerer(args.policy, args.path), args.batch)
    manager = TaskManager(include_path=args.include, include_defaults=args.include is None)
    found = evaluator.simple_evaluate(model=model, tasks=args.tasks.split(","), task_manager=manager, limit=args.limit)
    for task, values in (found or {}).get("results", {}).items():
        print(task, values)


if __name__ == "__main__":
    main()
