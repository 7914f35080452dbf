"""A game as readable text that plays again: the golden files of the tests.

    python -m sparring.envs.playthrough kuhn-poker-v0 --seed 3 > tests/playthroughs/kuhn-poker-v0.txt

The text holds everything that the rules showed, asked and paid, and every answer that they got. `replayed`
takes nothing but the answers from it, so a changed rule shows as a difference between the two texts.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias, get_args

from .blocking_verifier import Opener, Verdicts, Verifies
from .errors import exit_code
from .players import sensible
from .registry import Game, GameError, find, load
from .table import Table
from .types import Ask, Finish, Job, Reply, Result, Verdict
from .values import from_json, to_json

Replies: TypeAlias = Callable[[Table], Sequence[Reply]]
Judged: TypeAlias = Callable[[Table], Sequence[Verdict]]
_MARGIN = "  | "


def recorded(game: Game, seed: int = 0, verifier: str | Opener | Verifies = "auto") -> str:
    """A game between players that take a listed choice at random, or the prompt's own example."""
    rng = random.Random(f"playthrough/{seed}")
    verdicts = Verdicts(verifier)

    def replies(table: Table) -> Sequence[Reply]:
        return [Reply(sensible(game, ask, table.view(ask.seat), rng)) for ask in table.asks]

    try:
        return "".join(_lines(game, seed, replies, lambda table: verdicts.run(table.jobs)))
    finally:
        verdicts.close()


def replayed(text: str) -> str:
    """The same game played again from the answers in the text; equal to it unless the rules changed.

    Raises GameError for a text that is no playthrough or holds too few answers.
    """
    first, _, rest = text.partition("\n")
    try:
        head = json.loads(first.removeprefix("# "))
        game = find(
            head["game"], **{name: from_json(value) for name, value in head["parameters"].items()}
        )
        seed = int(head["seed"])
    except (ValueError, KeyError, TypeError) as fault:
        raise GameError(f"no playthrough: {first[:80]!r} ({fault})") from fault
    blocks = iter(list(_blocks(rest)))

    def following(count: int) -> list[tuple[str, str]]:
        taken = list(islice(blocks, count))
        if len(taken) < count:
            raise GameError(f"{game.id} asks for more than the playthrough holds")
        return taken

    return "".join(
        _lines(
            game,
            seed,
            lambda table: [_reply(*block) for block in following(len(table.asks))],
            lambda table: [_verdict(body) for _, body in following(len(table.jobs))],
        )
    )


def _lines(game: Game, seed: int, replies: Replies, judged: Judged) -> Iterator[str]:
    parameters = {name: to_json(value) for name, value in game.ref.parameters}
    yield f"# {json.dumps({'game': game.id, 'parameters': parameters, 'seed': seed})}\n"
    yield f"{game.about}\n"
    table = Table(game, seed)
    shown = dict.fromkeys(game.seats, 0)
    noted = 0

    while True:
        for seat in game.seats:
            # a view only grows, so what stands behind the part already shown is new
            for message in table.view(seat)[shown[seat] :]:
                # a seat's own replies are written below, as answers
                if message.speaker != "self":
                    yield _block(f"[{message.speaker} to {seat}]", message.text)
            shown[seat] = len(table.view(seat))
        # notes stand where they were taken, between what was shown and what is answered
        for name, value in table.notes[noted:]:
            yield _block(f"[note {name}]", json.dumps(to_json(value)))
        noted = len(table.notes)

        if table.asks:
            said = replies(table)
            yield from map(_said, table.asks, said)
            table.answer(said)
        elif table.jobs:
            verdicts = judged(table)
            yield from map(_ruled, table.jobs, verdicts)
            table.answer(verdicts)
        else:
            break
    yield from _end(table)


def _end(table: Table) -> Iterator[str]:
    for number, turn in enumerate(table.turns, 1):
        for name, amount in turn.credits.items():
            yield _block(f"[credit {name}]", f"turn {number}, {turn.seat}: {amount:g}")
    ending = table.ending
    assert ending is not None
    yield _block(f"[{' '.join((ending.kind, *ending.seats))}]", ending.reason)
    yield _block(
        "[payoff]", ", ".join(f"{seat} {amount:g}" for seat, amount in table.payoff.items())
    )


def _said(ask: Ask, reply: Reply) -> str:
    cut = "" if reply.finish == "stop" else f", cut by {reply.finish}"
    choices = f" of {', '.join(ask.choices)}" if ask.choices else ""
    return _block(f"<{ask.seat}{cut}>{choices}", reply.text)


def _ruled(job: Job, verdict: Verdict) -> str:
    # without the seconds, which differ from run to run
    plain = {
        "status": verdict.status,
        "results": [[result.status, to_json(result.value)] for result in verdict.results],
        "stdout": verdict.stdout,
        "detail": verdict.detail,
    }
    entry = f"{job.entry}, {len(job.inputs)} inputs" if job.entry else "a program"
    return _block(f"<verdict> on {entry}", json.dumps({k: v for k, v in plain.items() if v}))


def _block(head: str, body: str) -> str:
    # the margin on every line keeps a text of the game from passing for a head
    return head + "\n" + "".join(f"{_MARGIN}{line}\n" for line in body.split("\n") if body)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(head, body) of every answer in the text."""
    head, body = "", list[str]()
    # one more head, so that the last block ends too
    for line in [*text.split("\n"), "[end]"]:
        if line.startswith(_MARGIN):
            body.append(line.removeprefix(_MARGIN))
            continue
        # only answers have angle brackets; everything else the rules produce anew
        if head.startswith("<"):
            yield head, "\n".join(body)
        head, body = line, []


def _reply(head: str, body: str) -> Reply:
    cut = head.partition(">")[0].partition(", cut by ")[2]
    # the head may hold any text, and only a known kind may become a finish
    return Reply(body, finish=next((kind for kind in get_args(Finish) if kind == cut), "stop"))


def _verdict(body: str) -> Verdict:
    plain = json.loads(body)
    results = tuple(Result(status, from_json(value)) for status, value in plain.get("results", []))
    return Verdict(
        plain["status"], results, stdout=plain.get("stdout", ""), detail=plain.get("detail", "")
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Print a game between scripted players, as it plays again."
    )
    parser.add_argument(
        "game", help="a game's id; or a recorded file, to play it again under today's rules"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--load", action="append", default=[], metavar="FILE")
    parser.add_argument("--verifier", default="auto")
    given = parser.parse_args()

    def run() -> int:
        for file in given.load:
            load(file)
        if Path(given.game).is_file():
            print(replayed(Path(given.game).read_text()), end="")
        else:
            print(recorded(find(given.game), given.seed, given.verifier), end="")
        return 0

    return exit_code("playthrough", run)


if __name__ == "__main__":
    sys.exit(main())
