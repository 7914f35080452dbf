"""`sparring serve`: checkpoints and models behind OpenAI's chat API."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from .options import (
    SEED,
    ArgumentError,
    Commands,
    add_load,
    command,
    load_games,
    parameters,
    whole,
)

_EXAMPLES = """\
  sparring serve poker                          every checkpoint of the run, as poker@500, poker@latest
  sparring serve poker demo-1@200 smollm2-135m  two runs and a model
  sparring serve tiny --game kuhn-poker-v0      tiny is built for one game
  sparring play taboo-v0 --engine http://127.0.0.1:8000/v1 --seat '*=smollm2-135m'
"""


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "serve",
        "Serve checkpoints and models as OpenAI's chat API.",
        _EXAMPLES,
        prints=False,
    )
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="RUN, RUN@STEP, smollm2-135m, tiny or a folder"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole(0, 65_535), default=8000, metavar="N", help="0: any that is free"
    )
    parser.add_argument(
        "--token-from",
        metavar="VARIABLE",
        default="",
        help="environment variable with the token that clients must send as their API key",
    )

    parser.add_argument("--game", metavar="GAME", help="the game that tiny is built for")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of that game",
    )
    parser.add_argument("--seed", type=SEED, default=0, metavar="S", help="of tiny")
    parser.add_argument(
        "--rows", type=whole(1, 4096), default=64, metavar="N", help="replies drawn at once"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 …")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="F.jsonl",
        help="append every reply with its tokens and log-probabilities to this file",
    )
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    load_games(arguments)
    token = _token(arguments.token_from)

    try:
        from sparring.agents.serve.address import bound
        from sparring.agents.serve.server import serve
    except ImportError as missing:
        # Only what the extra brings: any other missing module is a fault to be seen.
        if missing.name not in ("starlette", "uvicorn"):
            raise
        raise ArgumentError(
            f"`sparring serve` needs {missing.name}, which is not installed: pip install 'sparring[serve]'"
        ) from missing
    from sparring.agents.serve.shelf import Shelf
    from sparring.envs.registry import find

    game = None
    if arguments.game:
        game = find(arguments.game, **parameters(arguments.game, arguments.set))

    # The port first: models take seconds to find.
    listening = bound(arguments.host, arguments.port, token)
    with (
        listening,
        Shelf(
            arguments.names,
            game,
            seed=arguments.seed,
            device=arguments.device,
            rows=arguments.rows,
        ) as shelf,
    ):
        serve(shelf, listening, token=token, record=arguments.record, say=_say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _token(variable: str) -> str:
    if not variable:
        return ""
    token = os.environ.get(variable, "")
    if not token:
        raise ArgumentError(f"${variable} is not set or empty: it must hold the token")
    return token
