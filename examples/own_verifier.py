"""A verifier of your own: whoever gives one verdict per job can run the code of games.

    sparring play code-deduction-v0 --verifier examples/own_verifier.py:counting
    python examples/own_verifier.py

This one asks the sandbox (Docker, else the host's own locks) and counts what came back.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from sparring import Job, Verdict, find, open_verifier, play, seat
from sparring.arenas.match import Match


class Counting:
    """Hands every job on, and counts the verdicts by their status."""

    def __init__(self) -> None:
        self._sandbox = open_verifier("auto")
        self.name = f"counting {self._sandbox.name}"  # stored with every result
        self.seen: Counter[str] = Counter()

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        verdicts = await self._sandbox.verify(jobs)
        self.seen.update(verdict.status for verdict in verdicts)
        return verdicts

    async def close(self) -> None:
        await self._sandbox.close()


def counting() -> Counting:
    """What `--verifier FILE:FUNCTION` calls, once, before the first job."""
    return Counting()


async def main() -> None:
    game = find("code-deduction-v0")
    sample = seat("sample", game)
    verifier = Counting()
    try:
        episode = await play(Match(game, dict.fromkeys(game.seats, sample), 0), verifier=verifier)
    finally:
        await verifier.close()

    print(f"{verifier.name}: {dict(verifier.seen)}")
    print(f"payoffs: {dict(episode.payoff)}")


if __name__ == "__main__":
    asyncio.run(main())
