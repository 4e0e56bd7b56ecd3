"""What a network costs on this machine, with random weights and made-up pictures: a step of its training, a chunk of actions.

    python -m experiments.benchmarks.real_size --preset chatvla_2b --accumulate 16 --checkpoint-activations --compile loops

No weights and no data are needed, so it tells before either is fetched whether a GPU is large and fast enough. A step is
`policy.fit`'s, of the first stage of the preset; rows are as long as `stage=dry_run` takes them to be. The chunk speaks
`--words` tokens first, as many as a sub-task takes.
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, HORIZON, IMAGE_SHAPE, Observation, Trial
from experiments.benchmarks.inference_speed import TOTAL, WARM_UP, percentiles, timed
from experiments.benchmarks.timing import machine, save
from policy.batch import Batch
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.collate import ControlRow, DialogueRow, Reference, collate
from policy.config import ChatVLAConfig
from policy.dry_run import ANSWER_TOKENS, PROMPT_TOKENS
from policy.fit import FitSetting, fit_stage
from policy.inference import ChatVLAPolicy
from policy.loops import CompiledLoops
from policy.normalizer import NormStats
from policy.parts import WHOLE, Part
from policy.presets import PRESETS, preset
from policy.processor import Processor, config_for
from policy.running import Compiled, Precision, Running
from policy.stages import STAGES, Stage
from policy.tokenizer import train_tokenizer

WORD = "duck"  # one token behind a space, so that a text of n words has n tokens


class MadeUp:
    """Batches of a stage's mixture whose pictures are noise and whose texts are one word again and again."""

    def __init__(self, processor: Processor, stage: Stage) -> None:
        self.processor, self.stage, self.tokens, self.rows = processor, stage, 0, 0
        rng = np.random.default_rng(0)
        height, width = processor.config.image_size
        self._images = rng.integers(0, 256, (len(CAMERAS), height, width, 3), dtype=np.uint8)

    def batch(self, number: int, part: Part = WHOLE) -> Batch:
        """A part of any step."""
        mixture = self.stage.mixture
        control = ControlRow(
            images=self._images, agent_pos=np.zeros(AGENT_POS_DIM, np.float32), instruction=_words(PROMPT_TOKENS["control"]),
            reasoning=Reference(_words(ANSWER_TOKENS["control"]), None), actions=np.zeros((HORIZON, ACTION_DIM), np.float32),
            action_mask=np.ones(HORIZON, bool),
        )  # fmt: skip
        dialogue = DialogueRow(self._images[0], ((_words(PROMPT_TOKENS["understanding"]), _words(ANSWER_TOKENS["understanding"])),))
        made = collate(self.processor, [control] * len(part.of(mixture.robot + mixture.grounding)), [dialogue] * len(part.of(mixture.understanding)))
        self.tokens, self.rows = self.tokens + int((made.segment >= 0).sum()), self.rows + made.batch_size
        return made


def untrained(config: ChatVLAConfig) -> tuple[ChatVLA, Processor]:
    """A network of that configuration with random weights, and a vocabulary of one word in its first rows."""
    tokenizer = train_tokenizer([WORD], [WORD], vocab_size=config.text.vocab_size, chat=FORMATS[config.backbone])
    fitted = config_for(config, tokenizer)
    return ChatVLA(fitted, NormStats.unit()), Processor.of(tokenizer, fitted, NormStats.unit())


def check_memory(config: ChatVLAConfig, free: float) -> None:
    """Refuses a network whose random weights, made in float32 on the CPU, would not fit into `free` bytes.

    Raises:
        ValueError: telling both sizes.
    """
    with torch.device("meta"):
        count = sum(p.numel() for p in ChatVLA(config, NormStats.unit()).parameters())
    if 1.3 * 4 * count > free:
        raise ValueError(f"{config.name} has {count / 1e9:.2f} billion parameters, {4 * count / 1e9:.1f} GB in float32, and {free / 1e9:.1f} GB of memory are free; take a machine with more, or stage=dry_run, which allocates nothing")


def free_memory() -> float:
    """Bytes of the machine's memory that are free."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return 1024.0 * int(line.split()[1])


def training(config: ChatVLAConfig, stage: Stage, setting: FitSetting, steps: int) -> dict[str, float | None]:
    """Rows and tokens a second, the share of the device's peak, and its memory at most (GB), over steps after the first."""
    policy, processor = untrained(config)
    short = replace(stage, steps=steps + 2)  # the first is not counted, the last not yet logged
    source = MadeUp(processor, short)
    start_memory()
    fit_stage(short, policy, source, setting)
    with (setting.folder / "training_log.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    rows_per_s = float(last["samples_per_s"])
    mfu = float(last["mfu"]) if last["mfu"] else None
    return {"rows_per_s": rows_per_s, "tokens_per_s": rows_per_s * source.tokens / source.rows, "mfu": mfu, "peak_gb": peak_memory()}


def inference(config: ChatVLAConfig, running: Running, words: int, chunks: int) -> dict[str, Any]:
    """Milliseconds of a chunk, whole and by part, and the memory that the device had in use at most (GB)."""
    policy = acting(replace(config, max_new_tokens=words), running)
    rng = np.random.default_rng(0)
    observation: Observation = {
        "pixels": {c: rng.integers(0, 256, IMAGE_SHAPE, dtype=np.uint8) for c in CAMERAS}, "agent_pos": np.zeros(AGENT_POS_DIM, np.float32)
    }  # fmt: skip
    policy.reset(Trial("sort_toys", 0))
    start_memory()
    cost: dict[str, list[float]] = {}
    for index in range(WARM_UP + chunks):
        timed(policy, observation, _words(4), cost if index >= WARM_UP else {})
    return {"ms": percentiles(cost), "words": len(policy.thought.tokens) if policy.thought else 0, "peak_gb": peak_memory()}


def acting(config: ChatVLAConfig, running: Running) -> ChatVLAPolicy:
    """An untrained network as a policy, placed and compiled as `ChatVLAPolicy.from_pretrained` does it."""
    model, processor = untrained(config)
    running.place(model)
    policy = ChatVLAPolicy(model, processor, running.execute, running.reason_every)
    if running.compile == "loops":
        policy.loops = CompiledLoops(model)
    return policy


def start_memory() -> None:
    """Counts the device's memory from here on."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> float | None:
    """GB that the GPU had in use at most since `start_memory`; None without one."""
    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


def show(results: dict[str, Any]) -> Table:
    """Everything that was measured, a line each."""
    table = Table(title=f"{results['preset']} on {results['device']}", show_header=False)
    if "training" in results:
        t = results["training"]
        table.add_row("training", f"{t['rows_per_s']:.3g} rows/s, {t['tokens_per_s']:.4g} tokens/s")
        table.add_row("share of the device's peak (MFU)", f"{100 * t['mfu']:.0f} %" if t["mfu"] else "peak not known")
        table.add_row("memory at most", f"{t['peak_gb']:.1f} GB" if t["peak_gb"] else "no GPU")
    if "inference" in results:
        i = results["inference"]
        table.add_row(f"a chunk, with {i['words']} tokens of reasoning", "{p50:.0f} ms, p95 {p95:.0f}".format(**i["ms"][TOTAL]))
        for part, ms in list(i["ms"].items())[1:]:
            table.add_row(f"  {part}", "{p50:.0f} ms, p95 {p95:.0f}".format(**ms))
        table.add_row("memory at most", f"{i['peak_gb']:.1f} GB" if i["peak_gb"] else "no GPU")
    return table


def _words(count: int) -> str:
    return " ".join([WORD] * count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="chatvla_2b", metavar="NAME", help="a row of policy/presets.py (default chatvla_2b)")
    parser.add_argument("--only", choices=("training", "inference"), help="default: both")
    parser.add_argument("--steps", type=int, default=5, help="steps of training that are counted (default 5)")
    parser.add_argument("--accumulate", type=int, default=1, help="turns that a step's rows are computed in (default 1)")
    parser.add_argument("--checkpoint-activations", action="store_true", help="layers are computed again on the way back")
    parser.add_argument("--compile-layers", action="store_true", help="training with every layer compiled")
    parser.add_argument("--chunks", type=int, default=20, help="inferences that are counted (default 20)")
    parser.add_argument("--words", type=int, default=20, help="tokens of reasoning before each chunk (default 20)")
    parser.add_argument("--device", default="auto", help="of inference: cpu, cuda, cuda:1 (default: the first GPU where there is one)")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto", help="of inference (default: bfloat16 for large networks on a GPU)")
    parser.add_argument("--compile", choices=get_args(Compiled), default="none", help="of inference; loops: speaking and denoising, on a GPU as CUDA graphs")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="torch's threads (default: one per core)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of real_size.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config, stage = preset(args.preset), STAGES[args.preset][0]
    try:
        check_memory(config, free_memory())
    except ValueError as error:
        parser.error(str(error))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else machine()["cpu"]
    results: dict[str, Any] = {"preset": args.preset, "device": device, "settings": vars(args)}
    if args.only != "inference":
        with TemporaryDirectory() as folder:
            setting = FitSetting(
                Path(folder), accumulate=args.accumulate, checkpoint_activations=args.checkpoint_activations,
                compile="layers" if args.compile_layers else "none", checkpoint_minutes=1e6, progress=True,
            )  # fmt: skip
            results["training"] = training(config, stage, setting, args.steps)
    if args.only != "training":
        running = Running(args.device, args.precision, args.compile)
        results["inference"] = inference(config, running, args.words, args.chunks) | {"running": asdict(running)}
    Console().print(show(results))
    print(f"written to {save('real_size', results, args.out)}")


if __name__ == "__main__":
    main()
