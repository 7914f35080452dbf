"""`sparring sandbox`: what can run untrusted code here, and how strongly it is isolated."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from sparring.envs.errors import SparringError

from .options import Commands, add_verifier, command
from .output import answer

if TYPE_CHECKING:
    from sparring.sandbox.verifier import Verifier

T = TypeVar("T")

_EXAMPLES = """\
  sparring sandbox doctor                 what this machine offers
  sparring sandbox build                  build the image, without a registry
  sparring sandbox run program.py         run a file as untrusted code
  sparring sandbox check --verifier local what every verifier must survive
"""


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "sandbox",
        "Run untrusted code; see and build the sandbox.",
        _EXAMPLES,
        prints=False,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    doctor = command(
        actions, "doctor", "Say what this machine offers.", "  sparring sandbox doctor\n"
    )
    doctor.set_defaults(run=_doctor)

    build = command(
        actions, "build", "Build the Docker image offline.", "  sparring sandbox build\n"
    )
    build.set_defaults(run=_build)

    run = command(
        actions, "run", "Run a file as untrusted code.", "  sparring sandbox run program.py\n"
    )
    run.add_argument("file", type=Path, metavar="FILE")
    run.add_argument("--stdin", default="", metavar="TEXT", help="what the program reads")
    add_verifier(run)
    run.set_defaults(run=_run)

    check = command(
        actions, "check", "Try to break a verifier.", "  sparring sandbox check --verifier local\n"
    )
    add_verifier(check)
    check.set_defaults(run=_check)


def _doctor(arguments: argparse.Namespace) -> int:
    from sparring.sandbox.doctor import doctor

    found = doctor()
    answer({"facts": dict(found.facts), "auto": found.auto, "advice": found.advice})
    print(found)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from sparring.sandbox.docker import build

    image = build()
    answer({"image": image})
    print(f"built {image}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from sparring.envs.types import Job

    # Its exit code says whether the program came through, so that scripts can ask.
    job = Job(_text(arguments.file), stdin=arguments.stdin)
    name, (verdict,) = _with(arguments.verifier, lambda verifier: verifier.verify([job]))
    answer(
        {
            "verifier": name,
            "status": verdict.status,
            "stdout": verdict.stdout,
            "stderr": verdict.stderr,
            "seconds": verdict.seconds,
            "detail": verdict.detail,
        }
    )
    sys.stdout.write(_shown(verdict.stdout, sys.stdout))
    sys.stderr.write(_shown(verdict.stderr, sys.stderr))
    print(f"[{name}] {verdict.status} in {verdict.seconds:.3f} s {verdict.detail}".rstrip())
    return 0 if verdict.status == "ok" else 2


def _shown(text: str, where: TextIO) -> str:
    """What a program wrote; for a terminal its control characters are written out, not obeyed."""
    if not where.isatty():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _check(arguments: argparse.Namespace) -> int:
    from sparring.sandbox.conformance import findings

    async def tried(verifier: Verifier) -> list[bool]:
        passed: list[bool] = []
        told: list[dict[str, object]] = []

        # A check takes up to seconds, and there are hundreds: each is printed when it is done.
        async for finding in findings(verifier):
            print(finding, flush=True)
            passed.append(finding.passed)
            told.append({"check": finding.name, "passed": finding.passed, "detail": finding.detail})
        answer(told)
        return passed

    name, passed = _with(arguments.verifier, tried)
    print(f"[{name}] {sum(passed)} passed, {passed.count(False)} failed")
    return 0 if all(passed) else 2


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise SparringError(
            f"{file} cannot be read: {why}; give a file of Python source"
        ) from fault


def _with(name: str, use: Callable[[Verifier], Awaitable[T]]) -> tuple[str, T]:
    """The full name of the verifier called `name`, and what `use` returns for it."""
    from sparring.sandbox.choose import find_verifier

    async def used() -> tuple[str, T]:
        # Opened inside the loop that closes it: its supervisors belong to that loop.
        verifier = find_verifier(name)
        try:
            return verifier.name, await use(verifier)
        finally:
            await verifier.close()

    return asyncio.run(used())
