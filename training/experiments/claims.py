"""Published claims as experiments: their files, their kept results, and the page written from these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

from ...envs.errors import did_you_mean
from .. import checkpoints
from .expectations import ExperimentError
from .outcome import Result
from .papers import with_verdicts
from .told import where

RESULTS: Final = "results"
_KEPT: Final = {field.name for field in fields(Result)}
"""What a kept result has."""
_PAPERS: Final = "games.md"
"""The page that has tables of papers."""
_TITLES: Final = {
    "confirmed": "Confirmed",
    "refuted": "Refuted",
    "undecided": "Undecided at this scale",
    "open": "Measured",
}
_HEAD: Final = """\
# Claims

Published claims as experiments of minutes: small models, three seeds or more, and for every arm as many
sampled tokens, to a tenth, where nothing else is said. This page is written by
`sparring experiment --docs docs/claims.md` from the results that `--keep` left in
`training/claims/results/`; nothing in it is typed by hand.

Each number is a mean over seeds with its 95 % interval (Student's, n − 1 degrees). ◆ marks numbers that are
exact: computed over all tasks or the whole game tree. Differences are paired by seed; the intervals of
several expectations of one claim hold together. A claim is *confirmed* where every interval lies on the
expected side, *refuted* where one lies on the other, else *undecided at this scale*. Minutes are of one core,
all runs together.

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
    found: list[Mapping[str, Any]] = []
    for path in paths:
        if kept(path).is_file():
            found.append(_read(kept(path)))
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


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The page: an overview, and a section for each claim."""
    lines = [_HEAD, "| claim | paper | verdict | minutes |", "|---|---|---|---|"]
    for result in results:
        link = f"[{result['name']}](#{result['name']})"
        title = _TITLES[result["verdict"]]
        lines.append(f"| {link} | {result['paper']} | {title} | {result['minutes']:.0f} |")
    sections = ["\n".join(_section(result)) for result in results]
    return "\n".join(lines) + "\n\n" + "\n\n".join(sections) + "\n"


def _section(result: Mapping[str, Any]) -> list[str]:
    seeds = ", ".join(map(str, result["seeds"]))
    lines = [
        f"## {result['name']}",
        "",
        f"{result['claim']} ({result['paper']})",
        "",
        f"**{_TITLES[result['verdict']]}.** {result['note']}".rstrip(),
        "",
        *_arms(result),
    ]
    if result["expect"]:
        lines += ["", "| expected | left − right | interval | it is |", "|---|---|---|---|"]
        lines += [_expected(each) for each in result["expect"]]
    lines += ["", *(f"{_sentence(text)}" for text in result["warnings"])]
    lines.append(f"Seeds {seeds}; {result['minutes']:.0f} minutes: `{result['command']}`")
    return lines


def _arms(result: Mapping[str, Any]) -> list[str]:
    told = cast(Mapping[str, str], result["told"])
    heads = [
        (told[name] if name == "number" else name) + (" ◆" if name in result["exact"] else "")
        for name in told
    ]
    lines = [
        f"| arm | {' | '.join(f'{head}' for head in heads)} | steps | tokens |",
        "|---" * (len(heads) + 3) + "|",
    ]
    for arm, found in result["arms"].items():
        cells = [_measured(found["numbers"][name]) for name in told]
        lines.append(
            f"| {arm} | {' | '.join(cells)} | {found['steps']:,.0f} | {found['tokens']:,.0f} |"
        )
    return [*lines, *(["", names] if (names := where(told)) else [])]


def _measured(number: Mapping[str, Any]) -> str:
    over = number["over"]
    if over is None:
        return "never"
    lacking = sum(value is None for value in number["seeds"].values())
    rest = f" (never in {lacking} of {len(number['seeds'])})" if lacking else ""
    return f"{over['mean']:.3f}{_interval(over)}{rest}"


def _expected(each: Mapping[str, Any]) -> str:
    why = f": {each['why']}" if each["why"] else ""
    over = each["over"]
    mean, interval = (f"{over['mean']:+.3f}", _interval(over, "+")) if over else ("–", "")
    return f"| `{each['text']}` | {mean} | {interval.strip() or '–'} | {each['state']}{why} |"


def _interval(over: Mapping[str, Any], sign: str = "") -> str:
    if over["low"] is None:
        return ""
    return f" [{over['low']:{sign}.3f}, {over['high']:{sign}.3f}]"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ExperimentError(f"{path} is no kept result: {fault}") from fault
    if not isinstance(data, dict) or not data.keys() >= _KEPT:
        raise ExperimentError(f"{path} is no kept result; run its experiment with --keep")
    return cast(Mapping[str, Any], data)
