"""Traffic of a server as samples: a line of JSON a reply, with its tokens and their log-probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ...envs.errors import SparringError
from ..prompts import Chat
from .draws import Draw
from .form import logprob


class RecordError(SparringError, OSError):
    """The file for the traffic cannot be written."""


class Record:
    """A file that replies are appended to. A disk that is full ends the record, and not the server."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as fault:
            raise RecordError(
                f"{path}: the traffic cannot be written there ({fault.strerror})"
            ) from fault
        self.whole = True

    def close(self) -> None:
        self._file.close()

    def keep(self, model: str, weights: str, messages: Chat, draws: Sequence[Draw]) -> None:
        """Append the replies to one request."""
        lines = [
            json.dumps(
                {
                    "model": model,
                    "weights": weights,
                    "messages": messages,
                    "text": draw.text,
                    "thought": draw.thought,
                    "finish": draw.finish,
                    "prompt_tokens": draw.prompt,
                    "tokens": [step.token for step in draw.steps],
                    "logprobs": [logprob(step.logprob) for step in draw.steps],
                }
            )
            for draw in draws
        ]

        if self.whole:
            self._append("".join(f"{line}\n" for line in lines).encode())

    def _append(self, block: bytes) -> None:
        end = self._file.seek(0, 2)
        try:
            if self._file.write(block) == len(block):
                return
            reason = "the disk is full"
        except OSError as fault:
            reason = fault.strerror or str(fault)

        # Half a line would spoil the file: it is cut off, and nothing more is written.
        self.whole = False
        try:
            self._file.truncate(end)
        except OSError:
            reason += "; its last line is cut"
        self._say(f"{self._path}: {reason}; the record ends here, the server goes on")
