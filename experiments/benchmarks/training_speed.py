"""What a training step costs: ours, layers compiled and not, beside the same network under the Hugging Face Trainer.

    python -m experiments.benchmarks.training_speed --data outputs/data/sort_toys

All train the same network on the same batches of the same stage, each in a process of its own, one block of steps after
the other in turn. Ours is `policy.fit`'s step: its precision, its optimizer, its layers compiled where said. The Trainer
has its defaults (float32, AdamW, no compilation), then one thing of ours each: the optimizer, so that both learn the
same in a step, and bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from experiments.benchmarks.timing import Block, Contender, save, summary
from policy.batch import Batch
from policy.fit import FitSetting, fast_precision, fit_stage
from policy.optim import build_optimizer
from policy.parts import WHOLE, Part
from policy.rows import Batches
from policy.stages import STAGES
from policy.start import fresh_policy
from policy.train_config import TrainConfig

MODULE = "experiments.benchmarks.training_speed"
STAGE = "2_cotrain"
OURS, EAGER, TRAINER, TRAINER_MUON, TRAINER_BF16 = "compiled", "eager", "trainer", "trainer_muon", "trainer_bf16"
NAMES = {
    OURS: "ours, layers compiled",
    EAGER: "ours, not compiled",
    TRAINER: "Hugging Face Trainer, its defaults",
    TRAINER_MUON: "Hugging Face Trainer, our optimizer",
    TRAINER_BF16: "Hugging Face Trainer, bf16",
}
BATCHES = 16  # made beforehand and used in turn: what making them costs is the same for all
WARM_UP = 6  # steps that are not counted: kernels and states are made there
ENDLESS = 100_000


class Gate:
    """Hands out batches, and between two blocks of steps answers with what the last one cost and waits for the next.

    Training asks for a batch a fixed number of steps ahead, so that from one asking to the n-th after it n steps pass.
    """

    def __init__(self, source: Batches, answers: TextIO, about: dict[str, str]) -> None:
        self.made = [source.batch(i) for i in range(BATCHES)]
        self.answers, self.about, self.left, self.steps = answers, about, WARM_UP, 0
        self.cpu = self.wall = 0.0

    def batch(self, number: int, part: Part = WHOLE) -> Batch:
        """One of the batches, over again after the last."""
        if not self.left:
            self._next_block()
        self.left -= 1
        return self.made[number % BATCHES]

    def _next_block(self) -> None:
        if self.steps:
            cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
            told: dict[str, Any] = vars(Block(1000 * cpu / self.steps, 1000 * wall / self.steps))
        else:
            told = self.about
        print(json.dumps(told), file=self.answers)
        line = sys.stdin.readline()
        if not line:
            os._exit(0)  # the only way out of a training that somebody else runs
        self.left = self.steps = int(line)
        self.cpu, self.wall = time.process_time(), time.perf_counter()


class Losses(nn.Module):
    """The network as the Trainer wants it: fields of a batch in, `loss` out."""

    def __init__(self, policy: nn.Module) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, **fields: Any) -> dict[str, Tensor]:
        """`loss` of the batch that has these fields."""
        fields.pop("num_items_in_batch", None)  # the Trainer gives it to whoever takes keywords
        return {"loss": self.policy(Batch(**fields))["loss"]}


class Fields(Dataset):
    """A gate's batches as the Trainer wants them."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, Any]:
        return vars(self.gate.batch(index))


def work(name: str, data: Path, threads: int, folder: Path) -> None:
    """The worker's side: trains until it is told no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")
    stage = replace(next(s for s in STAGES["chatvla_tiny"] if s.name == STAGE), steps=ENDLESS)
    policy, processor = fresh_policy(TrainConfig(data=str(data), out=str(folder)))
    setting = FitSetting(folder, accelerator="cpu", compile="layers" if name == OURS else "none", checkpoint_minutes=1e6)
    about = {"precision": {TRAINER: "32-true", TRAINER_MUON: "32-true", TRAINER_BF16: "bf16-mixed"}.get(name, fast_precision(setting))}
    gate = Gate(Batches(data, processor, stage), answers, about)
    if name in (OURS, EAGER):
        fit_stage(stage, policy, gate, setting)
    else:
        arguments = TrainingArguments(
            output_dir=str(folder), per_device_train_batch_size=1, max_steps=ENDLESS, use_cpu=True, bf16=name == TRAINER_BF16,
            report_to="none", save_strategy="no", disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip
        losses = Losses(policy)
        optimizer = build_optimizer(losses, stage.optimizer, stage.lr, stage.betas, stage.eps) if name == TRAINER_MUON else None
        Trainer(losses, arguments, data_collator=lambda rows: rows[0], train_dataset=Fields(gate), optimizers=(optimizer, None)).train()


def measure(data: Path, threads: int, steps: int, repeats: int) -> list[dict[str, Any]]:
    """Wall and CPU ms of a step of each, and how many times those of ours, compiled, in the block beside it."""
    with TemporaryDirectory() as folder:
        command = ("--data", str(data), "--threads", str(threads), "--folder")
        trainers = {name: Contender(MODULE, "--work", name, *command, f"{folder}/{name}") for name in NAMES}
        blocks: dict[str, list[Block]] = {name: [] for name in NAMES}
        for _ in track(range(repeats), "blocks", console=Console(stderr=True)):
            for name, contender in trainers.items():
                blocks[name].append(contender.block(steps))
        for contender in trainers.values():
            contender.close()
    rows = next(s for s in STAGES["chatvla_tiny"] if s.name == STAGE).mixture.rows
    return [
        {
            "name": name,
            "precision": trainers[name].about["precision"],
            "wall_ms": summary([b.wall_ms for b in own]),
            "samples_per_s": rows * 1000 / median(b.wall_ms for b in own),
            "ratio": summary([b.wall_ms / ours.wall_ms for b, ours in zip(own, blocks[OURS], strict=True)]),
            "cpu_ratio": summary([b.cpu_ms / ours.cpu_ms for b, ours in zip(own, blocks[OURS], strict=True)]),
        }
        for name, own in blocks.items()
    ]


def show(results: list[dict[str, Any]], threads: int) -> Table:
    """One line each."""
    table = Table(title=f"a step of chatvla_tiny's {STAGE}, {threads} threads: median (min-max) of blocks")
    for column in ("", "precision", "wall ms", "samples/s", "times ours, compiled", "in CPU time"):
        table.add_column(column)
    for r in results:
        ms, ratio, cpu = ("{median:.3g} ({min:.3g}-{max:.3g})".format(**r[key]) for key in ("wall_ms", "ratio", "cpu_ratio"))
        table.add_row(NAMES[r["name"]], r["precision"], ms, f"{r['samples_per_s']:.1f}", ratio, cpu)
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("outputs/data/sort_toys"), help="recorded data (stage=collect)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="torch's threads (default: one per core)")
    parser.add_argument("--steps", type=int, default=12, help="steps of a block (default 12)")
    parser.add_argument("--repeats", type=int, default=5, help="blocks of each (default 5)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of training_speed.json")
    parser.add_argument("--work", choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not (args.data / "cache").is_dir():
        parser.error(f"no recorded data in {args.data}; run python experiments/run.py env=sort_toys stage=collect")
    if args.work:
        work(args.work, args.data, args.threads, args.folder)
        return
    results = measure(args.data, args.threads, args.steps, args.repeats)
    Console().print(show(results, args.threads))
    print(f"written to {save('training_speed', {'threads': args.threads, 'results': results}, args.out)}")


if __name__ == "__main__":
    main()
