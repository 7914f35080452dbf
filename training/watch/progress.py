"""What a person sees while a run trains: one live line of the numbers that matter, and what happened."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from .records import Metrics


class Display:
    """A live bar on a terminal; elsewhere a line at each evaluation. Use as a context manager."""

    def __init__(self, steps: int, *, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False)
        self._steps = steps
        self._bar = Progress(
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            _Numbers(),
            console=self.console,
            disable=quiet or not self.console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=steps, text="")
        self._numbers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str, style: str = "") -> None:
        """A line that stays; the text is shown as it is, never as markup."""
        # A quiet console would lay the line out and throw it away.
        if not self.console.quiet:
            self.console.print(Text(text, style=style), soft_wrap=not self.console.is_terminal)

    def step(self, number: int, lacks: str = "") -> None:
        """A step is over; one that lacks something to train on says what."""
        self._bar.update(self._task, completed=number)
        if lacks:
            self.say(f"step {number} rests, having nothing to train on: {lacks}", "yellow")

    def show(self, record: Metrics) -> None:
        """Take in a record; where there is no live line, print it at evaluations."""
        self._numbers |= record
        line = summary(self._numbers)
        self._bar.update(self._task, text=line)
        # Runs that are never evaluated tell every record.
        telling = "nashconv" in record or "nashconv" not in self._numbers
        if telling and not self.console.is_terminal:
            self.say(f"step {record['step']}/{self._steps}  {line}")


class _Numbers(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("text", "")))


_SHOWN = {
    "nashconv": "NashConv {:.3f}",
    "nashconv_average": "of average {:.3f}",
    "legal_mass": "legal {:.4f}",
    "notes/solve_rate": "solved {:.0%}",
    "kl": "KL {:.4f}",
    "games_per_second": "{:,.0f} games/s",
}


def summary(numbers: Metrics) -> str:
    """The numbers that matter, in one line."""
    parts = [
        form.format(numbers[name]) for name, form in _SHOWN.items() if numbers.get(name) is not None
    ]
    for name, value in numbers.items():
        kind, _, role = name.partition("/")
        if isinstance(value, (int, float)) and kind == "payoff":
            parts.append(f"{role} {value:+.2f}")
        elif isinstance(value, (int, float)) and kind == "invalid_rate" and value:
            parts.append(f"{role} invalid {value:.1%}")
    return "  ".join(parts)
