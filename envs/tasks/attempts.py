"""What attempts at fixed problems come to, exactly: accuracy, pass@k and the vote of k, from probabilities.

    game = find("sums-v0", attempts=1, part="held-out")
    marks = problem_marks(tree(game), policy, "solver")
    marks.accuracy, marks.pass_at(64), marks.vote(16), marks.vote()

P problems, C choices. Attempts are independent given the problem, as solvers are that do not see each other.
Where probabilities are not known, `passed` and `voted` estimate the same from counts, without bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ..exact import Behaviour, Floats, Tree, TreeError


@dataclass(frozen=True)
class Marks:
    """A policy on every problem.

    weight: how often each problem comes up, summing to 1, shape (P,).
    odds:   of each choice, shape (P, C); 0 beyond a problem's own choices.
    right:  1 where the choice is right, else 0, shape (P, C).
    """

    weight: Floats
    odds: Floats
    right: Floats

    @property
    def each(self) -> Floats:
        """The probability that one attempt at each problem is right, shape (P,)."""
        return (self.odds * self.right).sum(axis=1)

    @property
    def accuracy(self) -> float:
        """The probability that one attempt is right: pass@1."""
        return self.pass_at(1)

    def pass_at(self, k: int) -> float:
        """The probability that at least one of k attempts is right: the mean of 1 − (1 − p)^k."""
        return float(self.weight @ (1 - (1 - self.each) ** k))

    def vote(self, k: int | None = None) -> float:
        """The probability that the majority of k attempts is right; of ever more attempts with None.

        Of answers that are equally frequent the earliest counts, so each of them is as likely to win.
        """
        return float(self.weight @ self.votes(k))

    def votes(self, k: int | None = None) -> Floats:
        """The probability that the majority of k attempts is right, by problem, shape (P,)."""
        # with ever more attempts the likeliest answer wins; equals share the win
        if k is None:
            best = self.odds == self.odds.max(axis=1, keepdims=True)
            return (best * self.right).sum(axis=1) / best.sum(axis=1)

        # only right answers that are ever given are worked out: the rest add 0
        rows, columns = np.nonzero(self.right * self.odds)
        others = self.odds[rows]
        # indexing has copied the rows, so the policy's own odds stay as they are
        others[np.arange(len(rows)), columns] = 0.0
        wins = _wins(self.odds[rows, columns], others, k)
        return np.bincount(rows, wins, len(self.weight)).astype(np.float64)


def passed(attempts: int, right: int, k: int) -> float:
    """pass@k from `right` of `attempts` ≥ k: 1 − C(n − c, k) / C(n, k), the share of all sets of k attempts
    with a right one in them. Unbiased (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").
    """
    return 1 - math.comb(attempts - right, k) / math.comb(attempts, k)


def voted(said: Sequence[int], right: Sequence[float], silent: int, k: int) -> float:
    """maj@k: the share of all sets of k attempts whose majority is right. Unbiased.

    `said` counts each answer, `right` is its truth, and `silent` attempts gave none, which have no vote. Of
    answers that are equally frequent in a set each is as likely to win.
    """
    won = 0.0
    for place, (times, truth) in enumerate(zip(said, right, strict=True)):
        if not truth:
            continue
        others = np.array([*said[:place], *said[place + 1 :]], dtype=np.float64)

        # as `_wins`, with C(times, c) in place of p^c / c!: sets are drawn without putting back
        for count in range(1, min(times, k) + 1):
            ways = np.zeros((1, k - count + 1, k // count))
            # those that gave none are in the set, and never tie
            ways[0, :, 0] = [math.comb(silent, none) for none in range(k - count + 1)]
            ways = reduce(lambda so_far, n: _with_one_more(so_far, n, count, _sets), others, ways)
            shared = ways[0, k - count] @ (1 / np.arange(1, k // count + 1))
            won += truth * math.comb(times, count) * float(shared)
    return won / math.comb(sum(said) + silent, k)


def _draws(p: Floats, said: int) -> Floats:
    return p**said / math.factorial(said)


def _sets(times: Floats, said: int) -> Floats:
    return np.array([float(math.comb(int(times), said))])


def _wins(p: Floats, others: Floats, k: int) -> Floats:
    """The probability that an answer of odds p (N,) wins a vote of k against others of odds (N, C).

    With the answer said c times, the others share k − c attempts, each at most c times, and t of them
    exactly c times. The multinomial's sum over such cases is a product of truncated exponential series in
    (attempts, ties); a case weighs 1 / (1 + t).
    """
    total = np.zeros(len(p))
    # from 1: an answer that was never said cannot win
    for count in range(1, k + 1):
        rest, most = k - count, k // count
        ways = np.zeros((len(p), rest + 1, most))
        ways[:, 0, 0] = 1.0

        # an answer said more often than this one would win: such cases are left out of the series
        ways = reduce(lambda so_far, q: _with_one_more(so_far, q, count), others.T, ways)
        shared = ways[:, rest] @ (1 / np.arange(1, most + 1))
        # the multinomial's k! comes at the end; each answer brings its 1 / count!
        total += p**count / math.factorial(count) * shared
    return total * math.factorial(k)


def _with_one_more(
    ways: Floats, p: Floats, count: int, weight: Callable[[Floats, int], Floats] = _draws
) -> Floats:
    """Sums (N, attempts, ties) over some answers, and one more of odds p (N,) said up to `count` times.

    `weight` says what it adds to be said so often.
    """
    grown = ways.copy()
    # said 0 times is the copy itself; more than the attempts left does not occur
    for said in range(1, min(count, ways.shape[1] - 1) + 1):
        term = weight(p, said)[:, None, None]
        # an answer said as often as the winner is one tie more
        if said < count:
            grown[:, said:] += term * ways[:, :-said]
        else:
            grown[:, said:, 1:] += term * ways[:, :-said, :-1]
    return grown


def problem_marks(tree: Tree, policy: Behaviour, seat: str = "solver", note: str = "gold") -> Marks:
    """The policy of a seat that is asked once a game, at every view that it may have: the problems.

    What is right says a note of 0 or 1 (with one attempt a game `gold` is that). Problems weigh as often as
    chance and the other seats' play lead to them. Raises TreeError where the seat moves twice, or where the
    note is not settled by its choice.
    """
    spots = [spot for spot in tree.spots if spot.info.seat == seat]
    # a seat's empty sequence has the seat's own index, so a first ask has it as its parent
    first = tree.game.seats.index(seat)
    if any(spot.parent != first for spot in spots):
        raise TreeError(f"{tree.game.id} asks {seat} more than once, so its asks are no problems")

    plan, last = tree.plan(policy), tree.last[:, first]
    # the seat's own odds are left out: a choice is marked whether or not it is played
    reach = tree.chance * np.delete(plan[tree.last], first, axis=1).prod(axis=1)
    noted = np.array([leaf.get(note, 0.0) for leaf in tree.notes])
    came = np.bincount(last, reach, tree.sequences)
    told = np.bincount(last, reach * noted, tree.sequences)
    # a choice that no play leads to has no truth: 0 / 0 counts as wrong
    truth = np.divide(told, came, out=np.zeros_like(told), where=came > 0)
    # between 0 and 1 another seat or chance decides too; sums of odds need rounding
    if not np.isin(truth.round(9), (0.0, 1.0)).all():
        raise TreeError(f"{tree.game.id}: {note!r} is not settled by what {seat} says")

    # problems may have choices of different number: short rows end in answers that are never given
    width = max(len(spot.info.choices) for spot in spots)
    shape = (len(spots), width)
    weight, odds, right = np.zeros(len(spots)), np.zeros(shape), np.zeros(shape)
    for row, spot in enumerate(spots):
        own = slice(spot.start, spot.start + len(spot.info.choices))
        # all choices of a spot come up equally often: the first stands for them
        weight[row] = came[spot.start]
        odds[row, : len(spot.info.choices)] = plan[own]
        right[row, : len(spot.info.choices)] = truth[own].round(9)
    return Marks(weight / weight.sum(), odds, right)
