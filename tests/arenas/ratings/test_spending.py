"""Accounts add up to the rows, and hold what each entrant used itself."""

from dataclasses import replace

import pytest
from sparring.arenas.ratings.spending import expected, spending
from sparring.arenas.results import GameRow

from ..planted import pair_rows


def rows_with(uses: dict[str, int]) -> list[GameRow]:
    """Three entrants in a round robin; each uses as many tokens as told, wherever it sits."""
    names, rows = list(uses), []
    for n, (a, b) in enumerate([(0, 1), (1, 2), (0, 2)] * 3):
        for row in pair_rows(names, a, b, n, (1, -1)):
            places = tuple(
                replace(
                    p,
                    tokens_in=uses[p.entrant],
                    tokens_out=1,
                    seconds=0.5,
                    cost=uses[p.entrant] / 1e6,
                )
                for p in row.places
            )
            cost, read = sum(p.cost for p in places), sum(p.tokens_in for p in places)
            rows.append(
                replace(row, places=places, tokens_in=read, tokens_out=2, seconds=1.0, cost=cost)
            )
    return rows


def test_tokens_go_to_who_used_them():
    accounts = spending(rows_with({"talker": 900, "brief": 100, "random": 0}))
    assert {name: account.tokens_a_game for name, account in accounts.items()} == {
        "talker": 901,
        "brief": 101,
        "random": 1,
    }


def test_accounts_add_up_to_the_rows():
    rows = rows_with({"a": 300, "b": 20, "c": 7})
    rows[0] = replace(rows[0], status="void_engine")
    rows[1] = replace(rows[1], status="truncated")
    accounts = spending(rows).values()
    assert sum(account.tokens for account in accounts) == sum(row.tokens for row in rows)
    assert sum(account.cost for account in accounts) == pytest.approx(sum(row.cost for row in rows))
    assert sum(account.seconds for account in accounts) == pytest.approx(len(rows))
    assert sum(account.truncated for account in accounts) == 2


def test_who_never_played_is_expected_to_use_what_is_usual():
    accounts = spending(rows_with({"a": 300, "b": 0, "c": 0}))
    assert expected(accounts, ["a", "newcomer"]) == [301, 101]
    assert expected({}, ["newcomer"]) == [0.0]
    assert spending([]) == {}
