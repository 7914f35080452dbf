"""Keys and values kept from turn to turn change how much is read, and nothing that is said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import torch
from sparring.agents.language import kept
from sparring.agents.language.transformer import Batching, Transformer
from sparring.agents.policy import Key, Request, Sampling
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game
from sparring.envs.types import Episode, Message, Reply

BABBLE = Sampling(temperature=3.0, max_tokens=4)
"""Hot enough that many moves are refused and asked again, so that prompts grow."""


def policy(tiny: Transformer, **batching: int) -> Transformer:
    """The same model with a memory of its own."""
    twin = tiny.with_sampling(BABBLE)
    twin.batching = Batching(**batching)
    twin.publish(tiny.weights)
    return twin


def read(model: torch.nn.Module) -> list[int]:
    """Fills with the number of tokens of every call of the model from now on."""
    sizes: list[int] = []
    model.register_forward_pre_hook(
        lambda _, __, named: sizes.append(named["input_ids"].numel()), with_kwargs=True
    )
    return sizes


def games(player: Transformer, game: Game, count: int = 60) -> list[Episode]:
    matches = [Match(game, dict.fromkeys(game.seats, player), seed) for seed in range(count)]
    return asyncio.run(play_all(matches))


def replies(episodes: list[Episode]) -> list[Reply]:
    return [turn.reply for episode in episodes for turn in episode.turns]


@pytest.mark.parametrize("rows", [64, 5])
def test_games_are_token_for_token_those_without_and_less_is_read(
    tiny: Transformer, kuhn: Game, rows: int
) -> None:
    sizes = read(tiny.model)
    without = replies(games(policy(tiny, kept=0, rows=rows), kuhn))
    plain = sum(sizes)
    sizes.clear()
    having = replies(games(policy(tiny, rows=rows), kuhn))

    assert sum(sizes) < 0.95 * plain
    assert max(len(reply.prompt_tokens) for reply in having) > 12
    assert [reply.tokens for reply in having] == [reply.tokens for reply in without]
    for mine, other in zip(having, without, strict=True):
        assert mine.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def turn(seat: str, *texts: str, seed: int = 0, ask: int = 0) -> Request:
    # the seat's own replies stand between what the game says
    said = [Message("game" if n % 2 == 0 else "self", text) for n, text in enumerate(texts)]
    view = (Message("system", "rules"), *said)
    return Request("first", "first", view, ("check", "bet"), Key(seed, 0, seat, ask))


def test_log_probabilities_after_many_turns_are_those_of_a_plain_pass(
    tiny: Transformer, plain_logprobs
) -> None:
    player, texts = policy(tiny), ["J"]
    for ask in range(6):
        # seats of unequal length share batches, and some of them begin anew
        asked = [turn(str(n), *texts[n % 3 * (ask % 2) * 2 :], ask=ask, seed=n) for n in range(9)]
        for reply in player.reply(asked):
            wanted = plain_logprobs(player, reply, BABBLE)
            assert reply.logprobs == pytest.approx(wanted, abs=1e-5)
        texts += ["check", "K bet " * ask + "Q"]


def test_other_weights_read_anew_whether_they_were_named_or_not(tiny: Transformer) -> None:
    player, sizes = policy(tiny), read(tiny.model)
    first, second = turn("a", "J"), turn("a", "J", "check", "K", ask=1)

    def read_in_second_turn(change) -> int:
        player.reply([first])
        change()
        sizes.clear()
        player.reply([second])
        return sizes[0]

    whole = len(player.prompts([second])[0])
    weight = next(tiny.model.parameters())
    with torch.no_grad():
        assert read_in_second_turn(lambda: None) < whole
        assert read_in_second_turn(lambda: player.publish("others")) == whole
        assert read_in_second_turn(lambda: weight.add_(0)) == whole
        assert read_in_second_turn(lambda: setattr(weight, "data", weight.data.clone())) == whole


def test_the_same_prompt_asked_again_gives_the_same_bits(tiny: Transformer) -> None:
    player = policy(tiny)
    asked = [turn(str(n), "J", "check", "K" * n, seed=n) for n in range(8)]
    assert player.reply(asked) == player.reply(asked)


def test_the_oldest_go_when_there_is_no_room(tiny: Transformer) -> None:
    player = policy(tiny)
    player.reply([turn("a", "J")])
    place = next(iter(player._kept._places.values()))
    player.batching = replace(player.batching, kept=2 * place.block.bytes)
    player.publish("less room")

    for seat in "abcd":
        player.reply([turn(seat, "J")])
    assert [seat for _, _, seat in list[Any](player._kept._places)] == ["c", "d"]


def test_caches_that_forget_are_not_kept() -> None:
    class Cache:
        layers = (object(),)

    assert kept.block_of(Cache(), torch.ones(1, 3)) is None
