"""Lightning's door to the batches: an endless stream that starts at any step, with worker processes if asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import lightning
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from policy.batch import Batch
from policy.features import Features
from policy.parts import WHOLE, Part, parts_of
from policy.shares import Piece, supervised


class Numbered(Protocol):
    """Anything that gives a part of batch k."""

    def batch(self, number: int, part: Part = WHOLE) -> Batch | Features: ...


class Stream(IterableDataset):
    """This process's parts of steps start, start + 1, ...; with n workers each makes every n-th step."""

    def __init__(self, source: Numbered, start: int, parts: tuple[Part, ...]) -> None:
        self.source, self.start, self.parts = source, start, parts

    def __iter__(self) -> Iterator[tuple[Piece, ...]]:
        info = get_worker_info()
        offset, stride = (info.id, info.num_workers) if info else (0, 1)
        if info:
            torch.set_num_threads(1)
        number = self.start + offset
        while True:
            yield pieces(self.source, number, self.parts)
            number += stride


class Pieces:
    """The pieces of a loader's steps, one after the other."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Piece]:
        for step in self.loader:
            yield from step


class DataModule(lightning.LightningDataModule):
    """Serves `source` from the step that training has reached, so that a resumed run sees the batches it missed."""

    def __init__(self, source: Numbered, workers: int = 0) -> None:
        super().__init__()
        self.source, self.workers = source, workers

    def train_dataloader(self) -> Pieces:
        """This process's pieces from `trainer.global_step` on."""
        trainer = self.trainer
        start, parts = 0, (WHOLE,)
        if trainer is not None:
            start = trainer.global_step
            parts = parts_of(trainer.global_rank, trainer.world_size, trainer.accumulate_grad_batches)
        loader = DataLoader(
            Stream(self.source, start, parts),
            batch_size=None,
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,
            prefetch_factor=4 if self.workers else None,
        )
        return Pieces(loader)

    def transfer_batch_to_device(self, batch: Piece, device: torch.device, dataloader_idx: int) -> Piece:
        """`Piece` moves itself."""
        return batch.to(device)


def pieces(source: Numbered, number: int, parts: tuple[Part, ...]) -> tuple[Piece, ...]:
    """These parts of step `number`, each with the labels of all of them."""
    batches = [source.batch(number, part) for part in parts]
    total = torch.stack([supervised(b) for b in batches]).sum(0)
    return tuple(Piece(b, part, total) for b, part in zip(batches, parts, strict=True))
