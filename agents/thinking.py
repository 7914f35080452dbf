"""Players that think before they move: how they are told to, for how long, and what of it they keep.

A reply has a thought and an answer. The game and other seats see the answer alone, training sees both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from ..envs.types import Message
from .prompts import Chat
from .wording import Prompts

Thinks: TypeAlias = Literal["off", "template", "asked"]
MODES: tuple[Thinks, ...] = get_args(Thinks)
MOST_TOKENS = 10_000_000

ASKED = (
    "Think first, inside <think> and </think>: nobody else sees that. Behind </think> write your move "
    "alone, in the form that the rules ask for."
)
"""What a model without a thinking mode of its own is told, behind the rules."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """Whether a policy thinks before it moves, and what it is told beside the game's messages.

    mode:   `off`; `template` (the thinking mode of the model's own chat template); `asked` (`ASKED` stands
            behind the rules, and the thought is opened for the model where that can be done)
    tokens: the budget of a thought; at its end the thought is closed by tokens of ours, which are never
            trained. The answer has `Sampling.max_tokens` for itself.
    keep:   own earlier thoughts stay in a seat's later prompts
    prompts: a file of the user's with other words for the system message (None: ours)
    """

    mode: Thinks = "off"
    tokens: int = 256
    keep: bool = False
    prompts: Prompts | None = field(default=None, repr=False)

    @property
    def on(self) -> bool:
        return self.mode != "off"

    @property
    def told(self) -> str:
        """What is said behind the rules."""
        return ASKED if self.mode == "asked" else ""

    def worded(self, messages: Chat, role: str, view: Sequence[Message]) -> Chat:
        """The chat of a view with the user's own words in its system message, where there are some."""
        if self.prompts is None:
            return messages
        rules = "\n\n".join(message.text for message in view if message.speaker == "system")
        return [
            {"role": "system", "content": self.prompts.system(role, rules, self.told)},
            *messages[1:],
        ]


OFF = Thinking()
