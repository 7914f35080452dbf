"""`sparring engines`: what can run a language model here."""

from __future__ import annotations

import argparse

from .options import Commands, command
from .output import answer, table

_EXAMPLES = "  sparring engines doctor                 what is installed, and what to install\n"


def add(commands: Commands) -> None:
    parser = command(
        commands, "engines", "See what can run a language model here.", _EXAMPLES, prints=False
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    command(actions, "doctor", "Say what is installed.", _EXAMPLES).set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.agents.engines.available import engines

    found = engines()
    answer([{"name": e.name, "ready": e.ready, "detail": e.detail} for e in found])
    rows = [(e.name, "yes" if e.ready else "no", e.detail) for e in found]
    table(("engine", "here", "what it is, or what to install"), rows)
    return 0
