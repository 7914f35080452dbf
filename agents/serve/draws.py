"""One reply of a chat completion while it is drawn: its text, its log-probabilities, its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from ..language.continuous import Draft, Step
from ..language.shared_prefixes import Tokens
from ..policy import Key
from .form import Asked, Refused, logprob
from .shelf import Served

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What a step added to a reply: text, steps that belong to it, and how it ended, if it did."""

    text: str = ""
    thought: str = ""
    steps: tuple[Step, ...] = ()
    finish: Finish | None = None

    @property
    def last(self) -> bool:
        return self.finish is not None

    @property
    def shown(self) -> bool:
        return self.last or bool(self.text or self.thought)


class Draw:
    """A reply under way. It must be made where an event loop runs; steps come from the batch's thread."""

    def __init__(self, asked: Asked, served: Served, prompt: Tokens, key: Key) -> None:
        self.served = served
        self.prompt = prompt
        self.steps: list[Step] = []
        self.text = ""
        self.thought = ""
        self.finish: Finish | None = None

        self._asked = asked
        self._told = 0
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[Step | Exception] = asyncio.Queue()
        self._draft = Draft(
            prompt,
            key,
            asked.sampling,
            served.dialect.stops,
            self._hear,
            served.adapter,
            asked.likeliest or 0,
        )
        served.batch.submit(self._draft)

    def cancel(self) -> None:
        self._draft.cancel()

    @property
    def count(self) -> int:
        """Tokens drawn, the end of the turn included."""
        return len(self.steps)

    def _hear(self, step: Step | Exception) -> None:
        try:
            self._loop.call_soon_threadsafe(self._heard.put_nowait, step)
        except RuntimeError:
            # The loop is closed: the server ends, and nobody waits for the reply.
            self._draft.cancel()

    async def end(self) -> None:
        """Wait for the whole reply. Raises Refused where it cannot be drawn."""
        while not (await self.piece()).last:
            pass

    async def piece(self) -> Piece:
        """Wait for the next step, and what it adds. Raises Refused where the batch failed."""
        heard = await self._heard.get()
        if isinstance(heard, Exception):
            said = " ".join(str(heard).split())[:200]
            raise Refused(500, f"the model failed: {type(heard).__name__}: {said}")

        self.steps.append(heard)
        spoken = self.served.dialect.read(tuple(step.token for step in self.steps))
        text, at = self._cut(spoken.text)
        if at or heard.last:
            ended = at or heard.token in self.served.dialect.stops
            self.finish = "stop" if ended else "length"
            self.cancel()
        return self._added(text, spoken.thought)

    def _cut(self, text: str) -> tuple[str, bool]:
        """The text before the first stop that the request names, and whether there is one."""
        found = [at for stop in self._asked.stops if (at := text.find(stop)) >= 0]
        return (text[: min(found)], True) if found else (text, False)

    def _added(self, text: str, thought: str) -> Piece:
        """The piece behind what was told before; what may still change is held back until the end."""
        if not self.finish:
            text, thought = self._settled(text), thought.rstrip("\ufffd")
        # Reading more tokens can change the text before them: then only the end is told.
        fresh = text[len(self.text) :] if text.startswith(self.text) else ""
        thinks = thought[len(self.thought) :] if thought.startswith(self.thought) else ""
        if fresh or self.finish:
            self.text = text
        if thinks or self.finish:
            self.thought = thought

        if not (fresh or thinks or self.finish):
            return Piece()
        steps = tuple(self.said[self._told :])
        self._told = len(self.said)
        return Piece(fresh, thinks, steps, self.finish)

    def _settled(self, text: str) -> str:
        """The text without an unfinished character, and without what may be the beginning of a stop."""
        text = text.rstrip("\ufffd")
        longest = max(
            (
                size
                for stop in self._asked.stops
                for size in range(1, len(stop))
                if text.endswith(stop[:size])
            ),
            default=0,
        )
        return text[: len(text) - longest]

    @property
    def said(self) -> list[Step]:
        """The steps whose tokens are text: all but the end of the turn."""
        return [step for step in self.steps if step.token not in self.served.dialect.stops]

    def choice(self, index: int) -> dict[str, Any]:
        """The whole reply as a choice of a completion."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.thought:
            message["reasoning_content"] = self.thought
        return {
            "index": index,
            "message": message,
            "finish_reason": self.finish,
            "logprobs": self._logprobs(self.said),
        }

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """A piece as a choice of a streamed chunk."""
        delta: dict[str, Any] = {"content": piece.text} if piece.text else {}
        if piece.thought:
            delta["reasoning_content"] = piece.thought
        return {
            "index": index,
            "delta": delta,
            "finish_reason": piece.finish,
            "logprobs": self._logprobs(piece.steps),
        }

    def _logprobs(self, steps: list[Step] | tuple[Step, ...]) -> dict[str, Any] | None:
        if self._asked.likeliest is None:
            return None
        return {
            "content": [
                {
                    **self._token(step.token, step.raw),
                    "top_logprobs": [self._token(*pair) for pair in step.likeliest],
                }
                for step in steps
            ],
            "refusal": None,
        }

    def _token(self, token: int, value: float) -> dict[str, Any]:
        text = str(self.served.dialect.tokenizer.decode([token]))
        return {"token": text, "logprob": logprob(value), "bytes": [*text.encode()]}
