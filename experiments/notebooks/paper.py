"""The paper's ablations as numbers between 0 and 1, to stand beside ours: Tables 7-10, 12-14, and ChatVLA-2's two."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pandas as pd

from experiments.paper_tables import paper_scores
from experiments.protocol import PAPER_POLICIES
from experiments.understanding.benchmarks import TABLE_1

# What a benchmark's points are out of; of 100 where it is not named. MME: perception and cognition.
OUT_OF = {"mme": 2800.0, "ocrbench": 1000.0}
# Tables 8, 10 and 12 print steps done / tried of each row of the protocol. T3's 15/15 fits no other table, its share does.
_CONTROL = {
    "static": "28/52 9/14 15/15 9/12 45/48 15/18 23/39 6/11 2/6 5/9 3/7 3/11 6/11 4/7 5/9 4/7 6/13 4/9 7/7",
    "dense_wide": "4/52 2/14 2/15 3/12 11/48 4/18 10/39 1/11 0/6 1/9 0/7 0/11 2/11 1/7 0/9 0/7 2/13 0/9 3/7",
    "robot": "21/52 6/14 12/15 4/12 46/48 13/18 24/39 5/11 2/6 3/9 3/7 2/11 5/11 3/7 3/9 3/7 3/13 4/9 7/7",
    "cotrain": "13/52 5/14 10/15 3/12 27/48 10/18 17/39 5/11 0/6 1/9 2/7 1/11 3/11 3/7 2/9 2/7 4/13 2/9 4/7",
    "7b": "33/52 10/14 15/15 11/12 48/48 17/18 28/39 8/11 4/6 7/9 4/7 4/11 8/11 5/7 7/9 5/7 7/13 6/9 7/7",
}
# Tables 7, 9, 13 and 14, columns as in Table 1 (Table 14 has no MMBench).
_UNDERSTANDING = {
    "static": "37.4 47.2 1435.2 729 39.9 69.0 71.2 83.3 53.3 67.6 59.9 11.5 57.0",
    "dense_wide": "26.8 37.3 1165.6 407 27.7 37.4 44.9 57.2 35.6 49.5 46.1 1.7 55.4",
    "robot": "10.0 11.7 426 187 19.6 11.3 21.4 18.9 15.3 24.8 13.0 0.3 32.2",
    "cotrain": "27.2 32.2 1032.6 265 31.2 30.7 39.3 32.3 16.6 45.2 24.1 1.7 49.8",
    "7b": "50.7 60.5 1877.3 807 46.5 80.7 79.8 86.2 67.9 78.4 67.0 18.6 66.1",
    "paligemma": "35.3 48.0 1679.4 653 33.4 64.8 72.4 76.6 41.9 68.1 56.5 12.8 55.3",
    "1:1": "36.1 44.7 1426.9 691 36.2 - 72.6 82.9 54.0 65.382 62.6 10.0 57.9",
    "1:3": "35.3 45.3 1399.5 726 36.4 - 72.7 83.6 54.3 67.0 63.2 10.3 58.8",
    "3:1": "37.4 47.2 1435.2 729 39.9 - 71.2 83.3 53.3 67.6 59.9 11.5 57.0",
}
# ChatVLA-2, supplement, Table 1 (OCR of 4, math of 2; experts/top-k) and Table 2 (trials).
_EXPERT_COUNTS = {"8/2": (3.58, 1.73), "6/3": (2.42, 1.26), "4/2": (1.87, 0.94)}
_INJECTION = {"latter": "43/52", "all": "36/52", "former": "22/52"}


def control(arm: str) -> float:
    """Mean over the protocol's 19 rows of the share of steps done, as Tables 8, 10 and 12 print them."""
    rows = [Fraction(cell) for cell in _CONTROL[arm].split()]
    return float(sum(rows) / len(rows))


def baseline(policy: str) -> float:
    """The same mean of a policy of Tables 2-4: Octo, OpenVLA or ChatVLA."""
    scores = paper_scores(policy).values()
    return sum(score.avg_len.value for score in scores) / len(scores)


def understanding(arm: str) -> float:
    """Mean over the benchmarks of Table 1 that the arm's table has, each as a share of its points."""
    cells = zip(TABLE_1, _UNDERSTANDING[arm].split(), strict=True)
    shares = [float(cell) / OUT_OF.get(name, 100.0) for name, cell in cells if cell != "-"]
    return sum(shares) / len(shares)


def marks(arms: Mapping[str, str]) -> pd.DataFrame:
    """Columns arm, metric (control, answers), paper, of `arms`: our name -> the paper's row; what a table lacks is left out."""
    rows = [(ours, "control", control(row)) for ours, row in arms.items() if row in _CONTROL]
    rows += [(ours, "control", baseline(row)) for ours, row in arms.items() if row in PAPER_POLICIES]
    rows += [(ours, "answers", understanding(row)) for ours, row in arms.items() if row in _UNDERSTANDING]
    return pd.DataFrame(rows, columns=["arm", "metric", "paper"])


def chatvla2_marks() -> pd.DataFrame:
    """ChatVLA-2's ablations alike: metrics ocr and math of experts/top-k, control of the place where reasoning enters."""
    rows = [(arm, metric, value / of) for arm, both in _EXPERT_COUNTS.items() for metric, value, of in zip(("ocr", "math"), both, (4, 2), strict=True)]
    rows += [(arm, "control", float(Fraction(cell))) for arm, cell in _INJECTION.items()]
    return pd.DataFrame(rows, columns=["arm", "metric", "paper"])
