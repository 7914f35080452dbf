"""Games that go on from a history: branches, restarts, and what each part is measured against."""

import asyncio
import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.scripted import scripted
from sparring.agents.wording import read_prompts
from sparring.arenas.match import Match, SeatingError, Start, play
from sparring.arenas.transcript import read, write
from sparring.arenas.verify import _replay_faults
from sparring.envs.registry import find
from sparring.envs.replay import Replays, replay_episode
from sparring.envs.seeds import generator
from sparring.envs.table import TableError
from sparring.training.config import ConfigError, Credits
from sparring.training.data.branches import Branches
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit
from sparring.training.players.openings import opening
from sparring.training.recipes import configured
from sparring.training.run import checked, resume, train
from sparring.training.selfplay import SelfPlay

from .data.test_collect import episode, gather, turn

SUMS = find("sums-check-v0")
SMALL = (
    "rollout.games=8",
    "starts.role=second",
    "starts.turn=1",
    "record.evaluate_every=0",
    "record.tensorboard=false",
)


def played(game, seed=3, start=None, replicate=0):
    seats = dict.fromkeys(game.seats, scripted("random", game))
    return asyncio.run(play(Match(game, seats, seed, replicate, start)))


def run(folder, *settings, steps=2):
    config = configured("spiral", None, [*SMALL, *settings], {"out": str(folder), "steps": steps})
    return train(config, quiet=True)


@pytest.fixture
def steps(monkeypatch):
    """The games of every step that is played, in issue order."""
    seen, inner = [], SelfPlay.play

    def play(self, number):
        seen.append(inner(self, number))
        return seen[-1]

    monkeypatch.setattr(SelfPlay, "play", play)
    return seen


def test_a_match_goes_on_from_a_history_and_asks_nobody_for_it():
    whole = played(SUMS)
    more = played(SUMS, start=Start(whole, 2), replicate=1)
    assert more.turns[:2] == whole.turns[:2]
    assert (whole.begun, more.begun) == (0, 2)
    assert len(more.turns) == 3


def test_a_continued_game_is_written_read_and_played_again_like_any_other():
    more = played(SUMS, start=Start(played(SUMS), 1), replicate=1)
    assert read(write(more)) == more
    assert not list(_replay_faults(Replays(SUMS), more))


def test_a_start_of_another_game_is_refused():
    whole = played(SUMS)
    with pytest.raises(SeatingError, match="cannot go on from one"):
        played(SUMS, seed=4, start=Start(whole, 1))


def test_a_simultaneous_move_is_not_cut_in_two():
    game = find("rock-paper-scissors-v0")
    with pytest.raises(TableError, match="several seats move together"):
        replay_episode(game, played(game), 1)


def branched():
    """A game of two turns of `first`, and two further games from its first turn."""
    whole = episode(turn("first", (1,), (2,)), turn("first", (1, 2, 3), (4,)))
    others = [
        replace(whole, replicate=n, begun=1, payoff={"first": paid, "second": -paid})
        for n, paid in ((1, 0.0), (2, 4.0))
    ]
    return [whole, *others], Branches({0: 1}, {1: 0, 2: 0})


def test_turns_after_a_branch_are_measured_against_each_other_and_the_turn_before_counts_once():
    games, branches = branched()
    samples = gather(*games, branches=branches)
    assert [(s.attempt.episode, [span.turn for span in s.spans]) for s in samples] == [
        (0, [0]),
        (0, [1]),
        (1, [1]),
        (2, [1]),
    ]
    groups = [sample.attempt.group for sample in samples]
    assert groups[1] == groups[2] == groups[3] != groups[0]

    # RLOO by hand: 2 − (0 + 4)/2, 0 − (2 + 4)/2, 4 − (2 + 0)/2; the first turn is alone
    trained, _ = credit(samples, {}, Credits(estimator="loo"))
    assert [each.advantages for each in trained] == [(0.0,), (0.0,), (-3.0,), (3.0,)]


def test_the_value_of_a_turn_is_the_mean_of_the_games_that_went_on_from_it():
    games, branches = branched()
    before, after, *_ = gather(*games, branches=branches, value=True)
    assert before.spans[0].earned == before.attempt.reward == 2.0
    games[2] = replace(games[2], payoff={"first": 7.0, "second": -7.0})
    before, after, *_ = gather(*games, branches=branches, value=True)
    assert before.spans[0].earned == before.attempt.reward == 3.0
    assert after.spans[0].earned == 2.0


def test_a_run_with_branches_plays_each_game_on_as_often_as_told(tmp_path, steps):
    run(tmp_path / "r", "starts.branches=3", "credits.estimator=loo", steps=1)
    families = defaultdict(list)
    for game in steps[0]:
        families[game.seed].append(game)
    assert len(families) == 8
    for whole, *others in families.values():
        assert (whole.begun, {game.begun for game in others}, len(others)) == (0, {1}, 2)
        assert all(game.turns[0] == whole.turns[0] for game in others)


def test_a_share_begins_at_histories_of_steps_before_and_a_resumed_run_draws_the_same(
    tmp_path, steps
):
    settings = (
        "rollout.replicates=4",
        "starts.share=0.5",
        "record.checkpoint_every=2",
        "update.schedule=constant",
    )
    run(tmp_path / "whole", *settings, steps=4)
    whole = steps[:]
    steps.clear()
    run(tmp_path / "cut", *settings, steps=2)
    resume(tmp_path / "cut", steps=4, quiet=True)

    assert any(game.begun for game in whole[3])
    assert [list(map(write, games)) for games in whole] == [
        list(map(write, games)) for games in steps
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("starts.branches=0",), "starts.branches must be from 1 to 1,000; it is 0"),
        (("starts.share=2",), "starts.share must be from 0 to 1; it is 2"),
        (("starts.share=0.5",), "set rollout.replicates to 2"),
        (("starts.value=true",), "set starts.branches"),
        (
            ("starts.share=0.5", "rollout.replicates=2", "opponents.mode=league"),
            "a league cannot count",
        ),
        (("starts.random=2", "opponents.mode=league"), "starts.random plays games that a league"),
        (("starts.random=-1",), "starts.random must be from 0 to 1,000; it is -1"),
        (("starts.random=1001",), "starts.random must be from 0 to 1,000; it is 1001"),
        (("starts.random=2", "starts.random_least=3"), "random_least = 3 is more than"),
        (("starts.random_least=1",), "random_least = 1 is more than starts.random = 0"),
    ],
)
def test_histories_that_teach_nothing_are_refused_in_one_line(tmp_path, settings, said):
    with pytest.raises(ConfigError, match=said):
        configured("spiral", None, settings, {})


def test_no_two_games_of_one_seed_share_their_noise(tmp_path, steps):
    run(tmp_path / "r", "rollout.replicates=2", "starts.share=0.5", "starts.branches=2", steps=3)
    keys = [(game.seed, game.replicate) for games in steps for game in games]
    assert len(set(keys)) == len(keys)


BOARD = ("game=tic-tac-toe-v0", "rollout.games=64", "rollout.replicates=2", "starts.turn=2")


def test_games_begin_after_random_moves_that_nobody_is_asked_for_or_trained_on(tmp_path, steps):
    run(tmp_path / "r", *BOARD, "starts.random=3", "credits.estimator=paired", steps=2)
    for games in steps:
        # replicates go on from one opening, and every number of moves comes up
        pairs = list(zip(games[::2], games[1::2], strict=True))
        assert {game.begun for game in games} == {0, 1, 2, 3}
        assert all(one.begun == other.begun for one, other in pairs)
        assert all(one.turns[: one.begun] == other.turns[: one.begun] for one, other in pairs)
        openings = {tuple(turn.reply.text for turn in g.turns[: g.begun]) for g in games}
        assert len(openings) > 10
        for game in games:
            assert not any(turn.reply.tokens for turn in game.turns[: game.begun])
            assert all(turn.reply.tokens for turn in game.turns[game.begun :])
    role_of = find("tic-tac-toe-v0").role_of
    issued = list(enumerate(steps[-1]))
    samples = collect(issued, Credits(), learner="learner", role_of=role_of)
    begun = {place: game.begun for place, game in issued}
    turns = [(each.attempt.episode, span.turn) for each in samples for span in each.spans]
    assert len(turns) == sum(len(game.turns) - game.begun for game in steps[-1])
    assert all(turn >= begun[place] for place, turn in turns)


def test_a_run_with_random_openings_repeats_itself_and_resumes_with_the_same(tmp_path, steps):
    settings = (*BOARD, "starts.random=4", "starts.random_least=2", "credits.estimator=paired")
    settings = (*settings, "record.checkpoint_every=1", "update.schedule=constant")
    run(tmp_path / "whole", *settings, steps=2)
    whole = steps[:]
    steps.clear()
    run(tmp_path / "cut", *settings, steps=1)
    resume(tmp_path / "cut", steps=2, quiet=True)
    assert [list(map(write, games)) for games in whole] == [
        list(map(write, games)) for games in steps
    ]
    assert {game.begun for games in whole for game in games} == {2, 3, 4}


def test_an_opening_never_ends_the_game_and_gives_up_where_all_do():
    game, drawn = find("tic-tac-toe-v0"), generator("test/openings")
    for seed in range(200):
        start = opening(game, seed, 7, 8, drawn)
        assert start is not None
        assert replay_episode(game, start.episode, start.turns).ending is None
    # the ninth move always ends it
    assert opening(game, 0, 9, 9, drawn) is None
    assert opening(game, 0, 0, 0, drawn) is None


def test_moves_of_an_opening_are_drawn_evenly():
    game, drawn = find("tic-tac-toe-v0"), generator("test/evenly")
    firsts = [opening(game, seed, 1, 1, drawn) for seed in range(900)]
    counts = Counter(start.episode.turns[0].reply.text for start in firsts if start)
    assert sum(counts.values()) == 900
    # 100 each; five standard deviations of a binomial are 47
    assert all(53 <= counts[square] <= 147 for square in "123456789")


def test_seats_that_move_together_open_together():
    game, drawn = find("prisoners-dilemma-v0", rounds=3), generator("test/together")
    for seed in range(20):
        start = opening(game, seed, 1, 3, drawn)
        assert start is None or start.turns in (2, 4)


def test_an_opening_of_a_game_that_lists_no_moves_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ConfigError, match=r"moves that a game lists, and negotiation-v0"):
        run(tmp_path / "r", "game=negotiation-v0", "starts.random=2", "starts.role=", steps=1)


def test_an_opening_ends_before_a_judge_would_have_to_speak():
    # solvers answer together, and then the judge grades them: no player moves again
    judged, drawn = find("sums-v0", label="judge"), generator("test/judges")
    assert opening(judged, 0, 1, 6, drawn) is None
    assert opening(judged, 0, 0, 0, drawn) is None


def test_the_files_of_the_page_on_tic_tac_toe_are_a_run(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/results.md").read_text()
    for name, text in re.findall(r"```toml\n# (\S+\.toml)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    config = configured("spiral", tmp_path / "perfect.toml", (), {"steps": 4000, "seed": 3})
    checked(config)
    assert (config.starts.random, config.update.kl_end) == (7, 0.02)
    assert read_prompts(config.rollout.prompts).shortens
