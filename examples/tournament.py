"""Who plays Kuhn poker better? A tournament of players without a model, with honest intervals.

    python examples/tournament.py

The games stand in tournament.sqlite: a second run plays none again.
"""

from sparring import find, seat, tournament

PAIRS = 200


def main() -> None:
    kuhn = find("kuhn-poker-v0")
    entrants = [seat(name, kuhn) for name in ("random", "nash")]

    # A pair is one deal, played twice with the seats changed: luck of the cards falls on both alike.
    done = tournament(kuhn, entrants, "tournament.sqlite", pairs=PAIRS)

    for line in done.leaderboard.standings:
        rating = line.rating
        interval = f"({rating.low:+.3f} to {rating.high:+.3f})"
        print(f"{done.names[line.entrant]:>8} {rating.value:+.3f} {interval} antes a game")


if __name__ == "__main__":
    main()
