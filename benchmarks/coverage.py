"""Do a tournament's intervals hold the truth as often as they say? Checkpoints of a real run at Kuhn poker.

    python benchmarks/coverage.py runs/demo-1 --steps 20 60 120 200 340 500      # with random and nash
    python benchmarks/coverage.py --policies tests/arenas/ratings/kuhn_checkpoints.json
    python benchmarks/coverage.py --pages                                      # equals: what a page alarms of

With a run, its checkpoints, `random` and `nash` meet for real in a round robin, and every cell is held
beside its exact score: the policies' likelihoods at all 12 information sets, walked through the tree.
Then the same tournament is drawn again and again from those distributions. Asked is how often a cell's
interval (clustered on pairs) covers the exact paired score, and the joint fit's intervals the fit of the
exact matrix; right is 95 %, and 93 to 97 is what 200 repetitions should show.

With `--pages`, round robins are drawn in which all are equal. Asked is how often each rating's interval holds
its truth, 0, and how often a page finds anything: a resolved pairing or rank, or a misfit of the model. Right
are 95 % and at most 5 %.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sparring.arenas.ratings.arrays import Floats, Played
from sparring.arenas.ratings.bounds import of_two, one_sided
from sparring.arenas.ratings.crosstable import encounters, table
from sparring.arenas.ratings.fit import ELO, fit
from sparring.arenas.ratings.leaderboard import FALLBACK, rank_intervals, two_of_wins
from sparring.arenas.ratings.means import mean, points
from sparring.arenas.ratings.misfit import misfit
from sparring.arenas.ratings.newton import FitError
from sparring.arenas.results import ScoreKind
from sparring.envs.exact import Behaviour, InfoSet, Tree, seated, tree
from sparring.envs.registry import find

GAME = find("kuhn-poker-v0")
PLACES = ("first", "second")
SIZES = (
    (2, 5, 20_000),
    (2, 400, 5000),
    (8, 5, 400),
    (8, 20, 400),
    (8, 400, 1200),
    (30, 10, 60),
    (100, 5, 20),
)
"""Entrants, pairs a cell, and pages drawn."""
LAWS: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "win": lambda draw, count: (draw.random(count) < 0.5).astype(float),
    "win, half drawn": lambda draw, count: draw.choice([0.0, 0.5, 1.0], count, p=[0.25, 0.5, 0.25]),
    "payoff": lambda draw, count: draw.normal(0, 1, count),
    "payoff, heavy tail": lambda draw, count: draw.standard_t(2.5, count),
}
LINES = 5
"""Ways in which a deal can be played to its end."""
Ints = NDArray[np.int64]
Policies = Mapping[str, Mapping[str, Sequence[float]]]
"""Of each player, by the text of an information set, the odds of its choices."""


@dataclass(frozen=True)
class Matches:
    """Exact Kuhn poker: `chances` (first, second, deal, line) and what each line `paid` the first."""

    names: tuple[str, ...]
    chances: Floats
    paid: Floats

    def worth(self, kind: ScoreKind) -> Floats:
        return (np.sign(self.paid) + 1) / 2 if kind == "win" else self.paid

    def cells(self, pairs: int) -> tuple[Ints, Ints]:
        """Everybody against everybody, so many pairs each."""
        a, b = np.triu_indices(len(self.names), 1)
        return np.repeat(a, pairs), np.repeat(b, pairs)

    def drawn(self, kind: ScoreKind, pairs: int, draw: np.random.Generator) -> Played:
        """A paired round robin: both legs of a pair on one deal, all else drawn apart."""
        a, b = self.cells(pairs)
        deal = draw.integers(len(self.paid), size=len(a))
        legs: list[Floats] = []
        for first, second in ((a, b), (b, a)):
            along = self.chances[first, second, deal].cumsum(1)
            line = (draw.random((len(a), 1)) > along).sum(1).clip(max=LINES - 1)
            legs.append(self.worth(kind)[deal, line])
        return self.seats(a, b, np.array(legs), kind)

    def expected(self, kind: ScoreKind, pairs: int) -> tuple[Played, Floats]:
        """Every game at its expectation, and each cell's exact paired score."""
        value = (self.chances * self.worth(kind)).sum(3).mean(2)
        whole = 1.0 if kind == "win" else 0.0
        a, b = self.cells(1)
        paired = (value[a, b] + whole - value[b, a]) / 2
        a, b = self.cells(pairs)
        return self.seats(a, b, np.array([value[a, b], value[b, a]]), kind), paired

    def seats(self, a: Ints, b: Ints, first: Floats, kind: ScoreKind) -> Played:
        """Both legs, (2, pairs) scores of the first seat, as games; a pair is a block."""
        second = (1.0 if kind == "win" else 0.0) - first
        entrant = np.concatenate([np.stack([a, b], 1), np.stack([b, a], 1)])
        role = np.tile([0, 1], (len(entrant), 1))
        score = np.stack([first.ravel(), second.ravel()], 1)
        return Played(
            self.names, PLACES, PLACES, entrant, role, role, score, np.tile(np.arange(len(a)), 2)
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of intervals that hold the truth, and of tournaments whose joint fit is said to misfit."""

    cells: float
    ratings: float
    roles: float
    misfits: float


def matches(policies: Policies) -> Matches:
    """The exact chances of every line between all players."""
    kuhn = tree(GAME)
    players = [played_by(kuhn, table) for table in policies.values()]
    reach = [
        [kuhn.reach(seated({"first": a, "second": b})).reshape(-1, LINES) for b in players]
        for a in players
    ]
    chances = np.array(reach)
    paid = kuhn.payoff[:, 0].reshape(chances.shape[2], LINES)
    return Matches(tuple(policies), chances / chances.sum(-1, keepdims=True), paid)


def played_by(kuhn: Tree, table: Mapping[str, Sequence[float]]) -> Behaviour:
    return {info.key: tuple(table[text(info)]) for info in kuhn.infosets}


def text(info: InfoSet) -> str:
    """An information set in short: seat, card, and what was said since."""
    return " ".join([info.seat, *(m.text for m in info.messages if m.speaker != "system")])


def coverage(
    game: Matches, kind: ScoreKind, *, pairs: int = 50, repeats: int = 200, seed: int = 11
) -> Coverage:
    """How often intervals of tournaments drawn anew hold what the tree says."""
    expectation, paired = game.expected(kind, pairs)
    truth = fit(expectation, kind)
    draw = np.random.default_rng(seed)
    cells: list[bool] = []
    ratings: list[NDArray[np.bool_]] = []
    roles: list[NDArray[np.bool_]] = []
    doubts: list[float] = []
    for _ in range(repeats):
        played = game.drawn(kind, pairs, draw)
        for scores, exactly in zip(in_cells(played, kind, pairs), paired, strict=True):
            interval = points(scores) if kind == "win" else mean(scores, (-2.0, 2.0))
            cells.append(interval.low <= exactly <= interval.high)
        got = fit(played, kind)
        ratings.append(covers(got.rating, got.covariance, truth.rating))
        roles += [covers(*got.as_role[role], truth.as_role[role][0]) for role in PLACES]
        doubts.append(misfit(played, kind, got) or 0.0)
    share = float(np.mean(np.array(doubts) < 0.01))
    return Coverage(float(np.mean(cells)), float(np.mean(ratings)), float(np.mean(roles)), share)


def in_cells(played: Played, kind: ScoreKind, pairs: int) -> list[Floats]:
    met = encounters(played, kind)
    order = np.lexsort((met.high, met.low))
    return np.split(met.score[order], len(order) // pairs)


def covers(estimate: Floats, covariance: Floats, truth: Floats) -> NDArray[np.bool_]:
    return np.abs(estimate - truth) <= 1.96 * np.sqrt(np.diag(covariance))


def learned(run: str, steps: Sequence[int]) -> tuple[dict[str, Any], list[Any]]:
    """The odds of a run's checkpoints, `random` and `nash`, and the players themselves."""
    from sparring.agents.language.exact import behaviour
    from sparring.agents.language.transformer import Transformer
    from sparring.agents.scripted import scripted
    from sparring.agents.seats import seat
    from sparring.envs.equilibrium import equilibrium

    kuhn = tree(GAME)
    infosets, nash = kuhn.infosets, equilibrium(kuhn)
    players = [seat(f"{run}@{step}", GAME) for step in steps]
    table: dict[str, Any] = {}
    for step, player in zip(steps, players, strict=True):
        assert isinstance(player, Transformer), "checkpoints hold a model"
        found, _ = behaviour(player, infosets)
        table[f"step-{step}"] = {
            text(info): [round(p, 5) for p in found[info.key]] for info in infosets
        }
    table["random"] = {text(info): [0.5, 0.5] for info in infosets}
    table["nash"] = {text(info): list(nash[info.key]) for info in infosets}
    return table, [*players, scripted("random", GAME), scripted("nash", GAME)]


@dataclass(frozen=True, slots=True)
class Pages:
    """Of tournaments of equals: the share of ratings covered, and of pages that find something, by kind."""

    ratings: float
    cells: float
    ranks: float
    misfits: float
    any: float


def pages(law: str, names: int, pairs: int, repeats: int, seed: int = 5) -> Pages:
    """Round robins of equals whose games follow a `law`: fair wins, half draws, or payoffs with tails."""
    draw = np.random.default_rng([seed, names, pairs])
    kind: ScoreKind = "payoff" if law.startswith("payoff") else "win"
    covered: list[float] = []
    found: list[tuple[bool, bool, bool]] = []
    a, b = (np.repeat(end, pairs) for end in np.triu_indices(names, 1))
    nothing = np.zeros((2 * len(a), 2), np.int64)
    entrant = np.concatenate([np.stack([a, b], 1), np.stack([b, a], 1)])
    who = tuple(f"{n:03d}" for n in range(names))

    for _ in range(repeats):
        first = LAWS[law](draw, 2 * len(a))
        score = np.stack([first, (1.0 if kind == "win" else 0.0) - first], 1)
        played = Played(
            who,
            ("player",),
            ("player",),
            entrant,
            nothing,
            nothing,
            score,
            np.tile(np.arange(len(a)), 2),
        )
        try:
            got = fit(played, kind)
        except FitError:  # an entrant never lost: rated under the prior, with a bound to one side
            got = fit(played, kind, prior=FALLBACK / ELO)
        half = stats.t.ppf(0.975, np.maximum(got.freedom, 1)) * np.sqrt(np.diag(got.covariance))
        low, high = got.rating - half, got.rating + half
        if np.isinf(got.freedom).any():
            least, most = one_sided(played, got, 0.95)
            low, high = np.where(most == most, -np.inf, low), np.where(least == least, np.inf, high)
            low, high = np.where(least == least, least, low), np.where(most == most, most, high)
        elif two_of_wins(played, kind, got):
            low, high = of_two(played, got, 0.95)
        covered.append(float(np.mean((low <= 0) & (high >= 0))))
        lead = any(cell.lead for cell in table(played, kind))
        rank = any(one != (1, names) for one in rank_intervals(got))
        doubt = misfit(played, kind, got)
        found.append((lead, rank, doubt is not None and doubt < 0.01))

    shown = np.array(found)
    cells, ranks, misfits = shown.mean(0).tolist()
    return Pages(float(np.mean(covered)), cells, ranks, misfits, float(shown.any(1).mean()))


def nearest(law: str, pairs: int) -> float:
    """What the best interval made of the score alone covers, where equals play so many pairs of a win law.

    Few games have few possible scores: the interval that leaves out as many of them as 5 % allows.
    """
    one = {"win": [0.5, 0.0, 0.5], "win, half drawn": [0.25, 0.5, 0.25]}[law]
    chances = np.ones(1)
    for _ in range(2 * pairs):
        chances = np.convolve(chances, one)
    away = np.abs(np.arange(len(chances)) - len(chances) // 2)
    within = np.cumsum(np.bincount(away, chances))
    return float(within[np.argmax(within >= 0.95)])


def told(asked: tuple[str, int, int, int]) -> str:
    """One line of the table of pages; of alarms of any kind with the interval of their share."""
    law, names, pairs, repeats = asked
    one = pages(*asked)
    limit = f"{nearest(law, pairs):8.1%}" if names == 2 and law.startswith("win") else " " * 8
    share = stats.binomtest(round(one.any * repeats), repeats).proportion_ci()
    return (
        f"{law:18}{names:5}{pairs:7}{repeats:7}{one.ratings:10.1%}{limit}"
        f"{one.cells:8.1%}{one.ranks:8.1%}{one.misfits:9.1%}"
        f"{one.any:8.1%} [{share.low:.1%}, {share.high:.1%}]"
    )


def null_pages() -> None:
    """Print the table, two processes at a time."""
    asked = [(law, names, pairs, repeats) for names, pairs, repeats in SIZES for law in LAWS]
    print(
        f"{'law':18}{'n':>5}{'pairs':>7}{'pages':>7}{'ratings':>10}{'limit':>8}"
        f"{'cells':>8}{'ranks':>8}{'misfit':>9}{'any':>8}"
    )
    with ProcessPoolExecutor(2) as pool:
        for line in pool.map(told, asked):
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", nargs="?", help="a run with checkpoints at Kuhn poker")
    parser.add_argument("--steps", type=int, nargs="+", default=[], help="which checkpoints")
    parser.add_argument("--policies", type=Path, help="odds of players, as --save wrote them")
    parser.add_argument("--save", type=Path, help="where to keep the odds")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--pages", action="store_true", help="tournaments of equals instead")
    given = parser.parse_args()
    if given.pages:
        null_pages()
        return
    if not given.run and not given.policies:
        parser.error("name a run, or --policies")
    players: list[Any] = []
    if given.run:
        table, players = learned(given.run, given.steps)
    else:
        table = json.loads(given.policies.read_text())
    if given.save:
        lines = [f" {json.dumps(name)}: {json.dumps(odds)}" for name, odds in table.items()]
        given.save.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    game = matches(table)
    if players:
        for_real(game, players, given.pairs)
    print(
        f"\n{given.repeats} tournaments of {len(table)}, drawn from exact odds, {given.pairs} pairs a cell"
    )
    print(f"{'scored by':12}{'cells':>8}{'ratings':>9}{'by role':>9}{'misfit at 1 %':>15}")
    for kind in ("payoff", "win"):
        found = coverage(game, kind, pairs=given.pairs, repeats=given.repeats)
        print(
            f"{kind:12}{found.cells:8.1%}{found.ratings:9.1%}{found.roles:9.1%}{found.misfits:15.0%}"
        )


def for_real(game: Matches, players: Sequence[Any], pairs: int) -> None:
    """Hold the tournament and print how many cells cover their exact score."""
    from sparring.arenas.ratings.crosstable import crosstable
    from sparring.arenas.results import complete
    from sparring.arenas.store.reading import Archive
    from sparring.arenas.tournament import tournament

    at = {player.ref.id: n for n, player in enumerate(players)}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        tournament(GAME, players, store, pairs=pairs)
        with Archive(store) as archive:
            cells = crosstable(complete(archive.rows(GAME)), "payoff")
    value = (game.chances * game.paid).sum(3).mean(2)
    held = 0
    z: list[float] = []
    for cell in cells:
        a, b = at[cell.a], at[cell.b]
        exactly = (value[a, b] - value[b, a]) / 2
        held += cell.score.low <= exactly <= cell.score.high
        z.append((cell.score.value - exactly) / cell.score.se)
    z2 = float(np.mean(np.square(z)))
    print(f"played for real: {held} of {len(cells)} cells hold their exact score; mean z² {z2:.2f}")


if __name__ == "__main__":
    main()
