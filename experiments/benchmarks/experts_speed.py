"""What experts cost beside one dense feed-forward network of their size: two static ones, top-2 of 8, and the plain ways.

    python -m experiments.benchmarks.experts_speed --threads 1

One layer, forward and backward and then forward alone, all contenders in turn in each round; a ratio is taken within a round,
and the median over rounds has to meet the bar. Bars: two experts on a mixed batch at most 1.1 times the dense network, top-2 of
8 at most 2.2 times.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from experiments.benchmarks.timing import machine, save, summary, versions
from policy.backbones.qwen2_vl import qwen_text_config
from policy.config import ExpertKind, ExpertsConfig
from policy.experts import TwoExpertMLP
from policy.experts_dynamic import RoutedMLP
from policy.feed_forward import feed_forward
from policy.memory import keep_freed_memory
from policy.presets import preset

CONTROL_SHARE = 0.75  # of a co-training batch (ChatVLA, stage 2)
BARS = {"two experts, mixed batch": 1.1, "top-2 of 8, ours": 2.2}


def contenders(name: str, rows: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Label -> a layer's feed-forward part, from (rows, tokens, d) to the same; the dense one first."""
    control = round(CONTROL_SHARE * rows)
    dense, two, many = (made(name, kind) for kind in ("dense", "static", "dynamic"))
    assert isinstance(two, TwoExpertMLP)
    assert isinstance(many, RoutedMLP)
    return {
        "dense": dense,
        "two experts, mixed batch": lambda x: two(x, control),
        "two experts, both computed and masked": lambda x: masked(two, x, control),
        "top-2 of 8, ours": many,
        "top-2 of 8, a plain loop over experts": lambda x: looped(many, x),
    }


def made(name: str, kind: ExpertKind) -> nn.Module:
    """One layer of a preset's dimensions."""
    config = replace(preset(name), experts=ExpertsConfig(kind, count=8, top_k=2), loss=preset("chatvla_2b").loss)
    return feed_forward(qwen_text_config(config))


def masked(two: TwoExpertMLP, x: Tensor, control: int) -> Tensor:
    """As ChatVLA's code does it: both experts on all rows, of which a mask keeps one (policy.md 1.2)."""
    acts = (torch.arange(len(x), device=x.device) < control)[:, None, None].to(x.dtype)
    return two(x, "control") * acts + two(x, "understanding") * (1 - acts)


def looped(many: RoutedMLP, x: Tensor) -> Tensor:
    """Each expert in turn on the tokens that chose it."""
    flat = x.flatten(0, -2)
    top, chosen = many.router(flat).topk(many.top_k)
    weights, out = top.softmax(-1), torch.zeros_like(flat)
    for index in range(many.count):
        token, place = (chosen == index).nonzero(as_tuple=True)
        gate, up, down = (p[index] for p in many.experts.parameters())
        taken = flat[token]
        given = F.linear(F.silu(F.linear(taken, gate)) * F.linear(taken, up), down)
        out = out.index_add(0, token, given * weights[token, place, None])
    return out.view(x.shape)


def cost_ms(layer: Callable[[Tensor], Tensor], x: Tensor, repeats: int, trains: bool) -> float:
    """Mean milliseconds of a call, with its backward pass if it trains: CPU time, or on a GPU the clock's."""
    clock = time.perf_counter if x.is_cuda else time.process_time
    _wait(x)
    start = clock()
    for _ in range(repeats):
        if trains:
            layer(x).square().mean().backward()
        else:
            with torch.no_grad():
                layer(x)
    _wait(x)
    return 1000 * (clock() - start) / repeats


def measure(name: str, x: Tensor, rounds: int, repeats: int, trains: bool) -> dict[str, dict[str, Any]]:
    """Label -> `ms` and `ratio` to the dense network, each with median, min and max over rounds."""
    layers = contenders(name, len(x))
    for layer in layers.values():
        if isinstance(layer, nn.Module):
            layer.to(x.device)
        cost_ms(layer, x, 2, trains)
    found: dict[str, list[float]] = {label: [] for label in layers}
    for _ in range(rounds):
        for label, layer in layers.items():
            found[label].append(cost_ms(layer, x, repeats, trains))
    dense = found["dense"]
    return {
        label: {"ms": summary(ms), "ratio": summary([a / b for a, b in zip(ms, dense, strict=True)])}
        for label, ms in found.items()
    }


def show(found: dict[str, dict[str, Any]], title: str) -> Table:
    """One row for each contender."""
    table = Table(title=title)
    for column in ("", "ms", "times dense", "bar", "median"):
        table.add_column(column, justify="right" if column else "left")
    for label, one in found.items():
        ratio, bar = one["ratio"], BARS.get(label)
        told = f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"
        verdict = (f"{bar}", "met" if ratio["median"] <= bar else "missed") if bar else ("", "")
        table.add_row(label, f"{one['ms']['median']:.2f}", told, *verdict)
    return table


def _wait(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="chatvla_tiny", help="whose dimensions (default chatvla_tiny)")
    parser.add_argument("--rows", type=int, default=16, help="of a batch, three in four of them control rows (default 16)")
    parser.add_argument("--tokens", type=int, default=256, help="of a row (default 256)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=5, help="calls in a round (default 5)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of experts_speed.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()  # as training does
    torch.manual_seed(0)
    dtype = getattr(torch, args.dtype)
    torch.set_default_dtype(dtype)
    x = torch.randn(args.rows, args.tokens, preset(args.preset).text.hidden_size, device=args.device, requires_grad=True)
    result: dict[str, Any] = {"arguments": vars(args), "versions": versions()}
    for name, trains in (("forward and backward", True), ("forward", False)):
        result[name] = measure(args.preset, x, args.rounds, args.repeats, trains)
        title = f"{name}, {args.preset}, {args.rows} x {args.tokens} tokens, {args.dtype}, {args.threads} threads, {machine()['cpu']}"
        Console().print(show(result[name], title))
    print(f"written to {save('experts_speed', result, args.out)}")


if __name__ == "__main__":
    main()
