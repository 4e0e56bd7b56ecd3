"""What a row of training costs, before any weight is allocated: arithmetic, and tensors kept for the way back, by part.

The network is built of fake tensors (shapes on the meta device, no data) and each part of it runs forward and backward
on them, while PyTorch's own counters count. Rows do not see each other, so a batch costs the sum of its rows. What is
counted is therefore the code that trains, whatever its options, experts and head, and not a formula for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from policy.chat_format import LONGEST_INSTRUCTION
from policy.chatvla import ChatVLA, Seen
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.freezing import freeze
from policy.heads.base import Context, Prefix
from policy.layers import layers
from policy.lora import add_lora, freeze_under_lora
from policy.normalizer import NormStats
from policy.stages import Stage
from policy.stem import STRIDE


@dataclass(frozen=True)
class Cost:
    """Of some rows. FLOPs: one product and one sum are two. Bytes: what is kept from forward for backward.

    recomputed: forward FLOPs inside layers. kept = outside (of layers) + in layers; inputs: of the layers; largest: what
    the layer that keeps most keeps. With recomputation `outside + inputs` are kept, and `largest` for a moment.
    """

    forward: float = 0
    backward: float = 0
    recomputed: float = 0
    kept: float = 0
    outside: float = 0
    inputs: float = 0
    largest: float = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, times: float) -> Cost:
        return Cost(*(getattr(self, f.name) * times for f in fields(self)))

    @property
    def flops(self) -> float:
        """Forward and backward, as if nothing were computed twice."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Lengths:
    """Tokens of a control row and of an understanding row, and how many of them are supervised."""

    control: int
    understanding: int
    spoken: int
    answered: int


def fake_network(
    config: ChatVLAConfig, stage: Stage, lora: int = 0, lora_parts: tuple[str, ...] = ()
) -> tuple[FakeTensorMode, ChatVLA]:
    """A network without data, with adapters and frozen parts as `policy.fit` sets them, and the mode to run it in."""
    with torch.device("meta"):
        network = ChatVLA(config, NormStats.unit())
        if lora:
            add_lora(network, lora, lora_parts)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        _without_data(network)
    freeze(network, stage.frozen)
    if lora:
        freeze_under_lora(network, lora_parts)
    return mode, network


def _without_data(network: nn.Module) -> None:
    """Makes meta tensors fake ones of the CPU: autocast and fused attention, which decide what is kept, know no meta device."""
    made: dict[int, Any] = {}  # shared weights stay shared
    for module in network.modules():
        for tensors, kind in ((module._parameters, nn.Parameter), (module._buffers, lambda t: t)):
            for name, old in tensors.items():
                if old is not None:
                    fake = torch.empty_strided(old.shape, old.stride(), dtype=old.dtype)
                    tensors[name] = made.setdefault(id(old), kind(fake))


def row_costs(mode: FakeTensorMode, network: ChatVLA, stage: Stage, lengths: Lengths, bf16: bool = True) -> dict[str, dict[str, Cost]]:
    """Kind of row -> part -> cost of one row, for the kinds that the stage's mixture has (`control`, `understanding`)."""
    mixture, config, found = stage.mixture, network.config, {}
    control, route = mixture.robot + mixture.grounding, stage.route
    with mode, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        if stage.features:
            return {"control": {"head": counted(network, lambda: _head_alone(network))}}
        if control:
            found["control"] = _row(network, stage, lengths.control, lengths.spoken, config.cameras, route or "control")
            found["control"]["head"] = counted(network, lambda: _head(network, lengths.control))
            if config.word_encoder is not None:
                found["control"]["word encoder"] = counted(network, lambda: _read_words(network))
        if mixture.understanding:
            cameras = config.cameras[:1]
            found["understanding"] = _row(network, stage, lengths.understanding, lengths.answered, cameras, route or "understanding")
    return found


def _row(
    network: ChatVLA, stage: Stage, tokens: int, supervised: int, cameras: tuple[str, ...], route: Route
) -> dict[str, Cost]:
    sizes = {network.config.size(camera): camera for camera in cameras}
    vision = {size: counted(network, lambda c=camera: _vision(network, c)) for size, camera in sizes.items()}
    seen = [vision[network.config.size(camera)] for camera in cameras]
    words = supervised + (sum(map(network.config.image_tokens, cameras)) if stage.words else 0)
    return {
        "vision": sum(seen, Cost()),
        "language": counted(network, lambda: _language(network, tokens, route)),
        "words": counted(network, lambda: _words(network, words)),
    }


def counted(network: nn.Module, run: Callable[[], Tensor]) -> Cost:
    """The cost of `run()` and of its way back."""
    counter = _Counter(network)
    with counter:
        with _watched(network, counter), saved_tensors_hooks(counter.keep, lambda t: t):
            out = run()
        forward = counter.flops
        if out.requires_grad:
            out.float().sum().backward()
    network.zero_grad(set_to_none=True)
    inside = list(counter.by_layer.values())
    return Cost(
        forward=forward,
        backward=counter.flops - forward,
        recomputed=counter.layer_flops,
        kept=counter.outside + sum(inside),
        outside=counter.outside,
        inputs=counter.inputs,
        largest=max(inside, default=0),
    )


class _Counter(TorchDispatchMode):
    """FLOPs of all operations, by PyTorch's formulas; and bytes kept for backward, each tensor once, by layer.

    Weights are not counted as kept, nor the copies of lower precision that autocast makes of them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.flops = self.flops_before = self.layer_flops = 0
        self.layer: int | None = None
        self.by_layer: dict[int, int] = {}
        self.outside = self.inputs = 0
        self.seen = {t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())}
        self.held: list[Any] = []  # so that no address is used twice

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = FORMULAS.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        elif func is torch.ops.aten._to_copy.default and args[0].untyped_storage()._cdata in self.seen and isinstance(args[0], nn.Parameter):
            self._see(out.untyped_storage())
        return out

    def keep(self, tensor: Tensor) -> Tensor:
        """Counts a tensor that autograd keeps."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.seen:
            self._see(storage)
            if self.layer is None:
                self.outside += storage.nbytes()
            else:
                self.by_layer[self.layer] = self.by_layer.get(self.layer, 0) + storage.nbytes()
        return tensor

    def _see(self, storage: Any) -> None:
        self.seen.add(storage._cdata)
        self.held.append(storage)


@contextmanager
def _watched(network: nn.Module, counter: _Counter) -> Iterator[None]:
    def enter(layer: nn.Module, args: tuple[Any, ...]) -> None:
        counter.layer, counter.flops_before = id(layer), counter.flops
        counter.inputs += args[0].untyped_storage().nbytes()

    def leave(layer: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        counter.layer = None
        counter.layer_flops += counter.flops - counter.flops_before

    hooks = [h for layer in layers(network) for h in (layer.register_forward_pre_hook(enter), layer.register_forward_hook(leave))]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _vision(network: ChatVLA, camera: str) -> Tensor:
    """A picture of one camera."""
    config = network.config
    height, width = config.size(camera)
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    if network.stem is not None:
        patches = network.stem.tokens(network.stem(image), torch.zeros(1, dtype=torch.long))
    elif config.backbone == "qwen2_vl":
        rows, columns = height // config.vision.patch_size, width // config.vision.patch_size
        patches = torch.zeros(1, rows * columns, 3 * 2 * config.vision.patch_size**2)
    else:
        return network.vlm.see(image, [config.cameras.index(camera)])
    if config.backbone != "qwen2_vl":
        return network.vlm.see_patches(patches, (height, width))
    # The tower asks these for numbers, which fake tensors do not have.
    grid, count = np.array([[1, height // config.vision.patch_size, width // config.vision.patch_size]]), patches.shape[1]
    known: Any = {"grid_thw": grid, "position_ids": torch.zeros(count, 2, dtype=torch.long), "cu_seqlens": np.array([0, count])}
    return network.vlm.model.visual(patches.flatten(0, 1), **known).pooler_output


def _language(network: ChatVLA, tokens: int, route: Route) -> Tensor:
    """The language model's layers."""
    upstream = any(p.requires_grad for name, p in network.named_parameters() if name.startswith(("vlm.", "stem.")) and "language_model.layers." not in name)
    embeds = torch.zeros(1, tokens, network.config.text.hidden_size, requires_grad=upstream)
    mask = network.attention_bias(torch.ones(1, 1, tokens, tokens, dtype=torch.bool), embeds)
    positions = torch.zeros(3, 1, tokens, dtype=torch.long)
    out = network.vlm.hidden_states(embeds, positions, mask, route).last_hidden_state
    assert out is not None
    return out


def _read_words(network: ChatVLA) -> Tensor:
    """An instruction of the greatest length through the encoder of a network whose transformer reads no words."""
    words = torch.zeros(1, LONGEST_INSTRUCTION, dtype=torch.long)
    return network.vlm.words.read(words, torch.ones_like(words, dtype=torch.bool))


def _words(network: ChatVLA, tokens: int) -> Tensor:
    """The logits of the supervised tokens and their loss: the largest tensor of the network."""
    states = torch.zeros(tokens, network.config.text.hidden_size, requires_grad=_language_learns(network))
    if not network.config.speaks:
        return states.new_zeros(())
    logits = network.vlm.lm_head(states).float()
    return F.cross_entropy(logits, torch.zeros(tokens, dtype=torch.long), reduction="sum")


def _head(network: ChatVLA, tokens: int) -> Tensor:
    """The context and the action head's loss."""
    config = network.config
    hidden = torch.zeros(1, tokens, config.text.hidden_size, requires_grad=_language_learns(network))
    prompt = torch.ones(1, tokens, dtype=torch.bool)
    stem_map = None
    if network.stem is not None:
        (height, width), learns = config.image_size, any(p.requires_grad for p in network.stem.parameters())
        shape = len(config.cameras), config.stem_width, height // STRIDE, width // STRIDE
        stem_map = torch.zeros(shape, requires_grad=learns)
    readout, agent_pos = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, config.agent_pos_dim)
    prefix = None
    if network.head is not None and network.head.needs_prefix:
        size, learns = (1, config.text.kv_heads, tokens, config.text.head_width), _language_learns(network)
        keys, values = (tuple(torch.zeros(size, requires_grad=learns) for _ in range(config.text.layers)) for _ in range(2))
        prefix = Prefix(keys, values, prompt, torch.zeros(1, dtype=torch.long))
    made = network.control_condition(hidden, prompt, prompt, readout, agent_pos, Seen(hidden, stem_map), prefix)
    return _action_loss(network, made.context)


def _head_alone(network: ChatVLA) -> Tensor:
    return _action_loss(network, Context(torch.zeros(1, network.vector_dim)))


def _action_loss(network: ChatVLA, context: Context) -> Tensor:
    actions = torch.zeros(1, network.config.horizon, network.config.action_dim)
    return network.head_loss(context, actions, torch.ones(1, network.config.horizon, dtype=torch.bool))


def _language_learns(network: ChatVLA) -> bool:
    return any(p.requires_grad for p in network.vlm.parameters())


def _attention_flops(query: Any, key: Any, value: Any, *rest: Any, **further: Any) -> int:
    (rows, heads, queries, width), keys = query.shape, key.shape[-2]
    return 2 * rows * heads * queries * keys * (width + value.shape[-1])


def _attention_backward_flops(grad: Any, query: Any, key: Any, value: Any, *rest: Any, **further: Any) -> int:
    return 5 * _attention_flops(query, key, value) // 2  # the scores again, and four products


def _grouped_flops(a: Any, b: Any, *rest: Any, **further: Any) -> int:
    """Of products (N, i) x (E, i, o), or (i, N) x (N, o) for the gradient of their weights, group by group."""
    return 2 * a.shape[-2] * a.shape[-1] * b.shape[-1]


# PyTorch's formulas know the GPU's fused attention, not the CPU's, and no products in groups.
FORMULAS: dict[Any, Any] = {
    **flop_registry,
    torch.ops.aten._grouped_mm: _grouped_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}
