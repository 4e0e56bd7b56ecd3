"""What is asked: the text of a question as the protocol words it; pictures always stand before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.protocols import Protocol
from experiments.understanding.sample import Sample

# VLMEvalKit's prompts for Qwen2-VL, the same in the paper's copy and at e8e78f05.
SHORT = "\nPlease try to answer the question with short words or phrases if possible."
CHOOSE = "Please select the correct answer from the options above."
CHOOSE_CHINESE = "请直接回答选项字母。"
YES_OR_NO = " Please answer yes or no."
_CHINESE = re.compile("[\u4e00-\u9fff]")

# lmms-eval 0.7.3's, by benchmark; what is missing gets the question as it is.
_PHRASE = "\nAnswer the question using a single word or phrase."
_LETTER = "\nAnswer with the option's letter from the given choices directly."
_LMMS_AFTER: Mapping[str, str] = {
    "textvqa": _PHRASE, "docvqa": _PHRASE, "infovqa": _PHRASE, "mme": _PHRASE, "chartqa": "\nAnswer the question with a single word.",
    "mtvqa": "\nAnswer the question using a word or phrase in the language of the question.",
    "ai2d": _LETTER, "mmbench": _LETTER, "mmstar": _LETTER.rstrip("."), "mmmu": "\n" + _LETTER,
}  # fmt: skip


def prompt(protocol: Protocol, benchmark: str, sample: Sample) -> str:
    """The text that goes to the network."""
    return _WORDINGS[protocol.wording](benchmark, sample)


def _qwen2_vl(benchmark: str, sample: Sample) -> str:
    ask = BENCHMARKS[benchmark].ask
    if ask == "words":
        return sample.question + SHORT
    if ask == "yesno":
        return sample.question + YES_OR_NO
    if ask == "plain":
        return sample.question
    text = (f"Hint: {sample.hint}\n" if sample.hint else "") + f"Question: {sample.question}\n"
    if sample.options:
        text += "Options:\n" + "".join(f"{letter}. {option}\n" for letter, option in sample.options.items())
        text += CHOOSE_CHINESE if benchmark != "mmmu" and _CHINESE.search(text) else CHOOSE
    return text.rstrip()


def _lmms_eval(benchmark: str, sample: Sample) -> str:
    after = _LMMS_AFTER.get(benchmark, "")
    if benchmark == "mme":
        return sample.question.replace(YES_OR_NO, "") + after
    if BENCHMARKS[benchmark].ask != "choice":
        return sample.question.strip() + after
    if not sample.options:
        return sample.question + ("\n" + _PHRASE if benchmark == "mmmu" else after)
    hint = f"{sample.hint}\n" if sample.hint else ""
    return hint + "\n".join([sample.question, *(f"{letter}. {option}" for letter, option in sample.options.items())]) + after


_WORDINGS: Mapping[str, Callable[[str, Sample], str]] = {"qwen2_vl": _qwen2_vl, "lmms_eval": _lmms_eval}
