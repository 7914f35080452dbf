"""One static page of a run or a tournament, and the leaderboard for a terminal."""

from .page import Chart, Entrant, Gate, Kin, Notice, Page, Progress, Replay, Series
from .render import html, write

__all__ = [
    "Chart",
    "Entrant",
    "Gate",
    "Kin",
    "Notice",
    "Page",
    "Progress",
    "Replay",
    "Series",
    "html",
    "write",
]
