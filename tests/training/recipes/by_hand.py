"""Games played by hand under a recipe, and what the recipe makes of them: no model, no step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sparring.envs.registry import Game
from sparring.envs.table import Table
from sparring.envs.tasks.programs import fenced
from sparring.envs.tasks.specs import SPECS
from sparring.envs.types import Ask, Episode, Job, PolicyRef, Reply, Result, Value, Verdict
from sparring.training.config import Config, credits_of, games
from sparring.training.data.advantage import Credited, credit
from sparring.training.data.batch import Row
from sparring.training.data.branches import NONE, Branches
from sparring.training.data.collect import collect
from sparring.training.data.objectives import Judged, judged, pairs, rows, signed
from sparring.training.phases import stages
from sparring.training.players.cast import Cast
from sparring.training.recipes import recipe

Player = str | Iterable[str] | Callable[[Ask], str]


@dataclass(frozen=True)
class Lesson:
    """What one turn teaches: who said it, at which of its turns, and the weights of the loss's parts."""

    who: str
    turn: int
    gradient: float
    imitate: float = 0.0
    pull: float = 1.0


class Recipe:
    """A recipe, or one phase of it, with the first game of its menu or the one named."""

    def __init__(self, name: str, phase: int = 0, game: int = 0, **parameters: object) -> None:
        config = stages(recipe(name))[phase].config
        if parameters:
            config = replace(config, parameters={**config.parameters, **parameters})
        self.config: Config = config
        self.entry = config.menu[game]
        self.game: Game = games(config)[game]
        self.credits = credits_of(config, self.entry)
        self.cast = Cast(config)

    def play(
        self,
        players: Mapping[str, Player],
        verify: Callable[[Sequence[Job]], Sequence[Verdict]] | None = None,
        seed: int = 0,
        replicate: int = 0,
        begun: int = 0,
    ) -> Episode:
        """A game; players are named by seat or role. A reply's one token names its text."""
        game = self.game
        table = Table(game, seed)
        said = {seat: players.get(seat, players.get(game.role_of[seat])) for seat in game.seats}
        lines = {
            s: p if isinstance(p, str) or callable(p) else iter(p or ()) for s, p in said.items()
        }

        def reply(ask: Ask) -> Reply:
            line = lines[ask.seat]
            text = line if isinstance(line, str) else line(ask) if callable(line) else next(line)
            prompt = tuple(_token(message.text) for message in table.view(ask.seat))
            return Reply(text, tokens=(_token(text),), logprobs=(-1.0,), prompt_tokens=prompt)

        while table.ending is None:
            jobs = () if table.asks else verify(table.jobs) if verify else ()
            table.answer([reply(ask) for ask in table.asks] if table.asks else jobs)
        assert table.fault is None, table.fault
        refs = {seat: PolicyRef(self._who(seat), "hand") for seat in game.seats}
        return table.episode(refs, replicate=replicate, begun=begun)

    def _who(self, seat: str) -> str:
        role = self.game.role_of[seat]
        return (
            "judge" if role in self.cast.judges(self.game) else self.cast.of(self.game, role, seat)
        )

    def judged(self, *episodes: Episode, branches: Branches = NONE) -> list[Judged]:
        """The samples of the games with their advantages and verdicts, as a step has them."""
        samples = collect(
            enumerate(episodes),
            self.credits,
            learner="learner",
            beside=self.cast.names,
            role_of=self.game.role_of,
            judges=self.cast.judges(self.game),
            branches=branches,
            value=self.config.starts.value,
        )
        trained: list[Credited] = credit(samples, {}, self.credits)[0]
        trained = signed(trained, self.config.objective)
        low, high = (self.credits.scale * bound for bound in self.game.payoff_range)
        return judged(trained, self.config.objective, {self.game.ref.label: (low, high)})

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


def _token(text: str) -> int:
    return int(sha256(text.encode()).hexdigest()[:8], 16)


def execute(jobs: Sequence[Job]) -> list[Verdict]:
    """Run programs that this test or the game wrote, in this process."""
    return [_executed(job) for job in jobs]


def _executed(job: Job) -> Verdict:
    names: dict[str, Callable[..., Value]] = {}
    exec(job.source, names)
    results = tuple(Result("ok", names[job.entry or "f"](*given)) for given in job.inputs)
    return Verdict("ok", results)


def references(found: Recipe, seed: int = 0) -> tuple[str, str]:
    """A right program for self-correct's task and a wrong one, as replies."""
    asked = "".join(message.text for message in Table(found.game, seed).view("solver"))
    spec = next(spec for spec in SPECS if spec.text in asked)
    return fenced(spec.reference), fenced("def f(x):\n    return None")
