"""Players that think before they move: how they are told to, for how long, and what of it they keep.

A reply has a thought and an answer. The game and other seats see the answer alone, training sees both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias, get_args

from ..envs.types import Message
from .prompts import Chat, chat
from .wording import Prompts

Thinks: TypeAlias = Literal["off", "template", "asked"]
MODES: tuple[Thinks, ...] = get_args(Thinks)
MOST_TOKENS = 10_000_000

ASKED = (
    "Think first, inside <think> and </think>: nobody else sees that. Behind </think> write your move "
    "alone, in the form that the rules ask for."
)
"""What a model without a thinking mode of its own is told, behind the rules."""


class Role(NamedTuple):
    """How one role thinks, where that is not how the others do."""

    name: str
    mode: Thinks
    tokens: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """Whether a policy thinks before it moves, and what it is told beside the game's messages.

    mode:   `off`; `template` (the thinking mode of the model's own chat template); `asked` (`ASKED` stands
            behind the rules, and the thought is opened for the model where that can be done)
    tokens: the budget of a thought; at its end the thought is closed by tokens of ours, which are never
            trained. The answer has `Sampling.max_tokens` for itself.
    keep:   own earlier thoughts stay in a seat's later prompts
    prompts: a file of the user's with other words for the system message (None: ours)
    roles:  those that think otherwise; `of` gives the way of one role
    """

    mode: Thinks = "off"
    tokens: int = 256
    keep: bool = False
    prompts: Prompts | None = field(default=None, repr=False)
    roles: tuple[Role, ...] = field(default=(), repr=False)

    @property
    def on(self) -> bool:
        """Whether any role thinks."""
        return any(mode != "off" for mode in (self.mode, *(role.mode for role in self.roles)))

    @property
    def longest(self) -> int:
        """The most tokens that a thought of any role may have; 0 where none thinks."""
        ways = ((self.mode, self.tokens), *((role.mode, role.tokens) for role in self.roles))
        return max(tokens if mode != "off" else 0 for mode, tokens in ways)

    def of(self, role: str) -> Thinking:
        """How this role thinks."""
        if not self.roles:
            return self
        own = next((each for each in self.roles if each.name == role), None)
        mode, tokens = (own.mode, own.tokens) if own else (self.mode, self.tokens)
        return replace(self, mode=mode, tokens=tokens, roles=())

    @property
    def told(self) -> str:
        """What is said behind the rules."""
        return ASKED if self.mode == "asked" else ""

    def chat(
        self,
        role: str,
        view: Sequence[Message],
        markers: Sequence[str] = (),
        *,
        tools: bool = False,
    ) -> Chat:
        """What a model is prompted with as this role: `prompts.chat` of what it is shown of the view.

        With a file of the user's a prompt may show less than the view, and its system message has the user's
        own words. This is how one role thinks: see `of`.
        """
        if self.prompts is None:
            return chat(role, view, markers, self.told, tools=tools)
        rules = _rules(view)
        shown = chat(role, self.prompts.seen(role, rules, view), markers, tools=tools)
        return [
            {"role": "system", "content": self.prompts.system(role, rules, self.told)},
            *shown[1:],
        ]


def _rules(view: Sequence[Message]) -> str:
    return "\n\n".join(message.text for message in view if message.speaker == "system")


OFF = Thinking()
