"""Search in a corpus: passages that share words with a question, by BM25 (Robertson and Zaragoza 2009)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from .types import Value

_K, _B = 1.2, 0.75
"""How soon a word's further places count no more, and how much long passages are held back."""
_WORD = re.compile(r"\w+")


def ranked(question: str, passages: Sequence[Value], count: int) -> list[Value]:
    """Up to `count` passages that share a word with the question, the best first; equals in their order."""
    texts = tuple([str(passage) for passage in passages])
    wanted = dict.fromkeys(_WORD.findall(question.casefold()))
    indexed = _index(texts)
    scores = [
        math.fsum(indexed.worth(word, i) for word in wanted if word in words)
        for i, words in enumerate(indexed.words)
    ]
    best = sorted((i for i, score in enumerate(scores) if score > 0), key=lambda i: -scores[i])
    return [passages[i] for i in best[:count]]


class _Index:
    """The words of some passages, counted."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.words = [Counter(_WORD.findall(text.casefold())) for text in texts]
        self._sizes = [sum(words.values()) for words in self.words]
        self._mean = sum(self._sizes) / max(1, len(texts)) or 1.0
        self._holding = Counter(word for words in self.words for word in words)

    def worth(self, word: str, place: int) -> float:
        """What a word that a passage holds adds to its score."""
        held, count = self._holding[word], self.words[place][word]
        rarity = math.log(1 + (len(self.words) - held + 0.5) / (held + 0.5))
        size = 1 - _B + _B * self._sizes[place] / self._mean
        return rarity * count * (_K + 1) / (count + _K * size)


@lru_cache(8)
def _index(texts: tuple[str, ...]) -> _Index:
    # a corpus is searched many times, and changes once a step at most
    return _Index(texts)
