"""Two texts as the cross-encoder reads them; training and answering share this.

``[CLS] first [SEP] context [SEP] second [SEP]``, where the second text has the type 1 and all that
stands before it the type 0. The context (a title, the sentence before) is read and never quoted.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_CLS, _SEP = 101, 102
_FIRST = 48
_TITLE = 12
_BEFORE = 28
_SENTENCE = 160
_PREMISE = 120
"""Longest parts, in word pieces; together fewer than 256."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An encoded pair.

    Attributes:
        ids: word pieces.
        second: index of the second text's first word piece.
        offsets: start and end character of each word piece of the second text.
    """

    ids: list[int]
    second: int
    offsets: list[tuple[int, int]]


class Pairs:
    """Encodes pairs with an uncased WordPiece vocabulary.

    Args:
        tokenizer_file: a ``tokenizer.json``.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        encode = self._tokenizer.encode

        @lru_cache(1000)  # a question is read with many sentences
        def ids(text: str) -> list[int]:
            found: list[int] = encode(text, add_special_tokens=False).ids if text else []
            return found

        self._ids = ids

    def answers(self, question: str, sentence: str, *, title: str, before: str) -> Pair:
        """Does ``sentence`` answer ``question``?"""
        context = self._ids(title)[:_TITLE] + self._ids(before)[-_BEFORE:]
        return self._join(self._ids(question)[:_FIRST], context, sentence, _SENTENCE)

    def supports(self, claim: str, premise: str, *, title: str) -> Pair:
        """Does ``premise`` prove ``claim``?"""
        return self._join(self._ids(claim)[:_FIRST], self._ids(title)[:_TITLE], premise, _PREMISE)

    def _join(self, first: list[int], context: list[int], text: str, longest: int) -> Pair:
        head = [_CLS, *first, _SEP, *context, _SEP] if context else [_CLS, *first, _SEP]
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return Pair(
            [*head, *encoded.ids[:longest], _SEP], len(head), list(encoded.offsets[:longest])
        )
