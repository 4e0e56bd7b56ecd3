"""The dry run of a training: parameters, memory and arithmetic of each stage as it would run, before any weight is allocated.

`python experiments/run.py stage=dry_run train.preset=chatvla_2b train.devices=8` takes the overrides of `stage=train` and
tells what that would cost. Arithmetic and kept tensors are counted (`policy.costs`), weights and states follow from the
optimizer; what is assumed, the length of a row, stands under the table. Of a GPU's memory, some GB beyond are CUDA's,
the allocator's and the communication's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rich.console import Console, Group
from rich.table import Table
from torch import nn

from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, ExpertsConfig
from policy.costs import Cost, Lengths, fake_network, row_costs
from policy.experts import is_control_expert, is_understanding_expert
from policy.fit import FitSetting
from policy.freezing import is_embedding, is_head, is_word_encoder
from policy.layers import layers
from policy.optim import is_muon_matrix
from policy.parts import check_parts
from policy.sharding import strategy_name
from policy.stages import Stage

# Text of a row beside its pictures: words before the answer, and of the answer. A robot's row is short; five turns of
# LLaVA's dialogues are some 60 words of questions and 200 of answers.
PROMPT_TOKENS = {"control": 40, "understanding": 100}
ANSWER_TOKENS = {"control": 20, "understanding": 250}
VISION = (".visual.", ".vision_tower.", ".dino.", ".multi_modal_projector.", ".tokenizers.")
GB = 1e9


@dataclass(frozen=True)
class Memory:
    """Bytes on one device."""

    weights: float
    gradients: float
    states: float
    averages: float
    kept: float
    kept_checkpointed: float

    def total(self, checkpointed: bool) -> float:
        """All of it, with the layers' activations kept or computed again."""
        kept = self.kept_checkpointed if checkpointed else self.kept
        return self.weights + self.gradients + self.states + self.averages + kept


@dataclass(frozen=True)
class StageCost:
    """A stage as it would run. `trained` and `parameters` by part; `rows`: kind -> rows of a whole step."""

    stage: Stage
    strategy: str
    parameters: Mapping[str, int]
    trained: Mapping[str, int]
    active: Mapping[str, int]
    rows: Mapping[str, int]
    tokens: Mapping[str, int]
    costs: Mapping[str, Mapping[str, Cost]]
    memory: Memory

    @property
    def step(self) -> dict[str, Cost]:
        """Part -> cost of a whole step, of all devices together."""
        found: dict[str, Cost] = {}
        for kind, parts in self.costs.items():
            for part, cost in parts.items():
                found[part] = found.get(part, Cost()) + cost * self.rows[kind]
        return found

    @property
    def flops(self) -> float:
        """Of a whole step, as if nothing were computed twice."""
        return sum(cost.flops for cost in self.step.values())


def part_of(name: str) -> str:
    """The row of the table that a parameter belongs to."""
    if ".mlp.experts." in name or ".mlp.router." in name:
        return "dynamic experts"
    if is_control_expert(name):
        return "control expert"
    if is_understanding_expert(name):
        return "understanding expert"
    if "language_model.layers." in name:
        return "attention"
    if is_word_encoder(name):
        return "word encoder"
    if is_embedding(name):
        return "embeddings"
    if any(part in name for part in VISION) or name.startswith("stem."):
        return "vision"
    if ".transformer." in name:
        return "transformer"
    return "head" if is_head(name) else "fusion, readouts, norms"


def parameters(network: nn.Module, trained: bool = False) -> dict[str, int]:
    """Part -> how many parameters it has, or how many of them are trained."""
    found: dict[str, int] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad or not trained:
            found[part_of(name)] = found.get(part_of(name), 0) + parameter.numel()
    return found


def active(counts: Mapping[str, int], experts: ExpertsConfig) -> dict[str, int]:
    """Parameters that one sample passes through: an answer, and an action. Of dynamic experts, those of one token."""
    idle = counts.get("dynamic experts", 0) * (experts.count - experts.top_k) // experts.count
    always = sum(counts.values()) - idle
    of_control = sum(counts.get(part, 0) for part in ("control expert", "head", "fusion, readouts, norms"))
    of_answers = counts.get("understanding expert", 0) if "control expert" in counts else 0
    return {"an answer": always - of_control, "an action": always - of_answers}


def stage_cost(config: ChatVLAConfig, stage: Stage, setting: FitSetting) -> StageCost:
    """What a stage of that network costs under that setting.

    Raises:
        ValueError: the stage cannot run so (see `policy.parts` and `policy.sharding`).
    """
    processes = setting.devices * setting.nodes
    parts, strategy = processes * setting.accumulate, strategy_name(stage, setting.strategy, processes)
    check_parts(stage.mixture, parts)
    mode, network = fake_network(config, stage, setting.lora, setting.lora_parts)
    tokens = {k: _picture_tokens(config, k) + PROMPT_TOKENS[k] + ANSWER_TOKENS[k] for k in PROMPT_TOKENS}
    lengths = Lengths(tokens["control"], tokens["understanding"], ANSWER_TOKENS["control"], ANSWER_TOKENS["understanding"])
    bf16 = setting.precision in ("auto", "bf16-mixed")
    costs = row_costs(mode, network, stage, lengths, bf16)
    rows = {"control": stage.mixture.robot + stage.mixture.grounding, "understanding": stage.mixture.understanding}
    made = StageCost(
        stage=stage,
        strategy=strategy,
        parameters=parameters(network),
        trained=parameters(network, trained=True),
        active=active(parameters(network), config.experts),
        rows={k: v for k, v in rows.items() if v},
        tokens=tokens,
        costs=costs,
        memory=Memory(0, 0, 0, 0, 0, 0),
    )
    shards = processes if strategy == "fsdp" else 1
    return replace(made, memory=_memory(network, stage, made.step, shards, parts, bf16))


def _memory(network: ChatVLA, stage: Stage, step: Mapping[str, Cost], shards: int, parts: int, bf16: bool) -> Memory:
    named = list(network.named_parameters())
    total = sum(p.numel() for _, p in named)
    trained = {n: p.numel() for n, p in named if p.requires_grad}
    muon = sum(p.numel() for n, p in named if p.requires_grad and stage.optimizer == "muon" and is_muon_matrix(n, p))
    layer = max(sum(p.numel() for p in m.parameters()) for m in layers(network))
    in_layers = sum(p.numel() for m in layers(network) for p in m.parameters())
    # Beside the float32 weights: bfloat16 copies of all, or where they are sharded, of two layers at a time and what is in none.
    width = 2 if bf16 else 4
    copies = width * (2 * layer + total - in_layers) if shards > 1 else (width * total if bf16 else 0)
    gathered = width * layer if shards > 1 else 0
    outside = sum(c.outside + c.inputs for c in step.values())
    return Memory(
        weights=4 * total / shards + copies,
        gradients=4 * sum(trained.values()) / shards + gathered,
        states=(8 * (sum(trained.values()) - muon) + 4 * muon) / shards,
        averages=4 * total if stage.ema else 0,
        kept=sum(c.kept for c in step.values()) / parts,
        kept_checkpointed=(outside + max(c.largest for c in step.values())) / parts,
    )


def _picture_tokens(config: ChatVLAConfig, kind: str) -> int:
    cameras = config.cameras if kind == "control" else config.cameras[:1]
    return sum(config.image_tokens(c) + 2 for c in cameras)  # with the marks before and after each picture


def told(cost: StageCost, setting: FitSetting) -> Group:
    """The tables of one stage."""
    return Group(_parameter_table(cost), "", _work_table(cost), "", _memory_table(cost, setting), _assumed(cost, setting), "")


def _parameter_table(cost: StageCost) -> Table:
    table = Table("parameters, M", "all", "trained", title=cost.stage.name, title_justify="left", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for part, count in sorted(cost.parameters.items(), key=lambda item: -item[1]):
        table.add_row(part, f"{count / 1e6:,.1f}", f"{cost.trained.get(part, 0) / 1e6:,.1f}")
    table.add_row("total", f"{sum(cost.parameters.values()) / 1e6:,.1f}", f"{sum(cost.trained.values()) / 1e6:,.1f}", style="bold")
    for what, count in cost.active.items():
        table.add_row(f"active in {what}", f"{count / 1e6:,.1f}", "")
    return table


def _work_table(cost: StageCost) -> Table:
    table = Table("arithmetic, TFLOP", "forward", "backward", "again if checkpointed", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for part, c in cost.step.items():
        table.add_row(part, *(f"{x / 1e12:,.3f}" for x in (c.forward, c.backward, c.recomputed)))
    whole = sum(cost.step.values(), Cost())
    table.add_row("a step", *(f"{x / 1e12:,.3f}" for x in (whole.forward, whole.backward, whole.recomputed)), style="bold")
    return table


def _memory_table(cost: StageCost, setting: FitSetting) -> Table:
    m, title = cost.memory, f"memory of one device, GB ({cost.strategy}, {setting.devices * setting.nodes} of them)"
    table = Table(title, "activations kept", "checkpointed", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for what, value in (("weights", m.weights), ("gradients", m.gradients), ("optimizer states", m.states), ("averaged weights", m.averages)):
        table.add_row(what, *[f"{value / GB:,.2f}"] * 2)
    table.add_row("activations", f"{m.kept / GB:,.2f}", f"{m.kept_checkpointed / GB:,.2f}")
    table.add_row("all", f"{m.total(False) / GB:,.2f}", f"{m.total(True) / GB:,.2f}", style="bold")
    return table


def _assumed(cost: StageCost, setting: FitSetting) -> str:
    parts = setting.devices * setting.nodes * setting.accumulate
    rows = ", ".join(f"{n} {kind} rows of {cost.tokens[kind]} tokens" for kind, n in cost.rows.items())
    return f"a step: {rows}, in {parts} part{'s' if parts > 1 else ''}; {cost.flops / sum(cost.rows.values()) / 1e12:,.2f} TFLOP a row forward and backward"


def dry_run(config: ChatVLAConfig, stages: tuple[Stage, ...], setting: FitSetting, console: Console) -> list[StageCost]:
    """Counts and prints every stage."""
    found = []
    for stage in stages:
        found.append(stage_cost(config, stage, setting))
        console.print(told(found[-1], setting), highlight=False)
    return found
