"""From a seat's view to chat messages, and from a reply to what others may see.

The only place that conditions text on a role. Text of players reaches a prompt through the game's
messages, so everything but the template's own words is escaped: no player can write another role's turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ..envs.types import Message

Chat: TypeAlias = list[dict[str, str]]

OPEN, CLOSE = "<think>", "</think>"
CALL_TAGS = ("<tool_call>", "</tool_call>")
"""What a call stands in where a template has a form for tools: the model's own words, like its thought."""


class Spoken(NamedTuple):
    """A reply taken apart: what others see, and what they do not."""

    text: str
    thought: str


def chat(
    role: str,
    view: Sequence[Message],
    markers: Sequence[str] = (),
    told: str = "",
    *,
    tools: bool = False,
) -> Chat:
    """The view as chat messages: rules as `system`, the game as `user`, own replies as `assistant`.

    The system message begins with a line naming the role. Neighbouring messages of one speaker are
    joined by a line break, so users and assistants alternate. `told` stands behind the rules. What tools
    there are, and their results, are the user's words; with `tools` a template tells of tools itself, and
    results have the role `tool`.
    """
    # own replies keep their thoughts; in all other text the same tags would pass for a
    # thought, so they are escaped there
    rules = [message.text for message in view if message.speaker == "system"]
    own, foreign = tuple(markers), (*markers, OPEN, CLOSE, *CALL_TAGS)

    # the role is always told, even without rules: one model plays both sides
    messages: Chat = [{"role": "system", "content": "\n\n".join([f"Role: {role}", *rules])}]
    if told:
        messages[0]["content"] += f"\n\n{told}"
    for message in view:
        if message.speaker == "system" or (tools and message.speaker == "tools"):
            continue
        speaker = "assistant" if message.speaker == "self" else "user"
        text = escape(message.text, own if speaker == "assistant" else foreign)
        if message.speaker == "result":
            speaker, text = ("tool", text) if tools else ("user", f"<result>\n{text}\n</result>")
        # many templates refuse two messages of one speaker in a row
        if messages[-1]["role"] == speaker:
            messages[-1]["content"] += f"\n{text}"
        else:
            messages.append({"role": speaker, "content": text})
    return messages


def without_system(messages: Chat) -> Chat:
    """The same chat for templates that know no system role: the rules open the first user message."""
    rules, *rest = messages
    first = rest[0]["content"] if rest else ""
    return [{"role": "user", "content": f"{rules['content']}\n\n{first}".strip()}, *rest[1:]]


@lru_cache(1 << 14)
def escape(text: str, markers: tuple[str, ...]) -> str:
    """The text with a space inside every marker, so that no tokenizer takes it for one."""
    for marker in markers:
        # again and again, since occurrences overlap: `###` holds `##` twice
        while marker in text:
            text = text.replace(marker, f"{marker[0]} {marker[1:]}")
    return text


def split_thought(reply: str) -> Spoken:
    """Part a reply from its hidden thought.

    A thought runs from `<think>` (or from the start, where the template opened it) to the last
    `</think>`. A thought that never closes hides the rest of the reply.
    """
    before, opened, after = reply.partition(OPEN)

    if CLOSE in reply:
        # the last tag counts: a model that closes twice must not show what lies between
        thought, _, said = reply.rpartition(CLOSE)
        # words before the opening tag are part of the reply, unless a thought that the
        # template opened ends there
        head = before if opened and before.strip() and CLOSE not in before else ""
        return Spoken((head + said).strip(), thought[len(head) :].replace(OPEN, "").strip())

    if opened:
        return Spoken(before.strip(), after.strip())
    return Spoken(reply, "")


_ROLE_TAG = re.compile(r"\W.*\W|(?:system|user|assistant|human):", re.IGNORECASE | re.DOTALL)


def role_tags(rendered: str, placeholder: str) -> list[str]:
    """The tags a template writes around messages, from one rendered with placeholders for content."""
    words = rendered.replace(placeholder, " ").split()
    return [word for word in dict.fromkeys(words) if len(word) > 2 and _ROLE_TAG.fullmatch(word)]
