"""A game as a package that another library's tools load: written whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from ...agents.scripted import scripted_names
from ...agents.seats import seat as seated
from ...envs.registry import Game
from .plan import FILE, ExportError, Plan

Kind: TypeAlias = Literal["verifiers", "openenv"]
KINDS: tuple[Kind, ...] = ("verifiers", "openenv")

_VERIFIERS = '''\
"""{about}"""

from pathlib import Path

from sparring.arenas.outside.in_verifiers import environment

GameSeeds, GameEnv, GameChat = environment(Path(__file__).parent, __name__)
__all__ = ["GameChat", "GameEnv", "GameSeeds"]
'''
_OPENENV_APP = '''\
"""The server: `uvicorn {module}.server.app:app`."""

from pathlib import Path

from sparring.arenas.outside.in_openenv import application

app = application(Path(__file__).parents[1])


def main(host: str = "127.0.0.1", port: int = 8000) -> None:
    import uvicorn

    uvicorn.run(app, host=host, port=port)


if __name__ == "__main__":
    main()
'''
_OPENENV_YAML = """\
spec_version: 1
name: {module}
type: space
runtime: fastapi
app: {module}.server.app:app
port: 8000
"""
_PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
description = "{id} of Sparring as an environment of {kind}"
requires-python = ">=3.11"
dependencies = ["sparring", {needs}]

[tool.setuptools]
packages = [{packages}]

[tool.setuptools.package-data]
"*" = ["*.json", "*.py", "*.yaml"]
"""
_NEEDS = {"verifiers": '"verifiers>=0.4"', "openenv": '"openenv>=0.4.1", "uvicorn"'}


def plan_of(
    game: Game,
    *,
    seats: Sequence[str] = (),
    others: Mapping[str, str] | None = None,
    games: int = 1000,
    seed: int = 0,
    files: Sequence[Path] = (),
    max_tokens: int = 64,
) -> Plan:
    """A plan for the game. `seats` are roles or seats (default: the first player's).

    `others` names who plays the rest: by seat, by role, or by `*`; else `sample` where the game has one, else
    `random`. Raises ExportError, or UnknownEntrantError for a name that nobody has.
    """
    chosen = _seats(game, seats)
    given = dict(others or {})
    if unknown := [name for name in given if name not in {"*", *game.seats, *game.roles}]:
        raise ExportError(
            f"{unknown[0]!r} is no seat of {game.id}; its seats: {', '.join(game.seats)}"
        )

    usual = given.get("*", "sample" if "sample" in game.oracles else "random")
    # also of the open ones: where one seat of several is played over a server, the rest sit here
    sitting = {seat: given.get(seat, given.get(game.role_of[seat], usual)) for seat in game.seats}
    for name in dict.fromkeys(sitting.values()):
        if name == "human":
            raise ExportError("a person cannot sit in an exported game; name another player")
        if name not in scripted_names(game):
            seated(name, game)  # a name that nobody has is told now and not where it is run
    return Plan(
        game=game.id,
        seats=chosen,
        others=sitting,
        parameters=dict(game.ref.parameters),
        games=games,
        seed=seed,
        files=tuple(file.name for file in files),
        max_tokens=max_tokens,
    )


def _seats(game: Game, wanted: Sequence[str]) -> tuple[str, ...]:
    if not wanted:
        return (game.players[0],)
    found: list[str] = []
    for name in wanted:
        seats = [seat for seat in game.seats if name in (seat, game.role_of[seat])]
        if not seats:
            raise ExportError(
                f"{name!r} is no seat of {game.id}; its seats: {', '.join(game.seats)}"
            )
        found += seats
    return tuple(dict.fromkeys(found))


def export(game: Game, kind: Kind, plan: Plan, out: Path, files: Sequence[Path] = ()) -> Path:
    """Write the package into the new folder `out`; returns its path. Raises ExportError."""
    if out.exists():
        raise ExportError(f"{out} exists; give the environment a folder of its own with --out")
    # a name each, so that both can be installed together
    module = re.sub(r"\W+", "_", game.id).strip("_").lower() + ("_env" * (kind == "openenv"))

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # beside the place, so that it is one rename: half a package is never seen
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as draft:
            _write(Path(draft) / "whole", module, game, kind, plan, files)
            (Path(draft) / "whole").rename(out)
    except OSError as fault:
        raise ExportError(f"{out} cannot be written ({fault.strerror or fault})") from fault
    return out


def _write(
    home: Path, module: str, game: Game, kind: Kind, plan: Plan, files: Sequence[Path]
) -> None:
    package = home / module
    package.mkdir(parents=True)
    (package / FILE).write_text(plan.write() + "\n", encoding="utf-8")
    for file in files:
        shutil.copy(file, package / file.name)

    packages = f'"{module}"'
    about = game.about.replace('"""', "'''").replace("\\", "/")
    if kind == "verifiers":
        _text(package / "__init__.py", _VERIFIERS.format(about=about))
    else:
        (package / "server").mkdir()
        _text(package / "__init__.py", f'"""{about}"""\n')
        _text(package / "server" / "__init__.py", "")
        _text(package / "server" / "app.py", _OPENENV_APP.format(module=module))
        _text(home / "openenv.yaml", _OPENENV_YAML.format(module=module))
        packages += f', "{module}.server"'

    name = module.replace("_", "-")
    _text(
        home / "pyproject.toml",
        _PROJECT.format(name=name, id=game.id, kind=kind, needs=_NEEDS[kind], packages=packages),
    )
    _text(home / "README.md", _readme(module, game, kind, plan))


def _text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _readme(module: str, game: Game, kind: Kind, plan: Plan) -> str:
    """What it is, and how to use it."""
    rest = {seat: name for seat, name in plan.others.items() if seat not in plan.seats}
    beside = ", ".join(f"{seat} is played by {name}" for seat, name in rest.items())
    use = (
        f"vf-eval {module} -m MODEL --client.base-url http://127.0.0.1:8000/v1 --no-push"
        if kind == "verifiers"
        else f"uvicorn {module}.server.app:app --port 8000"
    )
    lo, hi = game.payoff_range
    return (
        f"# {game.ref.label}\n\n{game.about}\n\n"
        f"Open seats: {', '.join(plan.seats)}. {beside + '. ' if beside else ''}"
        f"Payoff from {lo:g} to {hi:g}; a forfeit pays {lo - 1:g}.\n\n"
        f"```sh\npip install .\n{use}\n```\n"
    )
