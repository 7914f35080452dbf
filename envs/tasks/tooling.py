"""Tools as a parameter of a game: `tools=python`, `tools=python+search`, none by default."""

from __future__ import annotations

from ..registry import ParameterError
from ..tools import Tools, tools_named
from ..types import Value

Range = tuple[float, float]


def checked_tools(id: str, tools: str, allowed: Range) -> Range:
    """The payoff range as it was given. Raises ParameterError for a name that is no tool's."""
    try:
        tools_named(tools)
    except ValueError as fault:
        raise ParameterError(f"{id}: {fault}") from None
    return allowed


def tooled(tools: str, documents: tuple[Value, ...] = (), calls: int = 3) -> Tools | None:
    """The tools of a game's parameter, checked before; `documents` are searched where none are loaded."""
    return tools_named(tools, documents=documents, calls=calls)
