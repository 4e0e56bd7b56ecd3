"""The paper's numbers: ChatVLA (arXiv:2502.14420), Table 1 in its columns' order, and Table 6 (ERQA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.understanding.benchmarks import TABLE_1

SOURCE = "ChatVLA, arXiv:2502.14420, Tables 1 and 6"
MME_NOTE = (
    "MME: the rows from 1335.1 to 1510.7 of language models that answer only (Janus to LLaVA-1.5) are most likely perception "
    "alone, of 2000; Qwen2-VL's, the VLA models' and ours are perception and cognition, of 2800. They cannot be ranked together."
)
_HEADER = ("method", "params")
# None: not in the table. OpenVLA's zeros are answers without form, not wrong ones.
_ROWS = """
Janus           1.3B  30.5 37.6 1338.0 482 30.3 69.4 - - - 52.8 - - -
DeepSeek-VL     1.3B  32.2 39.9 - 409 27.6 64.6 - - - 51.5 - - -
Qwen2-VL        2B    41.1 48.0 1872.0 809 41.7 74.9 79.7 88.57 61.37 74.7 73.5 18.1 62.9
SmolVLM         2.3B  38.8 41.7 - 656 39.5 - 72.7 81.6 - 64.2 - - -
LLaVA-Phi       2.7B  - - 1335.1 - - 59.8 48.6 - - - - - -
MobileVLM-V2    3B    - - 1440.5 - - 63.2 57.5 - - - - - -
MoE-LLaVA       3.6B  - - 1431.3 - - 68 57 - - - - - -
Phi-3-Vision    4.2B  40.4 - - - - 80.5 70.9 - - 76.7 81.4 - -
LLaVA-1.5       7B    34.2 - 1510.7 - - 64.3 58.2 - - 63.1 55.0 - -
DeepSeekVL      7B    36.6 - - 456 - 73.2 - - - - - - -
LLaVA-Next      8B    36.4 - - - - 79.7 55.7 - - 66.9 65.8 - -
OpenVLA         7B    0 0 0 0 0 0 0 0 0 0 0 0 0
ECoT            7B    5.4 0 0 12 0.9 - 0 0 0 0 0 1.7 0
DiVLA           2B    17.2 21.1 186.5 294 9.0 - 7.5 15.2 14.7 43.1 17.2 6.2 25.2
ChatVLA         2B    37.4 47.2 1435.2 729 39.9 69.0 71.2 83.3 53.3 67.6 59.9 11.5 57.0
"""
_ERQA: Mapping[str, float] = {"Qwen2-VL": 27.5, "ChatVLA": 33.5}


def _parsed(line: str) -> tuple[tuple[str, str], dict[str, float]]:
    name, params, *cells = line.split()
    values = {column: float(cell) for column, cell in zip(TABLE_1, cells, strict=True) if cell != "-"}
    return (name, params), values | ({"erqa": _ERQA[name]} if name in _ERQA else {})


PAPER: Mapping[tuple[str, str], Mapping[str, float]] = dict(map(_parsed, _ROWS.strip().split("\n")))
"""(method, parameters) -> benchmark -> the number printed."""


def paper_lines(benchmarks: Sequence[str]) -> list[tuple[tuple[str, str], list[float | None]]]:
    """The paper's rows that have a number for one of these benchmarks."""
    return [(method, [values.get(name) for name in benchmarks]) for method, values in PAPER.items() if any(name in values for name in benchmarks)]
