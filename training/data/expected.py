"""Samples of every move that was listed, in place of the one that was made.

The gradient of a turn is Σ_a π(a) (Q(h, a) − V(h)) ∇log π(a) over its moves, where an estimator has
(R − b) ∇log π(a) of the one that was drawn: expected policy gradients (Ciosek & Whiteson 2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...agents.language.transformer import Transformer
from ...agents.policy import Key, Request, Sampling
from ...envs.registry import Game
from ...envs.types import Episode
from ..config import Credits
from .advantage import Centre, Credited
from .collect import Asked, opponent, trained
from .critic import Array, Seen, Values, View, Visit
from .lots import Lot
from .samples import Attempt, Issue, Sample, Span


@dataclass(frozen=True, slots=True)
class Moves:
    """The moves at a view: the prompt's tokens, and of each its own, their log-probabilities, its odds."""

    prompt: tuple[int, ...]
    tokens: Sequence[tuple[int, ...]]
    logprobs: Sequence[tuple[float, ...]]
    odds: Array


class Critics:
    """What was seen of each game of a run, and what it says of a step's games."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        # of games that have not been played since the run was resumed
        self._saved: dict[str, Any] = {}

    def credited(
        self,
        games: Sequence[tuple[int, Episode]],
        game: Game,
        settings: Credits,
        *,
        learners: Mapping[str, Transformer],
        sampling: Sampling | None,
        version: int,
    ) -> Lot[Credited]:
        """A sample of each move at each turn, and of each try that was refused or came after one.

        All seats are played by `learners`, whose weights are those that played. Games that ended in an error
        or were truncated are left out. Raises ConfigError as `Seen.walk` does.
        """
        seen = self._of(game)
        walked = [
            (index, episode, seen.walk(episode, settings.scale))
            for index, episode in games
            if episode.ending.kind in ("outcome", "forfeit")
        ]
        if not walked:
            return Lot[Credited]((), (), (), (), ())
        players = {
            seat: learners[ref.name]
            for _, episode, _ in walked
            for seat, ref in episode.seats.items()
        }
        moves = _moves(seen.views, players, sampling)
        widest = max((len(each.odds) for each in moves), default=0)
        odds = np.array([np.pad(each.odds, (0, widest - len(each.odds))) for each in moves])

        asked = Asked(settings, learners, game.role_of, (), version)
        made = _Made(seen, moves, seen.values(odds), asked)
        for index, episode, visits in walked:
            made.add(index, episode, visits)
        return made.lot()

    def state(self) -> dict[str, Any]:
        """What was seen, as JSON values."""
        return {**self._saved, **{label: seen.state() for label, seen in self._seen.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """What `state` gave."""
        self._saved = dict(state)

    def _of(self, game: Game) -> Seen:
        label = game.ref.label
        if label not in self._seen:
            self._seen[label] = Seen(label, game.seats)
            if label in self._saved:
                self._seen[label].restore(self._saved.pop(label))
        return self._seen[label]


def _moves(
    views: Sequence[View], players: Mapping[str, Transformer], sampling: Sampling | None
) -> list[Moves]:
    """The moves at every view, each with its likelihood, which is that of a whole reply."""
    found: dict[int, Moves] = {}
    for policy in dict.fromkeys(players.values()):
        own = [number for number, view in enumerate(views) if players[view.seat] is policy]
        found |= zip(own, _scored(policy, [views[number] for number in own], sampling), strict=True)
    return [found[number] for number in range(len(views))]


def _scored(policy: Transformer, views: Sequence[View], sampling: Sampling | None) -> list[Moves]:
    # the key is never used: a likelihood draws no noise
    prompts = policy.prompts([Request(*view, Key(0, 0, view.seat, 0)) for view in views])
    spelt = [[policy.dialect.choice(choice) for choice in view.choices] for view in views]
    wanted = [(prompt, set(own)) for prompt, own in zip(prompts, spelt, strict=True)]
    scores = policy.scores(wanted, sampling or policy.sampling)

    found: list[Moves] = []
    for prompt, own in zip(prompts, spelt, strict=True):
        scored = [scores[prompt][tokens] for tokens in own]
        likely = np.exp([each.total for each in scored])
        tokens = [(*each.tokens, policy.dialect.end) for each in scored]
        odds = likely / max(float(likely.sum()), 1e-300)
        found.append(Moves(prompt, tokens, [each.logprobs for each in scored], odds))
    return found


class _Made:
    """The samples of a step, encoded as a lot: a kind for each move at each history."""

    def __init__(self, seen: Seen, moves: Sequence[Moves], values: Values, asked: Asked) -> None:
        self._seen = seen
        self._moves = moves
        self._values = values
        self._asked = asked
        self._kinds: list[Credited] = []
        self._listed: dict[int, list[tuple[int, Centre, float]]] = {}
        self._of: list[int] = []
        self._issues: list[Issue] = []
        self._centres: list[tuple[Centre, ...]] = []
        self._advantages: list[tuple[float, ...]] = []

    def add(self, index: int, episode: Episode, visits: Sequence[Visit]) -> None:
        """The samples of a game."""
        seats = trained(episode, self._asked)
        issue = index, episode.seed, episode.replicate
        for place, visit in enumerate(visits):
            if visit.turn.seat not in seats or visit.number < episode.begun:
                continue
            if visit.turn.refused or visit.turn.retry:
                later = [v.turn for v in visits[place + 1 :] if v.turn.seat == visit.turn.seat]
                self._tried(issue, episode, visit, again=bool(later and later[0].retry))
                continue
            if visit.node not in self._listed:
                self._listed[visit.node] = self._every(issue, episode, visit)
            for each in self._listed[visit.node]:
                self._put(issue, *each)

    def lot(self) -> Lot[Credited]:
        return Lot(self._kinds, self._of, self._issues, self._centres, self._advantages)

    def _put(self, issue: Issue, kind: int, centre: Centre, advantage: float) -> None:
        self._of.append(kind)
        self._issues.append(issue)
        self._centres.append((centre,))
        self._advantages.append((advantage,))

    def _every(
        self, issue: Issue, episode: Episode, visit: Visit
    ) -> list[tuple[int, Centre, float]]:
        """Each move at a history: its sample's kind, and how it is measured against all of them."""
        own = self._moves[self._seen.view[visit.node]]
        seat = self._seen.seats.index(visit.turn.seat)
        first, count = self._seen.first[visit.node], len(own.odds)
        worth = float(self._values.worth[visit.node, seat])
        attempt = self._attempt(issue, episode, visit)

        found: list[tuple[int, Centre, float]] = []
        choices = self._seen.views[self._seen.view[visit.node]].choices
        told = zip(choices, own.tokens, own.logprobs, own.odds, strict=True)
        for place, (move, tokens, logprobs, odds) in enumerate(told, first):
            value = float(self._values.moves[place, seat])
            # The loss has `count` moves in the place of one, each as often: its odds weigh it.
            weight = count * float(odds)
            centre = Centre(worth, 1 / weight if weight else math.inf)
            found.append((len(self._kinds), centre, centre.advantage(value)))
            self._kinds.append(_sample(attempt, visit, own.prompt, tokens, logprobs, value, move))
        return found

    def _tried(self, issue: Issue, episode: Episode, visit: Visit, *, again: bool) -> None:
        """A try that was no move, or came after one: as it was drawn, measured against its history."""
        reply, settings = visit.turn.reply, self._asked.settings
        if not reply.tokens:
            return
        seat = self._seen.seats.index(visit.turn.seat)
        worth = float(self._values.worth[visit.node, seat])
        if visit.move >= 0:
            place = self._seen.first[visit.node] + visit.move
            earned = float(self._values.moves[place, seat])
        elif again:
            earned = worth + settings.scale * settings.failed_try
        else:
            # a forfeit, or a move in a form that the choices do not tell
            earned = settings.scale * episode.payoff[visit.turn.seat]

        centre = Centre(worth)
        attempt = self._attempt(issue, episode, visit)
        self._put(issue, len(self._kinds), centre, centre.advantage(earned))
        self._kinds.append(
            _sample(attempt, visit, reply.prompt_tokens, reply.tokens, reply.logprobs, earned)
        )

    def _attempt(self, issue: Issue, episode: Episode, visit: Visit) -> Attempt:
        name = visit.turn.seat
        paid = self._asked.settings.scale * episode.payoff[name]
        return Attempt(
            game=episode.game.label,
            role=visit.turn.role,
            seat=name,
            opponent=opponent(episode, self._asked),
            group=str(visit.node),
            episode=issue[0],
            seed=issue[1],
            replicate=issue[2],
            payoff=paid,
            reward=paid,
            by_turn=False,
            version=self._asked.version,
            ending=episode.ending.kind,
            learner=episode.seats[name].name,
        )


def _sample(
    attempt: Attempt,
    visit: Visit,
    prompt: tuple[int, ...],
    tokens: tuple[int, ...],
    logprobs: tuple[float, ...],
    earned: float,
    move: str = "",
) -> Credited:
    start, stop = len(prompt), len(prompt) + len(tokens)
    span = Span(visit.number, start, stop, 0.0, earned, retry=visit.turn.retry, move=move)
    return Credited(Sample(attempt, prompt + tokens, (0.0,) * start + logprobs, (span,)), (), ())
