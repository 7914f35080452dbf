"""Whole replies: how likely each is, and a draw among those that are allowed.

The likelihood of a reply is that of its tokens *and* of the end of turn after them: without the end of
turn, "bet" is credited with all that begins so ("bet 10"), and short words win.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from typing import Any, TypeAlias

import torch

from ..policy import Sampling
from .forest import forest, rows_of
from .sampling import logprobs
from .shared_prefixes import Branches, Tokens


@dataclass(frozen=True, slots=True)
class Scored:
    """A reply and its log-probabilities: of each of its tokens, then of the end of turn.

    `total` is that of the whole reply, ended by whichever token ends a turn.
    """

    tokens: Tokens
    logprobs: tuple[float, ...]
    total: float


Scores: TypeAlias = Mapping[Tokens, Mapping[Tokens, Scored]]
"""By prompt, then by reply."""


def score(
    branches: Branches,
    prompts: Sequence[Tokens],
    replies: Sequence[set[Tokens]],
    *,
    stops: Iterable[int],
    end: int,
    sampling: Sampling,
) -> Scores:
    """Score `replies[i]` (without their end of turn) on `prompts[i]`, which `branches` have read.

    The tree of the replies under each prompt is walked once, level by level: one pass over all prompts,
    and one per further token of the longest reply.
    """
    ends = sorted(stops)
    found: dict[Tokens, dict[Tokens, Scored]] = {prompt: {} for prompt in prompts}
    level: list[tuple[int, Tokens, tuple[float, ...]]] = [
        (row, (), ()) for row in range(len(prompts))
    ]

    # each round scores the replies that end at this depth, and grows the others by a token
    while True:
        logp = logprobs(branches.logits, sampling).double()
        # any stop ends a reply in play, so the total counts all; the one that stands in the
        # reply is the model's own
        ending = torch.stack([logp[:, ends].logsumexp(-1), logp[:, end]], -1).tolist()
        grown: list[tuple[int, int, int, Tokens]] = []

        for branch, (row, said, costs) in enumerate(level):
            depth = len(said)
            if said in replies[row]:
                any_end, own_end = ending[branch]
                total = math.fsum(costs) + any_end
                found[prompts[row]][said] = Scored(said, (*costs, own_end), total)

            # sorted, so that equal questions lay out equal batches
            following = {r[depth] for r in replies[row] if len(r) > depth and r[:depth] == said}
            grown += [(branch, token, row, (*said, token)) for token in sorted(following)]

        if not grown:
            return found

        # one transfer from the device for all costs of the level
        parents = torch.tensor([branch for branch, *_ in grown], device=logp.device)
        tokens = torch.tensor([token for _, token, *_ in grown], device=logp.device)
        costs_of = logp[parents, tokens].tolist()
        level = [
            (row, said, (*level[branch][2], cost))
            for (branch, _, row, said), cost in zip(grown, costs_of, strict=True)
        ]

        branches.extend(parents, tokens)


def score_forest(
    model: Any,
    wanted: Mapping[Tokens, set[Tokens]],
    *,
    stops: Iterable[int],
    end: int,
    sampling: Sampling,
) -> Scores:
    """As `score`, in one pass over the forest of all prompts and their replies (`forest.py`)."""
    pairs = [(prompt, reply) for prompt, some in wanted.items() for reply in sorted(some)]
    ids, real = rows_of([(*prompt, *reply) for prompt, reply in pairs])
    begins = torch.tensor([len(prompt) for prompt, _ in pairs])
    # from the last token of the prompt, which scores the first of the reply, to the reply's own last
    asked = real & (torch.arange(ids.shape[1]) >= begins[:, None] - 1)

    planted = forest(ids.to(model.device), real.to(model.device), asked.to(model.device))
    assert planted, "prompts without padding"
    logp = logprobs(planted.logits(model), sampling).double()
    at = planted.at[asked.to(model.device)]

    # what follows each place; behind the last of a row stands an end of turn
    following = ids.roll(-1, 1)
    following[torch.arange(len(pairs)), real.sum(1) - 1] = end
    costs = iter(logp[at, following[asked].to(model.device)].tolist())
    any_end = logp[:, sorted(stops)].logsumexp(-1)[planted.at].cpu()
    ending = any_end[torch.arange(len(pairs)), real.sum(1) - 1].tolist()

    found: dict[Tokens, dict[Tokens, Scored]] = {prompt: {} for prompt in wanted}
    for (prompt, reply), last in zip(pairs, ending, strict=True):
        each = tuple(islice(costs, len(reply) + 1))
        found[prompt][reply] = Scored(reply, each, math.fsum(each[:-1]) + last)
    return found


def shares(
    wanted: Mapping[Tokens, set[Tokens]], tokens: int, logits: int
) -> Iterator[list[Tokens]]:
    """The prompts in order, cut into shares of so many tokens, and so many logits; one at least."""
    some: list[Tokens] = []
    read = scored = 0
    # sorted, so that equal questions lay out equal forests, and prompts that begin alike share one
    for prompt in sorted(wanted):
        places = sum(len(reply) + 1 for reply in wanted[prompt])
        size = len(prompt) * len(wanted[prompt]) + places
        if some and (read + size > tokens or scored + places > logits):
            yield some
            some, read, scored = [], 0, 0
        some.append(prompt)
        read, scored = read + size, scored + places
    if some:
        yield some


def draw_choice(
    choices: Sequence[Scored], noise: float, *, greedy: bool = False
) -> tuple[Scored, tuple[float, ...]]:
    """One of the choices, and the log-probabilities of its tokens (end of turn last) under the constraint.

    A choice is as likely as its likelihood among all of them; `noise` in [0, 1) decides, by the inverse
    of the distribution function in the order of the choices. The log-probabilities are those of the
    masked distribution, token by token: a token weighs as much as all choices that begin so. Their sum is
    the log-probability of the choice. Raises ValueError when no choice has any likelihood.
    """
    best = max(choice.total for choice in choices)
    if best == -math.inf:
        raise ValueError("no choice has any likelihood")

    # the first of equals, and a certain one: under greedy settings it has all the mass
    if greedy:
        chosen = next(choice for choice in choices if choice.total == best)
        return chosen, (0.0,) * len(chosen.logprobs)

    # relative to the best, since the likelihood of a long reply may be below the
    # smallest float
    passed = list(accumulate(math.exp(choice.total - best) for choice in choices))
    goal = noise * passed[-1]
    chosen = next(
        (c for c, until in zip(choices, passed, strict=True) if goal < until), choices[-1]
    )

    # by the chain rule: each token costs the mass after it less the mass before it
    size = len(chosen.tokens)
    masses = [_mass(choices, chosen.tokens[:depth]) for depth in range(size + 1)] + [chosen.total]
    # rounding may put a token's probability a little above 1
    return chosen, tuple([min(0.0, after - before) for before, after in pairwise(masses)])


def _mass(choices: Sequence[Scored], beginning: Tokens) -> float:
    """The log-likelihood of all choices that begin so."""
    totals = [c.total for c in choices if c.tokens[: len(beginning)] == beginning]
    best = max(totals)
    return best + math.log(math.fsum([math.exp(total - best) for total in totals]))
