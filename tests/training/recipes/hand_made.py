"""Games played by texts that a test gives, and what a recipe learns from them; no model, no sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sparring.agents.models.nursery.trusted import verdicts
from sparring.envs.registry import Game
from sparring.envs.table import Buffer, Table
from sparring.envs.types import Ask, Episode, PolicyRef, Reply
from sparring.training.config import Config, credits_of, games
from sparring.training.data.advantage import credit
from sparring.training.data.collect import collect
from sparring.training.data.filters import filtered, owed
from sparring.training.data.objectives import Judged, judged, signed
from sparring.training.phases import stages

Said = str | Sequence[str] | Callable[[Ask], str]


@dataclass
class Tokens:
    """Every reply gets a token of its own, behind all that its seat has read and said."""

    last: int = 100

    def reply(self, text: str, before: Sequence[int]) -> Reply:
        self.last += 1
        return Reply(text, "", (self.last,), (-0.1,), prompt_tokens=tuple(before))


def by_hand(
    game: Game, said: Mapping[str, Said], seed: int = 0, buffer: Buffer | None = None
) -> Episode:
    """A game whose seats (or roles) say these texts, one after the other; the last is said again."""
    table = Table(game, seed, buffer=buffer)
    tokens, read = Tokens(1000 * seed + 100), {seat: [1] for seat in game.seats}
    count = dict.fromkeys(game.seats, 0)

    def reply(ask: Ask) -> Reply:
        texts = said.get(ask.seat, said.get(game.role_of[ask.seat], ""))
        texts = texts(ask) if callable(texts) else texts
        texts = [texts] if isinstance(texts, str) else texts
        text = texts[min(count[ask.seat], len(texts) - 1)]
        count[ask.seat] += 1
        made = tokens.reply(text, read[ask.seat])
        read[ask.seat] = [*made.prompt_tokens, *made.tokens, 2]
        return made

    while table.ending is None:
        table.answer([reply(a) for a in table.asks] if table.asks else verdicts(table.jobs))
    if table.fault:
        raise table.fault
    return table.episode(dict.fromkeys(game.seats, PolicyRef("learner", "a")))


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


def taken(config: Config, *episodes: Episode, entry: int = 0) -> list[Judged]:
    """The samples that the recipe takes of these episodes, with their verdicts and advantages."""
    game, chosen = games(config)[entry], config.menu[entry]
    issued = list(enumerate(episodes))
    samples = collect(
        issued,
        credits_of(config, chosen),
        learner="learner",
        role_of=game.role_of,
        judges=game.judges,
        charges=owed(issued, config.filters, game),
    )
    kept, _ = filtered(samples, config.filters, game)
    credited = signed(credit(kept, {}, credits_of(config, chosen))[0], config.objective)
    return judged(credited, config.objective, {game.ref.label: game.payoff_range})


def phase(config: Config, number: int) -> Config:
    """The settings of a phase, from 1."""
    return stages(config)[number - 1].config


def answers(*texts: str, role: str = "solver") -> dict[str, str]:
    """What each solver answers, in its tags."""
    return {f"{role}_{i}": f"<answer>{text}</answer>" for i, text in enumerate(texts)}


def flat(found: Sequence[Mapping[str, Sequence[float]]]) -> list[float]:
    """All advantages, in order."""
    return list(chain.from_iterable(chain.from_iterable(each.values()) for each in found))
