"""The routes of a vLLM server that we use, and the forms of their bodies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...envs.background import Background
from ..http import Answer, Client, Unanswered
from .policy import Draw, Drawn, EngineError, Look

COMPLETIONS = "/v1/completions"
LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
_PROBE_SECONDS = 10.0


class Base(NamedTuple):
    """The base model of a server: its name there, its context, and what it was loaded from."""

    name: str
    context: int
    source: str


class Gone(Exception):
    """The server did not answer, or broke off."""


class UnknownHere(Exception):
    """The server does not know the model or adapter that was named."""


def draw_body(draw: Draw) -> dict[str, Any]:
    """A completion to sample, all but its model."""
    return {
        "prompt": list(draw.prompt),
        "temperature": draw.temperature,
        "top_p": draw.top_p,
        "max_tokens": draw.tokens,
        "seed": draw.seed,
        "stop_token_ids": list(draw.stops),
        "logprobs": 0,
        "return_token_ids": True,
        "add_special_tokens": False,
    }


def look_body(look: Look) -> dict[str, Any]:
    """A completion of one token, asked for the log-probabilities of those that are named."""
    return {
        "prompt": list(look.prompt),
        "temperature": look.temperature,
        "top_p": look.top_p,
        "max_tokens": 1,
        "seed": 0,
        "logprobs": 0,
        "logprob_token_ids": list(look.tokens),
        "return_tokens_as_token_ids": True,
        "add_special_tokens": False,
    }


def choice_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The completion of an answer. Raises Gone for one that holds none: it broke on the way."""
    choices = answer.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        raise Gone("an answer without a completion")
    return choices[0]


def drawn(choice: Mapping[str, Any]) -> Drawn:
    logprobs = choice["logprobs"]["token_logprobs"]
    return Drawn(tuple(choice["token_ids"]), tuple(map(_read, logprobs)))


def seen(choice: Mapping[str, Any], look: Look) -> dict[int, float]:
    found = choice["logprobs"]["top_logprobs"][0]
    return {token: _read(found[f"token_id:{token}"]) for token in look.tokens}


def base_of(models: Mapping[str, Any], url: str) -> Base:
    """The base model among those that a server lists. Raises EngineError."""
    # adapters are listed as models too, with the base as their parent
    card = next((card for card in models.get("data") or () if not card.get("parent")), None)
    if card is None or "max_model_len" not in card:
        raise EngineError(f"{url} serves no base model")
    return Base(str(card["id"]), int(card["max_model_len"]), str(card.get("root") or card["id"]))


def taken(answer: Answer, url: str, path: str) -> Mapping[str, Any]:
    """The object of an answer. Raises Gone, UnknownHere for an adapter it lost, else EngineError."""
    if answer.status == 200:
        return _object(answer.body)
    said = answer.body.decode(errors="replace")[:300]
    # a server that was started anew no longer knows an adapter; asked again it gets it
    if answer.status == 404 and path == COMPLETIONS:
        raise UnknownHere(said)
    if answer.status < 500:
        raise EngineError(f"{url} refused {path}: HTTP {answer.status} {said}")
    # a server that is dead says so; any other fault of a route is the route's own
    if "EngineDead" in said or path == COMPLETIONS:
        raise Gone(said)
    raise EngineError(f"{url}{path} failed: {said}")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        # some routes answer with a word or with nothing
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(logprob: float) -> float:
    """JSON has no infinity; vLLM writes −9999."""
    return -math.inf if logprob <= -9999 else logprob


def is_vllm(url: str) -> bool:
    """Whether a vLLM server answers at this URL. Raises EngineError where none does."""
    return "version" in _probed(f"{_root(url)}/version", url)


def model_names(url: str) -> tuple[str, ...]:
    """The names of the models at a URL; empty where the server does not list them. Raises EngineError."""
    cards = _probed(f"{url.rstrip('/')}/models", url).get("data")
    if not isinstance(cards, list):
        return ()
    return tuple(str(card["id"]) for card in cards if isinstance(card, dict) and "id" in card)


def _probed(address: str, url: str) -> Mapping[str, Any]:
    """The object at an address, empty where it holds none. Raises EngineError where nothing answers."""
    # a loop of its own: the caller blocks, and may itself stand in a running loop
    with Background("probe") as background:
        try:
            answer = background.wait(Client(1).ask(address, seconds=_PROBE_SECONDS))
        except Unanswered as fault:
            raise EngineError(
                f"nobody answers at {url} ({fault}); is it up, and the address right?"
            ) from None
    return _object(answer.body) if answer.status == 200 else {}


def _root(url: str) -> str:
    return url.rstrip("/").removesuffix("/v1")
