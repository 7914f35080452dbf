"""The fixed words between messages, learned from a chat template, so that prompts are put together quickly.

A template is a program, run over the whole conversation at every turn. Most only write fixed words between
messages. Where that is so (it is checked on probes, against the template itself), a prompt is made of
pieces, and pieces that came up before are neither rendered nor tokenised again: a turn costs what is new
in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..prompts import Chat

Render: TypeAlias = Callable[[Chat], str]
Encode: TypeAlias = Callable[[str], tuple[int, ...]]

_MEMO = 1 << 16
# stand for messages in probes; no template writes control characters of its own
_U, _A, _Z = "\x01", "\x02", "\x03"
# what templates treat specially: outer spaces, empty texts, line breaks, thoughts
_PROBES = (
    "word",
    "",
    " two  words \n",
    "\n",
    "lines\n\nof\ttext",
    "<think>so</think> then",
    "żółć 日本 🙂",
    "3",
)


@dataclass(frozen=True, slots=True)
class _Words:
    """What stands between a user's message and a reply, between a reply and the next message, at the end."""

    to_reply: str
    to_prompt: str
    end: str


class Glue:
    """Encodes conversations piece by piece. Made by `learn`."""

    def __init__(
        self, render: Render, encode: Encode, special: Sequence[str], words: _Words
    ) -> None:
        self._render = render
        self._special = special
        self._words = words

        self._cuts = [self._cut(text) for text in (words.to_reply, words.to_prompt)]
        self._opening = lru_cache(256)(self._opens)
        self._piece = lru_cache(_MEMO)(encode)

    def encode(self, messages: Chat) -> tuple[int, ...] | None:
        """The ids of the rendered conversation; None where it is not one of user and assistant in turns."""
        rules = messages[0]["content"] if messages[0]["role"] == "system" else None
        said = messages if rules is None else messages[1:]
        if len(said) % 2 == 0 or any(
            m["role"] != ("user", "assistant")[i % 2] for i, m in enumerate(said)
        ):
            return None

        # a piece ends behind a special token; what follows that token opens the next piece,
        # since a tokenizer may merge it with the message
        before, left = self._opening(rules)
        pieces = [self._piece(before)] if before else []
        for i, message in enumerate(said[:-1]):
            closing, following = self._cuts[i % 2]
            pieces.append(self._piece(f"{left}{message['content']}{closing}"))
            left = following

        pieces.append(self._piece(f"{left}{said[-1]['content']}{self._words.end}"))
        return tuple([token for piece in pieces for token in piece])

    def _opens(self, rules: str | None) -> tuple[str, str]:
        """What comes before the first message, parted where a piece may begin."""
        return self._cut(self._render([*_system(rules), _user(_U)]).partition(_U)[0])

    def _cut(self, text: str) -> tuple[str, str]:
        """Parted behind its last special token, across which no tokenizer merges; as a whole without one."""
        at = max(
            [text.rfind(token) + len(token) for token in self._special if token in text], default=0
        )
        return text[:at], text[at:]


def learn(render: Render, encode: Encode, special: Sequence[str], *, system: bool) -> Glue | None:
    """The glue of a template, or None where prompts are not fixed words around messages.

    `render` gives the prompt of a chat, `encode` a text's ids; `special` are tokens at which texts are
    always split. `system` says that the template takes rules.
    """
    # render one conversation with placeholders, and read off what stands between them
    rules = "Role: r\n\nrules" if system else None
    whole = render([*_system(rules), _user(_U), _assistant(_A), _user(_Z)])
    _, first, rest = whole.partition(_U)
    to_reply, second, rest = rest.partition(_A)
    to_prompt, third, end = rest.partition(_Z)
    if not (first and second and third):
        return None

    glue = Glue(render, encode, special, _Words(to_reply, to_prompt, end))

    # the template is the judge: one probe that differs, and it is used itself
    return (
        glue if all(glue.encode(chat) == encode(render(chat)) for chat in _probes(system)) else None
    )


def _probes(system: bool) -> list[Chat]:
    """Conversations of different lengths, with texts that a template might treat specially."""
    rules = "Role: q\n\n1. rules\n" if system else None
    chats: list[Chat] = []
    for i, text in enumerate(_PROBES):
        other = _PROBES[i - 1]
        chats.append([*_system(rules), _user(text)])
        chats.append([*_system(rules), _user(other), _assistant(text), _user(other)])
        talk = [_user(text), _assistant(other), _user(other), _assistant(text), _user(text)]
        chats.append([*_system("Role: r" if system else None), *talk])
    return chats


def _system(rules: str | None) -> Chat:
    return [] if rules is None else [{"role": "system", "content": rules}]


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
