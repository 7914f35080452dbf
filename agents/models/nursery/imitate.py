"""Imitation: a small model learns to say what teachers say. The loss is over replies alone."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...language.chat_template import Dialect
from .rows import Group, Row


@dataclass(frozen=True, slots=True)
class Example:
    """A row in tokens: the prompt, a reply (end of turn included), odds of its first token by id."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    odds: tuple[tuple[int, float], ...] = ()


def examples(
    dialect: Dialect, rows: Iterable[Row], rng: random.Random
) -> dict[Group, list[Example]]:
    """The rows in tokens, by group. Of listed choices that are no single token one is drawn by its odds."""
    found: dict[Group, dict[Example, None]] = {}
    for row in rows:
        prompt = dialect.encode(row.role, row.view)
        replies = [dialect.choice(reply) for reply in row.replies]

        # exact odds need one token a choice: then the first token says all
        single = len(replies) > 1 and all(len(reply) == 1 for reply in replies)
        (drawn,) = rng.choices(replies, row.odds)

        odds = tuple((r[0], p) for r, p in zip(replies, row.odds, strict=True)) if single else ()
        reply = (*drawn, dialect.end)
        found.setdefault(row.group, {})[Example(prompt, reply, odds)] = None
    return {group: list(some) for group, some in found.items()}


def imitate(
    model: Any,
    pad: int,
    groups: dict[Group, list[Example]],
    *,
    steps: int,
    tokens: int,
    rate: float,
    rng: random.Random,
) -> None:
    """Train the model on its groups: each step takes up to `tokens` tokens, of a few groups.

    The groups of a role share its turns, so that long games get no more than short ones. A group of listed
    choices comes up the more often the more it is away from the odds.
    """
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps, pct_start=0.15
    )
    feeds = {name: _feed(groups[name], rng) for name in sorted(groups)}
    left = {name: _RETRY if name[2] < 0 else 1.0 for name in feeds}
    alike = Counter(name[:2] for name in feeds)

    for _ in range(steps):
        weights = [left[name] / alike[name[:2]] for name in left]
        names = rng.choices(list(left), weights, k=min(_AT_ONCE, len(left)))
        # one batch for a group that is drawn twice: half as many passes
        batches = {
            name: _batch(feeds[name], tokens * names.count(name) // len(names), rng)
            for name in names
        }
        count = sum(map(len, batches.values()))

        for name, batch in batches.items():
            loss, excess = _loss(model, pad, batch)
            (loss / count).backward()
            if name[3]:
                left[name] = 0.9 * left[name] + 0.1 * min(1.0, max(_LEAST, excess / len(batch)))

        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    model.eval()


_AT_ONCE = 4
_RETRY, _LEAST = 0.1, 0.005


def _feed(some: Sequence[Example], rng: random.Random) -> Generator[Example]:
    while True:
        yield from rng.sample(some, len(some))


def _batch(feed: Generator[Example], tokens: int, rng: random.Random) -> list[Example]:
    """Rows that fill the tokens, padding included; at least one."""
    batch, width = list[Example](), 0
    while not batch or width * (len(batch) + 1) <= tokens:
        example = next(feed)
        # the end of turn is learnt behind every choice, not behind one
        if example.odds:
            choice, _ = rng.choice(example.odds)
            example = replace(example, reply=(choice, *example.reply[1:]))
        batch.append(example)
        width = max(width, len(example.prompt) + len(example.reply))
    return batch


def _loss(model: Any, pad: int, batch: Sequence[Example]) -> tuple[torch.Tensor, float]:
    """The loss summed over rows: −log π of the reply's tokens, where odds are given weighted by them.

    With it what of the loss is more than the odds' own entropy.
    """
    width = max(len(e.prompt) + len(e.reply) for e in batch)
    ids = torch.full((len(batch), width), pad)
    at, wanted, weight = list[int](), list[int](), list[float]()

    for i, e in enumerate(batch):
        start, whole = len(e.prompt), (*e.prompt, *e.reply)
        ids[i, : len(whole)] = torch.tensor(whole)
        # position t predicts token t + 1
        targets = [(start - 1, *one) for one in e.odds or ((e.reply[0], 1.0),)]
        targets += [(place, token, 1.0) for place, token in enumerate(e.reply[1:], start)]
        for place, token, odds in targets:
            at.append(i * width + place)
            wanted.append(token)
            weight.append(odds)

    # padding stands on the right, where no real token of a causal model sees it; the head is
    # worked out only where something is learnt
    hidden = model.model(input_ids=ids).last_hidden_state
    distinct, index = torch.unique(torch.tensor(at), return_inverse=True)
    logp = model.lm_head(hidden.reshape(-1, hidden.shape[-1])[distinct]).log_softmax(-1)
    loss = -(logp[index, torch.tensor(wanted)] * torch.tensor(weight)).sum()

    entropy = -sum(odds * math.log(odds) for odds in weight if odds)
    return loss, loss.item() - entropy


@contextmanager
def private_randomness(seed: int) -> Generator[None]:
    """Torch's global generator seeded inside and untouched outside; one thread, so sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
