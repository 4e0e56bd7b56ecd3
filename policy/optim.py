"""Muon for the hidden matrices and AdamW for everything else, as one optimizer.

research/vlm_probe.md: with Muon the tiny network answers 73 % where AdamW reaches 56 % in the same time. The update of a
matrix is its momentum made orthogonal by polynomials (Jordan et al. 2024), scaled by 0.2 sqrt(longer side) to AdamW's
typical size (Liu et al. 2025, `match_rms_adamw` in torch.optim.Muon). Matrices of one shape are orthogonalised together,
in bfloat16 where that is a unit's own work: of the tiny preset's matrices those of 128 x 352 took 7.4 CPU ms instead of
24.3 with AMX, 18 instead of 41 with AVX512-BF16, and without such units 2.4 times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.adamw import adamw

# a, b, c of s -> a s + b s^3 + c s^5, one after the other: each the best there is for what the one before it leaves (Amsel
# et al. 2025, "The Polar Express"), from singular values of 0.003 to 1 on, which end between 0.8 and 1.2. Jordan's
# polynomial five times leads 0.002 to 1 to 0.68 to 1.2; four products instead of five make the optimizer 1.19 times as fast.
POLYNOMIALS = (
    (8.3837, -24.7659, 18.3571),
    (4.0434, -3.0114, 0.5695),
    (3.5056, -2.6267, 0.5257),
    (2.4901, -1.8343, 0.4368),
)
MUON_BLOCKS = (".layers.", ".blocks.", ".merger.")


def has_bfloat16_units() -> bool:
    """Whether this CPU multiplies bfloat16 matrices faster than float32."""
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def orthogonalised(matrices: Tensor) -> Tensor:
    """(n, rows, columns) with singular values moved close to 1."""
    x = matrices.bfloat16() if matrices.is_cuda or has_bfloat16_units() else matrices.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in POLYNOMIALS:
        if x.shape[-2] > x.shape[-1]:  # from the shorter side: its products are the smaller ones
            gram = x.mT @ x
            x = torch.baddbmm(x, x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), beta=a)
        else:
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrices.dtype)


class MuonAdamW(torch.optim.Optimizer):
    """Groups carry `kind`: "muon" or "adamw". Its state is per parameter, so saving and loading are torch's own."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, weight_decay: float = 0.01) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "betas": (0.9, 0.95), "eps": 1e-8, "momentum": 0.95}
        super().__init__(list(groups), defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                (self._muon if group["kind"] == "muon" else self._adamw)(parameters, group)
        return loss

    def _muon(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        by_shape: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for p in parameters:
            by_shape[tuple(p.shape)].append(p)
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        for shape, same in by_shape.items():
            momenta, grads = [self.state[p]["momentum"] for p in same], [p.grad for p in same if p.grad is not None]
            # The `_foreach` operations are private by their names only: PyTorch's own optimizers call them.
            torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])  # pyright: ignore[reportPrivateImportUsage]
            nesterov = torch.stack(torch._foreach_lerp(grads, momenta, group["momentum"]))  # pyright: ignore[reportPrivateImportUsage]
            updates = orthogonalised(nesterov.flatten(0, -3)).view_as(nesterov).unbind()  # each of stacked experts alone
            torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])  # pyright: ignore[reportPrivateImportUsage]
            torch._foreach_add_(same, updates, alpha=-group["lr"] * 0.2 * max(shape[-2:]) ** 0.5)  # pyright: ignore[reportPrivateImportUsage]

    def _adamw(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if "step" not in self.state[p]:
                self.state[p].update(step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p))
        states = [self.state[p] for p in parameters]
        adamw(
            _local(parameters),
            _local([p.grad for p in parameters if p.grad is not None]),
            _local([s["mean"] for s in states]),
            _local([s["square"] for s in states]),
            [],
            [s["step"] for s in states],
            foreach=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def _local(tensors: list[Tensor]) -> list[Tensor]:
    """Where tensors are sharded, this process's shards: AdamW treats each number by itself (and this saved 4 s of planning)."""
    return [t.to_local() if isinstance(t, DTensor) else t for t in tensors]


def is_muon_matrix(name: str, parameter: Tensor) -> bool:
    """A matrix, or a stack of experts' matrices, inside the blocks of the language model, the vision tower or its merger."""
    return (parameter.ndim == 2 or ".mlp.experts." in name) and any(block in f".{name}" for block in MUON_BLOCKS)


def build_optimizer(module: nn.Module, kind: str, lr: float, betas: tuple[float, float], eps: float) -> MuonAdamW:
    """The optimizer of a stage over the parameters that are not frozen.

    Raises:
        ValueError: `kind` is neither "muon" nor "adamw", or everything is frozen.
    """
    if kind not in ("muon", "adamw"):
        raise ValueError(f"unknown optimizer {kind!r}; expected 'muon' or 'adamw'")
    trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    if not trained:
        raise ValueError("every parameter is frozen; a stage must train something")
    groups = [
        {"kind": "muon", "params": [p for n, p in trained if kind == "muon" and is_muon_matrix(n, p)]},
        {"kind": "adamw", "params": [p for n, p in trained if kind == "adamw" or not is_muon_matrix(n, p)]},
    ]
    decay = 0.01 if kind == "muon" else 0.0
    groups = [{**g, "betas": betas, "eps": eps, "weight_decay": decay} for g in groups if g["params"]]
    return MuonAdamW(groups, lr, decay)
