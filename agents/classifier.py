"""A text classifier in a judge's seat: its label for what it is shown is its choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..envs.types import PolicyRef, Reply
from .policy import Policy, Request, Response


class Classifier:
    """Answers an ask whose choices are its labels with the likeliest; `otherwise` answers all other asks.

    `labels` maps a choice to the model's own name for it, where these differ (`complied` to `LABEL_1`).
    What is classified is the ask's prompt alone. Raises KeyError for an ask that neither can answer.
    """

    streams = False

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        name: str,
        id: str,
        *,
        labels: Mapping[str, str] | None = None,
        otherwise: Policy | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._otherwise = otherwise

        # case does not count: a model may say `Unsafe` where a game says `unsafe`
        own = {str(label).casefold(): int(index) for index, label in model.config.id2label.items()}
        renamed = {
            choice.casefold(): own[label.casefold()] for choice, label in (labels or {}).items()
        }
        # the game's names come second, so they win over a model's label of the same name
        self._index = {**own, **renamed}

        # the renaming and the policy behind it change verdicts, so the id covers both
        self.ref = PolicyRef(
            name, f"{id}/{sorted(renamed.items())}/{otherwise.ref.id if otherwise else ''}"
        )

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        return [await self._reply(request) for request in requests]

    async def _reply(self, request: Request) -> Response:
        choices = request.choices or ()
        if choices and all(choice.casefold() in self._index for choice in choices):
            return Reply(self._likeliest(request.messages[-1].text, choices))

        if self._otherwise is None:
            raise KeyError(
                f"{self.ref.name} knows {', '.join(self._index)}, not {', '.join(choices)}"
            )
        return (await self._otherwise.act([request]))[0]

    def _likeliest(self, text: str, choices: Sequence[str]) -> str:
        import torch

        # a text beyond the model's context is cut: a verdict on its beginning beats a crash
        given = self._tokenizer(text, return_tensors="pt", truncation=True)
        with torch.inference_mode():
            scores = self._model(**given).logits[0].tolist()
        return max(choices, key=lambda choice: scores[self._index[choice.casefold()]])
