"""What programs expect of plain Python, and would miss without `site` or under our locks."""

from __future__ import annotations

import _thread
import builtins
import sys
from _sitebuiltins import Quitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Final

STACK_BYTES: Final = 1 << 20
"""Of a thread: eight times that, as is usual, would take the address space of 64 threads for memory."""


def install() -> None:
    """Make them part of this interpreter."""
    for name in ("exit", "quit"):
        setattr(builtins, name, Quitter(name, "Ctrl-D (i.e. EOF)"))
    _thread.stack_size(STACK_BYTES)
    sys.meta_path.insert(0, _Amender())


def _private_maps(module: Any) -> None:
    """`mmap.mmap` makes private maps, also where a shared one is asked for: nothing could share it here."""

    class Mmap(module.mmap):
        def __new__(
            cls,
            fileno: int,
            length: int,
            flags: int = module.MAP_SHARED,
            prot: int = module.PROT_READ | module.PROT_WRITE,
            access: int = module.ACCESS_DEFAULT,
            offset: int = 0,
        ) -> Any:
            # A copy of one's own can be read alike, and changed without a trace.
            if access == module.ACCESS_READ:
                access = module.ACCESS_COPY
            elif access == module.ACCESS_WRITE:
                access = module.ACCESS_DEFAULT

            if access == module.ACCESS_DEFAULT:
                flags = flags & ~module.MAP_SHARED | module.MAP_PRIVATE
                return super().__new__(cls, fileno, length, flags, prot, offset=offset)
            return super().__new__(cls, fileno, length, access=access, offset=offset)

    Mmap.__name__ = Mmap.__qualname__ = "mmap"
    Mmap.__module__ = "mmap"
    module.mmap = Mmap


def _no_machine_types(module: Any) -> None:
    """`mimetypes` knows its own list: what the machine adds to it is on no other machine."""
    module.knownfiles = []


_AMENDED: Final[dict[str, Callable[[Any], None]]] = {
    "mmap": _private_maps,
    "mimetypes": _no_machine_types,
}


class _Amender:
    """A finder of modules that amends some of them once they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Only of the modules that are amended; the finders after this one find them."""
        if name not in _AMENDED:
            return None

        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                loader: Any = _Amending(spec.loader, _AMENDED[name])
                spec.loader = loader
                return spec
        return None


class _Amending:
    """A loader around another."""

    def __init__(self, loader: Any, amend: Callable[[Any], None]) -> None:
        self._loader = loader
        self._amend = amend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._amend(module)
