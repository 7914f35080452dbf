"""What every language model in a seat does with a request and a reply, whichever engine draws its tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from ...envs import seeds
from ...envs.types import Finish, Reply
from ..policy import ConstraintError, ContextError, Request, Response, Sampling
from .chat_template import Dialect
from .choices import Scored, Scores, draw_choice
from .sampling import uniforms
from .shared_prefixes import Tokens

Score: TypeAlias = Callable[[Sequence[tuple[Tokens, set[Tokens]]], Sampling], Scores]
"""Likelihoods of whole replies, given by prompt, under some settings."""


def choose(
    dialect: Dialect,
    requests: Sequence[Request],
    prompts: Sequence[Tokens],
    score: Score,
    sampling: Sampling,
    *,
    room: int,
    who: str,
) -> list[Response]:
    """A reply to each request, drawn among its choices under one setting.

    `score` gives the likelihoods of whole replies; a prompt and a choice have `room` tokens together.
    A choice that does not fit, or choices without any likelihood, are the fault of their request alone.
    Raises ConstraintError for a model that thinks before it moves.
    """
    if dialect.thinks:
        raise ConstraintError(
            f"{who} thinks before it moves: its reply cannot be held to the choices; "
            "let it play with think=off"
        )
    # a choice that is listed twice is one choice, with its weight once
    spelt = [[dialect.choice(c) for c in dict.fromkeys(r.choices or ())] for r in requests]
    faults = [
        too_long(prompt, some, room, who) for prompt, some in zip(prompts, spelt, strict=True)
    ]

    # the whole distribution counts among choices, and greedy takes the likeliest of it
    settings = replace(sampling, top_p=1.0, temperature=sampling.temperature or 1.0)
    asked = zip(prompts, spelt, faults, strict=True)
    # what does not fit is not scored: it would be refused for all of the batch
    scores = score([(prompt, {*some}) for prompt, some, fault in asked if not fault], settings)

    greedy = sampling.temperature == 0
    responses: list[Response] = []
    for request, prompt, some, fault in zip(requests, prompts, spelt, faults, strict=True):
        found = [] if fault else [scores[prompt][tokens] for tokens in some]
        responses.append(fault or _drawn(dialect, request, prompt, found, greedy, who))
    return responses


def too_long(prompt: Tokens, replies: Iterable[Tokens], room: int, who: str) -> ContextError | None:
    """Why a choice does not fit behind its prompt in `room` tokens; None if all do."""
    longest = max([len(reply) for reply in replies], default=0)
    if len(prompt) + longest <= room:
        return None
    return ContextError(
        f"a choice of {longest} tokens does not fit behind a prompt of {len(prompt)}; "
        f"{who} reads at most {room}"
    )


def _drawn(
    dialect: Dialect,
    request: Request,
    prompt: Tokens,
    found: Sequence[Scored],
    greedy: bool,
    who: str,
) -> Response:
    """One of the scored choices as a reply, by the request's noise."""
    try:
        choice, logprobs = draw_choice(found, next(uniforms(request.key)), greedy=greedy)
    except ValueError as fault:
        # returned and not raised: it is the fault of this request alone
        return ConstraintError(f"{who}, asked for {request.choices}: {fault}")

    tokens = (*choice.tokens, dialect.end)
    text = dialect.read(tokens).text
    return Reply(text, "", tokens, logprobs, "stop", prompt, None, choice.logprobs)


def ended(
    dialect: Dialect,
    prompt: Tokens,
    tokens: Tokens,
    logprobs: Sequence[float],
    given: tuple[int, int] | None = None,
) -> Reply:
    """Sampled tokens as a reply: its text, its hidden thought, and how it ended.

    `given` are the first and the last place (exclusive) of tokens that were put in and not sampled.
    """
    spoken = dialect.read(tokens)
    finish: Finish = "stop" if tokens[-1] in dialect.stops else "length"

    # what the seat itself sees of its reply later on; others see the text alone
    kept = spoken.thought and dialect.thinking.keep
    memory = f"<think>{spoken.thought}</think>{spoken.text}" if kept else None
    return Reply(
        spoken.text,
        spoken.thought,
        tokens,
        tuple(logprobs),
        finish,
        prompt,
        memory,
        given=given,
    )


# of the code that runs, so read once: weights get a new name at every step
@cache
def code_version(*more: Path) -> str:
    """A hash of the code that turns a view into a reply: prompts, this folder, noise, the files `more`.

    A policy's id covers it, so a policy whose prompts change is another entrant.
    """
    here = Path(__file__).parent
    noise = Path(seeds.__file__)  # it decides which of the likely tokens is drawn
    files = (
        here.parent / "prompts.py",
        *sorted(here.glob("*.py")),
        noise,
        here.parent / "thinking.py",
        *more,
    )
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
