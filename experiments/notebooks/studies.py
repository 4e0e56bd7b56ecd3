"""The studies of notebooks 02 to 06 as data: which sweep each is, what its arms are called, and what the paper claims of them.

Each is a sweep of `experiments.sweep`, whose rows lie in `notebooks/results/<name>.csv` once `experiments.notebooks.sweeps`
has run it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from experiments.errors import check_name
from experiments.notebooks import paper
from experiments.notebooks.execute import FOLDER
from experiments.notebooks.verdicts import MISSING, Claim

RESULTS = FOLDER / "results"
METRICS = {"progress": "control", "answers": "answers", "ocr": "ocr", "math": "math"}  # of a sweep -> here
TITLES = {"control": "Control: share of steps done", "answers": "Understanding: answers right", "ocr": "OCR: share of its 4 points", "math": "Math: share of its 2 points"}
SCALE = {"ocr": 4.0, "math": 2.0}  # points of ChatVLA-2's scores; all metrics here are between 0 and 1
ABLATION = ("setting=ablation", "seed=1,2,3")


@dataclass(frozen=True)
class Study:
    """`arm`: the columns of the sweep that name an arm, as a format; `arms`: what it gives -> what a reader is told.

    `marks`: arm -> the paper's row (`paper.marks`), or its table of its own; `points`: as in `experiments.sweep.sweep`.
    """

    name: str
    overrides: tuple[str, ...]
    arm: str
    arms: Mapping[str, str]
    claims: tuple[Claim, ...]
    marks: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ("control", "answers")
    points: tuple[tuple[str, ...], ...] = ((),)

    def arm_of(self, values: Mapping[str, object]) -> str:
        """The arm of a point, from the values of what varied."""
        return re.sub(r"{(.*?)}", lambda found: _plain(values[found[1]]), self.arm)

    @property
    def titles(self) -> dict[str, str]:
        """Metric -> the title of its panel."""
        return {metric: TITLES[metric] for metric in self.metrics}


def find(name: str) -> Study:
    """The study of that name.

    Raises:
        UsageError: there is none; the message gives the nearest.
    """
    return STUDIES[check_name(name, STUDIES, "study")]


def results(name: str) -> pd.DataFrame:
    """The rows of a study's sweep, as `experiments.sweep.load` gives them; none where it has not been run."""
    path = RESULTS / f"{find(name).name}.csv"
    return pd.read_csv(path, dtype={"seed": "Int64"}) if path.exists() else pd.DataFrame(columns=["point", "seed", "env", "metric", "value", "n", "state", "error"])


def points(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Columns arm, seed, metric, value (0 - 1): one row for each trained network and metric that the study has."""
    study = find(name)
    kept = table[table["metric"].isin(METRICS)]
    rows = [(study.arm_of(row), row["seed"], METRICS[str(row["metric"])], float(row["value"])) for row in kept.to_dict("records")]
    found = pd.DataFrame(rows, columns=["arm", "seed", "metric", "value"])
    found["value"] /= found["metric"].map(SCALE).fillna(1.0).astype(float)
    return found[found["arm"].isin(study.arms) & found["metric"].isin(study.metrics)].reset_index(drop=True)


def marks(name: str) -> pd.DataFrame:
    """The paper's numbers of the study's arms: columns arm, metric, paper."""
    study = find(name)
    found = paper.marks(study.marks) if study.marks else paper.chatvla2_marks()
    return found[found["arm"].isin(study.arms) & found["metric"].isin(study.metrics)]


def ran(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """What stands behind each arm: trained networks, trials and questions of each, minutes, parameters; what failed, by its error."""
    study, rows = find(name), []
    named = table.assign(arm=[study.arm_of(row) for row in table.to_dict("records")]) if len(table) else table.assign(arm=[])
    for arm, told in study.arms.items():
        mine = named[named["arm"] == arm]
        of = {metric: part for metric, part in mine.groupby("metric")}
        counts = [_span(of[m]["n"]) if m in of else "-" for m in ("progress", "answers")]
        minutes, parameters = (f"{of[m]['value'].mean():,.{d}f}" if m in of else "-" for m, d in (("cpu_minutes", 1), ("parameters", 0)))
        failed = "; ".join(sorted({str(e) for e in mine["error"].dropna()})) if len(mine) else MISSING
        rows.append((told, mine[mine["metric"].notna()]["point"].nunique(), *counts, minutes, parameters, failed))
    columns = ["arm", "networks", "trials each", "questions each", "CPU minutes each", "parameters", "not done because"]
    return pd.DataFrame(rows, columns=columns).set_index("arm")


def _plain(value: object) -> str:
    """As an override has it; a column of whole numbers with gaps is read as fractions."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _span(n: pd.Series) -> str:
    return f"{n.min():.0f}" if n.min() == n.max() else f"{n.min():.0f}-{n.max():.0f}"


def _gap(better: str, worse: str) -> dict[str, float]:
    """The paper's differences between two rows of its ablations."""
    return {"control": paper.control(better) - paper.control(worse), "answers": paper.understanding(better) - paper.understanding(worse)}


_WIDE, _COTRAIN, _ROBOT = _gap("static", "dense_wide"), _gap("static", "cotrain"), _gap("static", "robot")

STUDIES: Mapping[str, Study] = {
    study.name: study
    for study in (
        Study(
            "experts", (*ABLATION, "train.experts=dense,dense_wide,static"), "{train.experts}",
            {"static": "two experts (ChatVLA)", "dense_wide": "dense, as large as two", "dense": "dense"},
            (
                Claim("two experts act better than a dense network of their size", "control", "static", "dense_wide", _WIDE["control"]),
                Claim("two experts answer better than a dense network of their size", "answers", "static", "dense_wide", _WIDE["answers"]),
                Claim("they act better than one network without experts", "control", "static", "dense"),
                Claim("they answer better than one network without experts", "answers", "static", "dense"),
            ),
            {"static": "static", "dense_wide": "dense_wide"},
        ),
        Study(
            "phases", (*ABLATION, "train.recipe=phased,cotrained,robot"), "{train.recipe}",
            {"phased": "robot first, then both (ChatVLA)", "cotrained": "both from the start", "robot": "robot alone"},
            (
                Claim("robot data first acts better than both from the start", "control", "phased", "cotrained", _COTRAIN["control"]),
                Claim("robot data first answers better than both from the start", "answers", "phased", "cotrained", _COTRAIN["answers"]),
                Claim("without text understanding collapses", "answers", "phased", "robot", _ROBOT["answers"]),
                Claim("text does not cost control", "control", "phased", "robot", _ROBOT["control"]),
            ),
            {"phased": "static", "cotrained": "cotrain", "robot": "robot"},
        ),
        Study(
            "data", (*ABLATION, "train.experts=dense"), "{train.reasoning} {train.text_ratio}",
            {"none 1:0": "robot alone", "film 1:0": "robot with reasoning", "film 3:1": "co-trained, robot to text 3:1"},
            (
                Claim("reasoning in robot data keeps some understanding", "answers", "film 1:0", "none 1:0"),
                Claim("reasoning helps control", "control", "film 1:0", "none 1:0"),
                Claim("co-training keeps the most understanding", "answers", "film 3:1", "film 1:0"),
                Claim("co-training costs control", "control", "film 1:0", "film 3:1"),
            ),
            points=(("train.reasoning=none", "train.text_ratio=1:0"), ("train.reasoning=film", "train.text_ratio=1:0"), ("train.reasoning=film", "train.text_ratio=3:1")),
        ),
        Study(
            "ratios", (*ABLATION, "train.text_ratio=3:1,1:1,1:3"), "{train.text_ratio}",
            {"3:1": "3:1 (ChatVLA)", "1:1": "1:1", "1:3": "1:3"},
            (
                Claim("little text answers as well as as much text as robot data", "answers", "3:1", "1:1", paper.understanding("3:1") - paper.understanding("1:1")),
                Claim("little text answers better than mostly text", "answers", "3:1", "1:3", paper.understanding("3:1") - paper.understanding("1:3")),
            ),
            {"3:1": "3:1", "1:1": "1:1", "1:3": "1:3"},
        ),
        Study(
            "expert_counts", (*ABLATION, "env=math_matching", "collect.out=outputs/ablation/math", "train.experts=dynamic"), "{train.expert_count}/{train.top_k}",
            {"8/2": "8 experts, top 2 (ChatVLA-2)", "6/3": "6 experts, top 3", "4/2": "4 experts, top 2"},
            (
                Claim("eight experts read better than four", "ocr", "8/2", "4/2", (3.58 - 1.87) / 4),
                Claim("eight experts reckon better than four", "math", "8/2", "4/2", (1.73 - 0.94) / 2),
            ),
            metrics=("ocr", "math", "control"),
            points=(("train.expert_count=8", "train.top_k=2"), ("train.expert_count=6", "train.top_k=3"), ("train.expert_count=4", "train.top_k=2")),
        ),
        Study(
            "injection", (*ABLATION, "train.reasoning=latter,all,former"), "{train.reasoning}",
            {"latter": "latter half (ChatVLA-2)", "all": "all blocks", "former": "former half"},
            (
                Claim("reasoning acts better in the latter half than in all blocks", "control", "latter", "all", (43 - 36) / 52),
                Claim("reasoning acts better in the latter half than in the former", "control", "latter", "former", (43 - 22) / 52),
            ),
            metrics=("control",),
        ),
        Study(
            "baselines", (*ABLATION, "train.preset=chatvla_tiny,divla_tiny,openvla_tiny,octo_tiny"), "{train.preset}",
            {"chatvla_tiny": "ChatVLA", "divla_tiny": "DiVLA", "openvla_tiny": "OpenVLA", "octo_tiny": "Octo"},
            (
                Claim("ChatVLA acts better than OpenVLA", "control", "chatvla_tiny", "openvla_tiny", paper.control("static") - paper.baseline("OpenVLA")),
                Claim("ChatVLA acts better than Octo", "control", "chatvla_tiny", "octo_tiny", paper.control("static") - paper.baseline("Octo")),
            ),
            {"chatvla_tiny": "static", "openvla_tiny": "OpenVLA", "octo_tiny": "Octo"},
        ),
        Study(
            "backbones", (*ABLATION, "train.pretrained=null", "train.budget=scratch", "train.preset=chatvla_tiny,chatvla_paligemma_tiny,pi0_tiny"), "{train.preset}",
            {"chatvla_tiny": "ChatVLA on Qwen2-VL", "chatvla_paligemma_tiny": "ChatVLA on PaliGemma", "pi0_tiny": "pi0 (on PaliGemma)"},
            (Claim("Qwen2-VL answers better than PaliGemma under the same experts", "answers", "chatvla_tiny", "chatvla_paligemma_tiny", paper.understanding("static") - paper.understanding("paligemma")),),
            {"chatvla_tiny": "static", "chatvla_paligemma_tiny": "paligemma"},
        ),
    )
}  # fmt: skip
