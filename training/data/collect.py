"""Finished games become samples: who is trained on what, and what each turn earned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from ...agents.policy import ConstraintError
from ...envs.types import Episode, Message, Turn
from ..config import Credits
from .advantage import Outcome
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
    which have no tokens, give no sample. Raises ConstraintError for a turn of the learner that was held
    to its choices: trained as if drawn freely, such replies drive the mass on legal moves to 0.
    """
    samples: list[Sample] = []
    outcomes: list[Outcome] = []
    endings: Counter[str] = Counter()
    groups: dict[tuple[Message, ...], str] = {}
    spread = settings.spread
    for index, episode in sorted(episodes, key=lambda pair: pair[0]):
        endings[episode.ending.kind] += 1
        trained = _trained(episode, settings, learner, role_of, judges)
        if not trained:
            continue
        opponent, game, kind = _opponent(episode, learner), episode.game.id, episode.ending.kind
        turns_of: dict[str, list[tuple[int, Turn]]] = {seat: [] for seat in trained}
        for number, turn in enumerate(episode.turns):
            if turn.seat in turns_of:
                turns_of[turn.seat].append((number, turn))
        for seat, turns in turns_of.items():
            prompt = None
            for _, turn in turns:
                if turn.reply.tokens:
                    prompt = turn.prompt
                    break
            if prompt is None:
                continue
            group = groups.get(prompt) or groups.setdefault(prompt, _digest(prompt))
            payoff = settings.scale * episode.payoff[seat]
            credits = _credits(turns, settings)
            reward = payoff if spread == "terminal" else payoff + sum(credits)
            role = role_of[seat]
            outcomes.append(Outcome(game, role, seat, opponent, group, index, episode.seed, reward))
            about = (game, role, seat, opponent, group, index, episode.seed, episode.replicate)
            earned = returns(payoff, credits, spread)
            for tokens, logprobs, spans in _merged(turns, credits, earned):
                samples.append(
                    Sample(tokens, logprobs, spans, *about, payoff, reward, version, kind)
                )
    return Collected(tuple(samples), tuple(outcomes), dict(endings))


def _trained(
    episode: Episode,
    settings: Credits,
    learner: str,
    role_of: Mapping[str, str],
    judges: Collection[str],
) -> list[str]:
    """The seats that are trained on this episode."""
    kind = episode.ending.kind
    if kind == "error" or (kind == "truncated" and not settings.truncated):
        return []
    roles = settings.trained
    return [
        seat
        for seat in (episode.ending.seats if kind == "forfeit" else episode.payoff)
        if episode.seats[seat].name == learner
        and role_of[seat] not in judges
        and (not roles or role_of[seat] in roles)
    ]


def _opponent(episode: Episode, learner: str) -> str:
    """The names of the other policies at the table; `self` in a mirror game."""
    names = {ref.name for ref in episode.seats.values()}
    if len(names) == 1:
        return "self"
    return ",".join(sorted(names - {learner})) or "self"


def _credits(turns: Sequence[tuple[int, Turn]], settings: Credits) -> list[float]:
    """Named credits of each of a seat's turns; one that was asked again has the price of a failed try.

    A last try is paid for by the game: by the forfeit, or by what its fall-back move is worth.
    """
    amounts = [
        settings.scale * _named(turn, settings) if turn.credits else 0.0 for _, turn in turns
    ]
    for before, (_, turn) in enumerate(turns[1:]):
        if turn.retry:
            amounts[before] += settings.scale * settings.failed_try
    return amounts


def _named(turn: Turn, settings: Credits) -> float:
    """The sum of the turn's credits of the wanted names."""
    wanted = settings.named or turn.credits.keys()
    return sum(amount for name, amount in turn.credits.items() if name in wanted)


_Run: TypeAlias = tuple[tuple[int, ...], tuple[float, ...], tuple[Span, ...]]
"""Tokens, log-probabilities and spans of turns that extend each other."""


def _merged(
    turns: Sequence[tuple[int, Turn]], credits: Sequence[float], earned: Sequence[float]
) -> list[_Run]:
    """The turns of a seat as runs whose tokens extend each other. Raises ConstraintError."""
    found: list[_Run] = []
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()
    for (index, turn), credit, amount in zip(turns, credits, earned, strict=True):
        reply = turn.reply
        if not reply.tokens:
            continue
        if reply.unconstrained is not None:
            raise ConstraintError(
                f"turn {index} of {turn.seat} was drawn among its choices; its log-probabilities are not "
                "those that the learner is trained on. Let the learner play unconstrained"
            )
        prompt = reply.prompt_tokens
        if tokens and prompt[: len(tokens)] != tokens:
            found.append((tokens, logprobs, spans))
            tokens, logprobs, spans = (), (), ()
        start = len(prompt)
        logprobs += (0.0,) * (start - len(tokens)) + reply.logprobs
        tokens = prompt + reply.tokens
        spans += (Span(index, start, len(tokens), credit, amount),)
    if tokens:
        found.append((tokens, logprobs, spans))
    return found


def _digest(prompt: tuple[Message, ...]) -> str:
    text = "\x1e".join(f"{m.speaker}\x1f{m.text}" for m in prompt)
    return sha256(text.encode()).hexdigest()[:16]
