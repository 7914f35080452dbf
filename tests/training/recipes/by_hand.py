"""Games whose every word a test gives, and what a recipe makes of them: no model, no sandbox, no step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain

from sparring.agents.models.nursery.trusted import verdicts
from sparring.envs.registry import Game
from sparring.envs.table import Buffer, Table
from sparring.envs.tasks.programs import fenced
from sparring.envs.tasks.specs import SPECS
from sparring.envs.types import Ask, Episode, PolicyRef, Reply
from sparring.training.config import Config, credits_of, games
from sparring.training.data.batch import Row
from sparring.training.data.branches import NONE, Branches
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit
from sparring.training.data.filters import filtered, owed
from sparring.training.data.objectives import Judged, judged, pairs, rows, signed
from sparring.training.phases import stages
from sparring.training.players.cast import Cast
from sparring.training.recipes import recipe

Said = str | Sequence[str] | Callable[[Ask], str]


def by_hand(
    game: Game,
    said: Mapping[str, Said],
    seed: int = 0,
    buffer: Buffer | None = None,
    *,
    names: Mapping[str, str] | None = None,
    replicate: int = 0,
    begun: int = 0,
) -> Episode:
    """A game whose seats (or roles) say these texts, one after the other; the last is said again.

    Programs run in this process: the test or the game wrote them. A text is one token, the same wherever it
    stands. `names`: who plays a seat, else the learner.
    """
    table, count = Table(game, seed, buffer=buffer), dict.fromkeys(game.seats, 0)

    def reply(ask: Ask) -> Reply:
        texts = said.get(ask.seat, said.get(game.role_of[ask.seat], ""))
        texts = texts(ask) if callable(texts) else texts
        texts = [texts] if isinstance(texts, str) else texts
        text = texts[min(count[ask.seat], len(texts) - 1)]
        count[ask.seat] += 1
        prompt = tuple(_token(message.text) for message in table.view(ask.seat))
        return Reply(text, tokens=(_token(text),), logprobs=(-1.0,), prompt_tokens=prompt)

    while table.ending is None:
        table.answer([reply(a) for a in table.asks] if table.asks else verdicts(table.jobs))
    if table.fault:
        raise table.fault
    refs = {seat: PolicyRef((names or {}).get(seat, "learner"), "hand") for seat in game.seats}
    return table.episode(refs, replicate=replicate, begun=begun)


def _token(text: str) -> int:
    return int(sha256(text.encode()).hexdigest()[:8], 16)


def taken(
    config: Config, *episodes: Episode, entry: int = 0, branches: Branches = NONE
) -> Sequence[Judged]:
    """The samples that the recipe takes of these episodes, with their verdicts and advantages."""
    game, chosen, cast = games(config)[entry], config.menu[entry], Cast(config)
    issued, credits = list(enumerate(episodes)), credits_of(config, chosen)
    samples = collect(
        issued,
        credits,
        learner="learner",
        beside=cast.names,
        role_of=game.role_of,
        judges=cast.judges(game),
        charges=owed(issued, config.filters, game),
        branches=branches,
        value=config.starts.value,
    )
    kept, _ = filtered(samples, config.filters, game, credits.scale)
    trained = signed(credit(kept, {}, credits)[0], config.objective)
    low, high = (credits.scale * bound for bound in game.payoff_range)
    return judged(trained, config.objective, {game.ref.label: (low, high)})


def learned(
    config: Config, *episodes: Episode, entry: int = 0
) -> list[dict[str, tuple[float, ...]]]:
    """For each episode, the advantages of the turns of every seat that is trained, by the recipe's rules."""
    found: list[dict[str, tuple[float, ...]]] = [{} for _ in episodes]
    for each in taken(config, *episodes, entry=entry):
        of = each.attempt
        before = found[of.episode].get(of.seat, ())
        found[of.episode][of.seat] = (*before, *each.credited.advantages)
    return found


def phase(config: Config, number: int) -> Config:
    """The settings of a phase, from 1."""
    return stages(config)[number - 1].config


def answers(*texts: str, role: str = "solver") -> dict[str, str]:
    """What each solver answers, in its tags."""
    return {f"{role}_{i}": f"<answer>{text}</answer>" for i, text in enumerate(texts)}


def flat(found: Sequence[Mapping[str, Sequence[float]]]) -> list[float]:
    """All advantages, in order."""
    return list(chain.from_iterable(chain.from_iterable(each.values()) for each in found))


@dataclass(frozen=True)
class Lesson:
    """What one turn teaches: who said it, at which of its turns, and the weights of the loss's parts."""

    who: str
    turn: int
    gradient: float
    imitate: float = 0.0
    pull: float = 1.0


class Recipe:
    """A recipe, or one phase of it (from 0), with the first game of its menu or the one named."""

    def __init__(self, name: str, phase: int = 0, game: int = 0, **parameters: object) -> None:
        config = stages(recipe(name))[phase].config
        if parameters:
            config = replace(config, parameters={**config.parameters, **parameters})
        self.config: Config = config
        self.game: Game = games(config)[game]
        self.cast = Cast(config)
        self._entry = game

    def play(
        self, said: Mapping[str, Said], seed: int = 0, replicate: int = 0, begun: int = 0
    ) -> Episode:
        """`by_hand`, by the learners of the cast."""
        names = {seat: self._who(seat) for seat in self.game.seats}
        return by_hand(self.game, said, seed, names=names, replicate=replicate, begun=begun)

    def _who(self, seat: str) -> str:
        role = self.game.role_of[seat]
        judging = role in self.cast.judges(self.game)
        return "judge" if judging else self.cast.of(self.game, role, seat)

    def judged(self, *episodes: Episode, branches: Branches = NONE) -> Sequence[Judged]:
        """The samples of the games with their advantages and verdicts, as a step has them."""
        return taken(self.config, *episodes, entry=self._entry, branches=branches)

    def lessons(self, *episodes: Episode, branches: Branches = NONE) -> list[Lesson]:
        """What the loss is given for each turn, in order of the games."""
        made = rows(self.judged(*episodes, branches=branches), self.config.objective)
        return [lesson for row in made for lesson in _lessons(row)]

    def gradients(self, *episodes: Episode, branches: Branches = NONE) -> list[float]:
        return [round(each.gradient, 6) for each in self.lessons(*episodes, branches=branches)]

    def pairs(self, *episodes: Episode) -> list[tuple[str, float, float]]:
        """(role, what the better earned, what the worse earned) of each pair."""
        found = pairs(self.judged(*episodes), self.config.objective)
        return [
            (a.sample.attempt.role, a.sample.spans[0].earned, b.sample.spans[0].earned)
            for a, b in found
        ]


def _lessons(row: Row) -> Iterable[Lesson]:
    for place, span in enumerate(row.sample.spans):
        imitate = row.imitate[place] if row.imitate else 0.0
        pull = row.pull[place] if row.pull else 1.0
        yield Lesson(row.sample.attempt.seat, span.ordinal, row.gradient[place], imitate, pull)


def references(found: Recipe, seed: int = 0) -> tuple[str, str]:
    """A right program for self-correct's task and a wrong one, as replies."""
    asked = "".join(message.text for message in Table(found.game, seed).view("solver"))
    spec = next(spec for spec in SPECS if spec.text in asked)
    return fenced(spec.reference), fenced("def f(x):\n    return None")
