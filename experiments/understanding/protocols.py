"""Protocols by name: how questions are worded, how large pictures may be, how long answers, which variant of each scoring rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from experiments.understanding.scorers.judge import Rules
from policy.answering import Limits

JUDGE = "exact matching"  # never a language model
MERGED = 28 * 28  # pixels that become one image token in Qwen2-VL


@dataclass(frozen=True)
class Protocol:
    """`own`: limits of single benchmarks, in place of `limits`. `source`: where its numbers are from."""

    name: str
    wording: Literal["qwen2_vl", "lmms_eval"]
    limits: Limits
    source: str
    own: Mapping[str, Limits] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)

    def limits_of(self, benchmark: str) -> Limits:
        """Pixels and tokens in a benchmark."""
        return self.own.get(benchmark, self.limits)

    def stamp(self, benchmark: str) -> dict[str, Any]:
        """What a result says about how it was made."""
        return {
            "protocol": self.name, "wording": self.wording, "limits": asdict(self.limits_of(benchmark)), "rules": asdict(self.rules),
            "judge": JUDGE, "source": self.source,
        }  # fmt: skip


_RELEASE = Limits(max_new_tokens=64, min_pixels=256 * MERGED, max_pixels=1280 * MERGED)
_LMMS = {
    "docvqa": 32, "infovqa": 32, "chartqa": 16, "ai2d": 16, "mtvqa": 64, "realworldqa": 16, "mmmu": 128, "mme": 16, "ocrbench": 128,
    "hallusionbench": 128, "mmbench": 1024, "erqa": 1024,
}  # fmt: skip
_LMMS_PIXELS = (3136, 602112)  # of its qwen2_vl

PROTOCOLS: Mapping[str, Protocol] = {
    "chatvla_release": Protocol(
        "chatvla_release", "qwen2_vl", _RELEASE,
        "ChatVLA's released evaluation config and copy of VLMEvalKit 0.2rc1; MMBench and ERQA are not in it",
        own={"ocrbench": Limits(64, min_pixels=78400, max_pixels=1280 * MERGED)},
        rules=Rules(options="0.2rc1", chartqa_tolerance="prediction"),
    ),
    "vlmevalkit": Protocol(
        "vlmevalkit", "qwen2_vl", Limits(max_new_tokens=2048, min_pixels=1280 * MERGED, max_pixels=16384 * MERGED),
        "VLMEvalKit e8e78f05, its stock entry Qwen2-VL-2B-Instruct, with exact matching",
    ),
    "lmms_eval": Protocol(
        "lmms_eval", "lmms_eval", Limits(1024, *_LMMS_PIXELS),
        "lmms-eval 0.7.3's prompts and token caps; its rules for yes or no and for MMMU, ours elsewhere",
        own={name: Limits(tokens, *_LMMS_PIXELS) for name, tokens in _LMMS.items()},
        rules=Rules(yes_no="start", mmmu="official"),
    ),
}  # fmt: skip
