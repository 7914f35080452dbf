"""Accounts add up to the rows, and go to who spent."""

from dataclasses import replace

import pytest
from sparring.arenas.spending import habits, spending

from .planted import pair_rows


def rows_with(uses: dict[str, int]) -> list:
    names = list(uses)
    rows = []
    for n, (a, b) in enumerate([(0, 1), (1, 2), (0, 2)] * 3):
        spent = uses[names[a]] + uses[names[b]]
        rows += [
            replace(row, tokens_out=spent, seconds=1.0, cost=0.5)
            for row in pair_rows(names, a, b, n, (1, -1))
        ]
    return rows


def test_tokens_go_to_who_used_them():
    uses = {"talker": 900, "brief": 100, "random": 0}
    assert habits(rows_with(uses)) == pytest.approx(uses, abs=0.1)


def test_accounts_add_up_to_the_rows():
    rows = rows_with({"a": 300, "b": 20, "c": 7})
    rows[0] = replace(rows[0], status="void_engine")
    rows[1] = replace(rows[1], status="truncated")
    accounts = spending(rows)
    assert sum(account.tokens for account in accounts.values()) == pytest.approx(sum(r.tokens for r in rows))
    assert sum(account.cost for account in accounts.values()) == pytest.approx(0.5 * len(rows))
    assert sum(account.truncated for account in accounts.values()) == 2


def test_two_alone_share_evenly_and_nobody_is_fine():
    rows = [replace(row, tokens_in=10) for row in pair_rows("ab", 0, 1, 0, (1, 1))]
    assert habits(rows) == pytest.approx({"a": 5, "b": 5})
    assert spending([]) == {}
