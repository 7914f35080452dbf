"""Samples: one seat's turns whose tokens extend each other, with the ids as the sampler made them.

Named tuples, which are made five times as fast as frozen dataclasses: a step may make hundreds of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from ...envs.types import EndingKind

Issue: TypeAlias = tuple[int, int, int]
"""Episode, seed and replicate: what alone sets attempts in games that went alike apart."""


class Attempt(NamedTuple):
    """One seat's part in one episode: what estimators group by, and what the seat was paid.

    game:     the id, with those parameters that are not the defaults, like `nim-v0(heaps=3)`
    group:    names attempts at the same first prompt
    episode:  index of the episode in issue order; `seed` and `replicate` are its own
    payoff:   the seat's, scaled; `reward` is what it earned in all, with its credits
    by_turn:  whether its game gave it credits, so that its turns may earn different amounts
    version:  step of the weights that played it
    learner:  the name of the learner that played it
    """

    game: str
    role: str
    seat: str
    opponent: str
    group: str
    episode: int
    seed: int
    replicate: int
    payoff: float
    reward: float
    by_turn: bool
    version: int
    ending: EndingKind
    learner: str = "learner"

    @property
    def issue(self) -> Issue:
        return self.episode, self.seed, self.replicate

    def at(self, issue: Issue) -> Attempt:
        """The same part in another episode that went alike."""
        # By place: by name each would take three times as long.
        return Attempt(*self[:5], *issue, *self[8:])


class Span(NamedTuple):
    """One turn inside a sample: its tokens are `tokens[start:stop]`, its return what it is credited with.

    `turn` is its index among the episode's turns; `credit` the sum of its named credits. `ordinal` counts
    the seat's own turns from 1; a further try at one has the same ordinal, and `retry` counts those.
    `given` are the first and the last place (exclusive) of tokens inside that were put in and not sampled.
    `move` is the listed move that it is, where all that were listed are trained ("": it is what was said).
    """

    turn: int
    start: int
    stop: int
    credit: float
    earned: float
    ordinal: int = 1
    retry: int = 0
    given: tuple[int, int] = (0, 0)
    move: str = ""

    @property
    def trained(self) -> int:
        """The number of tokens that are trained."""
        return self.stop - self.start - (self.given[1] - self.given[0])


class Sample(NamedTuple):
    """What one seat said in a run of turns, ready to be credited and packed.

    attempt:  whose turns these are, in which game
    tokens:   prompt and replies as the model saw and sampled them, nothing encoded again (length T)
    logprobs: of the sampled tokens under the sampler, 0 elsewhere (length T)
    spans:    the turns, in order; all tokens outside spans are context and never trained
    """

    attempt: Attempt
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    spans: tuple[Span, ...]

    @property
    def own(self) -> tuple[()]:
        return ()

    def at(self, issue: Issue, *own: Any) -> Sample:
        """The same in another episode that went alike."""
        return Sample(self.attempt.at(issue), *self[1:])

    @property
    def sampled(self) -> tuple[bool, ...]:
        """True for the tokens that the learner sampled (length T)."""
        mask = [False] * len(self.tokens)
        for span in self.spans:
            mask[span.start : span.stop] = [True] * (span.stop - span.start)
            # tokens of ours that closed a thought
            mask[slice(*span.given)] = [False] * (span.given[1] - span.given[0])
        return tuple(mask)

    @property
    def name(self) -> str:
        """What people find the sample by."""
        of = self.attempt
        copy = f" copy {of.replicate}" if of.replicate else ""
        return f"{of.game} seed {of.seed}{copy} {of.seat} turn {self.spans[0].turn}"
