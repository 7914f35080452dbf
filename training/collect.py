"""Finished games become samples: who is trained on what, and what each turn earned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ..agents.policy import ConstraintError
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
    which have no tokens, give no sample. Raises ConstraintError for a turn of the learner that was held
    to its choices: trained as if drawn freely, such replies drive the mass on legal moves to 0.
    """
    samples: list[Sample] = []
    outcomes: list[Outcome] = []
    endings: Counter[str] = Counter()
    groups: dict[tuple[Message, ...], str] = {}
    for index, episode in sorted(episodes, key=lambda pair: pair[0]):
        endings[episode.ending.kind] += 1
        trained = _trained(episode, settings, learner, role_of, judges)
        if not trained:
            continue
        opponent = _opponent(episode, learner)
        turns_of: dict[str, list[tuple[int, Turn]]] = {seat: [] for seat in trained}
        for number, turn in enumerate(episode.turns):
            if turn.seat in turns_of:
                turns_of[turn.seat].append((number, turn))
        for seat, turns in turns_of.items():
            prompt = next((turn.prompt for _, turn in turns if turn.reply.tokens), None)
            if prompt is None:
                continue
            group = groups.get(prompt) or groups.setdefault(prompt, _digest(prompt))
            payoff = settings.scale * episode.payoff[seat]
            credits = _credits(episode, turns, settings)
            reward = payoff if settings.spread == "terminal" else payoff + sum(credits)
            role, game = role_of[seat], episode.game.id
            outcomes.append(Outcome(game, role, seat, opponent, group, index, episode.seed, reward))
            samples += [
                Sample(
                    tokens=tokens,
                    logprobs=logprobs,
                    spans=spans,
                    game=game,
                    role=role,
                    seat=seat,
                    opponent=opponent,
                    group=group,
                    episode=index,
                    seed=episode.seed,
                    replicate=episode.replicate,
                    payoff=payoff,
                    reward=reward,
                    version=version,
                    ending=episode.ending.kind,
                )
                for tokens, logprobs, spans in _merged(
                    turns, credits, returns(payoff, credits, settings.spread)
                )
            ]
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
    return ",".join(sorted(names - {learner})) or "self"


def failed(turns: Sequence[Turn], index: int, episode: Episode) -> bool:
    """Whether the game refused the seat's turn `index` (of the seat's own `turns`)."""
    if index + 1 < len(turns):
        return turns[index + 1].retry > turns[index].retry
    return episode.ending.kind == "forfeit" and turns[index].seat in episode.ending.seats


def _credits(episode: Episode, turns: Sequence[tuple[int, Turn]], settings: Credits) -> list[float]:
    """Named credits of each of a seat's turns; a refused try that was made good has its own.

    The try that ended the game is already paid for by the forfeit.
    """
    amounts = [settings.scale * _named(turn, settings) if turn.credits else 0.0 for _, turn in turns]
    if len(turns) > 1 and any(turn.retry for _, turn in turns):
        own = [turn for _, turn in turns]
        for i in range(len(own) - 1):
            if failed(own, i, episode):
                amounts[i] += settings.scale * settings.failed_try
    return amounts


def _named(turn: Turn, settings: Credits) -> float:
    """The sum of the turn's credits of the wanted names."""
    wanted = settings.named or turn.credits.keys()
    return sum(amount for name, amount in turn.credits.items() if name in wanted)


def _merged(
    turns: Sequence[tuple[int, Turn]], credits: Sequence[float], earned: Sequence[float]
) -> Iterator[tuple[tuple[int, ...], tuple[float, ...], tuple[Span, ...]]]:
    """Runs of turns whose tokens extend each other: (tokens, logprobs, spans) of each run."""
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
        if not tokens or prompt[: len(tokens)] != tokens:
            if tokens:
                yield tokens, logprobs, spans
            tokens, logprobs, spans = (), (), ()
        start = len(prompt)
        logprobs += (0.0,) * (start - len(tokens)) + reply.logprobs
        tokens = prompt + reply.tokens
        spans += (Span(index, start, len(tokens), credit, amount),)
    if tokens:
        yield tokens, logprobs, spans


def _digest(prompt: tuple[Message, ...]) -> str:
    text = "\x1e".join(f"{m.speaker}\x1f{m.text}" for m in prompt)
    return sha256(text.encode()).hexdigest()[:16]
