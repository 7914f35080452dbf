"""Published claims as experiments: their files, their kept results, and the page written from these."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from ...envs.errors import did_you_mean
from .. import checkpoints
from .expectations import ExperimentError
from .kept import read_kept
from .outcome import Result
from .papers import with_verdicts
from .told import VERDICTS, columns, expected, rows, where

RESULTS: Final = "results"
_PAPERS: Final = "games.md"
"""The page that has tables of papers."""
_HEAD: Final = """\
# Claims

Published claims as experiments of minutes: small models, three seeds or more, and for every arm as many
sampled tokens, to a tenth, where nothing else is said. This page is written by
`sparring experiment --docs docs/claims.md` from the results that `--keep` left in
`training/claims/results/`; nothing in it is typed by hand.

Each number is a mean over seeds with its 95 % interval (Student's, n − 1 degrees). ◆ marks numbers that are
exact: computed over all tasks or the whole game tree. Differences are paired by seed; the intervals of
several expectations of one claim hold together. A claim is *confirmed* where every interval lies on the
expected side, *refuted* where one lies on the other, else *undecided at this scale*. Minutes are of one core:
in a table of arms those of one run, elsewhere of all runs together.

Seeds from 11 on are fresh: no trial ever used them, and design and expectations stood before they were
run, where a claim says nothing else. Of the seeds below 11 some had been seen in trials.
"""


def folder() -> Path:
    """Where the claims that come with Sparring lie."""
    return Path(str(files("sparring.training"))) / "claims"


def names() -> list[str]:
    """The claims that come with Sparring."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def find(name: str) -> Path:
    """The file of an experiment: a path, or a claim's name. Raises ExperimentError, naming the nearest."""
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) != 1:
        raise ExperimentError(f"no file {name!r}")
    if name not in names():
        raise ExperimentError(f"no file and no claim {name!r}{did_you_mean(name, names())}")
    return folder() / f"{name}.toml"


def kept(path: Path) -> Path:
    """Where the result of an experiment's file is kept."""
    return path.parent / RESULTS / f"{path.stem}.json"


def keep(result: Result, path: Path) -> Path:
    """Keep a result beside the experiment's file. Returns where."""
    place = kept(path)
    with checkpoints.writing(place):
        place.parent.mkdir(exist_ok=True)
        text = json.dumps(result.data(), indent=1, ensure_ascii=False)
        checkpoints.replace_text(place, text + "\n")
    return place


def write(paths: Sequence[Path], page: Path) -> list[Path]:
    """Write the page of these experiments from their kept results; tell the verdicts on the page of papers.

    That is `games.md` beside it, where it exists. Returns what was written. Raises ExperimentError where
    nothing was kept, and for a result or a page that is damaged.
    """
    found = [read_kept(kept(path)) for path in paths if kept(path).is_file()]
    if not found:
        raise ExperimentError("no result was kept; run an experiment with --keep first")
    pages = {page: markdown(found)}
    papers = page.parent / _PAPERS
    if papers.is_file():
        try:
            text = papers.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise ExperimentError(f"{papers} cannot be read: {fault}") from fault
        pages[papers] = with_verdicts(text, found, beside=page.name)

    for place, text in pages.items():
        with checkpoints.writing(place):
            checkpoints.replace_text(place, text)
    return list(pages)


def markdown(results: Sequence[Result]) -> str:
    """The page: an overview, and a section for each claim."""
    overview = [
        (
            f"[{result.name}](#{result.name})",
            result.paper,
            VERDICTS[result.verdict],
            f"{result.minutes:.0f}",
        )
        for result in results
    ]
    lines = [_HEAD, *_table(("claim", "paper", "verdict", "minutes"), overview)]
    sections = ["\n".join(_section(result)) for result in results]
    return "\n".join(lines) + "\n\n" + "\n\n".join(sections) + "\n"


def _section(result: Result) -> list[str]:
    lines = [
        f"## {result.name}",
        "",
        f"{result.claim} ({result.paper})",
        "",
        f"**{VERDICTS[result.verdict]}.** {result.note}".rstrip(),
        "",
        *_table(("arm", *columns(result)), rows(result)),
    ]
    if names := where(result.told):
        lines += ["", names]
    if result.expect:
        judged = [expected(each) for each in result.expect]
        told = [(f"`{each.text}`", each.difference, each.interval, each.state) for each in judged]
        lines += ["", *_table(("expected", "left − right", "interval", "it is"), told)]

    lines += ["", *(f"{text[:1].upper()}{text[1:]}." for text in result.warnings)]
    seeds = ", ".join(map(str, result.seeds))
    lines.append(f"Seeds {seeds}; {result.minutes:.0f} minutes: `{result.command}`")
    return lines


def _table(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
        *(f"| {' | '.join(map(_cell, row))} |" for row in cells),
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
