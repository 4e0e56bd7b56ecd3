"""A small byte-level BPE in which every word of the data is one token, with a backbone's special tokens.

A word inside a sentence and the same word as an answer or as an image label must be one and the same token, or the
tied embedding learns each form apart. The form with a leading space is used throughout (`policy.processor` puts one
before every text of the tiny preset). The large presets load the backbone's own tokenizer from a local folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from policy.chat_format import CHATML, ChatFormat

# Where in the picture: 8 columns from the left, 6 rows from the top, each 20 px of 160x120.
COLUMN_WORDS = tuple(f"x{i}" for i in range(8))
ROW_WORDS = tuple(f"y{i}" for i in range(6))
NONE_WORD = "none"
TINY_VOCABULARY = 1024

# Words keep their space, digits stand alone (so that numbers compose), x3 and y2 are words.
_SPLIT = r" ?[xy]\d(?![\p{L}\p{N}])| ?\p{L}+| ?\p{N}|\s*[\r\n]+| ?[^\s\p{L}\p{N}]+|\s+"
# Chat template words and ASCII, so that nothing typed at the policy is out of vocabulary by accident.
_ALWAYS = (
    "system\n",
    "user\n",
    "assistant\n",
    " Next Action:",
    *(f" {d}" for d in range(10)),
    " yes",
    " no",
    f" {NONE_WORD}",
)


def train_tokenizer(
    texts: Iterable[str], words: Sequence[str] = (), vocab_size: int = TINY_VOCABULARY, chat: ChatFormat = CHATML
) -> PreTrainedTokenizerFast:
    """Byte-level BPE over `texts`; each of `words` (no leading space) is one token behind a space.

    Raises:
        ValueError: a word did not fit into the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(chat.special_tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    required = [f" {w}" for w in (*words, *COLUMN_WORDS, *ROW_WORDS, NONE_WORD)]
    # Each distinct text counts once and each required word as often as all texts, so that required words win the merges.
    distinct = sorted({f" {t}" for t in texts})
    corpus = [*distinct, *_ALWAYS, *required * (len(distinct) + 1)]
    tokenizer.train_from_iterator(corpus, trainer)
    wrapped = _wrap(tokenizer, chat)
    for word in dict.fromkeys(required):
        word_id(wrapped, word.strip())
    return wrapped


def word_id(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """The one token of `word` behind a space.

    Raises:
        ValueError: the word is cut into several tokens.
    """
    ids = tokenizer.encode(f" {word}", add_special_tokens=False)
    if len(ids) != 1:
        pieces = tokenizer.convert_ids_to_tokens(ids)
        raise ValueError(
            f"the word {word!r} is {len(ids)} tokens {pieces}, expected one; "
            "train the tokenizer with this word in `words`, or raise vocab_size"
        )
    return ids[0]


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path | str) -> Path:
    """Writes folder/tokenizer.json."""
    path = Path(folder) / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}")  # processes that train together may all come here at once
    tokenizer.backend_tokenizer.save(str(half))
    half.replace(path)
    return path


def load_tokenizer(folder: Path | str, chat: ChatFormat = CHATML) -> PreTrainedTokenizerFast:
    """Reads folder/tokenizer.json: ours, or the backbone's own.

    Raises:
        FileNotFoundError: no tokenizer.json there.
        ValueError: it lacks a special token of the chat format.
    """
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise FileNotFoundError(f"no tokenizer at {path}; give the folder of a checkpoint or of {chat.name}")
    tokenizer = _wrap(Tokenizer.from_file(str(path)), chat)
    missing = [t for t in chat.special_tokens if tokenizer.backend_tokenizer.token_to_id(t) is None]
    if missing:
        raise ValueError(f"{path} lacks the special tokens {missing}; expected a {chat.name} tokenizer")
    return tokenizer


def _wrap(tokenizer: Tokenizer, chat: ChatFormat) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=chat.end, pad_token=chat.pad, clean_up_tokenization_spaces=False
    )
