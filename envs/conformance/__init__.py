"""What every game must keep to, as named checks; run over all of ours, and by users over theirs.

    from sparring.envs.conformance import check_game
    check_game(find("my-game-v0"))

Plays games with sensible and with hostile texts, and holds the game to every fact that it declares.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from ..blocking_verifier import Opener, Verdicts, Verifies
from ..errors import SparringError
from ..mistakes import author_line
from ..registry import Game, find
from ..replay import replay_episode
from ..table import Table, TableError
from ..types import Ask, Episode, Finish, PolicyRef, Reply
from .canaries import Plants, Say, flows
from .forgotten import forgotten
from .texts import TEXTS, wrong_forms
from .trial import Trial as Trial

# A game notes what is private to a seat under this name; see `privacy`.
SECRET = "secret/"
CUTS: tuple[Finish, ...] = ("length", "timeout")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, and where the game broke it."""

    name: str
    rule: str
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults


class ConformanceError(SparringError, AssertionError):
    """A game broke rules; the message lists all of them."""


def facts(trial: Trial) -> Iterator[str]:
    """What it declares is consistent: seats, ranges, truncation, words of its own, and it can be pickled."""
    game = trial.game
    lo, hi = game.payoff_range

    if not game.players:
        yield "no seat is paid"
    if not lo <= hi:
        yield f"payoff_range {game.payoff_range} is empty"
    if game.max_turns < 1:
        yield f"max_turns is {game.max_turns}"

    if set(game.rules) - set(game.roles):
        yield f"rules for {tuple(game.rules)}, but the roles are {tuple(game.roles)}"
    if set(game.truncation) != set(game.players):
        yield f"truncation pays {tuple(game.truncation)}, the players are {game.players}"
    elif game.sum == "zero" and abs(sum(game.truncation.values())) > 1e-9:
        yield f"truncation {dict(game.truncation)} of a zero-sum game does not sum to 0"

    if game.items and "item" not in game.parameters:
        yield f"it declares {game.items} items, and has no parameter `item` to name one"
    if not game.about:
        yield "the script has no docstring to say what the game is"
    if find(game.id, **game.parameters) != game or pickle.loads(pickle.dumps(game)) != game:
        yield "find and pickle do not give the same game back"


def steps_taken(trial: Trial) -> Iterator[str]:
    """Every helper of the script stands behind `yield from`, without which it does nothing."""
    for place in forgotten(trial.game.definition):
        yield f"{place} does nothing here: write `yield from` before it"


def sensible_play(trial: Trial) -> Iterator[str]:
    """Games of listed choices and sensible texts have moves, and end, without an error, within max_turns."""
    moved, reason = False, ""
    endings: set[str] = set()

    for seed in trial.seeds:
        table = trial.play(seed, trial.sensibly)
        endings.add(table.ending.kind if table.ending else "")
        moved = moved or any(turn.refused is None for turn in table.turns)
        reason = table.ending.reason if table.ending else ""
        yield from _ended(table, f"seed {seed}")
        yield from _forfeited(table, f"seed {seed}")
        if (
            table.ending
            and table.ending.kind == "truncated"
            and table.payoff != trial.game.truncation
        ):
            yield f"seed {seed}: truncated at {dict(table.payoff)}, declared {dict(trial.game.truncation)}"

    # a game in which nothing is ever a move would pass every other rule
    if trial.seeds and not moved:
        yield f"no reply was a move ({reason}): give an oracle that moves, or an example in the prompt"
    if endings == {"truncated"} and not trial.game.provider:
        yield (
            f"every game was cut at max_turns={trial.game.max_turns}, before the script returned: raise "
            "max_turns, or let the script end"
        )


def listed_choices(trial: Trial) -> Iterator[str]:
    """Every listed choice is taken; choices are distinct, also without case and punctuation."""
    for seed in trial.seeds:
        turns = trial.play(seed, trial.sensibly).turns
        for turn, following in zip_longest(turns, turns[1:]):
            if turn.choices is None:
                continue
            # where none fits exactly, case is ignored: such choices would be ambiguous
            if len({choice.strip().casefold() for choice in turn.choices}) < len(turn.choices):
                yield f"seed {seed}: choices {turn.choices} can be confused"
            # the parser has refused what the game itself offered
            if following and following.retry and following.seat == turn.seat:
                yield f"seed {seed}: {turn.seat} is asked again after the listed choice {turn.reply.text!r}"


def simultaneity(trial: Trial) -> Iterator[str]:
    """A game declared simultaneous asks all seats at once, and no seat twice at once."""
    apart = False
    for seed in trial.seeds:
        asked: list[tuple[str, ...]] = []
        trial.play(seed, trial.sensibly, lambda table, to=asked: to.append(_asked(table)))
        for seats in asked:
            if len(set(seats)) < len(seats) or set(seats) - set(trial.game.seats):
                yield f"seed {seed}: asks {seats} of seats {trial.game.seats}"
            # retries are left out of `seats`: a refusal asks only some seats again
            partly = bool(seats) and set(seats) != set(trial.game.seats)
            apart = apart or partly
            if trial.game.simultaneous and partly:
                yield f"seed {seed}: simultaneous, but asks only {', '.join(seats)}"

    # with one seat, or without a game played, there is nothing to tell
    several = len(trial.game.seats) > 1 and trial.seeds
    if several and not apart and not trial.game.simultaneous:
        yield "all seats are always asked at once: declare simultaneous=True"


def determinism(trial: Trial) -> Iterator[str]:
    """Same seed and same answers give the same game, whatever the global random generator holds."""
    before = random.getstate()
    if trial.unseeded:
        yield "it ignores its seed: two games of one seed begin differently, so that none can be replayed"
        return

    try:
        for seed in trial.seeds:
            random.seed(seed)
            one = _episode(trial.play(seed, trial.sensibly))
            # another global seed must change nothing, and the game must leave it where it was
            random.seed(seed + 1)
            state = random.getstate()
            if _episode(trial.play(seed, trial.sensibly)) != one:
                yield f"seed {seed}: two games with the same answers differ"
            if random.getstate() != state:
                yield f"seed {seed}: the game draws from the global random generator"
    finally:
        random.setstate(before)


def replays(trial: Trial) -> Iterator[str]:
    """A stored episode plays again to the same turns, notes and payoff, without a verifier."""
    if trial.unseeded:
        return  # found by the rule about determinism

    for seed in trial.seeds:
        # one sensible game, and one of refused replies, whose retries must replay too
        for say in (trial.sensibly, _saying(trial, None, TEXTS[seed % len(TEXTS)])):
            episode = _episode(trial.play(seed, say))
            if episode.ending.kind == "error" and not episode.ending.seats:
                continue  # found by the rules about play

            try:
                again = _episode(replay_episode(trial.game, episode))
            except TableError as fault:
                yield f"seed {seed}: {fault}"
            else:
                if again != episode:
                    yield f"seed {seed}: the replay differs; it pays {dict(again.payoff)}"


def hostile_texts(trial: Trial) -> Iterator[str]:
    """Whatever a seat says, the game ends without an error, and an offender gets less than a legal loser."""
    for seed in trial.seeds:
        for seat in _turns_of(trial.game, seed):
            # a third of the texts a seed, so that twenty seeds meet each text about seven times
            for text in TEXTS[seed % 3 :: 3]:
                table = trial.play(seed, _saying(trial, seat, text))
                where = f"seed {seed}, {seat} says {text[:30]!r}"
                yield from _ended(table, where)
                yield from _forfeited(table, where)


def wrong_form(trial: Trial) -> Iterator[str]:
    """The right answer in the wrong form, or the prompt itself, breaks nothing."""
    for seed in trial.seeds:
        for seat in _turns_of(trial.game, seed):

            def say(ask: Ask, table: Table, rng: random.Random, seat: str = seat) -> Reply:
                return (
                    Reply(rng.choice(wrong_forms(ask)))
                    if ask.seat == seat
                    else trial.sensibly(ask, table, rng)
                )

            table = trial.play(seed, say)
            yield from _ended(table, f"seed {seed}, {seat} in the wrong form")
            yield from _forfeited(table, f"seed {seed}, {seat} in the wrong form")


def cut_off(trial: Trial) -> Iterator[str]:
    """A reply cut at its limit is a failed try, never a move."""
    for finish in CUTS:

        def say(ask: Ask, table: Table, rng: random.Random, finish: Finish = finish) -> Reply:
            return Reply(trial.sensibly(ask, table, rng).text, finish=finish)

        for seed in trial.seeds:
            table = trial.play(seed, say)
            yield from _ended(table, f"seed {seed}, {finish}")
            yield from _forfeited(table, f"seed {seed}, {finish}")
            if table.ending and table.ending.kind == "forfeit" and table.ending.cause != finish:
                yield f"seed {seed}: cut by {finish}, but the cause is {table.ending.cause}"


def privacy(trial: Trial) -> Iterator[str]:
    """No seat's thoughts, failed tries, or texts noted as `secret/SEAT` ever reach another seat."""
    for seed in trial.seeds:
        plants = Plants(trial.sensibly, seed)
        table = trial.play(seed, plants)
        for flow in sorted(flows(table, plants.planted(table)), key=repr):
            # what stands inside or around a form may reach others by the rules
            if flow.kind in ("thought", "refused"):
                what = "thought" if flow.kind == "thought" else "refused reply"
                yield f"seed {seed}: {flow.seer} sees a {what} of {flow.owner}"
        for name, text in table.notes:
            if name.startswith(SECRET):
                yield from _told(table, name.removeprefix(SECRET), str(text), f"seed {seed}")


class Rule(Protocol):
    """A check: yields a line for each fault. Its name and docstring are those of the rule."""

    __name__: str

    def __call__(self, trial: Trial, /) -> Iterable[str]: ...


CHECKS: tuple[Rule, ...] = (
    facts,
    steps_taken,
    sensible_play,
    listed_choices,
    simultaneity,
    determinism,
    replays,
    hostile_texts,
    wrong_form,
    cut_off,
    privacy,
)


def checks(
    game: Game, seeds: Iterable[int] = range(20), verifier: str | Opener | Verifies = "auto"
) -> Iterator[Check]:
    """Every rule with its faults (up to 5 of each), as each is done; an endless loop ends them all.

    `verifier` is opened only if the game runs code.
    """
    verdicts = Verdicts(verifier)
    trial = Trial(game, list(seeds), verdicts)
    try:
        for rule in CHECKS:
            yield _run(rule, trial)
            if trial.endless:
                break
    finally:
        verdicts.close()


def check_game(
    game: Game, seeds: Iterable[int] = range(20), verifier: str | Opener | Verifies = "auto"
) -> tuple[Check, ...]:
    """As `checks`, but raises ConformanceError, naming every fault, unless all passed."""
    results = tuple(checks(game, seeds, verifier))
    failed = [f"{check.name}: {fault}" for check in results for fault in check.faults]
    if failed:
        raise ConformanceError(f"{game.id} breaks {len(failed)} rules:\n" + "\n".join(failed))
    return results


def _run(rule: Rule, trial: Trial) -> Check:
    faults: list[str] = []
    for fault in rule(trial):
        if fault not in faults:
            faults.append(fault)
        # a broken rule often fails at every seed; stopping here plays no further games
        if len(faults) == 5 or trial.endless:
            break
    return Check(rule.__name__.replace("_", "-"), (rule.__doc__ or "").strip(), tuple(faults))


def _turns_of(game: Game, seed: int) -> list[str]:
    """One seat of every role, by turns: seats of a role are alike, and each has its turn as seeds go on."""
    seats = {
        role: [seat for seat, its in game.role_of.items() if its == role] for role in game.roles
    }
    # the texts go by seed % 3: seats chosen so too would always meet the same third
    return [alike[(seed + seed // 3) % len(alike)] for alike in seats.values()]


def _saying(trial: Trial, seat: str | None, text: str) -> Say:
    """One seat (None: every seat) always says this; the others move sensibly."""

    def say(ask: Ask, table: Table, rng: random.Random) -> Reply:
        return Reply(text) if seat in (None, ask.seat) else trial.sensibly(ask, table, rng)

    return say


def _asked(table: Table) -> tuple[str, ...]:
    return tuple(ask.seat for ask in table.asks if not ask.retry)


def _ended(table: Table, where: str) -> Iterator[str]:
    ending = table.ending
    for fault in table.parser_faults:
        # a text may exhaust any parser's stack or memory; anything else is a bug
        if not isinstance(fault, (RecursionError, MemoryError)):
            said = f"{type(fault).__name__}: {str(fault)[:60]}{author_line(fault)}"
            yield f"{where}: a parser fails by {said}; it should refuse by a ValueError"
    if ending is None or (ending.kind == "error" and not _by_judges(table)):
        yield f"{where}: {ending.reason if ending else 'no ending'}"
    if table.moves > table.game.max_turns:
        yield f"{where}: {table.moves} moves, declared at most {table.game.max_turns}"


def _by_judges(table: Table) -> bool:
    """Whether it ended because judges gave no reply, as their hostile texts should end it."""
    seats = table.ending.seats if table.ending else ()
    return bool(seats) and all(table.game.role_of[seat] in table.game.judges for seat in seats)


def _forfeited(table: Table, where: str) -> Iterator[str]:
    """A forfeit names and charges its offenders; in zero-sum games it sums to 0 if a seat is innocent."""
    game, ending = table.game, table.ending
    if ending is None or ending.kind != "forfeit":
        return

    if not ending.seats or ending.cause is None or not ending.reason:
        yield f"{where}: a forfeit without seats, cause or reason: {ending}"
    if table.payoff != game.forfeit(ending.seats):
        yield f"{where}: a forfeit by {ending.seats} paid {dict(table.payoff)}"

    # a judge among the offenders is not paid
    guilty = [table.payoff[seat] for seat in ending.seats if seat in table.payoff]
    if any(amount >= game.payoff_range[0] for amount in guilty):
        yield f"{where}: an offender does as well as a seat that loses by the rules: {dict(table.payoff)}"

    innocent = len(guilty) < len(game.players)
    if game.sum == "zero" and innocent and abs(sum(table.payoff.values())) > 1e-9:
        yield f"{where}: a forfeit of a zero-sum game does not sum to 0: {dict(table.payoff)}"


def _episode(table: Table) -> Episode:
    return table.episode({seat: PolicyRef("conformance") for seat in table.game.seats})


def _told(table: Table, owner: str, secret: str, where: str) -> Iterator[str]:
    """The seats that were told a secret which its owner did not say in a reply."""
    # what the owner has said aloud is no leak of the game's
    if any(turn.seat == owner and secret in turn.reply.text for turn in table.turns):
        return
    for seat in table.game.seats:
        if seat != owner and any(secret in message.text for message in table.view(seat)):
            yield f"{where}: {seat} sees what is private to {owner}: {secret[:40]!r}"
