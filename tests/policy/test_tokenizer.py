"""The tokenizer: words are single tokens, text survives, Qwen's special tokens are there."""

from __future__ import annotations

import pytest

from policy.chat_format import CHATML
from policy.tokenizer import COLUMN_WORDS, load_tokenizer, save_tokenizer, train_tokenizer, word_id

TEXTS = ["Put the yellow duck into the box.", "How many objects are there?", "All toys are sorted."]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, ["duck", "yellow"])


def test_every_word_of_the_corpus_is_one_token(tokenizer):
    for word in [
        "Put",
        "the",
        "yellow",
        "duck",
        "into",
        "box",
        "How",
        "many",
        "objects",
        "are",
        "there",
        "All",
        "toys",
        "sorted",
    ]:
        assert word_id(tokenizer, word) > len(CHATML.special_tokens)


def test_a_word_has_the_same_token_in_a_sentence_and_alone(tokenizer):
    sentence = tokenizer.encode(" Put the yellow duck", add_special_tokens=False)
    assert sentence[-1] == word_id(tokenizer, "duck")


@pytest.mark.parametrize("text", ["Grüße, 12 + 34 = 46?\n\tyes", " two  spaces ", "x3 y10"])
def test_any_text_survives_encoding(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_special_tokens_are_single_and_the_vocabulary_is_small(tokenizer):
    for token in CHATML.special_tokens:
        assert len(tokenizer.encode(token, add_special_tokens=False)) == 1
    assert len(tokenizer) <= 1024
    assert len({word_id(tokenizer, w) for w in COLUMN_WORDS}) == 8


def test_a_saved_tokenizer_is_the_same(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)
    again = load_tokenizer(tmp_path)
    text = "<|im_start|>user\n<|image_pad|> How many?<|im_end|>"
    assert again.encode(text) == tokenizer.encode(text)


def test_a_word_of_several_tokens_is_refused(tokenizer):
    with pytest.raises(ValueError, match=r"'rhinoceros' is .* tokens .* expected one; train the tokenizer"):
        word_id(tokenizer, "rhinoceros")


def test_a_missing_tokenizer_says_where_it_was_sought(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no tokenizer at .*; give the folder"):
        load_tokenizer(tmp_path)
