"""What the turns of a seat earned, and the runs of tokens that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from ...agents.policy import ConstraintError
from ...envs.types import Turn
from ..config import Credits, Spread
from .branches import Part
from .samples import Span


class Run(NamedTuple):
    """Turns whose tokens extend each other."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()


class Earned(NamedTuple):
    """What a seat earned: in all, by turn, whether by credits; and its turns as runs of tokens."""

    reward: float
    by_turn: Sequence[float]
    credited: bool
    runs: Sequence[Run]


def earned(turns: Sequence[tuple[int, Turn]], paid: float, settings: Credits, lost: bool) -> Earned:
    """What a seat is trained on that was paid so much beside its credits. Raises ConstraintError.

    `lost`: it forfeited, and what the game takes for that is not counted.
    """
    credits, ordinals = _credits(turns, settings, lost), _ordinals(turns)
    # `terminal` credits no turn, so the attempt is not paid credits either.
    reward = paid if settings.spread == "terminal" else paid + sum(credits)

    by_turn = returns(paid, credits, settings.spread, settings.discount, ordinals)
    runs = tuple(_merged(turns, credits, by_turn, ordinals))
    return Earned(reward, by_turn, _credited(turns, settings), runs)


def returns(
    payoff: float,
    credits: Sequence[float],
    spread: Spread,
    discount: float = 1.0,
    ordinals: Sequence[int] = (),
) -> list[float]:
    """What each of a seat's turns is credited with, in turn order.

    `terminal`: the payoff. `to_go`: the payoff and all credits from this turn on. `turn`: the payoff
    and this turn's credits. What comes k of the seat's turns later counts discount^k; tries at one turn,
    which share its ordinal (by default none do), lie no turn apart.
    """
    ordinals = ordinals or range(len(credits))
    gathered, total = [0.0] * len(credits), payoff

    # Backwards: what comes later is part of what a turn has yet to earn.
    for index in range(len(credits) - 1, -1, -1):
        if index + 1 < len(credits):
            # Tries at one turn share an ordinal, and the exponent is 0.
            total *= discount ** (ordinals[index + 1] - ordinals[index])
        if spread == "to_go":
            total += credits[index]
        gathered[index] = total + (credits[index] if spread == "turn" else 0.0)
    return gathered


def _credited(turns: Sequence[tuple[int, Turn]], settings: Credits) -> bool:
    """Whether the seat was given credits that count; a credit of 0 is one."""
    if settings.spread == "terminal":
        return False
    return any(not settings.named or name in settings.named for _, t in turns for name in t.credits)


def _ordinals(turns: Sequence[tuple[int, Turn]]) -> list[int]:
    """For each of a seat's turns, how many began up to it: a further try begins none, nor a tool's call."""
    return list(accumulate(int(not (turn.retry or turn.call)) for _, turn in turns))


def _credits(turns: Sequence[tuple[int, Turn]], settings: Credits, lost: bool) -> list[float]:
    """Named credits of each of a seat's turns; one that was asked again has the price of a failed try.

    A last try is paid for by the game: by the forfeit, or by what its fall-back move is worth. Where payoffs
    do not count, a forfeit has that price too (`lost`), or it would be as good as a false answer.
    """
    amounts = [
        settings.scale * _named(turn, settings) if turn.credits else 0.0 for _, turn in turns
    ]
    for before, (_, turn) in enumerate(turns[1:]):
        if turn.retry and not turn.call:
            # The price falls on the try that failed, not on the one after it.
            amounts[before] += settings.scale * settings.failed_try
    if lost and amounts:
        amounts[-1] += settings.scale * settings.failed_try
    return amounts


def _named(turn: Turn, settings: Credits) -> float:
    """The sum of the turn's credits of the wanted names."""
    names = settings.named or turn.credits.keys()
    return sum(amount for name, amount in turn.credits.items() if name in names)


def _merged(
    turns: Sequence[tuple[int, Turn]],
    credits: Sequence[float],
    returned: Sequence[float],
    ordinals: Sequence[int],
) -> Iterator[Run]:
    """The turns of a seat as runs whose tokens extend each other. Raises ConstraintError."""
    run = Run()
    told = zip(turns, credits, returned, ordinals, strict=True)
    for (index, turn), credit, amount, ordinal in told:
        reply, prompt = turn.reply, turn.reply.prompt_tokens
        if not reply.tokens:
            continue
        if reply.unconstrained is not None:
            raise ConstraintError(
                f"turn {index} of {turn.seat} was drawn among its choices; its log-probabilities are not "
                "those that the learner is trained on. Let the learner play unconstrained"
            )

        # A prompt that does not begin with all that was said starts a sample of its own.
        if run.tokens and prompt[: len(run.tokens)] != run.tokens:
            yield run
            run = Run()

        start, stop = len(prompt), len(prompt) + len(reply.tokens)
        # Context was not sampled; zeros keep log-probabilities beside their tokens.
        context = (0.0,) * (start - len(run.tokens))
        given = (start + reply.given[0], start + reply.given[1]) if reply.given else (0, 0)
        run = Run(
            prompt + reply.tokens,
            run.logprobs + context + reply.logprobs,
            (*run.spans, Span(index, start, stop, credit, amount, ordinal, turn.retry, given)),
        )
    if run.tokens:
        yield run


def wanted(runs: Iterable[Run], ordinals: Sequence[int], part: Part) -> Iterator[Run]:
    """The runs with the part's spans of these ordinals (all when empty), without what follows the last."""
    for run in runs:
        spans = tuple(
            span
            for span in run.spans
            if part[0] <= span.turn < part[1] and (not ordinals or span.ordinal in ordinals)
        )
        if spans:
            # Tokens after the last wanted turn would be computed for nothing.
            stop = spans[-1].stop
            yield Run(run.tokens[:stop], run.logprobs[:stop], spans)
