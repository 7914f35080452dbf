"""Finished games become samples: who is trained on what, and what each turn earned."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ..envs.types import Episode, Message, Turn
from .advantage import Outcome
from .config import Credits
from .rewards import returns
from .samples import Sample, Span


@dataclass(frozen=True, slots=True)
class Collected:
    """The samples of some episodes, what each trained seat earned, and how the episodes ended."""

    samples: tuple[Sample, ...]
    outcomes: tuple[Outcome, ...]
    endings: Mapping[str, int] = field(default_factory=dict[str, int])


def collect(
    episodes: Iterable[tuple[int, Episode]],
    settings: Credits,
    *,
    learner: str,
    role_of: Mapping[str, str],
    version: int = 0,
    judges: Collection[str] = (),
) -> Collected:
    """Samples of every turn that the policy named `learner` took, episodes given with their issue index.

    Opponents' turns are never trained, nor are judges. Of a forfeit only the offenders are. Truncated
    games are trained on if `settings.truncated`; games that ended in an error never. Scripted replies,
    which have no tokens, give no sample.
    """
    samples: list[Sample] = []
    outcomes: list[Outcome] = []
    endings: Counter[str] = Counter()
    groups: dict[tuple[Message, ...], str] = {}
    for index, episode in sorted(episodes, key=lambda pair: pair[0]):
        endings[episode.ending.kind] += 1
        for seat, paid in episode.payoff.items():
            if role_of[seat] in judges or not _trained(episode, seat, role_of[seat], settings, learner):
                continue
            turns = [(i, turn) for i, turn in enumerate(episode.turns) if turn.seat == seat]
            prompt = next((turn.prompt for _, turn in turns if turn.reply.tokens), None)
            if prompt is None:
                continue
            group = groups.get(prompt) or groups.setdefault(prompt, _digest(prompt))
            seated = _Seated(index, episode, seat, role_of[seat], _opponent(episode, learner), group)
            outcome, made = _seat_samples(seated, turns, settings.scale * paid, settings, version)
            outcomes.append(outcome)
            samples += made
    return Collected(tuple(samples), tuple(outcomes), dict(endings))


@dataclass(frozen=True, slots=True)
class _Seated:
    """One seat of one episode."""

    index: int
    episode: Episode
    seat: str
    role: str
    opponent: str
    group: str


def _seat_samples(
    at: _Seated, turns: Sequence[tuple[int, Turn]], payoff: float, settings: Credits, version: int
) -> tuple[Outcome, list[Sample]]:
    """What the seat earned in all, and its samples. The outcome's reward counts every credit."""
    episode, game = at.episode, at.episode.game.id
    credits = _credits(episode, turns, settings)
    earned = returns(payoff, credits, settings.spread)
    reward = payoff if settings.spread == "terminal" else payoff + math.fsum(credits)
    outcome = Outcome(game, at.role, at.seat, at.opponent, at.group, at.index, episode.seed, reward)
    by_turn = {i: (c, e) for (i, _), c, e in zip(turns, credits, earned, strict=True)}
    samples = [
        Sample(
            tokens=tokens,
            logprobs=logprobs,
            spans=spans,
            game=game,
            role=at.role,
            seat=at.seat,
            opponent=at.opponent,
            group=at.group,
            episode=at.index,
            seed=episode.seed,
            replicate=episode.replicate,
            payoff=payoff,
            reward=reward,
            version=version,
            ending=episode.ending.kind,
        )
        for tokens, logprobs, spans in _merged(turns, by_turn)
    ]
    return outcome, samples


def _opponent(episode: Episode, learner: str) -> str:
    """The names of the other policies at the table; `self` in a mirror game."""
    return ",".join(sorted({ref.name for ref in episode.seats.values() if ref.name != learner})) or "self"


def failed(turns: Sequence[Turn], index: int, episode: Episode) -> bool:
    """Whether the game refused the seat's turn `index` (of the seat's own `turns`)."""
    if index + 1 < len(turns):
        return turns[index + 1].retry > turns[index].retry
    return episode.ending.kind == "forfeit" and turns[index].seat in episode.ending.seats


def _trained(episode: Episode, seat: str, role: str, settings: Credits, learner: str) -> bool:
    if episode.seats[seat].name != learner or (settings.trained and role not in settings.trained):
        return False
    kind = episode.ending.kind
    if kind == "forfeit":
        return seat in episode.ending.seats
    return kind == "outcome" or (kind == "truncated" and settings.truncated)


def _credits(episode: Episode, turns: Sequence[tuple[int, Turn]], settings: Credits) -> list[float]:
    """Named credits of each of a seat's turns; a refused try that was made good has its own.

    The try that ended the game is already paid for by the forfeit.
    """
    own = [turn for _, turn in turns]
    amounts = [settings.scale * sum(turn.credits.values()) for turn in own]
    for i in range(len(own) - 1):
        if failed(own, i, episode):
            amounts[i] += settings.scale * settings.failed_try
    return amounts


def _merged(
    turns: Sequence[tuple[int, Turn]], by_turn: Mapping[int, tuple[float, float]]
) -> Iterable[tuple[tuple[int, ...], tuple[float, ...], tuple[Span, ...]]]:
    """Runs of turns whose tokens extend each other: (tokens, logprobs, spans) of each run."""
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()
    for index, turn in turns:
        reply = turn.reply
        if not reply.tokens:
            continue
        prompt = reply.prompt_tokens
        if not tokens or prompt[: len(tokens)] != tokens:
            if tokens:
                yield tokens, logprobs, spans
            tokens, logprobs, spans = (), (), ()
        start = len(prompt)
        logprobs += (0.0,) * (start - len(tokens)) + reply.logprobs
        tokens = prompt + reply.tokens
        spans += (Span(index, start, len(tokens), *by_turn[index]),)
    if tokens:
        yield tokens, logprobs, spans


def _digest(prompt: tuple[Message, ...]) -> str:
    text = "\x1e".join(f"{m.speaker}\x1f{m.text}" for m in prompt)
    return sha256(text.encode()).hexdigest()[:16]
