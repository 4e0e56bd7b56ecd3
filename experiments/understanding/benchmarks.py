"""The benchmarks as data: how each is called by whom, where its files lie, how it asks, what a right answer is, how it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Ask = Literal["words", "choice", "yesno", "plain"]
Judge = Literal["vqa", "anls", "relaxed", "ocr", "contains", "option", "mmmu", "yesno", "scene"]
Sum = Literal["mean", "points", "mme", "hallusion", "circular"]


@dataclass(frozen=True)
class Benchmark:
    """`title`: as in the paper's Table 1. `kit`: VLMEvalKit's name, and so its TSV's. `size`: questions in the full set.

    `folders`: where under the data folder a clone of the Hugging Face data set may lie; `split`: how its files begin.
    """

    name: str
    title: str
    kit: str
    folders: tuple[str, ...]
    split: str
    ask: Ask
    judge: Judge
    sum: Sum
    size: int

    @property
    def metric(self) -> str:
        """What its number is."""
        return METRICS[self.sum] if self.sum != "mean" else JUDGED[self.judge]


METRICS: Mapping[str, str] = {
    "points": "right answers (of 1000 in the full set)",
    "mme": "points: accuracy and pair accuracy of 14 parts, at most 2800 (perception 2000, cognition 800)",
    "hallusion": "mean of accuracy by answer, by figure and by question, %",
    "circular": "questions right under every rotation of their options, %",
}
JUDGED: Mapping[str, str] = {
    "vqa": "soft VQA accuracy, %",
    "anls": "ANLS, %",
    "relaxed": "relaxed accuracy within 5 %, %",
    "contains": "answers contained in the reply, %",
    "option": "accuracy by exact matching, %",
    "mmmu": "accuracy by exact matching, %",
    "scene": "accuracy, %",
}

_ROWS = (
    Benchmark("mmmu", "MMMU", "MMMU_DEV_VAL", ("MMMU",), "validation", "choice", "mmmu", "mean", 900),
    Benchmark("mmstar", "MMStar", "MMStar", ("MMStar",), "val", "choice", "option", "mean", 1500),
    Benchmark("mme", "MME", "MME", ("MME",), "test", "plain", "yesno", "mme", 2374),
    Benchmark("ocrbench", "OCRBench", "OCRBench", ("OCRBench",), "test", "words", "ocr", "points", 1000),
    Benchmark("hallusionbench", "HallBench", "HallusionBench", ("HallusionBench",), "image", "yesno", "yesno", "hallusion", 951),
    Benchmark("mmbench", "MMB", "MMBench_DEV_EN", ("MMBench_EN", "MMBench/en"), "dev", "choice", "option", "circular", 4377),
    Benchmark("textvqa", "TextVQA", "TextVQA_VAL", ("TextVQA",), "validation", "words", "vqa", "mean", 5000),
    Benchmark("docvqa", "DocVQA", "DocVQA_VAL", ("DocVQA/DocVQA", "DocVQA"), "validation", "words", "anls", "mean", 5349),
    Benchmark("infovqa", "InfoVQA", "InfoVQA_VAL", ("DocVQA/InfographicVQA", "InfographicVQA", "InfoVQA"), "validation", "words", "anls", "mean", 2801),
    Benchmark("ai2d", "AI2D", "AI2D_TEST", ("AI2D",), "test", "choice", "option", "mean", 3088),
    Benchmark("chartqa", "ChartQA", "ChartQA_TEST", ("ChartQA",), "test", "words", "relaxed", "mean", 2500),
    Benchmark("mtvqa", "MTVQA", "MTVQA_TEST", ("MTVQA",), "test", "words", "contains", "mean", 6778),
    Benchmark("realworldqa", "RealWorldQA", "RealWorldQA", ("RealWorldQA",), "test", "choice", "option", "mean", 765),
    Benchmark("erqa", "ERQA", "ERQA", ("ERQA",), "test", "plain", "option", "mean", 400),
    Benchmark("scene", "our scenes", "SceneQuestions", ("scene",), "test", "plain", "scene", "mean", 0),
)
BENCHMARKS: Mapping[str, Benchmark] = {row.name: row for row in _ROWS}
TABLE_1 = tuple(BENCHMARKS)[:13]  # in the order of the paper's columns
GROUPS: Mapping[str, tuple[str, ...]] = {"table1": TABLE_1, "paper": (*TABLE_1, "erqa")}
