"""Where and how a trained network runs: device, precision, compiled or not, how often it looks and thinks."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from envs.types import EXECUTE, HORIZON

if TYPE_CHECKING:
    from torch import nn

Precision = Literal["auto", "float32", "bfloat16"]
Compiled = Literal["none", "loops"]
LARGE = 100_000_000  # parameters; below that bfloat16 gains little, and a hundredth of a position is millimetres


def check_compiler(wanted: str) -> None:
    """Refuses `wanted`, an option that compiles, where torch would find no C++ compiler.

    Raises:
        ValueError: telling how to get one.
    """
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++"]
    if not any(map(shutil.which, names)):
        raise ValueError(f"{wanted} needs a C++ compiler, and there is no {' or '.join(names)}; install one (apt-get install g++), or leave it out")


@dataclass(frozen=True)
class Running:
    """How a policy's network runs.

    device: `cpu`, `cuda`, `cuda:1`; `auto` is the first GPU where there is one. precision: of the weights and of what is
    computed with them; `auto` is bfloat16 on a GPU for networks of over 100 M parameters, else float32. compile: `loops`
    compiles speaking and denoising (`policy.loops`). reason_every: inferences that one spoken reasoning serves. execute:
    actions of a chunk that are executed before the next inference, or all that the network predicts if those are fewer.

    Raises:
        ValueError: an unknown device, precision or way to compile, or a number that cannot be.
    """

    device: str = "auto"
    precision: Precision = "auto"
    compile: Compiled = "none"
    reason_every: int = 1
    execute: int = EXECUTE

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise ValueError(f"device={self.device}; expected auto, cpu, cuda or a certain GPU, such as cuda:1")
        for name, kinds in (("precision", Precision), ("compile", Compiled)):
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(f"{name}={getattr(self, name)}; expected {', '.join(get_args(kinds))}")
        if self.reason_every < 1:
            raise ValueError(f"reason_every={self.reason_every}; expected at least 1")
        if not 1 <= self.execute <= HORIZON:
            raise ValueError(f"execute={self.execute}; expected 1 to {HORIZON}, the actions of a chunk")

    def check(self) -> None:
        """Tells whether this machine can.

        Raises:
            ValueError: the GPU or the compiler that is asked for is not there.
        """
        if self.compile != "none":
            check_compiler(f"compile={self.compile}")
        if self.device.startswith("cuda"):
            import torch

            if int(self.device.partition(":")[2] or 0) >= torch.cuda.device_count():
                raise ValueError(f"device={self.device}, and torch {torch.__version__} sees {torch.cuda.device_count()} GPUs here; device=auto takes what there is")

    def place(self, model: nn.Module) -> None:
        """Moves the network to its device, its matrices to their precision; what norms and normalisers scale by stays in float32.

        Raises:
            ValueError: the GPU that is asked for is not there.
        """
        import torch

        self.check()
        device = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        model.to(device)
        large = sum(p.numel() for p in model.parameters()) > LARGE
        if self.precision == "bfloat16" or (self.precision == "auto" and large and device.startswith("cuda")):
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.data = parameter.data.bfloat16()
