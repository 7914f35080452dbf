"""`sparring engines`: what can run a language model here."""

from __future__ import annotations

import argparse

from .options import Commands, command

_EXAMPLES = "  sparring engines doctor                 what is installed, and what to install\n"


def add(commands: Commands) -> None:
    parser = command(commands, "engines", "See what can run a language model here.", _EXAMPLES)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    command(actions, "doctor", "Say what is installed.", _EXAMPLES).set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.agents.engines.available import engines

    for engine in engines():
        print(f"{engine.name:<14} {'yes' if engine.ready else 'no ':<4} {engine.detail}")
    return 0
