"""`sparring export`: a game as another library's environment, or a run's samples as a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import (
    SEED,
    ArgumentError,
    Commands,
    add_load,
    add_set,
    command,
    load_games,
    pairs,
    parameters,
    whole,
)
from .output import answer, patience

_EXAMPLES = """\
  sparring export my-run                      writes runs/my-run/dataset/{samples,pairs}.jsonl
  sparring export my-run --verdict right      samples whose outcome was right
  sparring export my-run --role solver --out solver-data
  sparring export kuhn-poker-v0 --to verifiers --as first --seat second=nash
  sparring export taboo-v0 --to openenv       first player open, the other played by the game's own
"""


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "export",
        "Write a game as an environment (verifiers, OpenEnv), or a run's samples as a data set.",
        _EXAMPLES,
    )
    parser.add_argument(
        "name", metavar="NAME", help="a game (with --to), or a run that kept its stock"
    )
    parser.add_argument(
        "--to", choices=("verifiers", "openenv"), help="the library that is to play the game"
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where to write (default: dataset in the run; the game's name in exported/)",
    )
    _add_game(parser)

    parser.add_argument(
        "--role", action="append", default=[], help="of a run: this role only (several times)"
    )
    parser.add_argument(
        "--verdict",
        choices=("all", "right", "wrong"),
        default="all",
        help="of a run: which samples",
    )
    parser.set_defaults(run=run)


def _add_game(parser: argparse.ArgumentParser) -> None:
    """What only an exported game has."""
    parser.add_argument(
        "--as",
        dest="open",
        action="append",
        default=[],
        metavar="ROLE",
        help="a role or seat that is played from outside (several times; default: the first player)",
    )
    parser.add_argument(
        "--seat",
        action="append",
        default=[],
        metavar="ROLE=WHO",
        help="who plays another seat, as in `sparring play`; *=WHO for all (default: the game's "
        "own player, else random)",
    )
    parser.add_argument(
        "--games", type=whole(1, 10_000_000), default=1000, metavar="N", help="tasks, one a seed"
    )
    parser.add_argument("--seed", type=SEED, default=0, metavar="S", help="of the first task")
    parser.add_argument(
        "--max-tokens",
        type=whole(1, 100_000),
        default=64,
        metavar="N",
        help="of a seated model's reply",
    )
    add_set(parser, "a parameter of the game")
    add_load(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.to:
        return _game(arguments)

    from sparring.training.export import export

    for flag, given in (
        ("--as", arguments.open),
        ("--seat", arguments.seat),
        ("--set", arguments.set),
    ):
        if given:
            raise ArgumentError(f"{flag} is for a game: say --to verifiers or --to openenv")
    done = export(
        arguments.name, out=arguments.out, roles=arguments.role, verdict=arguments.verdict
    )
    answer({"samples": done.samples, "pairs": done.pairs, "folder": done.folder})
    print(f"wrote {done.samples:,} samples and {done.pairs:,} pairs to {done.folder}")
    if not done.pairs:
        print("no pairs: no prompt was answered twice in a step; see rollout.replicates")
    return 0


def _game(arguments: argparse.Namespace) -> int:
    from sparring.arenas.outside.export import export, plan_of
    from sparring.envs.registry import find

    if arguments.role or arguments.verdict != "all":
        raise ArgumentError("--role and --verdict are for a run's samples, not for a game")
    load_games(arguments)
    game = find(arguments.name, **parameters(arguments.name, arguments.set))

    files = [Path(path) for path in arguments.load]
    out = Path(arguments.out or f"exported/{game.id.replace('/', '-')}-{arguments.to}")
    with patience("looking for the players …"):
        plan = plan_of(
            game,
            seats=arguments.open,
            others=pairs(arguments.seat, "--seat", "ROLE=WHO"),
            games=arguments.games,
            seed=arguments.seed,
            files=files,
            max_tokens=arguments.max_tokens,
        )
    export(game, arguments.to, plan, out, files)
    answer({"folder": out, "to": arguments.to, "game": game.id})
    print(f"wrote {out}: pip install it where {arguments.to} is, or read its README.md")
    return 0
