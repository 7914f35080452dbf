"""One static page of a run or a tournament, and the leaderboard for a terminal."""

from .from_store import ReportError, report, tournament_report
from .page import Chart, Entrant, Gate, Notice, Page, Progress, Replay, Series
from .render import html, write
from .terminal import leaderboard, show

__all__ = [
    "Chart",
    "Entrant",
    "Gate",
    "Notice",
    "Page",
    "Progress",
    "Replay",
    "ReportError",
    "Series",
    "html",
    "leaderboard",
    "report",
    "show",
    "tournament_report",
    "write",
]
