"""How one model writes a conversation: its tokenizer, chat template, end of turn and markers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ...envs.errors import SparringError
from ...envs.tools import names_in, schema
from ...envs.types import Message
from ..policy import ContextError, Request
from ..prompts import (
    CALL_TAGS,
    CLOSE,
    OPEN,
    Chat,
    Spoken,
    escape,
    role_tags,
    split_thought,
    without_system,
)
from ..thinking import OFF, Thinking
from .template_cache import learn

_MEMO = 1 << 16
_PROBE = "\x00"
_TODAY = datetime(2025, 1, 1)
"""What a template that writes the date is told: a policy's prompts may not change by the day."""
_CLOCK = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")


class DialectError(SparringError, ValueError):
    """This tokenizer cannot write a conversation."""


class Dialect:
    """Conversation to token ids and back, for one tokenizer.

    `stops` are the ids that end a turn, the one among them that the template itself writes behind a reply;
    `end` is that one, or the tokenizer's. `pad` fills batches (it never reaches the model's attention).
    `thinking` says whether and how the model thinks before it moves. `opening` is the tag that a prompt
    ends with, where the thought is open before the model says a word, else empty; `closing` are the tokens
    that close a thought at the end of its budget; where roles think otherwise, `of` gives the dialect of one.
    Raises DialectError for a tokenizer without a chat template or without an end of turn.
    """

    def __init__(
        self, tokenizer: Any, *, thinking: Thinking = OFF, stops: Sequence[int] = ()
    ) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise DialectError(
                f"{tokenizer.name_or_path!r} has no chat template; use a model tuned for chat"
            )

        self.tokenizer = tokenizer
        self.thinking = thinking
        self._given_stops = tuple(stops)
        self._dated = _dated(tokenizer.chat_template)

        # the order counts: the markers settle whether there is a system role, which the
        # glue has to know
        self.markers = self._markers()
        special = [str(t.content) for t in tokenizer.added_tokens_decoder.values() if t.special]

        # a chat model may end its turn with a token that is not its end of text, whether its
        # settings say so or not
        own = self._own_end(special)
        ends: list[int] = [
            end for end in (own, tokenizer.eos_token_id, *sorted(stops)) if end is not None
        ]
        if not ends:
            raise DialectError(f"{tokenizer.name_or_path!r} has no end-of-turn token (eos_token)")
        self.stops = frozenset(ends)
        self.end = ends[0]
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end

        self._calls = self._takes_tools()
        self._glue = learn(self.render, self.choice, special, system=self._system)

        talk = [*self._rules(), {"role": "user", "content": _PROBE}]
        by_template = self.render(talk).rstrip().endswith(OPEN)
        # opened for the model: a small one may not think of it, however it is asked
        self._opened = self.choice(f"{OPEN}\n") if self._asked and not by_template else ()
        self.opening = OPEN if by_template or self._opened else ""
        self.closing = self.choice(f"\n{CLOSE}\n\n") if self.thinks else ()

        # roles that think alike share a dialect
        ways = {role.name: thinking.of(role.name) for role in thinking.roles}
        made = {way: self.with_thinking(way) for way in dict.fromkeys(ways.values())}
        self._of_role = {role: made[way] for role, way in ways.items()}
        self._of_others = self.with_thinking(thinking.of("")) if ways else self

        # caches of the instance: one on the class would keep every dialect alive
        self.encode = lru_cache(_MEMO)(self._encode)
        self.read = lru_cache(_MEMO)(self._read)

    @property
    def thinks(self) -> bool:
        """Whether the model may think before it moves; some templates open a thought in any case."""
        return self.thinking.on or bool(self.opening)

    def of(self, role: str) -> Dialect:
        """How the model writes as this role: as itself, but where roles think otherwise."""
        return self._of_role.get(role, self._of_others)

    def with_thinking(self, thinking: Thinking) -> Dialect:
        """The same model's conversations under another way of thinking."""
        return Dialect(self.tokenizer, thinking=thinking, stops=self._given_stops)

    @property
    def _asked(self) -> bool:
        return self.thinking.mode == "asked"

    def _rules(self) -> Chat:
        """The system message of a probe, where the template takes one."""
        return [{"role": "system", "content": ""}] if self._system else []

    @property
    def id(self) -> str:
        """Changes whenever the same view may become other tokens."""
        # the whole vocabulary: two tokenizers of one name may number tokens differently
        words = self.tokenizer.get_vocab()
        parts = (
            self.tokenizer.chat_template,
            self.thinks,
            sorted(self.stops),
            sorted(words.items()),
            *([self.thinking] if self.thinks else []),
            *([self.thinking.prompts] if self.thinking.prompts else []),
            *self.thinking.roles,
        )
        return sha256(repr(parts).encode()).hexdigest()

    def choice(self, text: str) -> tuple[int, ...]:
        """The ids of a text as it stands; of a whole reply, without its end of turn."""
        core = getattr(self.tokenizer, "backend_tokenizer", None)
        if core is not None:  # as encode, without its ten microseconds for every option
            return tuple(core.encode(text, add_special_tokens=False).ids)
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))

    def refusal(self, request: Request, context: int, who: str) -> ContextError | None:
        """Why a model that reads at most `context` tokens cannot answer the request; None if it can."""
        # `context` itself is too long: the reply needs at least a token
        size = len(self.encode(request.role, request.messages))
        if size < context:
            return None
        return ContextError(
            f"the prompt of {request.seat} has {size} tokens; {who} reads at most {context}, its reply "
            "included; shorten the game's texts or take another model"
        )

    def render(self, messages: Chat, tools: Sequence[str] = ()) -> str:
        """The chat as the model is given it, up to where its reply begins; `tools` by their names."""
        listed: dict[str, Any] = {"tools": [schema(name) for name in tools]} if tools else {}
        # `date_string` is what some templates look for; those that call a clock are rewritten
        return self.tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=self.thinking.mode == "template",
            date_string=_TODAY.strftime("%d %b %Y"),
            **self._dated,
            **listed,
        )

    def _encode(self, role: str, view: tuple[Message, ...]) -> tuple[int, ...]:
        if (own := self.of(role)) is not self:
            return own.encode(role, view)
        told = [message.text for message in view if message.speaker == "tools"]
        calls = bool(told) and self._calls
        messages = self.thinking.chat(role, view, self.markers, tools=calls)
        if calls:
            return self.choice(self.render(messages, names_in(told[-1]))) + self._opened
        return self.spelt(messages) + self._opened

    def written(self, request: Request) -> str:
        """The prompt of a request as the model is given it, its special tokens too."""
        return self.tokenizer.decode(
            self.encode(request.role, request.messages),
            skip_special_tokens=False,
            clean_up_tokenization_spaces=False,
        )

    def spelt(self, messages: Chat) -> tuple[int, ...]:
        """The ids of a chat that ends with a user's message, all text escaped."""
        ruled = messages[0]["role"] == "system"
        if ruled and not self._system:
            messages = without_system(messages)
        # what stands between messages was learned from chats with rules, and a template may put
        # rules of its own where there are none
        if self._system and not ruled:
            return self.choice(self.render(messages))

        quick = self._glue.encode(messages) if self._glue else None
        return self.choice(self.render(messages)) if quick is None else quick

    def _read(self, tokens: tuple[int, ...]) -> Spoken:
        """What was said, from a reply's ids, end of turn included or not.

        Special tokens inside a reply stay visible, escaped: they are part of what the model said.
        """
        said = tokens[:-1] if tokens and tokens[-1] in self.stops else tokens
        text: str = self.tokenizer.decode(
            said, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        # a thought that the prompt opened and the model never closed is no word for others
        spoken = split_thought(self.opening + text)
        return Spoken(escape(spoken.text, self.markers), spoken.thought)

    def _takes_tools(self) -> bool:
        """Whether the template has a form for tools of its own, and for their results."""
        if not self._system or "tools" not in str(self.tokenizer.chat_template):
            return False
        talk = [{"role": r, "content": _PROBE} for r in ("system", "user", "assistant", "tool")]
        try:
            return "python" in self.render(talk, ["python"])
        except Exception:  # jinja's TemplateError, or whatever a template raises for such a role
            return False

    def _own_end(self, special: Sequence[str]) -> int | None:
        """The special token that the template writes behind a reply; None where it writes another text."""
        talk = [{"role": r, "content": _PROBE} for r in ("user", "assistant", "user")]
        _, _, behind, *_ = f"{self.render([*self._rules(), *talk])}{_PROBE}{_PROBE}".split(_PROBE)
        found = [word for word in special if word and behind.lstrip().startswith(word)]
        # the longest: one special token may begin as another does
        return self.tokenizer.convert_tokens_to_ids(max(found, key=len)) if found else None

    def _markers(self) -> tuple[str, ...]:
        """Special tokens and the template's role tags; settles whether the template takes a system role."""
        added = self.tokenizer.added_tokens_decoder.values()
        special = [
            str(token.content) for token in added if token.special
        ] + self.tokenizer.all_special_tokens

        # it ends in a user's message, as every prompt does
        probe = [{"role": r, "content": _PROBE} for r in ("system", "user", "assistant", "user")]
        self._system = True
        try:
            rendered = self.render(probe)
        except (
            Exception
        ):  # jinja's TemplateError, or whatever a template raises for a role it refuses
            self._system = False
            rendered = self.render(probe[1:])

        # a single character cannot be parted by a space, and a player's own thoughts stay
        # readable to it
        found = dict.fromkeys([*special, *role_tags(rendered, _PROBE)])
        own = (OPEN, CLOSE, *CALL_TAGS)
        return tuple(marker for marker in found if len(marker) > 1 and marker not in own)


def _dated(template: object) -> dict[str, str]:
    """The template with one day's date in the place of each call of a clock; empty where there is none."""
    # values handed to a template may be no functions: libraries make texts of them
    if not isinstance(template, str) or not _CLOCK.search(template):
        return {}
    return {"chat_template": _CLOCK.sub(lambda call: repr(_TODAY.strftime(call[2])), template)}
