"""Values of a step's samples, of which few differ in more than the game that they are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any, Protocol, Self, TypeVar, overload

from .samples import Attempt, Issue


class Value(Protocol):
    """What a lot holds: `x.at(x.attempt.issue, *x.own)` is x."""

    @property
    def attempt(self) -> Attempt: ...

    @property
    def own(self) -> tuple[Any, ...]:
        """What it may have otherwise than the same in another game that went alike."""
        ...

    def at(self, issue: Issue, *own: Any) -> Self:
        """The same in another game that went alike, with what it has there for itself."""
        ...


T = TypeVar("T", bound=Value)
V = TypeVar("V", bound=Value)


class Lot(Sequence[T]):
    """Values by sample, made when one is looked at: small games are full of games that go alike.

    It is encoded by dictionary, as column stores call it. Samples of one attempt stand together.

    kinds:  values that differ in more than their game, each of the first game that has it, in that order
    of:     for each value the place of its kind
    issues: for each value the game that it is of
    own:    for each entry of `T.own` a column, what each value has of it
    """

    def __init__(
        self, kinds: Sequence[T], of: Sequence[int], issues: Sequence[Issue], *own: Sequence[Any]
    ) -> None:
        self.kinds = kinds
        self.of = of
        self.issues = issues
        self.own = own

    @classmethod
    def over(cls, values: Sequence[T]) -> Lot[T]:
        """The values as a lot: as they are where they are one, else each of its own kind."""
        if isinstance(values, Lot):
            return values
        if isinstance(values, Some):
            return values.lot.picked(values.places)
        issues = [value.attempt.issue for value in values]
        return cls(values, range(len(values)), issues, *zip(*[v.own for v in values], strict=True))

    @classmethod
    def joined(cls, lots: Sequence[Lot[T]]) -> Lot[T]:
        """The values of all lots, one lot after the other."""
        if len(lots) == 1:
            return lots[0]
        starts = accumulate([len(lot.kinds) for lot in lots[:-1]], initial=0)
        of = [start + kind for start, lot in zip(starts, lots, strict=True) for kind in lot.of]
        columns = zip(*[(lot.kinds, lot.issues, *lot.own) for lot in lots], strict=True)
        kinds, *others = [list(chain.from_iterable(column)) for column in columns]
        return cls(kinds, of, *others)

    @cached_property
    def attempts(self) -> list[range]:
        """The places of each attempt's kinds: one, but where it fell into several samples."""
        whose = [kind.attempt for kind in self.kinds]
        starts = [
            n
            for n, (own, before) in enumerate(zip(whose, [None, *whose], strict=False))
            if own != before
        ]
        return [range(*ends) for ends in pairwise([*starts, len(whose)])]

    def picked(self, places: Sequence[int]) -> Lot[T]:
        """The values at these places."""
        of = [self.of[place] for place in places]
        kept = {kind: number for number, kind in enumerate(dict.fromkeys(of))}
        columns = [[column[place] for place in places] for column in (self.issues, *self.own)]
        return Lot([self.kinds[kind] for kind in kept], [kept[kind] for kind in of], *columns)

    def where(self, wanted: Callable[[T], bool]) -> Lot[T]:
        """The values that are wanted; of a kind one is asked for."""
        taken = [wanted(kind) for kind in self.kinds]
        if all(taken):
            return self
        return self.picked([place for place, kind in enumerate(self.of) if taken[kind]])

    def having(self, kinds: Sequence[V], *own: Sequence[Any]) -> Lot[V]:
        """Other values of the same samples: of these kinds, with these columns."""
        return Lot(kinds, self.of, self.issues, *own)

    @cached_property
    def _made(self) -> list[T]:
        columns = zip(self.of, self.issues, *self.own, strict=True)
        return [self.kinds[kind].at(*own) for kind, *own in columns]

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        return self._made[place]

    def __len__(self) -> int:
        return len(self.of)


class Some(Sequence[T]):
    """The values of a lot at some places, made when one is looked at."""

    def __init__(self, lot: Lot[T], places: Sequence[int]) -> None:
        self.lot = lot
        self.places = places

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return Some(self.lot, self.places[place])
        return self.lot[self.places[place]]

    def __len__(self) -> int:
        return len(self.places)
