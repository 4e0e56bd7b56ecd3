"""A step's batch in parts: which rows each process computes, and in how many turns.

`devices x nodes x accumulate` parts make a step. What a step learns depends on their number alone, not on who computes
them: eight processes with one part each equal one process with eight (`policy.shares` says how parts are weighed).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from policy.stages import Mixture


@dataclass(frozen=True)
class Part:
    """Part `index` of `count`: every `count`-th row of each kind, from row `index` on."""

    index: int = 0
    count: int = 1

    def of(self, rows: int) -> range:
        """Which of that many rows are in this part."""
        return range(self.index, rows, self.count)


WHOLE = Part()


def parts_of(rank: int, processes: int, accumulate: int) -> tuple[Part, ...]:
    """The parts of a step that process `rank` computes, one after the other."""
    return tuple(Part(rank * accumulate + i, processes * accumulate) for i in range(accumulate))


def check_parts(mixture: Mixture, count: int) -> None:
    """Refuses more parts than there are rows of a kind: a part without one would leave an expert without a gradient.

    Raises:
        ValueError: naming the kind.
    """
    quotas = {f.name: getattr(mixture, f.name) for f in fields(mixture)}
    scarce = [f"{rows} {kind}" for kind, rows in quotas.items() if 0 < rows < count]
    if scarce:
        raise ValueError(
            f"a batch with {' and '.join(scarce)} rows cannot be split into {count} parts (devices x nodes x accumulate), "
            "each with a row of every kind; take fewer parts"
        )
