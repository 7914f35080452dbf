"""Thoughts on a budget: a reply is drawn in two parts, and closed between them where it has to be.

The first part has the thought's budget. Where the model has not closed its thought by then, or ends its
turn inside it, tokens of ours close it, in place of an end of turn. The second part is the answer, under its
own limit. Any engine draws the parts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..policy import Key
from ..prompts import CLOSE, OPEN
from .chat_template import Dialect
from .shared_prefixes import Tokens


class Part(NamedTuple):
    """A reply so far. `given` are the first and the last place (exclusive) of tokens that are ours."""

    tokens: Tokens
    logprobs: tuple[float, ...]
    given: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """What one branch has said since its prompt, the batch's row `row`."""

    row: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]

    def then(self, token: int, logprob: float) -> Path:
        return replace(self, tokens=(*self.tokens, token), logprobs=(*self.logprobs, logprob))


class Next(NamedTuple):
    """What stands of a reply after its first part, and how many tokens may follow (0: it is whole)."""

    part: Part
    more: int


def first(dialect: Dialect, prompt: Tokens, context: int) -> int:
    """Tokens of the first part: the budget, where the context leaves room to close it and answer."""
    room = context - len(prompt)
    return max(1, min(dialect.thinking.tokens, room - len(dialect.closing) - 1))


def then(dialect: Dialect, prompt: Tokens, part: Part, most: int, context: int) -> Next:
    """What follows the first part, with an answer of `most` tokens at most."""
    tokens, logprobs, _ = part
    thought = thought_size(dialect, tokens)

    ended = tokens[-1] in dialect.stops
    if thought is None:
        # a small model ends its turn in the middle of a thought: it has still to answer
        size = len(tokens) - ended
        closing = dialect.closing
        given = (size, size + len(closing))
        part = Part(tokens[:size] + closing, logprobs[:size] + (0.0,) * len(closing), given)
        return Next(part, max(0, min(most, context - len(prompt) - len(part.tokens))))

    # an answer that is too long already: what was drawn beyond its limit is not said
    said = len(tokens) - thought
    if said > most:
        end = len(tokens) - said + most
        return Next(Part(tokens[:end], logprobs[:end]), 0)
    if ended:
        return Next(part, 0)
    return Next(part, max(0, min(most - said, context - len(prompt) - len(tokens))))


def joined(part: Part, tokens: Tokens, logprobs: Sequence[float]) -> Part:
    """Both parts as one."""
    return Part(part.tokens + tokens, part.logprobs + tuple(logprobs), part.given)


def answering(key: Key) -> Key:
    """The noise of the second part, apart from the first's."""
    return key._replace(seat=f"{key.seat}, answering")


def thought_size(dialect: Dialect, tokens: Tokens) -> int | None:
    """How many tokens the thought has, its closing tag included: 0 without one, None while it is open."""

    def text(count: int) -> str:
        return dialect.opening + dialect.tokenizer.decode(
            tokens[:count], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    whole = text(len(tokens))
    if CLOSE in whole:
        # text only grows with its tokens, so the first place is found by halving
        return bisect_left(range(1, len(tokens) + 1), True, key=lambda n: CLOSE in text(n)) + 1
    return None if OPEN in whole else 0
