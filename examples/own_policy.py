"""A player of your own: anything with a `ref` and an `act` can sit in a seat.

    python examples/own_policy.py

It meets the exact equilibrium of Kuhn poker, and loses a little every game.
"""

from collections.abc import Sequence
from hashlib import sha256

from sparring import Reply, Request, find, seat, tournament
from sparring.envs.types import PolicyRef


class Bluffer:
    """Bets as often as it may, except by a coin that it tosses now and then."""

    ref = PolicyRef("bluffer", "bluffer/1")  # the id names what it does: change one, change both
    streams = False  # asked for whole batches; a server would be asked for each game as it comes

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._move(request)) for request in requests]

    def _move(self, request: Request) -> str:
        choices = request.choices
        if not choices:
            return ""  # a game of free text: no move of this player's, so it forfeits

        # Noise comes from the request's key, never from a global generator: the same game replays.
        tossed = sha256(repr(request.key).encode()).digest()[0] < 64
        bold = [choice for choice in choices if choice in ("bet", "call")]
        return bold[0] if bold and not tossed else choices[0]


def main() -> None:
    kuhn = find("kuhn-poker-v0")
    done = tournament(kuhn, [Bluffer(), seat("nash", kuhn)], "own_policy.sqlite", pairs=200)
    for line in done.leaderboard.standings:
        print(f"{done.names[line.entrant]:>8} {line.rating.value:+.3f} antes a game")


if __name__ == "__main__":
    main()
