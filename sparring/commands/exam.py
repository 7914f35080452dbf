"""`sparring exam`: what entrants can do on tasks that they were never trained on."""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .options import (
    MANY,
    ArgumentError,
    Commands,
    add_playing,
    add_prompts,
    add_think,
    command,
    hosting,
    load_games,
    no_person,
    parameters,
    real,
    seated,
    thinking_of,
    whole,
)
from .output import announce, answer, table

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.arenas.marks import Marks
    from sparring.arenas.results import Estimate
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring exam random demo-1@latest sums-v0 --set attempts=1 --set part=held-out
  sparring exam demo-1@500 demo-1@latest code-deduction-v0 --role solver --seeds 0:200 --attempts 8
  sparring exam smollm2-135m sums-check-v0 sums-v0 --json
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "exam", "Mark entrants on the same tasks, with paired differences.", _EXAMPLES
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="ENTRANT|GAME",
        help="entrants (random, an oracle, a model, RUN@STEP, RUN@latest) and games",
    )
    parser.add_argument(
        "--seeds", default="0:100", metavar="A:B", help="from A up to B − 1 (default 0:100)"
    )
    parser.add_argument(
        "--attempts",
        type=whole(1, 1000),
        default=1,
        metavar="K",
        help="at each task, for pass@K and maj@K (default 1)",
    )

    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE",
        help="who is marked (default: the only role, or solver)",
    )
    parser.add_argument(
        "--beside", metavar="WHO", help="in other seats (default: sample, or random)"
    )
    parser.add_argument(
        "--judge", metavar="WHO", help="in seats that grade; self is the entrant (default: rule)"
    )
    parser.add_argument(
        "--sampled", action="store_true", help="play also where marks could be computed exactly"
    )

    parser.add_argument(
        "--page", type=Path, metavar="FILE.html", help="write a page of the marks too"
    )
    parser.add_argument("--temperature", type=real(0, 10), default=1.0, metavar="T")
    parser.add_argument("--max-tokens", type=whole(1, 1_000_000), default=64, metavar="N")
    add_think(parser)
    add_prompts(parser)
    add_playing(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with hosting(arguments.engine) as hosts:
        return _run(arguments, hosts)


def _run(arguments: argparse.Namespace, hosts: Hosts | None) -> int:
    from sparring.arenas.exam import check_seeds

    seeds = _seeds(arguments.seeds)
    check_seeds(seeds)
    games, entrants = _sorted(arguments)
    no_person(entrants)

    sat = [_sat(arguments, game, entrants, seeds, hosts) for game in games]
    answer([_data(marks) for marks in sat])
    for game, marks in zip(games, sat, strict=True):
        _tell(game, marks, arguments)
    if arguments.page:
        print(f"wrote {_page(games, sat, arguments)}")
    return 0


def _seeds(text: str) -> range:
    """`A:B` as a range. Raises ArgumentError."""
    found = re.fullmatch(r"(\d+):(\d+)", text)
    if not found or int(found[1]) >= int(found[2]):
        raise ArgumentError(f"--seeds {text}: expected A:B with A below B, like 0:100")

    seeds = range(int(found[1]), int(found[2]))
    if int(found[2]) - int(found[1]) > MANY:
        raise ArgumentError(f"--seeds {text}: an exam has at most {MANY:,} seeds")
    return seeds


def _sorted(arguments: argparse.Namespace) -> tuple[list[Game], list[str]]:
    """The games and the names of entrants. Raises ArgumentError where there is none of either."""
    from sparring.envs.registry import NAMESPACES, UnknownGameError, find

    load_games(arguments)
    games: list[Game] = []
    entrants: list[str] = []
    for name in dict.fromkeys(arguments.names):
        named = re.search(r"-v\d+$", name) or name.partition("/")[0] in NAMESPACES
        try:
            games.append(find(name, **parameters(name, arguments.set)))
        except UnknownGameError:
            # whatever is called like a game was meant as one
            if named:
                raise
            entrants.append(name)

    if not (games and entrants):
        lacking = "game" if entrants else "entrant"
        raise ArgumentError(
            f"an exam needs entrants and games, like: sparring exam random sums-v0; no {lacking} came"
        )
    return games, entrants


def _sat(
    arguments: argparse.Namespace,
    game: Game,
    entrants: Sequence[str],
    seeds: range,
    hosts: Hosts | None,
) -> list[Marks]:
    """The marks of all entrants on one game."""
    from sparring.agents.policy import Sampling
    from sparring.arenas.exam import exam
    from sparring.sandbox.choose import Lazy

    sampling = Sampling(arguments.temperature, 1.0, arguments.max_tokens)
    beside = seated(arguments.beside, game, hosts, sampling) if arguments.beside else None
    judged = arguments.judge or ("rule" if "rule" in game.oracles else "")
    judge = seated(judged, game, hosts, sampling) if judged and judged != "self" else None
    verifier = Lazy(arguments.verifier, announce)
    thinking = thinking_of(arguments, game)

    sat: list[Marks] = []
    with asyncio.Runner() as runner:
        try:
            for name in entrants:
                policy = seated(name, game, hosts, sampling, thinking)
                sat.append(
                    exam(
                        policy,
                        game,
                        seeds,
                        arguments.attempts,
                        roles=arguments.role,
                        beside=beside,
                        judge=policy if judged == "self" else judge,
                        exact=not arguments.sampled,
                        verifier=verifier,
                        run=runner.run,
                    )
                )
        finally:
            runner.run(verifier.close())
    return sat


def _tell(game: Game, sat: Sequence[Marks], arguments: argparse.Namespace) -> None:
    """Print a mark a line, an entrant a column, and below them each one's lead over the first."""
    from sparring.arenas.marks import SOLVED, comparisons

    first = sat[0]
    how = (
        f"{len(first.items):,} tasks, all there are, computed ◆"
        if first.exact
        else f"{len(first.items):,} tasks of seeds {arguments.seeds}, {first.attempts} attempts each"
    )
    found = [marks.marks() for marks in sat]
    names = list(dict.fromkeys(name for each in found for name in each))
    rows = [["", *(marks.who for marks in sat)]]
    for name in names:
        cells = [_shown(each[name]) if name in each else "–" for each in found]
        rows.append([name, *cells])
    if len(sat) > 1:
        leads = [_shown(gain, "+") for gain in comparisons(sat)]
        rows.append([f"{SOLVED} above {first.who}", "", *leads])

    table(rows[0], rows[1:], title=f"{game.id}: {how}")
    for marks in sat:
        if marks.lost:
            print(f"{marks.who}: {marks.lost} tasks are left out, since an engine failed")


def _page(
    games: Sequence[Game], sat: Sequence[Sequence[Marks]], arguments: argparse.Namespace
) -> Path:
    """Write the exams as a page of their own."""
    from sparring.arenas.report.exam_page import held_sheet
    from sparring.arenas.report.render import saved
    from sparring.arenas.report.sheet import sheet_html

    held = {game.id: marks for game, marks in zip(games, sat, strict=True)}
    command = " ".join(("sparring exam", *arguments.names))
    return saved(sheet_html(held_sheet(held, command)), arguments.page)


def _shown(mark: Estimate, sign: str = "") -> str:
    """A number with its 95 % interval; ◆ where it is exact."""
    value = f"{mark.value:{sign}.3f}"
    return f"{value} ◆" if not mark.se else f"{value} [{mark.low:{sign}.3f}, {mark.high:{sign}.3f}]"


def _data(sat: Sequence[Marks]) -> dict[str, object]:
    from sparring.arenas.marks import comparisons

    def told(mark: Estimate) -> dict[str, float]:
        return {"value": mark.value, "se": mark.se, "low": mark.low, "high": mark.high}

    gains = [None, *map(told, comparisons(sat))] if len(sat) > 1 else [None]
    return {
        "game": sat[0].game,
        "entrants": [
            {
                "who": marks.who,
                "marks": {name: told(mark) for name, mark in marks.marks().items()},
                "above_first": gain,
                **marks.data(),
            }
            for marks, gain in zip(sat, gains, strict=True)
        ],
    }
