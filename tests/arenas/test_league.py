from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.policy import Policy
from sparring.agents.scripted import Random, Scripted, scripted
from sparring.arenas.league import Kind, League, LeagueError, Mix
from sparring.arenas.match import Match, play
from sparring.arenas.store import Store
from sparring.arenas.store.reading import Archive
from sparring.envs.registry import Game, find
from sparring.envs.types import Episode, PolicyRef

MAIN = PolicyRef("main", "learner/main")


class Seat:
    """A policy under another id, as a learner's changing weights play under one name."""

    streams = False

    def __init__(self, policy: Policy, ref: PolicyRef) -> None:
        self.act = policy.act
        self.ref = ref


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    with Store(tmp_path / "s.sqlite") as store:
        yield store


def saved(step: int, of: str = "main") -> PolicyRef:
    return PolicyRef(f"{of}@{step}", f"snapshot/{of}/{step}")


def episodes(
    game: Game, learner: Policy, other: Policy, count: int, start: int = 0
) -> list[Episode]:
    async def go() -> list[Episode]:
        first, second = game.seats
        seatings = ({first: learner, second: other}, {first: other, second: learner})
        return [await play(Match(game, seatings[n % 2], start + n)) for n in range(count)]

    return asyncio.run(go())


def test_an_empty_league_plays_itself_and_says_why(store: Store, kuhn: Game) -> None:
    league = League(store, kuhn)
    league.join(MAIN)
    for _ in range(20):
        match = league.next_match(MAIN.id)
        assert match.opponent == MAIN.id
        assert match.reason.startswith("self-play")


def test_a_learner_sits_in_every_place_equally_often_against_each_opponent(
    store: Store, kuhn: Game
) -> None:
    league = League(store, kuhn)
    league.join(MAIN)
    league.snapshot(MAIN.id, saved(10), 10)
    league.snapshot(MAIN.id, saved(20), 20)
    seats = Counter((m.opponent, m.seat) for m in (league.next_match(MAIN.id) for _ in range(400)))
    for opponent in (MAIN.id, saved(10).id, saved(20).id):
        assert abs(seats[opponent, "first"] - seats[opponent, "second"]) <= 1


def test_the_hard_opponent_is_met_more_often_than_the_beaten_one(store: Store, kuhn: Game) -> None:
    """Against a folder 55 of 60 games are won or so; PFSP squared then seldom meets it."""
    league = League(store, kuhn, Mix(self=0, past=1, verification=0))
    league.join(MAIN)
    for step in (10, 20):
        league.snapshot(MAIN.id, saved(step), step)
    folder = Scripted(lambda r: "fold" if "fold" in (r.choices or ()) else "check")
    bully = Scripted(lambda r: "bet" if "bet" in (r.choices or ()) else "call")
    league.record(MAIN.id, episodes(kuhn, Seat(bully, MAIN), Seat(folder, saved(10)), 60))
    league.record(
        MAIN.id, episodes(kuhn, Seat(folder, MAIN), Seat(bully, saved(20)), 60, start=1000)
    )
    easy, hard = league.rate(MAIN.id, saved(10).id), league.rate(MAIN.id, saved(20).id)
    assert (easy.games, hard.games) == (60, 60)
    assert easy.share > 0.9 > 0.1 > hard.share

    # a bet that is not called moves a quarter of Kuhn's range, from −2 to 2
    assert easy.value == pytest.approx(0.75, abs=0.05)
    assert hard.value == pytest.approx(0.25, abs=0.05)
    met = Counter(league.next_match(MAIN.id).opponent for _ in range(300))
    assert met[saved(20).id] == pytest.approx(270, abs=20)
    assert "squared on payoff in its range" in league.next_match(MAIN.id).reason


def test_everything_comes_back_from_the_store(tmp_path: Path, kuhn: Game) -> None:
    path = tmp_path / "l.sqlite"
    with Store(path) as store:
        league = League(store, kuhn, seed=3)
        league.join(MAIN)
        for step in (10, 20, 30):
            league.snapshot(MAIN.id, saved(step), step)
        for number in range(40):
            match = league.next_match(MAIN.id)
            other = Seat(Random(5), PolicyRef("x", match.opponent))
            league.record(MAIN.id, episodes(kuhn, Seat(Random(4), MAIN), other, 1, start=number))
        expected = [league.next_match(MAIN.id, number) for number in range(100, 130)]
        pool = league.pool
        rates = {id: league.rate(MAIN.id, id) for id in pool}
    with Store(path) as store:
        again = League(store, kuhn, seed=3)
        assert again.pool == pool
        assert {id: again.rate(MAIN.id, id) for id in again.pool} == rates
        resumed = [again.next_match(MAIN.id, number) for number in range(100, 130)]
        assert [(m.opponent, m.reason) for m in resumed] == [
            (m.opponent, m.reason) for m in expected
        ]


def test_games_of_a_league_are_not_rated_and_a_mirror_is_not_recorded(
    store: Store, kuhn: Game
) -> None:
    league = League(store, kuhn)
    league.join(MAIN)
    assert (
        league.record(MAIN.id, episodes(kuhn, Seat(Random(1), MAIN), Seat(Random(2), MAIN), 5)) == 0
    )
    league.snapshot(MAIN.id, saved(10), 10)
    assert (
        league.record(MAIN.id, episodes(kuhn, Seat(Random(1), MAIN), Seat(Random(2), saved(10)), 5))
        == 5
    )
    assert store.rows(kuhn) == []
    assert len(store.rows(kuhn, "league")) == 5


def test_a_forgotten_ancestor_is_verified_against(store: Store, kuhn: Game) -> None:
    league = League(store, kuhn, Mix(self=0, past=0, verification=1))
    league.join(MAIN)
    for step in (10, 20):
        league.snapshot(MAIN.id, saved(step), step)
    level = league.next_match(MAIN.id)
    assert (level.opponent, level.reason) == (MAIN.id, "self-play: nothing is forgotten")
    folder = Scripted(lambda r: "fold" if "fold" in (r.choices or ()) else "check")
    bully = Scripted(lambda r: "bet" if "bet" in (r.choices or ()) else "call")
    league.record(MAIN.id, episodes(kuhn, Seat(folder, MAIN), Seat(bully, saved(10)), 40))
    met = [league.next_match(MAIN.id) for _ in range(100)]
    assert all(match.reason.startswith("verification: forgotten") for match in met)

    # against the one it never met a rate is ½: squared, .75² to .5² of the range that 40 lost bets leave
    share = Counter(match.opponent for match in met)[saved(10).id] / 100
    assert share == pytest.approx(0.75**2 / (0.75**2 + 0.5**2), abs=0.12)


def test_a_learner_that_an_exploiter_beats_meets_that_exploiters_snapshots(
    store: Store, kuhn: Game
) -> None:
    hunter = PolicyRef("hunter", "learner/hunter")
    league = League(store, kuhn, Mix(self=0, past=0, verification=1))
    league.join(MAIN)
    league.join(hunter, "main_exploiter")
    league.snapshot(MAIN.id, saved(10), 10)
    league.snapshot(hunter.id, saved(10, "hunter"), 10)
    assert league.next_match(MAIN.id).opponent == MAIN.id
    folder = Scripted(lambda r: "fold" if "fold" in (r.choices or ()) else "check")
    bully = Scripted(lambda r: "bet" if "bet" in (r.choices or ()) else "call")
    league.record(MAIN.id, episodes(kuhn, Seat(folder, MAIN), Seat(bully, saved(10, "hunter")), 40))
    match = league.next_match(MAIN.id)
    assert match.opponent == saved(10, "hunter").id
    assert match.reason.startswith("verification: exploited, squared")


def test_a_snapshot_is_due_once_all_resolved_rates_are_strong_or_steps_have_passed(
    store: Store, kuhn: Game
) -> None:
    league = League(store, kuhn, Mix(enough=20, steps=100))
    league.join(MAIN)
    assert league.due(MAIN.id, 99) is None
    assert "100 steps" in (league.due(MAIN.id, 100) or "")
    league.snapshot(MAIN.id, saved(100), 100)
    assert league.due(MAIN.id, 101) is None
    folder = Scripted(lambda r: "fold" if "fold" in (r.choices or ()) else "check")
    bully = Scripted(lambda r: "bet" if "bet" in (r.choices or ()) else "call")
    league.record(MAIN.id, episodes(kuhn, Seat(bully, MAIN), Seat(folder, saved(100)), 30))
    assert "beats every snapshot" in (league.due(MAIN.id, 101) or "")


def test_exploiters_hunt_the_main_learner_and_its_past_when_that_is_hopeless(
    store: Store, kuhn: Game
) -> None:
    hunter, roamer = PolicyRef("hunter", "learner/hunter"), PolicyRef("roamer", "learner/roamer")
    league = League(store, kuhn)
    league.join(hunter, "main_exploiter")
    league.join(roamer, "league_exploiter")
    with pytest.raises(LeagueError, match="join one first"):
        league.next_match(hunter.id)
    with pytest.raises(LeagueError, match="no opponent"):
        league.next_match(roamer.id)
    league.join(MAIN)
    league.snapshot(MAIN.id, saved(10), 10)
    assert league.next_match(hunter.id).opponent == MAIN.id
    roams = league.next_match(roamer.id)
    assert roams.opponent == saved(10).id
    assert roams.reason.startswith("league, capped")
    folder = Scripted(lambda r: "fold" if "fold" in (r.choices or ()) else "check")
    bully = Scripted(lambda r: "bet" if "bet" in (r.choices or ()) else "call")
    league.record(hunter.id, episodes(kuhn, Seat(folder, hunter), Seat(bully, MAIN), 60))
    match = league.next_match(hunter.id)
    assert match.opponent == saved(10).id
    assert "too strong yet" in match.reason
    league.snapshot(hunter.id, saved(5, "hunter"), 5)
    assert (saved(5, "hunter").id, MAIN.id, "exploiter_of") in store.lineage()


def test_who_is_no_learner_is_refused(store: Store, kuhn: Game) -> None:
    with pytest.raises(LeagueError, match="no learner of this league"):
        League(store, kuhn).next_match(scripted("nash", kuhn).ref.id)


def test_a_league_can_be_read_while_training_writes_it(store: Store, kuhn: Game) -> None:
    League(store, kuhn).join(MAIN)
    with Archive(store.path) as archive:
        league = League(archive, kuhn)
        assert league.next_match(MAIN.id).opponent == MAIN.id
        with pytest.raises(LeagueError, match="reading only"):
            league.snapshot(MAIN.id, saved(1), 1)


def paid(game: Game, payoffs: Sequence[tuple[float, float]]) -> list[Episode]:
    """A game for each payoff of the learner and of snapshot 10, the learner first."""
    played = episodes(game, Seat(Random(1), MAIN), Seat(Random(2), saved(10)), 2 * len(payoffs))
    return [
        replace(episode, payoff=dict(zip(game.seats, pair, strict=True)))
        for episode, pair in zip(played[::2], payoffs, strict=True)
    ]


def test_a_payoff_game_is_rated_by_payoff_and_not_by_how_often_it_is_won(
    store: Store, kuhn: Game
) -> None:
    league = League(store, kuhn)
    league.join(MAIN)
    league.snapshot(MAIN.id, saved(10), 10)

    # 6 of 10 won, and payoff lost: the 4 others cost twice as much
    league.record(MAIN.id, paid(kuhn, [(1, -1)] * 6 + [(-2, 2)] * 4))
    rate = league.rate(MAIN.id, saved(10).id)
    assert rate.value == pytest.approx((6 * 0.75 + 0.5) / 11)
    assert rate.share == pytest.approx((10 * 6 / 14 + 0.5) / 11)

    again = league.rate(saved(10).id, MAIN.id)
    assert rate.share + again.share == pytest.approx(1)
    assert rate.value + again.value == pytest.approx(1)


def test_a_forfeit_counts_as_the_worst_payoff_of_the_range(store: Store, kuhn: Game) -> None:
    league = League(store, kuhn)
    league.join(MAIN)
    league.record(MAIN.id, paid(kuhn, [(-3, 3)]))
    assert league.rate(MAIN.id, saved(10).id).value == 0.25
    assert league.rate(saved(10).id, MAIN.id).value == 0.75


def test_two_who_share_alike_are_level_whatever_the_game_pays(store: Store) -> None:
    """Prisoners who both defect earn 1 of 5 a round; neither has forgotten how to play the other."""
    game = find("prisoners-dilemma-v0")
    league = League(store, game, Mix(self=0, past=0, verification=1))
    league.join(MAIN)
    league.snapshot(MAIN.id, saved(10), 10)

    most = game.payoff_range[1]
    league.record(MAIN.id, paid(game, [(most / 5, most / 5)] * 30))
    rate = league.rate(MAIN.id, saved(10).id)
    assert rate.value == pytest.approx((30 / 5 + 0.5) / 31)
    assert rate.share == 0.5
    assert "nothing is forgotten" in league.next_match(MAIN.id).reason


def test_a_game_of_wins_is_rated_by_wins_and_half_draws(store: Store) -> None:
    game = find("rock-paper-scissors-v0")
    league = League(store, game)
    league.join(MAIN)
    league.record(MAIN.id, paid(game, [(1, -1)] * 5 + [(0, 0)] * 4 + [(-1, 1)]))
    rate = league.rate(MAIN.id, saved(10).id)
    assert rate.value == rate.share == pytest.approx(7.5 / 11)


@pytest.mark.parametrize("kind", ["main", "main_exploiter", "league_exploiter"])
def test_names_of_learners_do_not_change_whom_they_meet(
    tmp_path: Path, kuhn: Game, kind: Kind
) -> None:
    """Ids hold the names of runs' folders; the names here sort once as they joined, once against it."""
    met: list[list[tuple[str, str]]] = []
    for names in (("a", "b", "c"), ("z", "y", "x")):
        with Store(tmp_path / f"{names[0]}.sqlite") as store:
            league = League(store, kuhn, seed=3)
            for name, role in zip(names, ("main", "main", kind), strict=True):
                league.join(PolicyRef(name, f"learner/{name}"), role)
            for step in (10, 20):
                for name in names:
                    league.snapshot(f"learner/{name}", saved(step, f"learner/{name}"), step)

            ahead = [league.next_match(f"learner/{names[2]}", number) for number in range(60)]
            place = {name: str(n) for n, name in enumerate(names)}
            met.append(
                [("".join(place.get(c, c) for c in m.opponent.split("/")), m.seat) for m in ahead]
            )
    assert met[0] == met[1]
    assert len(set(met[0])) > 2


def test_learners_of_one_league_draw_apart_and_keep_their_places(store: Store, kuhn: Game) -> None:
    other = PolicyRef("another", "learner/another")
    league = League(store, kuhn)
    league.join(MAIN)
    league.join(other)
    league.join(MAIN)
    assert list(league.learners) == [MAIN.id, other.id]

    for step in (10, 20):
        league.snapshot(MAIN.id, saved(step), step)
    mine = [league.next_match(MAIN.id, number).reason for number in range(30)]
    assert mine != [league.next_match(other.id, number).reason for number in range(30)]
