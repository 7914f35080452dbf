"""What a command prints and where: results, progress, and one JSON value for scripts.

A command prints for people as it goes, and hands its result to `answer` as plain values. With `--json`
standard output is that value alone and everything else goes to standard error; `--quiet` leaves progress out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPED: Final = 200
"""The width, in characters, of a table in a pipe or a file: a cut number is a wrong one."""
_COUNT: Final = re.compile(r"([\d,]+) of ([\d,]+)\b(?: games$)?")
_PAIR: Final = re.compile(r"pair ([\d,]+): ")


@dataclass
class _Printing:
    """How this command prints. `found` is what it answered, if it did."""

    quiet: bool = False
    json: bool = False
    found: list[object] = field(default_factory=list[object])


_now: ContextVar[_Printing | None] = ContextVar("printing", default=None)


def add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print the result as JSON, for scripts")
    group.add_argument("--quiet", action="store_true", help="print the result, and no progress")


@contextmanager
def printing(arguments: argparse.Namespace) -> Generator[None]:
    """Around a command: where its lines go, and at its end its JSON."""
    asked = _Printing(getattr(arguments, "quiet", False), getattr(arguments, "json", False))
    token = _now.set(asked)
    try:
        with ExitStack() as opened:
            if asked.json and asked.quiet:
                nowhere = opened.enter_context(open(os.devnull, "w", encoding="utf-8"))
                opened.enter_context(redirect_stdout(nowhere))
            elif asked.json:
                opened.enter_context(redirect_stdout(sys.stderr))
            yield
    finally:
        _now.reset(token)

    # a command that failed has said so by an error, and has no result
    for result in asked.found if asked.json else ():
        print(json.dumps(plain(result), indent=1, ensure_ascii=False))


def answer(result: object) -> None:
    """The result of the command, which `--json` prints: mappings, sequences, numbers, texts."""
    if now := _now.get():
        now.found = [result]


def quiet() -> bool:
    """Whether progress is unwanted."""
    now = _now.get()
    return now is not None and now.quiet


def plain(value: object) -> Any:
    """A value as JSON knows it: what has no JSON is written as text, infinity and NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    # a NumPy number knows the Python one that it is
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) else str(value)


def interval(estimate: Any) -> dict[str, float]:
    """An estimate as JSON values."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def console() -> Console:
    """A console for tables: a pipe is not narrow, and nothing in a cell is markup."""
    from rich.console import Console

    found = Console(highlight=False, markup=False, emoji=False)
    return (
        found
        if found.is_terminal
        else Console(highlight=False, markup=False, emoji=False, width=PIPED)
    )


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    numbers: Sequence[int] = (),
) -> None:
    """Print a table; the columns of `numbers` are flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for place, name in enumerate(columns):
        # the first names a row: it is shortened last
        right = "right" if place in numbers else "left"
        shown.add_column(Text(name), justify=right, no_wrap=not place, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    console().print(shown)


@contextmanager
def telling() -> Generator[Callable[[str], None]]:
    """Yields what prints lines of progress.

    On a terminal what counts (`30 of 600 games`) is one bar that is updated in place, with the time it will
    still take; in a pipe each is a line, but of pairs that are counted without an end every tenth. `--quiet`:
    nothing.
    """
    if quiet():
        yield lambda _: None
    elif sys.stdout.isatty():
        with _bar(sys.stdout) as say:
            yield say
    else:
        yield _piped


def _piped(line: str) -> None:
    found = _PAIR.match(line)
    if not found or not _whole(found[1]) % 10:
        print(line, flush=True)


@contextmanager
def _bar(stream: TextIO) -> Generator[Callable[[str], None]]:
    """Counts on one line, all else above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    shown = Console(file=stream, highlight=False)
    text = TextColumn("{task.description}", markup=False)
    with Progress(text, BarColumn(bar_width=24), TimeRemainingColumn(), console=shown) as bar:
        tasks: list[Any] = []

        def say(line: str) -> None:
            found = counted(line)
            # a line that says more than its count stays above the bar
            if found is None or not line.startswith(found[0]):
                shown.print(Text(line), soft_wrap=True)
            if found is None:
                return

            told, done, total = found
            if not tasks:
                tasks.append(bar.add_task(told, total=total))
            bar.update(tasks[0], description=told, completed=done, total=total)

        yield say


def counted(line: str) -> tuple[str, int, int | None] | None:
    """What a line counts: how a bar shows it, how many are done, and of how many (None: not known)."""
    if found := _PAIR.match(line):
        # its bounds stay the same, and 80 columns hold no more
        return line.partition(" in (")[0], _whole(found[1]), None
    if found := _COUNT.search(line):
        return found.group(), _whole(found[1]), _whole(found[2])
    return None


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


@contextmanager
def patience(doing: str, after: float = 1.0) -> Generator[None]:
    """Say on stderr what is being done, where it is not done within `after` seconds."""
    if quiet():
        yield
        return
    timer = Timer(after, lambda: print(doing, file=sys.stderr, flush=True))
    timer.daemon = True  # a program that ends does not wait to say so
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def announce(verifier: str) -> None:
    """Say which verifier runs the code of these games, once it is open."""
    if not quiet():
        print(f"code runs in: {verifier}", flush=True)
