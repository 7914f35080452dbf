from __future__ import annotations

import asyncio
import json

import pytest
from sparring.agents.scripted import Random
from sparring.arenas.match import Match, play
from sparring.arenas.transcript import TranscriptError, digest, read, write
from sparring.envs.registry import find
from sparring.envs.types import (
    Ending,
    Episode,
    GameRef,
    Message,
    PolicyRef,
    Reply,
    Result,
    Turn,
    Verdict,
)

HOSTILE = ("<script>alert(1)</script>", "\x1b[31m\x00", "\ud800 lone", "naïve ☃ 𝔘", '"}\n{"', "")


def full(text: str) -> Episode:
    """An episode that uses every field; the second seat's view does not grow by appending."""
    rules, ask = Message("system", text), Message("game", "move?")
    first = Turn(
        "a",
        "x",
        (rules, ask),
        Reply(text, "hm " + text, finish="length", memory="kept"),
        0,
        ("l", "r"),
    )
    again = Turn(
        "a", "x", (rules, ask, Message("self", "kept"), Message("game", "again")), Reply("l"), 1
    )
    other = Turn("b", "y", (ask,), Reply("r"), credits={"style": 0.25})
    changed = Turn("b", "y", (Message("game", "a view that starts over"),), Reply(text))
    verdict = Verdict(
        "error", (Result("ok", {(1, 2): {3, 4}}), Result("memory")), text, text, 0.0, 2, "why"
    )
    return Episode(
        game=GameRef("some-game-v3", (("n", 8), ("x", (1.5, None)))),
        seed=2**61,
        replicate=3,
        seats={"a": PolicyRef(text, "id-a"), "b": PolicyRef("b", "id-b")},
        turns=(first, again, other, changed),
        payoff={"a": -1.5, "b": 0.1},
        ending=Ending("forfeit", ("a",), text, "length"),
        verdicts=(verdict,),
        chances=(0, 3),
        recalls=((b"\x00", frozenset({"q"})),),
        notes=(("rate", float("inf")), ("big", 2**200)),
        kept=(("task", [True, {"k": "v"}]),),
        verifier="docker",
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_an_episode_survives_the_way_to_text_and_back(text: str) -> None:
    episode = full(text)
    line = write(episode)
    assert read(line) == episode
    assert write(read(line)) == line
    assert "\n" not in line
    assert line.isascii()


def test_the_order_of_mappings_does_not_show() -> None:
    episode = full("x")
    turned = Episode(**{**{name: getattr(episode, name) for name in episode.__slots__},
                        "seats": dict(reversed(list(episode.seats.items()))),
                        "payoff": dict(reversed(list(episode.payoff.items())))})  # fmt: skip
    assert digest(write(turned)) == digest(write(episode))


def test_what_differs_from_run_to_run_is_left_out_and_tokens_only_on_request() -> None:
    reply = Reply("bet", tokens=(5, 6), logprobs=(-0.5, -0.25), prompt_tokens=(1, 2, 3))
    turns = (Turn("a", "a", (Message("game", "?"),), reply),)
    slow = Episode(GameRef("g-v0"), 1, 0, {"a": PolicyRef("a", "a")}, turns, {"a": 0.0}, Ending("outcome"),
                   (Verdict("ok", seconds=1.25),))  # fmt: skip
    assert "1.25" not in write(slow)
    assert read(write(slow)).turns[0].reply == Reply("bet")
    assert read(write(slow, tokens=True)).turns == turns


def test_a_game_as_played_comes_back_whole() -> None:
    game = find("tic-tac-toe-v0")
    players = dict.fromkeys(game.seats, Random(3))
    episode = asyncio.run(play(Match(game, players, 11)))
    assert read(write(episode)) == episode


def test_a_long_conversation_is_stored_once_and_not_once_per_turn() -> None:
    view, turns = (Message("system", "rules" * 100),), []
    for move in range(200):
        view = (*view, Message("game", f"move {move}"))
        turns.append(Turn("a", "a", view, Reply(f"answer {move}")))
        view = (*view, Message("self", f"answer {move}"))
    episode = Episode(
        GameRef("g-v0"),
        1,
        0,
        {"a": PolicyRef("a", "a")},
        tuple(turns),
        {"a": 0.0},
        Ending("outcome"),
    )
    assert len(write(episode)) < 200 * 120 + 1000
    assert read(write(episode)) == episode


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format":1}',
        '{"format":99}',
        json.dumps({"format": 1, "game": "g"}),
        pytest.param("[" * 100_000, id="nested too deep"),
    ],
)
def test_what_is_no_transcript_is_refused_with_one_clear_error(text: str) -> None:
    with pytest.raises(TranscriptError):
        read(text)
