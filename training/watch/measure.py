"""What a step says of itself: the numbers of `metrics.jsonl`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from statistics import fmean
from typing import NamedTuple

from ...envs.types import Episode, Reply, Turn, Value
from ..config import Credits
from ..data.advantage import Baselines
from ..data.inside import KINDS
from ..data.lots import Lot
from ..players.menu import Entry, Menu
from ..players.opponents import LEARNER
from ..step import Step
from .records import Metrics

ENOUGH = 8
"""The fewest proposals of a step whose diversity is measured."""


def measured_menu(step: Step, menu: Menu, learners: Collection[str] = (LEARNER,)) -> Metrics:
    """`measure` of the step; of several games, what belongs to each is named by it first.

    Then `share/GAME` is its share of the step's games.
    """
    if len(menu.entries) == 1:
        (entry,) = menu.entries
        return measure(step, entry.game.role_of, learners) | _reasons(entry)

    record: Metrics = {"samples": len(step.trained), "prefix_share": prefix_share(step.episodes)}
    record |= _stock(step)
    for entry in menu.entries:
        own = _part(step, entry)
        record[f"share/{entry.label}"] = len(own.episodes) / len(step.episodes)
        if own.episodes:
            numbers = measure(own, entry.game.role_of, learners) | _reasons(entry)
            record |= menu.named(entry, numbers)
    return record


def _reasons(entry: Entry) -> Metrics:
    """`reason/WHY`: the share of the step's games whose opponent a league chose for that reason."""
    often = entry.opponents.reasons()
    return {f"reason/{why}": count / sum(often.values()) for why, count in sorted(often.items())}


def _part(step: Step, entry: Entry) -> Step:
    """What a step played of one game of its menu."""
    own = [e for e, of in zip(step.episodes, step.entries, strict=True) if of is entry]
    trained = Lot.over(step.trained).where(lambda each: each.attempt.game == entry.label)
    dropped = {key: count for key, count in step.dropped.items() if key[0] == entry.label}
    return replace(
        step,
        episodes=own,
        entries=[entry] * len(own),
        trained=trained,
        dropped=dropped,
        stored=0,
        balance={},
    )


def measure(
    step: Step, role_of: Mapping[str, str], learners: Collection[str] = (LEARNER,)
) -> Metrics:
    """Endings, and by role: payoff, entropy, reply and thought length, invalid and cut-off replies.

    Entropy is estimated from the log-probabilities of sampled tokens (nats a token, without bias);
    lengths are in tokens, thoughts in characters; `solve_rate` and other numeric notes are means.
    """
    endings = Counter(episode.ending.kind for episode in step.episodes)
    record: Metrics = {f"endings/{kind}": count for kind, count in sorted(endings.items())}

    by_role: dict[str, _Said] = {}
    for episode in step.episodes:
        own: dict[str, _Said] = {}
        for seat, ref in episode.seats.items():
            # What opponents say is no measure of the learner.
            if ref.name in learners:
                said = own[seat] = by_role.setdefault(role_of[seat], _Said([], []))
                if seat in episode.payoff:
                    said.payoffs.append(episode.payoff[seat])
        for turn in episode.turns:
            if turn.seat in own:
                own[turn.seat].turns.append(turn)
    for role, said in by_role.items():
        record |= {f"{name}/{role}": value for name, value in _of_role(said).items()}
        record |= {f"inside/{name}/{role}": value for name, value in _inside(said.turns).items()}

    record["prefix_share"] = prefix_share(step.episodes)
    record |= _opponents(step)
    record |= notes(step.episodes)
    record |= proposals(step.episodes)
    record |= verdicts(step.episodes)
    record |= {f"filtered/{role}": count for (_, role), count in sorted(step.dropped.items())}
    record["samples"] = len(step.trained)
    return record | _stock(step)


def _stock(step: Step) -> Metrics:
    """How many samples of the stock joined, and what the search for their threshold came to."""
    found: Metrics = {"stored": step.stored} if step.stored else {}
    return found | {f"balance/{name}": value for name, value in step.balance.items()}


def of_update(measured: Mapping[str, float]) -> Metrics:
    """What is told of a step's update."""
    told = ("kl", "entropy", "preferred", "margin", "age_kl", "age_truncated", "age_bias")
    found: Metrics = {name: measured[name] for name in told if name in measured}
    if "clip_ratio/region_mean" in measured:
        found["clip_ratio"] = measured["clip_ratio/region_mean"]
    return found


def baselines(kept: Baselines, settings: Credits) -> Metrics:
    """The running baselines, by game and role."""
    return {
        f"baseline/{key.replace(' ', '/')}": baseline.read(settings.decay, settings.bias_correction)
        for key, baseline in sorted(kept.items())
    }


class _Said(NamedTuple):
    """What the seats of a role were paid, and their turns."""

    payoffs: list[float]
    turns: list[Turn]


def _of_role(said: _Said) -> Metrics:
    payoffs, turns = said
    logprobs = [logprob for turn in turns for logprob in _sampled(turn.reply)]
    replies = [turn.reply for turn in turns]
    return {
        "payoff": fmean(payoffs) if payoffs else None,
        "entropy": -fmean(logprobs) if logprobs else None,
        "reply_tokens": _share([len(reply.tokens) for reply in replies]),
        "thought_characters": _share([len(reply.thought) for reply in replies]),
        "invalid_rate": _share([turn.refused is not None for turn in turns]),
        "cut_rate": _share([reply.finish == "length" for reply in replies]),
        **_thoughts(replies),
        **tool_calls(turns),
    }


def _share(counts: Sequence[int]) -> float | None:
    """The mean of whole numbers, whose sum is exact; None of nothing."""
    return sum(counts) / len(counts) if counts else None


def tool_calls(turns: Sequence[Turn]) -> Metrics:
    """Calls of tools for each move, where there were any: what follows a call counts it."""
    called = sum(turn.call > 0 for turn in turns)
    asked = sum(not (turn.call or turn.retry) for turn in turns)
    return {"tool_calls": called / max(1, asked)} if called else {}


def _sampled(reply: Reply) -> tuple[float, ...]:
    """Log-probabilities of what the sampler drew, without tokens that were put in."""
    first, end = reply.given or (0, 0)
    return reply.logprobs[:first] + reply.logprobs[end:] if reply.given else reply.logprobs


def _thoughts(replies: Sequence[Reply]) -> Metrics:
    """Of replies, some of which have a thought: the share of empty and of closed ones, and repetition.

    `thought_cut` is the share that was closed by us; `thought_repeated` the mean share of a thought's runs
    of four words that occurred in it before (0: none; thoughts of fewer words are left out).
    """
    if not any(reply.thought or reply.given for reply in replies):
        return {}
    repeated = [share for r in replies if (share := _repeated(r.thought.split())) is not None]
    return {
        "thought_empty": fmean([not reply.thought for reply in replies]),
        "thought_cut": fmean([reply.given is not None for reply in replies]),
        "thought_repeated": fmean(repeated) if repeated else None,
    }


def _repeated(words: Sequence[str], size: int = 4) -> float | None:
    """The share of runs of `size` words that occurred before; None where there is no run."""
    runs = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else None


def _inside(turns: Sequence[Turn]) -> Metrics:
    """The mean credits that turns were given from inside."""
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for credits in [turn.credits for turn in turns if turn.credits]:
        for name in KINDS:
            if name in credits:
                found[name].append(credits[name])
    return {name: fmean(amounts) for name, amounts in found.items() if amounts}


def prefix_share(episodes: Sequence[Episode]) -> float | None:
    """The share of prompt tokens that the same seat's last prompt and reply begin with (None: no tokens).

    An engine that keeps what it read of a conversation need not read these again. It is high where games
    and templates only append, and low where they write a prompt anew at every turn.
    """
    kept = whole = 0

    for episode in episodes:
        before: dict[str, tuple[int, ...]] = {}
        for turn in episode.turns:
            prompt = turn.reply.prompt_tokens
            last = before.get(turn.seat, ())
            whole += len(prompt)

            # The usual case first: comparing slices is faster than looking for the first difference.
            if prompt[: len(last)] == last:
                kept += len(last)
            else:
                kept += next(i for i, (a, b) in enumerate(zip_longest(last, prompt)) if a != b)
            before[turn.seat] = prompt + turn.reply.tokens
    return kept / whole if whole else None


def _opponents(step: Step) -> Metrics:
    """Against each opponent but itself: games of this step, and what the learner's seats were paid a game."""
    # A seat's turns may be several samples, but its reward is paid once.
    others = Lot.over(step.trained).where(lambda each: each.attempt.opponent != "self")
    paid: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for attempt in dict.fromkeys(each.attempt for each in others):
        paid[attempt.opponent][attempt.episode] += attempt.reward

    against = sorted(paid.items())
    record: Metrics = {f"games_against/{name}": len(games) for name, games in against}
    return record | {f"reward_against/{name}": fmean(games.values()) for name, games in against}


def verdicts(episodes: Sequence[Episode]) -> Metrics:
    """How the code that was run came out, and the share of runs that tried what only an attack does."""
    every = [verdict for episode in episodes for verdict in episode.verdicts]
    if not every:
        return {}
    counts = Counter(verdict.status for verdict in every)
    record: Metrics = {f"verdicts/{status}": count for status, count in sorted(counts.items())}
    return record | {"forbidden_rate": fmean([verdict.forbidden > 0 for verdict in every])}


def notes(episodes: Sequence[Episode]) -> Metrics:
    """The mean of every note that is a number, over the episodes that have it, and the gap of the proxy.

    A list of numbers, one for each turn, gives a mean by turn; where all are 0 or 1 (wrong or right), also
    the shares of episodes that went from wrong to right and from right to wrong, first turn to last.
    `gold_gap` is the mean of proxy minus gold over the episodes that note both: what the reward believes
    beyond what is true. It rises when a proxy is being gamed.
    """
    found: dict[str, list[float]] = defaultdict(list)
    gaps: list[float] = []
    for episode in episodes:
        own: dict[str, float] = {}
        for name, value in episode.notes:
            own |= _numbers(name, value)

        for name, value in own.items():
            found[name].append(value)
        if own.keys() >= {"proxy", "gold"}:
            gaps.append(own["proxy"] - own["gold"])

    record: Metrics = {f"notes/{name}": fmean(values) for name, values in sorted(found.items())}
    return record | ({"gold_gap": fmean(gaps)} if gaps else {})


def _numbers(name: str, value: Value) -> dict[str, float]:
    """What a note holds, by name; nothing where it holds no number."""
    if isinstance(value, (bool, int, float)):
        return {name: float(value)}
    if not isinstance(value, (list, tuple)):
        return {}

    items = [float(item) for item in value if isinstance(item, (bool, int, float))]
    # A list that holds more than numbers is no series of turns.
    if len(items) < len(value) or not items:
        return {}
    numbers = {f"{name}/turn-{turn}": item for turn, item in enumerate(items, 1)}
    if len(items) > 1 and set(items) <= {0.0, 1.0}:
        first, last = items[0], items[-1]
        numbers[f"{name}/wrong-to-right"] = float(last > first)
        numbers[f"{name}/right-to-wrong"] = float(last < first)
    return numbers


def proposals(episodes: Sequence[Episode]) -> Metrics:
    """What gates said of the step's proposals, as shares, and how many of those let in are distinct.

    `distinct/KIND` is 1 when no two are written alike; absent below 8 of that kind, which say little.
    """
    said = Counter(
        str(value) for episode in episodes for name, value in episode.notes if name == "gate"
    )
    record: Metrics = {f"gate/{reason}": n / said.total() for reason, n in sorted(said.items())}

    kept: dict[str, list[str]] = defaultdict(list)
    for episode in episodes:
        for kind, item in episode.kept:
            # Items may hold lists, which a set refuses; their text tells them apart.
            kept[kind].append(repr(item))

    return record | {
        f"distinct/{kind}": len(set(items)) / len(items)
        for kind, items in sorted(kept.items())
        if len(items) >= ENOUGH
    }
