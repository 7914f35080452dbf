"""From a reply's text to a move. Every failure is a ValueError that says what came and what was expected.

Every function takes time in proportion to the length of the text: replies are not bounded, and
they are read in the process that drives the games.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_EDGES = " \t\r\n.!\"'`*"
# As in HTML a blank may stand behind a tag's name.
_TAG = re.compile(r"<(/?)([a-z_]{1,30}) ?>")
_ANY_TAG = re.compile(r"</?[a-z_]{1,30} ?>", re.IGNORECASE)
# To CommonMark a fence with text behind it closes nothing; models put the next tag there.
_TAG_BEHIND = re.compile(r"^( *(?:```+|~~~+))(?=<)", re.MULTILINE)


class Unreadable(ValueError):
    """The text is not in the form of a move."""


class Illegal(ValueError):
    """The text is a move, but the rules forbid it here."""


class Ambiguous(ValueError):
    """The text could be more than one move."""


def excerpt(text: str, limit: int = 60) -> str:
    """The text as one quoted line of at most `limit` characters, for messages."""
    # repr keeps line breaks and control characters of a reply visible and harmless.
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A parser for one of a few words: as written, else without case, else without punctuation.

    Raises Illegal when the whole reply is none of them (a word inside a sentence is not a move),
    and Ambiguous when several differ only in what is ignored.
    """
    # What a reading ignores is taken off reply and choice alike, so that a choice like `13/7*` stays legal.
    readings: tuple[Callable[[str], str], ...] = (str, str.strip, _uncased, _bare)

    def parse(text: str) -> str:
        # Strictest first: an exact choice wins over one that differs in case alone.
        for reading in readings:
            read = reading(text)
            found = [choice for choice in choices if reading(choice) == read]
            if len(found) > 1:
                raise Ambiguous(f"{excerpt(text)} could be any of: {', '.join(found)}")
            if found:
                return found[0]
        raise Illegal(f"{excerpt(text)} is not one of: {', '.join(choices)}")

    return parse


def line_of(choices: Sequence[str]) -> Callable[[str, bool], str]:
    """A parser for what follows a thought: a word that stands alone on the first line, or else on the last.

    It is told whether the text is whole; of one that was cut off, only a first line that ended counts. A line
    may have a label, tags or a box around the word: `Answer: bet`, `<answer>bet</answer>`, `\\boxed{bet}`.
    Raises as `one_of`.
    """
    read = one_of(choices)

    def parse(text: str, whole: bool) -> str:
        lines = text.strip().split("\n")
        ended = lines if whole else lines[:-1]
        for line in ended[:1] + ended[1:][-1:] * whole:
            for found in (line, _unwrapped(line)):
                try:
                    return read(found)
                except Illegal:
                    continue
        raise Illegal(f"{excerpt(text)} is not one of: {', '.join(choices)}")

    return parse


_AROUND = re.compile(
    r"(?:[A-Za-z ]{1,30}: *)?"
    r"(?:\\boxed\{(?P<box>.*)\}|<(?P<tag>[a-z_]{1,30}) ?>(?P<tagged>.*)</(?P=tag) ?>|(?P<bare>.*))"
)


def _unwrapped(line: str) -> str:
    """The line without a label, tags or a box around it."""
    found = _AROUND.fullmatch(line.strip(_EDGES + "$"))
    parts = (found["box"], found["tagged"], found["bare"]) if found else (line,)
    return next(part for part in parts if part is not None)


def _uncased(text: str) -> str:
    return text.strip().casefold()


def _bare(text: str) -> str:
    return text.strip(_EDGES).casefold()


def has_tag(text: str, name: str) -> bool:
    """Whether <name> stands in the text, in whatever case, or as `<name >`."""
    return bool(_marks(name)[0].search(text))


def tagged(text: str, name: str) -> str:
    """What stands between <name> and </name>, stripped; tags are read without case, as in HTML.

    One that is never closed ends where the next tag stands, or with the text: small models stop there. Raises
    Unreadable when it is missing and Ambiguous when it stands more than once.
    """
    found = _between(text, *_marks(name))
    if not found:
        raise Unreadable(f"no <{name}>…</{name}> in {excerpt(text)}")
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} <{name}> tags where one was expected, in {excerpt(text)}")
    return found[0].strip()


def answered(text: str, name: str = "answer") -> str:
    """What `tagged` finds, or the whole text where it has no such tag. Raises as `tagged`."""
    return tagged(text, name) if has_tag(text, name) else text


@cache
def _marks(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What opens a tag of this name, and what closes it."""
    return re.compile(f"<{name} ?>", re.IGNORECASE), re.compile(f"</{name} ?>", re.IGNORECASE)


def _between(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    end = 0
    while start := opening.search(text, end):
        stop = closing.search(text, start.end())
        if not stop:
            if not found:
                stop = _ANY_TAG.search(text, start.end())
                found.append(text[start.end() : stop.start() if stop else len(text)])
            # Searched once and not again from every opening behind it: that would be quadratic.
            break
        found.append(text[start.end() : stop.start()])
        end = stop.end()
    return found


def first_tags(text: str) -> dict[str, tuple[int, str]]:
    """Of every name whose tag is opened and closed, the first such stretch: where it starts, and its text.

    Stretches do not overlap: what stands inside one opens none.
    """
    marks = list(_TAG.finditer(text))
    closings: dict[str, deque[re.Match[str]]] = defaultdict(deque)
    for mark in marks:
        if mark[1]:
            closings[mark[2]].append(mark)

    found: dict[str, tuple[int, str]] = {}
    end = 0
    for mark in marks:
        if mark[1] or mark.start() < end:
            continue
        # Taken off from the front, so that no closing tag is looked at twice.
        closing = closings[mark[2]]
        while closing and closing[0].start() < mark.end():
            closing.popleft()
        if closing:
            end = closing[0].end()
            found.setdefault(mark[2], (mark.start(), text[mark.start() : end]))
    return found


def rows(text: str, name: str, most: int) -> list[str]:
    """The lines of what `tagged` finds, blank ones left out. Raises Illegal for more than `most`."""
    found = [row for row in tagged(text, name).splitlines() if row.strip()]
    if len(found) > most:
        raise Illegal(f"at most {most} lines were expected in <{name}>, {len(found)} came")
    return found


def code_blocks(text: str, language: str = "") -> list[str]:
    """The contents of fenced blocks, in order; with `language` only those marked so (`python`, `{python}`).

    Fences are CommonMark's (https://spec.commonmark.org/0.31.2/#fenced-code-blocks), of backticks
    or tildes, also in list items; a last one may stay open. A tag right behind a closing fence
    counts as on a line of its own, and a block without content as none.
    """
    # Most replies hold no fence, and the reader of Markdown is slow to import.
    if "```" not in text and "~~~" not in text:
        return []

    text = _TAG_BEHIND.sub(r"\1\n", text)
    fences = [token for token in _markdown().parse(text) if token.type == "fence"]
    named = [fence for fence in fences if language.casefold() in ("", _mark(fence.info))]
    return [fence.content for fence in named if fence.content.strip()]


@cache
def _markdown() -> MarkdownIt:
    """A reader of blocks alone: what stands inside a line is text to it."""
    from markdown_it import MarkdownIt  # not needed to list games

    # `code`, so that a fence indented by four spaces is none; `list`, for those in items.
    reader = MarkdownIt("zero").enable(["fence", "code", "list"])
    reader.core.ruler.enableOnly(["normalize", "block"])
    return reader


def _mark(info: str) -> str:
    """The language that an info string names: its first word."""
    words = info.strip("{} \t").split(maxsplit=1)
    return words[0].strip("{}.,").casefold() if words else ""


def code_block(text: str, language: str = "") -> str:
    """The only fenced block. Raises Unreadable when there is none and Ambiguous when there are several."""
    blocks = code_blocks(text, language)
    if not blocks:
        raise Unreadable(f"no ```{language} code block in {excerpt(text)}")
    if len(blocks) > 1:
        raise Ambiguous(f"{len(blocks)} ```{language} code blocks where one was expected")
    return blocks[0]


def line(text: str, limit: int = 300) -> str:
    """The reply as one line of 1 to `limit` characters. Raises Illegal."""
    said = " ".join(text.split())
    if not said or len(said) > limit:
        raise Illegal(f"1 to {limit} characters were expected, {len(said)} came")
    return said
