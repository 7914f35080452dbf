"""`python -m sparring.training.recipes NAME [KEY=VALUE …]`: train by a recipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ...envs.errors import exit_code
from . import configured, recipe_names


def main(argv: Sequence[str] | None = None) -> int:
    """0: trained; 2: something to fix, said in one line; 130: interrupted, and saved."""
    parser = argparse.ArgumentParser(prog="recipes", description="Train by a recipe.")
    parser.add_argument("name", metavar="NAME", help=", ".join(recipe_names()))
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="like update.lr=1e-4")
    given = parser.parse_args(argv)
    return exit_code("recipes", lambda: _train(given.name, given.settings))


def _train(name: str, settings: Sequence[str]) -> int:
    from ..run import train

    return 130 if train(configured(name, None, settings)).interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
