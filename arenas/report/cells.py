"""What the template reads: text, numbers and safe pictures, in the order in which the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from ..results import Cell, Standing
from .page import Chart, Gate, Notice
from .replays import Story


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart drawn for wide screens and (where the wide one would be too small) for phones.

    `index` finds its numbers in the page's JSON; -1: it has none.
    """

    wide: Markup
    narrow: Markup | None = None
    index: int = -1
    title: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Square:
    """One ordered pair of entrants. `cell` is None where they did not meet."""

    cell: Cell | None
    link: str = ""
    opponent: str = ""
    value: str = ""
    margin: str = ""
    title: str = ""
    level: str = "z"
    games: str = ""
    cyclic: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One entrant wherever it is listed. `squares` holds None where it would meet itself.

    `roles` maps a role to its rating and its interval, as text.
    """

    index: int
    name: str
    about: str
    standing: Standing
    rating: str
    margin: str
    ranks: str
    strip: Markup
    roles: Mapping[str, tuple[str, str]]
    forfeits: tuple[tuple[str, int], ...]
    squares: tuple[Square | None, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The leaderboard, and which of its columns have anything to say."""

    rows: tuple[Row, ...]
    roles: tuple[str, ...]
    anchor: str
    truncated: bool
    tokens: bool
    seconds: bool
    cost: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairings: the crosstable's rows, the same ordered by condensation, and the response graph.

    `scale` says what the strongest red, no colour and the strongest blue stand for; `alone` counts
    those without a resolved pair, who are not in the graph.
    """

    rows: tuple[Row, ...]
    heat: tuple[Row, ...]
    scale: tuple[str, str, str]
    graph: Plot | None
    alone: int
    resolved: int
    pairs: int
    cycles: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One entrant in the metagame, as text: its shares of the equilibrium and of evolution's time."""

    row: Row
    nash: str
    worth: str
    evolution: str


@dataclass(frozen=True, slots=True)
class Choices:
    """The metagame section; `top` says in a sentence what no entrant outside of it is known to beat."""

    rows: tuple[Choice, ...]
    top: str


@dataclass(frozen=True, slots=True)
class Dialog:
    """What opens from a square: both entrants' scores and the games to read."""

    link: str
    a: str
    b: str
    lines: tuple[str, ...]
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The learning curve; `logarithmic` is the same curve on a logarithmic scale, where it has one."""

    nashconv: Plot
    logarithmic: Plot | None
    legal: Plot | None
    versus: Plot | None
    heading: str
    average: bool
    estimated: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A gate with its curve; names and hypotheses as text."""

    gate: Gate
    plot: Plot
    last: str
    s0: str
    s1: str


@dataclass(frozen=True, slots=True)
class View:
    """The whole page. `charts` are those whose numbers the page carries as JSON, in order of `Plot.index`."""

    headline: str
    explained: str
    notices: tuple[Notice, ...]
    progress: Proof | None
    board: Board | None
    matrix: Matrix | None
    metagame: Choices | None
    roles: Plot | None
    tokens: Plot | None
    lineage: Plot | None
    ages: Plot | None
    gates: tuple[Decided, ...]
    training: tuple[Plot, ...]
    dialogs: tuple[Dialog, ...]
    transcripts: tuple[tuple[str, str], ...]
    left_out: int
    charts: tuple[Chart, ...]

    @property
    def alarms(self) -> tuple[Notice, ...]:
        """What must be read before anything else."""
        return tuple(notice for notice in self.notices if notice.severity == "alarm")

    @property
    def cautions(self) -> tuple[Notice, ...]:
        """What bounds the meaning of the tables: it stands before them, and after the proof."""
        return tuple(notice for notice in self.notices if notice.severity != "alarm")

    @property
    def habits(self) -> str:
        """What the section on roles and tokens is called, by what it has."""
        both = [name for name, plot in (("Roles", self.roles), ("tokens", self.tokens)) if plot]
        return " and ".join(both).capitalize()

    @property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """The sections that the page has, as (id, name)."""
        there: tuple[tuple[str, str, object], ...] = (
            ("progress", "Progress", self.progress),
            ("leaderboard", "Leaderboard", self.board),
            ("crosstable", "Every pairing", self.matrix),
            ("metagame", "Metagame", self.metagame),
            ("roles", self.habits, self.roles or self.tokens),
            ("lineage", "Lineage", self.lineage or self.ages),
            ("gates", "Gates", self.gates),
            ("training", "Training", self.training),
            ("games", "Games", self.transcripts),
        )
        return tuple((id, name) for id, name, something in there if something)
