"""From a reply's text to a move. Every failure is a ValueError that says what came and what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_BLOCK = re.compile(r"```[ \t]*([\w+-]*)[ \t]*\r?\n(.*?)```", re.DOTALL)
_EDGES = " \t\r\n.!\"'`*"


class Unreadable(ValueError):
    """The text is not in the form of a move."""


class Illegal(ValueError):
    """The text is a move, but the rules forbid it here."""


class Ambiguous(ValueError):
    """The text could be more than one move."""


def excerpt(text: str, limit: int = 60) -> str:
    """The text as one quoted line of at most `limit` characters, for messages."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A parser for one of a few words, case and surrounding punctuation aside.

    Raises Illegal when the whole reply is none of them: a word inside a sentence is not a move.
    """

    def parse(text: str) -> str:
        if text in choices:
            return text
        bare = text.strip(_EDGES).casefold()
        for choice in choices:
            if choice.casefold() == bare:
                return choice
        raise Illegal(f"{excerpt(text)} is not one of: {', '.join(choices)}")

    return parse


def tagged(text: str, name: str) -> str:
    """What stands between <name> and </name>, stripped.

    Raises Unreadable when the pair is missing and Ambiguous when it stands more than once.
    """
    found: list[str] = re.findall(rf"<{re.escape(name)}>(.*?)</{re.escape(name)}>", text, re.DOTALL)
    if not found:
        raise Unreadable(f"no <{name}>…</{name}> in {excerpt(text)}")
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} <{name}> tags where one was expected, in {excerpt(text)}")
    return found[0].strip()


def code_blocks(text: str, language: str = "") -> list[str]:
    """The contents of fenced blocks, in order; with `language` only those marked so."""
    blocks: list[tuple[str, str]] = _BLOCK.findall(text)
    return [body for mark, body in blocks if not language or mark.casefold() == language.casefold()]


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
