"""Who is next: the callers in turn, one run each, so that a short call does not wait for long ones."""

from __future__ import annotations

from collections import deque

from .ticket import Ticket


class Turns:
    """Waiting runs, of each caller in the order they came. Not safe to share between threads."""

    def __init__(self) -> None:
        self._first: deque[Ticket] = deque()
        self._of: dict[object, deque[Ticket]] = {}  # in the order of their turns
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, ticket: Ticket) -> None:
        """Behind those of the same caller; a caller that is new waits for the others' turns once."""
        caller = ticket.batch if ticket.batch.caller is None else ticket.batch.caller
        self._of.setdefault(caller, deque()).append(ticket)
        self._count += 1

    def put_back(self, ticket: Ticket) -> None:
        """Before all others."""
        self._first.appendleft(ticket)
        self._count += 1

    def head(self) -> Ticket:
        """The one that is next. Raises StopIteration when there is none."""
        return self._first[0] if self._first else next(iter(self._of.values()))[0]

    def pop(self) -> Ticket:
        """Take the one that is next; its caller's next turn comes after those of all others."""
        self._count -= 1
        if self._first:
            return self._first.popleft()

        caller, waiting = next(iter(self._of.items()))
        del self._of[caller]
        ticket = waiting.popleft()
        if waiting:
            self._of[caller] = waiting
        return ticket
