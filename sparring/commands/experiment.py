"""`sparring experiment`: arms × seeds of a recipe, compared with intervals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .executors import add_executor
from .options import SEED, ArgumentError, Commands, command, whole
from .output import answer, console, table, telling

if TYPE_CHECKING:
    from sparring.training.experiments.design import Design
    from sparring.training.experiments.outcome import Result

_EXAMPLES = """\
  sparring experiment moving.toml                 train all arms with all seeds, and say what came of it
  sparring experiment moving-opponent             a published claim that comes with Sparring
  sparring experiment moving.toml --dry-run       check it, and list its runs
  sparring experiment moving.toml --only-table    of the runs that are done
  sparring experiment --docs docs/claims.md       the page of all claims, from their kept results
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "experiment", "Compare settings over seeds, and judge a claim.", _EXAMPLES
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="an experiment (TOML), or the name of a claim"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of its runs (default: runs/ and the file's name)"
    )
    parser.add_argument(
        "--jobs", type=whole(1, 1024), metavar="N", help="runs at once (default: one a core)"
    )
    add_executor(parser, "where runs are trained")
    parser.add_argument("--seeds", metavar="A,B", help="these seeds in place of the file's")
    parser.add_argument("--arms", metavar="A,B", help="these arms alone")

    parser.add_argument(
        "--dry-run", action="store_true", help="check the file, list the runs, and end"
    )
    parser.add_argument(
        "--only-table", action="store_true", help="train nothing; tell of the runs that are done"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the result beside the file, in results/NAME.json"
    )
    parser.add_argument(
        "--docs",
        metavar="PAGE.md",
        help="write a page of the kept results of the files (none named: of all claims), and the verdicts "
        "in games.md beside it where that is there, and end",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.training.experiments.claims import find, names

    if arguments.docs is not None:
        from sparring.training.experiments.claims import write

        if not arguments.docs.endswith(".md"):
            raise ArgumentError(f"--docs names a page, like docs/claims.md, not {arguments.docs!r}")
        files = [find(name) for name in arguments.files or names()]
        for page in write(files, Path(arguments.docs)):
            print(f"wrote {page}")
        return 0
    if len(arguments.files) != 1:
        raise ArgumentError(f"name one experiment: a file, or one of {', '.join(names())}")
    return _one(find(arguments.files[0]), arguments)


def _one(path: Path, arguments: argparse.Namespace) -> int:
    """Run one experiment, or tell of it."""
    from sparring.training.experiments.claims import keep
    from sparring.training.experiments.design import read
    from sparring.training.experiments.experiment import examine, experiment, written

    part = {"--seeds": arguments.seeds, "--arms": arguments.arms}
    chosen = [f"{option} {value}" for option, value in part.items() if value is not None]
    if arguments.keep and chosen:
        raise ArgumentError(f"--keep keeps the result of the whole file; leave out {chosen[0]}")
    design = read(path).only(_listed("--arms", arguments.arms), _seeds(arguments.seeds))
    out = Path(arguments.out) if arguments.out else Path("runs") / path.stem
    made_by = " ".join(["sparring experiment", arguments.files[0], *chosen])
    if arguments.dry_run:
        return _listing(design, out)

    if arguments.only_table:
        result = written(design, out, examine(design, out), made_by)
    else:
        try:
            with telling() as say:
                result = experiment(
                    design,
                    out,
                    arguments.jobs,
                    executor=arguments.executor,
                    command=made_by,
                    say=say,
                )
        except KeyboardInterrupt:
            print(f"what was trained stays in {out}; the same command goes on", file=sys.stderr)
            raise

    if arguments.keep:
        print(f"kept {keep(result, path)}")
    answer(result.data())
    _print(result, out)
    return 0


def _listing(design: Design, out: Path) -> int:
    """The runs, and what is done of them."""
    from sparring.training.experiments.experiment import examine
    from sparring.training.experiments.runs import spent
    from sparring.training.phases import length

    took = spent(out)
    for run in examine(design, out):
        state = "done" if run.done(took) else "begun" if run.folder.steps else "to be run"
        ends = (
            f"{run.config.tokens:,} tokens" if run.config.tokens else f"{length(run.config)} steps"
        )
        print(f"{run.folder.path}  {run.config.recipe} on {run.config.title}, {ends}: {state}")
    return 0


def _print(result: Result, out: Path) -> None:
    from rich.text import Text
    from sparring.training.experiments import told

    table(("arm", *told.columns(result)), told.rows(result))
    if result.expect:
        judged = [told.expected(each) for each in result.expect]
        rows = [(each.text, each.difference, each.interval, each.state) for each in judged]
        table(("expectation", "left − right", "interval", "it is"), rows)
    shown = console()
    if names := told.where(result.told):
        shown.print(Text(names), soft_wrap=True)
    for warning in result.warnings:
        shown.print(Text(warning, style="yellow"))
    for line in (result.claim, told.verdict(result), str(out / "report.html")):
        shown.print(Text(line), soft_wrap=True)


def _listed(option: str, text: str | None) -> list[str]:
    """What an option lists; nothing where it is not given. Raises ArgumentError where it lists nothing."""
    found = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not found:
        raise ArgumentError(f"{option} names none; leave it out for all of the file")
    if twice := [part for part in found if found.count(part) > 1]:
        raise ArgumentError(f"{option} {text} names {twice[0]} twice")
    return found


def _seeds(text: str | None) -> list[int]:
    try:
        return [SEED(part) for part in _listed("--seeds", text)]
    except argparse.ArgumentTypeError as fault:
        raise ArgumentError(f"--seeds: {fault}") from fault
