"""Options and arguments that several commands share."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from sparring.envs.errors import SparringError, did_you_mean, near

from .output import add_output, patience

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.agents.policy import Policy, Sampling
    from sparring.agents.thinking import Thinking
    from sparring.envs.registry import Game
    from sparring.envs.types import Value

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage] argparse names its own return type so


class ArgumentError(SparringError, ValueError):
    """A command-line argument that cannot be used."""


class Parser(argparse.ArgumentParser):
    """A parser that refuses by ArgumentError, so that a wrong flag is one line like all else."""

    def error(self, message: str) -> NoReturn:
        # argparse lists what there is, and leaves it to the reader to see which was meant.
        if found := re.fullmatch(
            r"(argument .+): invalid choice: (.+) \(choose from (.+)\)", message
        ):
            name, came, known = (part.replace("'", "") for part in found.groups())
            message = f"{name}: no {came!r}{did_you_mean(came, known.split(', '))}"
        raise ArgumentError(f"{message}; see {self.prog} --help")

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # argparse has overloads
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            # told by the command that it was given to, which knows its own flags
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(rest[0])}")
        return found, rest

    def _meant(self, came: str) -> str:
        """The flags like `came`, as a question; where there are none, how settings are given."""
        name, known = came.partition("=")[0], self._option_string_actions
        # compared without their dashes, which would make all flags alike
        close = near(name.lstrip("-"), [flag[2:] for flag in known if flag.startswith("--")])
        if close:
            return f"; did you mean {' or '.join(f'--{flag}' for flag in close)}?"
        setting = name.startswith("--") and "--set" in known
        return "; settings are given by --set KEY=VALUE" if setting else ""


def whole(least: int, most: int) -> Callable[[str], int]:
    """The argparse type of a whole number from `least` to `most`."""

    def read(text: str) -> int:
        # What is no number at all is refused by the same words as one out of bounds.
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if least <= value <= most:
            return value
        raise argparse.ArgumentTypeError(
            f"expected a whole number from {least:,} to {most:,}; came {text}"
        )

    return read


def real(least: float, most: float) -> Callable[[str], float]:
    """The argparse type of a number from `least` to `most`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if least <= value <= most:  # false for "nan" too
            return value
        raise argparse.ArgumentTypeError(
            f"expected a number from {least:,g} to {most:,g}; came {text}"
        )

    return read


MANY = 10_000_000
"""The most pairs, games or steps that a command takes: past any use, and no typing error reaches it."""

SEED = whole(0, 2**32 - 1)
"""The type of a seed: what NumPy, PyTorch and the stores all take."""


def command(
    commands: Commands, name: str, about: str, examples: str, *, prints: bool = True
) -> argparse.ArgumentParser:
    """A subcommand whose --help shows examples; one that `prints` results does so for scripts too."""
    parser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if prints:
        add_output(parser)
    return parser


def add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="FILE",
        help="register the games of this Python file",
    )


def add_playing(parser: argparse.ArgumentParser) -> None:
    """What every command takes that plays a game."""
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_engine(parser)
    add_load(parser)


def add_set(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=what)


def add_verifier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verifier",
        default="auto",
        metavar="NAME",
        help="who runs code: auto (docker if it answers, else local), docker, local, or your own: "
        "MODULE:FUNCTION or FILE.py:FUNCTION",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        type=_engine,
        default="auto",
        metavar="E",
        help="where models run: auto, transformers, vllm, server (a vLLM of its own), or URLs of servers",
    )


def add_think(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--think",
        choices=("off", "template", "asked"),
        help="whether models think before they move: off (default), template (the thinking mode of the "
        "model's chat template), asked (an instruction of ours); a name may say it for one model, as in "
        "smollm2-135m?think=asked&thought_tokens=64",
    )


def add_prompts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="a TOML file with other words than ours for role, rules, thought and form (docs/thinking.md)",
    )


def thinking_of(arguments: argparse.Namespace, game: Game) -> Thinking:
    """How models think, and what they are told, where their names do not say. Raises PromptsError."""
    from sparring.agents.thinking import Thinking
    from sparring.agents.wording import read_prompts

    prompts = read_prompts(arguments.prompts, [game]) if arguments.prompts else None
    return Thinking(arguments.think or "off", prompts=prompts)


def _engine(text: str) -> str:
    """The argparse type of an engine. A wrong name is refused here, also where no model is seated."""
    known = ("auto", "transformers", "vllm", "server")
    if text in known or text.startswith(("http://", "https://")):
        return text
    hint = did_you_mean(text, known, f"; there are {', '.join(known)}, or URLs of servers")
    raise argparse.ArgumentTypeError(f"no engine {text!r}{hint}")


@contextmanager
def hosting(engine: str) -> Generator[Hosts | None]:
    """Where models are hosted beside this process's transformers. None: nowhere else."""
    from sparring.agents.engines.available import resolved

    # Models in this process need no host: each is loaded where it is seated.
    named = resolved(engine)
    if named == "transformers":
        yield None
        return

    from sparring.agents.engines.hosts import Hosts

    with Hosts(named) as hosts:
        yield hosts


def seated(
    name: str,
    game: Game,
    hosts: Hosts | None = None,
    sampling: Sampling | None = None,
    thinking: Thinking | None = None,
) -> Policy:
    """The policy of this name; a model thinks as `thinking` says where its name does not."""
    from sparring.agents.policy import FREE
    from sparring.agents.seats import seat
    from sparring.agents.thinking import OFF

    with patience(f"preparing {name} …"):
        return seat(name, game, sampling=sampling or FREE, hosts=hosts, thinking=thinking or OFF)


def no_person(names: Sequence[str]) -> None:
    """Raise ArgumentError for a person among players of hundreds of games, often several at once."""
    if "human" in names:
        raise ArgumentError(
            "human cannot be rated: it would be asked for hundreds of moves; "
            "play by `sparring play GAME --seat ROLE=human`"
        )


def load_games(arguments: argparse.Namespace) -> list[str]:
    """Register the games of every --load file; returns their ids."""
    from sparring.envs.registry import load

    return [id for path in arguments.load for id in load(path)]


def pairs(items: list[str], flag: str, form: str = "KEY=VALUE") -> dict[str, str]:
    """`["a=1"]` to `{"a": "1"}`. Raises ArgumentError for an item without `=` or a key given twice."""
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise ArgumentError(f"{flag} {item!r}: expected {form}")
        if key in found:
            raise ArgumentError(f"{flag} {key} is given twice")

        found[key] = value
    return found


def chosen_game(arguments: argparse.Namespace, known: Mapping[str, Value] | None = None) -> Game:
    """The game named by the arguments, with the parameters that are `known` and over them those of --set."""
    from sparring.envs.registry import find

    load_games(arguments)
    own = parameters(arguments.game, arguments.set)
    return find(arguments.game, **{**(known or {}), **own})


def parameters(game: str, items: list[str]) -> dict[str, Value]:
    """The parameters that --set gives a game of this id. Raises what `declared` raises, and ArgumentError."""
    from sparring.envs.registry import declared

    defaults = declared(game).defaults
    found: dict[str, Value] = {}
    for key, text in pairs(items, "--set").items():
        value = _literal(text)
        # what the game wants as text stays so where it reads as a number, like one heap of nim
        is_text = isinstance(defaults.get(key), str) and not isinstance(value, str)
        found[key] = text if is_text else value
    return found


def _literal(text: str) -> Value:
    """A Python literal where the text is one, or TOML's `true` or `false`; else the text itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        value: Any = ast.literal_eval(text)
    except (
        ValueError,
        SyntaxError,
        MemoryError,
        RecursionError,
    ):  # deep nesting raises the last two
        return text
    return value
