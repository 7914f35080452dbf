"""Finished games become samples: who is trained on what, and what each turn earned.

What a proposer earns for a task is part of its game (`envs/tasks/pay.py`), chosen by the game's `reward`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from ...envs.types import Episode, Message, Turn
from ..config import Credits
from .branches import NONE, WHOLE, Branches, Part, Told, valued
from .earned import earned, wanted
from .lots import Lot
from .samples import Attempt, Issue, Sample


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
    met = _Met(Asked(settings, {learner, *beside}, role_of, judges, version), {}, [], {})
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
            alike = known[same] = _alike(episode, issue, parts, owed, met)
        places, told[index] = alike
        of += places
        issues += [issue] * len(places)

    samples = Lot(met.kinds, of, issues)
    return Lot.over(valued(samples, branches, told)) if value else samples


class Asked(NamedTuple):
    """Whose turns are wanted, how they are credited, and the step of the weights that played them."""

    settings: Credits
    learners: Collection[str]
    role_of: Mapping[str, str]
    judges: Collection[str]
    version: int


class _Met(NamedTuple):
    """What was asked for, and what was met so far.

    groups: the names of first prompts
    kinds:  the samples that differ in more than their game
    seats:  of seats that went alike, the places of their kinds and what was earned
    """

    asked: Asked
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
    met: _Met,
) -> tuple[list[int], Mapping[str, Told]]:
    """The places of the kinds that a game gives, and what each seat earned, whether it gave one or not.

    Raises ConstraintError.
    """
    seats = trained(episode, met.asked)
    others = opponent(episode, met.asked) if seats else ""
    places: list[int] = []
    told: dict[str, Told] = {}
    for name, turns in _turns(episode, seats).items():
        seat = _Seat(episode, name, others, turns, parts, owed.get(name))
        # Seats may go alike in games that do not.
        same = seat.identity()
        if same not in met.seats:
            fresh, earned = _learned(seat, issue, met)
            met.seats[same] = range(len(met.kinds), len(met.kinds) + len(fresh)), earned
            met.kinds.extend(fresh)
        own, told[name] = met.seats[same]
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


def _learned(seat: _Seat, issue: Issue, met: _Met) -> tuple[list[Sample], Told]:
    """What a seat's turns give to learn from, and what they earned. Raises ConstraintError."""
    asked, groups, episode, turns = met.asked, met.groups, seat.episode, seat.turns
    settings = asked.settings
    lost = episode.ending.kind == "forfeit" and not settings.payoff
    payoff = settings.scale * episode.payoff[seat.name]
    paid = payoff if settings.payoff else 0.0
    if seat.charge is not None:
        paid -= settings.scale * seat.charge
    made = earned(turns, paid, settings, lost)

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
            runs = tuple(wanted(runs, settings.turns, part))
        samples += [Sample(attempt, *run) for run in runs]

    numbers = [number for number, _ in turns]
    return samples, (made.reward, dict(zip(numbers, made.by_turn, strict=True)))


def _first(turns: Sequence[tuple[int, Turn]], part: Part) -> tuple[Message, ...] | None:
    """The prompt of the first turn of the part that a model answered."""
    wanted = (t.prompt for i, t in turns if t.reply.tokens and part[0] <= i < part[1])
    return next(wanted, None)


def _turns(episode: Episode, seats: Sequence[str]) -> dict[str, list[tuple[int, Turn]]]:
    """The turns of each of the seats, with their index among all."""
    found: dict[str, list[tuple[int, Turn]]] = {seat: [] for seat in seats}
    for number, turn in enumerate(episode.turns):
        if turn.seat in found:
            found[turn.seat].append((number, turn))
    return found


def trained(episode: Episode, asked: Asked) -> list[str]:
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


def opponent(episode: Episode, asked: Asked) -> str:
    """The names of the players that do not learn, judges left out; `self` where all learn."""
    others = {ref.name for s, ref in episode.seats.items() if asked.role_of[s] not in asked.judges}
    return ",".join(sorted(others.difference(asked.learners))) or "self"


def _digest(prompt: tuple[Message, ...]) -> str:
    # Control characters part the fields, so that two prompts never join to one text.
    text = "\x1e".join(f"{m.speaker}\x1f{m.text}" for m in prompt)
    return sha256(text.encode()).hexdigest()[:16]
