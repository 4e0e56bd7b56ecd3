"""Lightning's door to the batches: an endless stream that starts at any number, with worker processes if asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import lightning
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from policy.batch import Batch
from policy.features import Features


class Numbered(Protocol):
    """Anything that gives batch k."""

    def batch(self, number: int) -> Batch | Features: ...


class Stream(IterableDataset):
    """Batches start, start + 1, ...; with n workers each makes every n-th, and the loader restores the order."""

    def __init__(self, source: Numbered, start: int) -> None:
        self.source, self.start = source, start

    def __iter__(self) -> Iterator[Batch | Features]:
        info = get_worker_info()
        offset, stride = (info.id, info.num_workers) if info else (0, 1)
        if info:
            torch.set_num_threads(1)
        number = self.start + offset
        while True:
            yield self.source.batch(number)
            number += stride


class DataModule(lightning.LightningDataModule):
    """Serves `source` from the step that training has reached, so that a resumed run sees the batches it missed."""

    def __init__(self, source: Numbered, workers: int = 0) -> None:
        super().__init__()
        self.source, self.workers = source, workers

    def train_dataloader(self) -> DataLoader:
        """Batches from `trainer.global_step` on."""
        start = self.trainer.global_step if self.trainer is not None else 0
        return DataLoader(
            Stream(self.source, start),
            batch_size=None,
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,
            prefetch_factor=4 if self.workers else None,
        )

    def transfer_batch_to_device(
        self, batch: Batch | Features, device: torch.device, dataloader_idx: int
    ) -> Batch | Features:
        """`Batch` moves itself."""
        return batch.to(device)
