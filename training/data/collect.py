"""Finished games become samples: who is trained on what, and what each turn earned.

What a proposer earns for a task is part of its game (`envs/tasks/pay.py`), chosen by the game's `reward`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from ...agents.policy import ConstraintError
from ...envs.types import Episode, Message, Turn
from ..config import Credits, Spread
from .branches import NONE, WHOLE, Branches, Part, Told, valued
from .lots import Lot
from .samples import Attempt, Issue, Sample, Span


def collect(
    episodes: Iterable[tuple[int, Episode]],
    settings: Credits,
    *,
    learner: str,
    role_of: Mapping[str, str],
    beside: Collection[str] = (),
    version: int = 0,
    judges: Collection[str] = (),
    charges: Mapping[tuple[int, str], float] = MappingProxyType({}),
    branches: Branches = NONE,
    value: bool = False,
) -> Lot[Sample]:
    """Samples of every turn that the policy named `learner` took, episodes given with their issue index.

    `beside` names further learners, whose turns are trained as well.

    Opponents' turns are never trained, nor are judges. Of a forfeit only the offenders are. Truncated
    games are trained on if `settings.truncated`; games that ended in an error never. Scripted replies,
    which have no tokens, give no sample. `charges`, by issue index and seat, are taken from what a seat is
    paid, in units of payoff. A game that was continued (`branches`) makes two attempts of a seat, before
    the branch and after it; with `value` the first earns the mean over the continuations. Raises
    ConstraintError for a turn of the learner that was held to its choices: trained as if drawn freely, such
    replies drive the mass on legal moves to 0.
    """
    asked = _Asked(settings, {learner, *beside}, role_of, judges, version, {}, [], {})
    of: list[int] = []
    issues: list[Issue] = []
    told: dict[int, Mapping[str, Told]] = {}
    known: dict[object, tuple[list[int], Mapping[str, Told]]] = {}

    # Issue order and not that of arrival, so that a run repeats.
    for index, episode in sorted(episodes, key=itemgetter(0)):
        parts = branches.parts(index, episode.begun)
        owed = {s: charges.get((index, s), 0.0) for s in episode.payoff} if charges else {}

        # Small games are full of games that go alike: what is learned of them is made once.
        same = _identity(episode, parts, owed)
        issue = index, episode.seed, episode.replicate
        alike = known.get(same)
        if alike is None:
            alike = known[same] = _alike(episode, issue, parts, owed, asked)
        places, told[index] = alike
        of += places
        issues += [issue] * len(places)

    samples = Lot(asked.kinds, of, issues)
    return Lot.over(valued(samples, branches, told)) if value else samples


class _Asked(NamedTuple):
    """How games are collected, and what was met so far.

    groups: the names of first prompts
    kinds:  the samples that differ in more than their game
    seats:  of seats that went alike, the places of their kinds and what was earned
    """

    settings: Credits
    learners: Collection[str]
    role_of: Mapping[str, str]
    judges: Collection[str]
    version: int
    groups: dict[tuple[Message, ...], str]
    kinds: list[Sample]
    seats: dict[object, tuple[range, Told]]


def _identity(
    episode: Episode, parts: tuple[Part, ...], owed: Mapping[str, float]
) -> tuple[object, ...]:
    """What of a game decides what is learned of it; the episodes keep its objects alive meanwhile."""
    paid = episode.payoff.values()
    # Flat: it is made and hashed for every game.
    found: list[object] = [id(episode.game), episode.ending.kind, episode.ending.seats, parts]
    found += map(id, episode.seats.values())
    found += paid
    found += owed.values()
    if 0 in paid:
        found += _zeros(paid)
    found += _said(episode.turns)
    return tuple(found)


def _said(turns: Iterable[Turn]) -> list[object]:
    """What of turns decides what is learned of them: equal replies to equal prompts are one object."""
    found: list[object] = []
    for seat, _, prompt, reply, retry, _, credits, _, call in turns:
        found += seat, prompt, id(reply), retry, call, id(credits)
    return found


def _zeros(paid: Iterable[float]) -> list[str]:
    """The zeros among payoffs with their signs: 0 and -0 are equal, and written unlike."""
    return [str(amount) for amount in paid if not amount]


def _alike(
    episode: Episode,
    issue: Issue,
    parts: tuple[Part, ...],
    owed: Mapping[str, float],
    asked: _Asked,
) -> tuple[list[int], Mapping[str, Told]]:
    """The places of the kinds that a game gives, and what each seat earned, whether it gave one or not.

    Raises ConstraintError.
    """
    seats = _trained(episode, asked)
    opponent = _opponent(episode, asked) if seats else ""
    places: list[int] = []
    told: dict[str, Told] = {}
    for name, turns in _turns(episode, seats).items():
        seat = _Seat(episode, name, opponent, turns, parts, owed.get(name))
        # Seats may go alike in games that do not.
        same = seat.identity()
        if same not in asked.seats:
            fresh, earned = _learned(seat, issue, asked)
            asked.seats[same] = range(len(asked.kinds), len(asked.kinds) + len(fresh)), earned
            asked.kinds.extend(fresh)
        own, told[name] = asked.seats[same]
        places += own
    return places, told


class _Seat(NamedTuple):
    """A seat that is trained: its turns with their index among all, the parts they fall into, its charge."""

    episode: Episode
    name: str
    opponent: str
    turns: Sequence[tuple[int, Turn]]
    parts: tuple[Part, ...]
    charge: float | None

    def identity(self) -> tuple[object, ...]:
        """What of it decides what is learned of it."""
        episode, name = self.episode, self.name
        payoff = episode.payoff[name]
        return (
            id(episode.game),
            episode.ending.kind,
            id(episode.seats[name]),
            *(name, self.opponent, payoff, *_zeros([payoff]), self.parts, self.charge),
            *[number for number, _ in self.turns],
            *_said(turn for _, turn in self.turns),
        )


def _learned(seat: _Seat, issue: Issue, asked: _Asked) -> tuple[list[Sample], Told]:
    """What a seat's turns give to learn from, and what they earned. Raises ConstraintError."""
    settings, groups, episode, turns = asked.settings, asked.groups, seat.episode, seat.turns
    lost = episode.ending.kind == "forfeit" and not settings.payoff
    payoff = settings.scale * episode.payoff[seat.name]
    paid = payoff if settings.payoff else 0.0
    if seat.charge is not None:
        paid -= settings.scale * seat.charge
    made = _earned(turns, paid, settings, lost)

    samples: list[Sample] = []
    for part in seat.parts:
        prompt = _first(turns, part)
        if prompt is None:
            continue
        # Groups are named by their first prompt, whose digest is made once a step.
        group = groups.get(prompt) or groups.setdefault(prompt, _digest(prompt))
        attempt = Attempt(
            game=episode.game.label,
            role=asked.role_of[seat.name],
            seat=seat.name,
            opponent=seat.opponent,
            group=group,
            episode=issue[0],
            seed=issue[1],
            replicate=issue[2],
            payoff=payoff,
            reward=made.reward,
            by_turn=made.credited,
            version=asked.version,
            ending=episode.ending.kind,
            learner=episode.seats[seat.name].name,
        )
        runs = made.runs
        if settings.turns or part is not WHOLE[0]:
            runs = tuple(_wanted(runs, settings.turns, part))
        samples += [Sample(attempt, *run) for run in runs]

    numbers = [number for number, _ in turns]
    return samples, (made.reward, dict(zip(numbers, made.by_turn, strict=True)))


def _earned(
    turns: Sequence[tuple[int, Turn]], paid: float, settings: Credits, lost: bool
) -> _Earned:
    """What a seat is trained on that was paid so much beside its credits. Raises ConstraintError.

    `lost`: it forfeited, and what the game takes for that is not counted.
    """
    credits, ordinals = _credits(turns, settings, lost), _ordinals(turns)
    # `terminal` credits no turn, so the attempt is not paid credits either.
    reward = paid if settings.spread == "terminal" else paid + sum(credits)

    earned = returns(paid, credits, settings.spread, settings.discount, ordinals)
    runs = tuple(_merged(turns, credits, earned, ordinals))
    return _Earned(reward, earned, _by_turn(turns, settings), runs)


def _first(turns: Sequence[tuple[int, Turn]], part: Part) -> tuple[Message, ...] | None:
    """The prompt of the first turn of the part that a model answered."""
    wanted = (t.prompt for i, t in turns if t.reply.tokens and part[0] <= i < part[1])
    return next(wanted, None)


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


def _by_turn(turns: Sequence[tuple[int, Turn]], settings: Credits) -> bool:
    """Whether the seat was given credits that count; a credit of 0 is one."""
    if settings.spread == "terminal":
        return False
    return any(not settings.named or name in settings.named for _, t in turns for name in t.credits)


def _ordinals(turns: Sequence[tuple[int, Turn]]) -> list[int]:
    """For each of a seat's turns, how many began up to it: a further try begins none, nor a tool's call."""
    return list(accumulate(int(not (turn.retry or turn.call)) for _, turn in turns))


def _wanted(runs: Iterable[_Run], ordinals: Sequence[int], part: Part) -> Iterator[_Run]:
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
            yield _Run(run.tokens[:stop], run.logprobs[:stop], spans)


def _turns(episode: Episode, seats: Sequence[str]) -> dict[str, list[tuple[int, Turn]]]:
    """The turns of each of the seats, with their index among all."""
    found: dict[str, list[tuple[int, Turn]]] = {seat: [] for seat in seats}
    for number, turn in enumerate(episode.turns):
        if turn.seat in found:
            found[turn.seat].append((number, turn))
    return found


def _trained(episode: Episode, asked: _Asked) -> list[str]:
    """The seats that are trained on this episode."""
    kind, roles = episode.ending.kind, asked.settings.trained
    if kind == "error" or (kind == "truncated" and not asked.settings.truncated):
        return []

    # A forfeit pays the innocent for nothing that they did.
    seats = episode.ending.seats if kind == "forfeit" else episode.payoff
    return [
        seat
        for seat in seats
        if episode.seats[seat].name in asked.learners
        and asked.role_of[seat] not in asked.judges
        and (not roles or asked.role_of[seat] in roles)
    ]


def _opponent(episode: Episode, asked: _Asked) -> str:
    """The names of the players that do not learn, judges left out; `self` where all learn."""
    others = {ref.name for s, ref in episode.seats.items() if asked.role_of[s] not in asked.judges}
    return ",".join(sorted(others.difference(asked.learners))) or "self"


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
    wanted = settings.named or turn.credits.keys()
    return sum(amount for name, amount in turn.credits.items() if name in wanted)


class _Earned(NamedTuple):
    """What a seat earned: in all, by turn, whether by credits; and its turns as runs of tokens."""

    reward: float
    by_turn: Sequence[float]
    credited: bool
    runs: Sequence[_Run]


class _Run(NamedTuple):
    """Turns whose tokens extend each other."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()


def _merged(
    turns: Sequence[tuple[int, Turn]],
    credits: Sequence[float],
    earned: Sequence[float],
    ordinals: Sequence[int],
) -> Iterator[_Run]:
    """The turns of a seat as runs whose tokens extend each other. Raises ConstraintError."""
    run = _Run()
    told = zip(turns, credits, earned, ordinals, strict=True)
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
            run = _Run()

        start, stop = len(prompt), len(prompt) + len(reply.tokens)
        # Context was not sampled; zeros keep log-probabilities beside their tokens.
        context = (0.0,) * (start - len(run.tokens))
        given = (start + reply.given[0], start + reply.given[1]) if reply.given else (0, 0)
        run = _Run(
            prompt + reply.tokens,
            run.logprobs + context + reply.logprobs,
            (*run.spans, Span(index, start, stop, credit, amount, ordinal, turn.retry, given)),
        )
    if run.tokens:
        yield run


def _digest(prompt: tuple[Message, ...]) -> str:
    # Control characters part the fields, so that two prompts never join to one text.
    text = "\x1e".join(f"{m.speaker}\x1f{m.text}" for m in prompt)
    return sha256(text.encode()).hexdigest()[:16]
