"""A critic's histories: what moves are worth there, whoever played, and the samples that this measures."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sparring.agents.models.load import load_model
from sparring.agents.policy import FREE, Key, Request
from sparring.agents.seats import seat
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import Tree, tree
from sparring.envs.registry import Game, find
from sparring.envs.types import Episode, Message, PolicyRef, Reply
from sparring.training.config import ConfigError, Credits
from sparring.training.data.critic import Seen
from sparring.training.data.expected import Critics
from sparring.training.players.exploring import Exploring
from sparring.training.recipes import configured
from sparring.training.run import checked, train


def played(game: Game, count: int, name: str = "random") -> list[Episode]:
    player = seat(name, game)
    matches = [Match(game, dict.fromkeys(game.seats, player), seed) for seed in range(count)]
    return asyncio.run(play_all(matches))


def odds_of(seen: Seen, policy: dict[tuple[str, tuple[Message, ...]], tuple[float, ...]]):
    """The policy's odds at every view, as `values` takes them."""
    widest = max(len(view.choices) for view in seen.views)
    own = [policy[view.seat, view.prompt] for view in seen.views]
    return np.array([(*odds, *[0.0] * (widest - len(odds))) for odds in own])


def solved(tree: Tree) -> dict[tuple[str, tuple[Message, ...]], tuple[float, ...]]:
    found = equilibrium(tree)
    return {(info.seat, info.messages): tuple(found[info.key]) for info in tree.infosets}


@pytest.mark.parametrize("name", ["kuhn-poker-v0", "leduc-poker-v0"])
def test_values_are_those_of_the_odds_that_are_asked_about_whoever_played(name: str) -> None:
    """Random players showed the game; what an equilibrium's moves are worth in it is read from that."""
    game = find(name, **({"suits": False} if "leduc" in name else {}))
    whole = tree(game)
    seen = Seen(name, game.seats)
    for episode in played(game, 6000):
        seen.walk(episode, 2.0)
    known = {(info.seat, info.messages) for info in whole.infosets}
    assert {(view.seat, view.prompt) for view in seen.views} <= known
    assert len(seen.views) > 0.95 * len(known)

    policy = solved(whole)
    values = seen.values(odds_of(seen, policy))
    visits = np.array(seen.state()["visits"])
    first = [n for n, (before, _) in enumerate(seen.state()["nodes"]) if before < 0]
    assert len(first) == 3, "three cards"
    shares = visits[first] / visits[first].sum()
    told = dict(zip(game.seats, shares @ values.worth[first] / 2.0, strict=True))
    by_tree = whole.values({info.key: policy[info.seat, info.messages] for info in whole.infosets})
    assert told == pytest.approx(by_tree, abs=0.12)


def test_a_move_that_ends_the_game_is_worth_what_it_pays_and_one_unmade_what_the_others_are() -> (
    None
):
    game = find("kuhn-poker-v0")
    seen = Seen(game.id, game.seats)
    for episode in played(game, 300):
        if [turn.reply.text for turn in episode.turns] != ["check", "check"]:
            seen.walk(episode, 1.0)
    values = seen.values(np.full((len(seen.views), 2), 0.5))
    for node, number in enumerate(seen.view):
        view = seen.views[number]
        if "fold" in view.choices:
            fold = seen.first[node] + view.choices.index("fold")
            assert values.moves[fold, game.seats.index(view.seat)] == -1
        elif view.prompt[-1].text.count("check"):
            places = seen.first[node] + np.arange(2)
            check, bet = (
                values.moves[places] if view.choices[0] == "check" else values.moves[places][::-1]
            )
            assert list(check) == list(bet) == list(values.worth[node])


def test_what_was_seen_is_kept_as_json_values() -> None:
    game = find("kuhn-poker-v0")
    one, two = Seen(game.id, game.seats), Seen(game.id, game.seats)
    games = played(game, 60)
    for episode in games[:40]:
        one.walk(episode, 1.0)
    two.restore(json.loads(json.dumps(one.state())))
    for seen in (one, two):
        for episode in games[40:]:
            seen.walk(episode, 1.0)
    assert one.state() == two.state()
    odds = np.full((len(one.views), 2), 0.5)
    assert all((a == b).all() for a, b in zip(one.values(odds), two.values(odds), strict=True))


class Speaker:
    """A learner's name on replies that are given, with tokens."""

    ref = PolicyRef("learner", "x")
    streams = False

    def __init__(self, say) -> None:
        self._say = say

    async def act(self, requests):
        return [
            Reply(self._say(r), tokens=(7, 0), logprobs=(-0.5, -0.1), prompt_tokens=(1, 2, 3))
            for r in requests
        ]


def credited(game: Game, say, count: int = 30):
    model = load_model("tiny", game, sampling=FREE)
    player = Speaker(say)
    matches = [Match(game, dict.fromkeys(game.seats, player), seed) for seed in range(count)]
    episodes = asyncio.run(play_all(matches))
    lot = Critics().credited(
        list(enumerate(episodes)),
        game,
        Credits(estimator="critic", scale=0.5),
        learners={"learner": model},
        sampling=None,
        version=3,
    )
    return model, episodes, list(lot)


def test_every_listed_move_is_a_sample_and_those_of_a_turn_balance() -> None:
    game = find("kuhn-poker-v0")
    _, episodes, found = credited(game, lambda r: r.choices[r.key.seed % len(r.choices)])
    turns = Counter((e.sample.attempt.episode, e.sample.spans[0].turn) for e in found)
    assert len(turns) == sum(len(e.turns) for e in episodes)
    assert set(turns.values()) == {2}
    for one, two in zip(found[::2], found[1::2], strict=True):
        start = one.sample.spans[0].start
        assert one.sample.tokens[:start] == two.sample.tokens[:start]
        # Σ π(a) (Q − V) = 0
        assert one.advantages[0] + two.advantages[0] == pytest.approx(0, abs=1e-9)
        odds = [np.exp(sum(e.sample.logprobs)) for e in (one, two)]
        for each, share in zip((one, two), odds, strict=True):
            assert each.sample.logprobs.count(0.0) == each.sample.spans[0].start
            gap = each.sample.spans[0].earned - each.centres[0].baseline
            assert each.advantages[0] == pytest.approx(2 * share / sum(odds) * gap, abs=1e-6)
    attempt = found[0].sample.attempt
    assert (attempt.version, attempt.learner, attempt.opponent) == (3, "learner", "self")


def test_a_refused_try_costs_its_price_and_a_forfeit_what_the_game_takes() -> None:
    game = find("kuhn-poker-v0")
    _, episodes, found = credited(game, lambda r: "?" if r.key.ask == 0 else r.choices[0])
    tries = [e for e in found if e.sample.spans[0].turn == 0]
    assert len(tries) == len(episodes)
    assert {e.advantages[0] for e in tries} == {-0.5}
    assert {e.sample.tokens for e in tries} == {(1, 2, 3, 7, 0)}

    _, episodes, found = credited(game, lambda r: "?")
    assert {e.ending.kind for e in episodes} == {"forfeit"}
    last = [e for e in found if e.sample.spans[0].turn == 1]
    lost = {0.5 * e.payoff["first"] for e in episodes}
    assert {e.sample.spans[0].earned for e in last} == lost


def test_a_game_that_asks_for_free_text_is_refused() -> None:
    game = find("question-answer-v0")
    (episode,) = played(game, 1, "sample")
    with pytest.raises(ConfigError, match="asks proposer without any; use another"):
        Seen(game.id, game.seats).walk(episode, 1.0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["opponents.mode=past"], "set opponents.mode = 'mirror'"),
        (["rollout.think=asked"], "set rollout.think = 'off'"),
        (["rollout.shots=2"], "set rollout.shots = 0"),
        (["credits.payoff=false"], "set credits.payoff = true"),
        (["game=discussion-v0"], "has judges"),
    ],
)
def test_what_a_critic_cannot_value_is_refused_in_one_line(
    tmp_path: Path, settings: list[str], told: str
) -> None:
    asked = ["credits.estimator=critic", *settings]
    with pytest.raises(ConfigError, match=told) as fault:
        train(configured("spiral", None, asked, {"out": str(tmp_path / "run")}), quiet=True)
    assert "\n" not in str(fault.value)
    assert not (tmp_path / "run").exists()


def test_credits_of_a_game_of_the_menu_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "menu.toml"
    entry = '[[games]]\nid = "kuhn-poker-v0"\ncredits = { estimator = "critic", discount = 0.5 }\n'
    file.write_text(entry)
    with pytest.raises(ConfigError, match="leave payoff, discount and turns"):
        checked(configured("spiral", file, (), {"out": str(tmp_path / "run")}))


def test_an_explorer_moves_evenly_where_it_is_due_and_only_where_moves_are_listed() -> None:
    asked: list[Request] = []

    def say(request: Request) -> str:
        asked.append(request)
        return "own"

    requests = [
        Request("a", "a", (), ("x", "y", "z"), Key(seed, 0, "a", ask))
        for seed in range(500)
        for ask in (0, 1)
    ]
    free = [request._replace(choices=None) for request in requests[:50]]
    player = Exploring(Speaker(say), 0.3)
    replies = [
        reply for reply in asyncio.run(player.act([*requests, *free])) if isinstance(reply, Reply)
    ]
    told = Counter(reply.text for reply in replies[:1000])
    assert told["own"] == pytest.approx(700, abs=60)
    assert all(told[move] == pytest.approx(100, abs=40) for move in "xyz")
    assert {reply.text for reply in replies[1000:]} == {"own"}
    assert len(asked) == told["own"] + 50
    assert not any(reply.tokens for reply in replies if reply.text != "own")
    assert player.ref.name == "learner"
    assert asyncio.run(player.act(requests[:40])) == replies[:40], "keyed by the ask alone"


def test_a_transcript_names_each_move_that_is_trained(tmp_path: Path) -> None:
    asked = ["credits.estimator=critic", "steps=1", "rollout.games=4", "record.tensorboard=false"]
    done = train(configured("spiral", None, asked, {"out": str(tmp_path / "run")}), quiet=True)
    (text,) = (path.read_text() for path in (done.folder / "transcripts").iterdir())
    told = [line for line in text.splitlines() if line.startswith("trained: first turn 0")]
    assert len(told) == 8
    assert sum("the move 'bet' is worth" in line for line in told) == 4


def test_a_game_that_credits_single_turns_is_refused() -> None:
    game = find("kuhn-poker-v0")
    (episode,) = played(game, 1)
    turns = tuple(turn._replace(credits={"bluff": 1.0}) for turn in episode.turns)
    with pytest.raises(ConfigError, match="credits first for single turns; use another"):
        Seen(game.id, game.seats).walk(replace(episode, turns=turns), 1.0)


def test_of_several_that_are_asked_at_once_one_may_try_again_after_another_moved() -> None:
    game = find("rock-paper-scissors-v0")
    _, episodes, found = credited(
        game,
        lambda r: (
            "well" if r.seat == game.seats[0] and not r.key.ask else r.choices[r.key.seed % 3]
        ),
        9,
    )
    one, two = game.seats
    assert [turn.seat for turn in episodes[0].turns] == [one, two, one]
    seen = Seen(game.id, game.seats)
    first, second, again = seen.walk(episodes[0], 1.0)
    assert first.node == again.node != second.node
    assert (first.move, again.move) == (-1, 0)
    tries = [e for e in found if e.sample.attempt.seat == one and e.sample.spans[0].turn == 0]
    assert {e.advantages[0] for e in tries} == {-0.5}


def test_a_game_goes_on_after_a_refused_try_as_if_it_had_not_been() -> None:
    """Every first ask of a seat is answered by no move, which its later prompts show."""
    game = find("kuhn-poker-v0")
    _, episodes, _ = credited(
        game,
        lambda r: (
            f"no move, {r.key.seed}" if not r.key.ask else r.choices[(r.key.seed + len(r.seat)) % 2]
        ),
        60,
    )
    assert sum(turn.refused is not None for e in episodes for turn in e.turns) == 120
    assert max(len(e.turns) for e in episodes) == 5, "a seat moves again after its refused try"
    seen = Seen(game.id, game.seats)
    for episode in episodes:
        seen.walk(episode, 1.0)
    known = {(info.seat, info.messages) for info in tree(game).infosets}
    assert {(view.seat, view.prompt) for view in seen.views} <= known


def test_the_file_of_the_page_on_leduc_is_a_run(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/results.md").read_text()
    (text,) = re.findall(r"```toml\n# leduc\.toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "leduc.toml"
    file.write_text(text)
    config = configured("spiral", file, (), {"out": str(tmp_path / "run")})
    checked(config)
    assert (config.credits.estimator, config.rollout.explore) == ("critic", 0.05)
