"""A PettingZoo AEC environment as a game: policies of ours in seats of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pettingzoo

from .registry import Game, GameError, Score, Sum, find, game
from .script import Script, ask, randomness

Env: TypeAlias = "pettingzoo.AECEnv[Any, Any, Any]"
Show: TypeAlias = Callable[[Env, str, Any], str]
Name: TypeAlias = Callable[[Env, str, int], str]


def shown(env: Env, agent: str, seen: Any) -> str:
    """An observation as text: its `text` where it has one, else its numbers, planes one after another."""
    if isinstance(seen, Mapping) and "text" in seen:
        return str(seen["text"])
    if isinstance(seen, Mapping) and "observation" in seen:
        seen = seen["observation"]
    return (
        # beyond 1000 numbers numpy would print the edges alone; a board is shown whole
        np.array2string(np.asarray(seen), threshold=10_000) if not isinstance(seen, str) else seen
    )


def legal(env: Env, agent: str, seen: Any, info: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The numbers of the legal actions, by mask where there is one; None for actions that are texts."""
    space: Any = env.action_space(agent)
    if not hasattr(space, "n"):
        # spaces of text have no class in common, so a sample tells
        if isinstance(space.sample(), str):
            return None
        raise GameError(f"{env}: only numbered or text actions can be asked for, not {space}")
    # some environments put the mask beside the observation, others into info
    mask = seen.get("action_mask") if isinstance(seen, Mapping) else None
    mask = info.get("action_mask") if mask is None else mask
    # a space may count from another number than 0; its mask counts from 0
    start = int(getattr(space, "start", 0))
    return tuple(start + i for i in range(int(space.n)) if mask is None or mask[i])


def numbered(env: Env, agent: str, action: int) -> str:
    """An action by its number."""
    return str(action)


def from_aec(
    make: Callable[[], Env],
    id: str,
    *,
    max_turns: int,
    payoff_range: tuple[float, float],
    sum: Sum = "general",
    score: Score | None = None,
    rules: str = "",
    show: Show = shown,
    name: Name = numbered,
    about: str = "",
    **facts: Any,
) -> Game:
    """Register the environments that `make` builds as a game, and return it.

    Every game builds a fresh environment and resets it with a seed drawn from the game's own. A prompt
    is what `show` makes of the observation. Numbered actions are answered with what `name` calls them,
    each legal one differently. The payoff of a seat is the sum of its rewards. `facts` are further facts
    of `game`.
    Raises GameError for actions that are neither numbers nor texts.
    """
    # one environment is built only to be asked who plays
    agents: Sequence[str] = [str(agent) for agent in make().possible_agents]

    def script() -> Script:
        rng = yield from randomness()
        env = make()
        try:
            # 31 bits, so that the seed fits a signed number of 32 bits as well
            env.reset(seed=rng.getrandbits(31))
            return (yield from _played(env, agents, show, name))
        finally:
            # also where the table closes the script early, at a forfeit or a fault
            env.close()

    script.__doc__ = about or f"{make()} of PettingZoo."
    game(
        id,
        roles=dict.fromkeys(agents, 1),
        max_turns=max_turns,
        payoff_range=payoff_range,
        sum=sum,
        score=score,
        rules=rules,
        **facts,
    )(script)
    return find(id)


def _played(env: Env, agents: Sequence[str], show: Show, name: Name) -> Script:
    """Ask the agent whose turn it is until no agent is left."""
    earned = dict.fromkeys(agents, 0.0)

    while env.agents:
        agent = env.agent_selection
        seen, reward, terminated, truncated, info = env.last()
        # `last` sums since the agent's own last step, so each reward counts once
        earned[str(agent)] += float(reward)
        if terminated or truncated:
            env.step(None)  # PettingZoo's way to let a dead agent leave
            continue

        prompt, seat = show(env, agent, seen), str(agent)
        # environments of ours list moves as texts; where there is no list, any text is one
        if "choices" in info:
            choices = info["choices"]
            move = yield from ask(seat, prompt, parse=None if choices else str, choices=choices)
        elif (actions := legal(env, agent, seen, info)) is None:
            move = yield from ask(seat, prompt, parse=str)
        else:
            moves = {name(env, agent, action): action for action in actions}
            move = moves[(yield from ask(seat, prompt, choices=[*moves]))]
        env.step(move)

    return earned
