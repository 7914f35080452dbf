"""`sparring sandbox`: what can run untrusted code here, and how strongly it is held."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .options import Commands, add_verifier, command

_EXAMPLES = """\
  sparring sandbox doctor                 what this machine offers
  sparring sandbox build                  build the image, without a registry
  sparring sandbox run program.py         run a file as untrusted code
  sparring sandbox check --verifier local what every verifier must survive
"""


def add(commands: Commands) -> None:
    parser = command(commands, "sandbox", "Run untrusted code; see and build the sandbox.", _EXAMPLES)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    doctor = command(actions, "doctor", "Say what this machine offers.", "  sparring sandbox doctor\n")
    doctor.set_defaults(run=_doctor)
    build = command(actions, "build", "Build the Docker image offline.", "  sparring sandbox build\n")
    build.set_defaults(run=_build)
    run = command(actions, "run", "Run a file as untrusted code.", "  sparring sandbox run program.py\n")
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

    print(doctor())
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from sparring.sandbox.docker import build

    print(f"built {build()}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from sparring.envs.types import Job
    from sparring.sandbox.choose import open_verifier

    job = Job(arguments.file.read_text(encoding="utf-8"), stdin=arguments.stdin)
    verifier = open_verifier(arguments.verifier)
    try:
        (verdict,) = verifier.run([job])
    finally:
        verifier.shut()
    print(verdict.stdout, end="")
    print(verdict.stderr, end="", file=sys.stderr)
    print(f"[{verifier.name}] {verdict.status} in {verdict.seconds:.3f} s {verdict.detail}".rstrip())
    return 0 if verdict.status == "ok" else 2


def _check(arguments: argparse.Namespace) -> int:
    from sparring.sandbox.choose import open_verifier
    from sparring.sandbox.conformance import check

    verifier = open_verifier(arguments.verifier)
    try:
        findings = check(verifier)
    finally:
        verifier.shut()
    for finding in findings:
        print(finding)
    failed = sum(not finding.passed for finding in findings)
    print(f"[{verifier.name}] {len(findings) - failed} passed, {failed} failed")
    return 2 if failed else 0
