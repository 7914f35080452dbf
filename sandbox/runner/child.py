"""One run: a process that locks itself in, reads its request, runs it and writes the record."""

from __future__ import annotations

import builtins
import gc
import marshal
import os
import sys

from . import record
from .framing import read_exactly, write_all
from .locks import PR_SET_PDEATHSIG, Locks, prctl
from .system_calls import SIGKILL
from .wire import ERROR, EXIT_MEMORY, LOCKED, OK, RUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

__builtins__ = vars(builtins).copy()  # ours: what a program does to the module's does nothing to us

MARK: Final = 101
"""The descriptor of the fork server through which a child says that it is locked in."""

LAST: Final = 102
"""No descriptor of the fork server is above it."""

_PRINTED: Final = 4096
"""Characters of an exception that are printed: so many of the beginning, and so many of the end."""


class Tools:
    """What every child needs and the fork server makes for all: what a child makes touches fresh memory."""

    def __init__(self) -> None:
        self.call, self.allow = record.caller()
        self.modules = {name: type(sys)(name) for name in ("__main__", "snippet")}
        for module in self.modules.values():  # `types.ModuleType`, without the import
            module.__dict__["__builtins__"] = builtins


def run_child(
    descriptors: list[int], message: bytes, locks: Locks, server: int, tools: Tools
) -> NoReturn:
    """Never returns. Descriptors become 0: request, then stdin; 1: stdout; 2: stderr; 3: record.

    They came in this order and so have ascending numbers above 2: none is overwritten before it is moved.
    """
    leave, write = os._exit, write_all
    try:
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
        prctl(PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != server:
            leave(1)  # it died before we asked to die with it

        megabytes, cpu_seconds, kilobytes = RUN.unpack(message)
        locks.close_on(megabytes, cpu_seconds)
        os.write(MARK, LOCKED)
        os.closerange(len(descriptors), LAST + 1)
        gc.enable()

        # Only now, locked in and alone, does it read what it is to run.
        length = int.from_bytes(read_exactly(0, 4), "little")
        source, entry, inputs, backwards = marshal.loads(read_exactly(0, length))
        tools.allow(kilobytes * 1024)
        said = _interpret(source, entry, inputs, backwards, tools).encode()

        streams: tuple[Any, ...] = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
        for stream in streams:
            try:
                stream.flush()
            except BaseException:
                continue  # closed or replaced by the program: its own loss
        write(3, len(said).to_bytes(4, "little") + said)
        leave(0)
    except MemoryError:
        leave(EXIT_MEMORY)
    except BaseException as fault:
        # Shown only where the child had not locked itself in.
        os.write(2, f"{type(fault).__name__}: {fault}".encode())
        leave(1)
    leave(1)


def _interpret(
    source: str, entry: str | None, inputs: tuple[Any, ...], backwards: bool, tools: Tools
) -> str:
    """Run the request; returns the record, a JSON list of what became of each call."""
    call = tools.call
    name = "__main__" if entry is None else "snippet"
    module = sys.modules[name] = tools.modules[name]

    try:
        code = compile(source.removeprefix("\ufeff"), "<snippet>", "exec", dont_inherit=True)
        exec(code, module.__dict__)
        if entry is None:
            _finish_program()
            return f"[[{OK},null]]"
        function = module.__dict__.get(entry, module)
    except SystemExit as leaving:
        if entry is None:
            _finish_program()
            return f"[{_exit_entry(leaving)}]"
        return f"[{record.fault(leaving)}]"
    except BaseException as fault:
        trace = fault.__traceback__
        fault.__traceback__ = trace and trace.tb_next  # without our own frame
        _print_fault(fault)
        return f"[{record.fault(fault)}]"

    if function is module:
        return f"[{record.entry(ERROR, f'NameError: the program defines no {entry}')}]"
    # In reverse in the second process: a program that counts its calls gives other values there.
    order = reversed(inputs) if backwards else inputs
    said = [call(function, arguments) for arguments in order]
    return f"[{','.join(reversed(said) if backwards else said)}]"


def _finish_program() -> None:
    """What an interpreter does at its end: wait for threads, run the exit functions."""
    # Only what the program itself imported: else nothing can wait.
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()


def _exit_entry(leaving: SystemExit) -> str:
    """The entry of a program that left by `sys.exit`."""
    code: Any = leaving.code
    if code is None:
        return f"[{OK},null]"

    # By the number itself: a class of the program's may equal what it likes.
    if issubclass(type(code), int):
        number = int.__add__(code, 0)
    else:
        number = 1
        sys.stderr.write(f"{str(code)[:_PRINTED]}\n")
    return record.entry(ERROR, f"exit code {number}") if number else f"[{OK},null]"


class _Brief:
    """A stream that keeps the beginning and the end of what is written to it."""

    def __init__(self) -> None:
        self.head: list[str] = []
        self.tail: list[str] = []
        self.room = _PRINTED

    def write(self, text: str) -> int:
        text = text[:_PRINTED]
        if self.room > 0:
            self.head.append(text)
        else:
            self.tail = [*self.tail[-15:], text]
        self.room -= len(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def _print_fault(fault: BaseException) -> None:
    """Print the traceback; an exception with a long text is no output without end."""
    stderr = sys.stderr
    brief: Any = _Brief()
    sys.stderr = brief
    try:
        sys.__excepthook__(type(fault), fault, fault.__traceback__)
    finally:
        sys.stderr = stderr
    stderr.write("".join(brief.head)[:_PRINTED] + "".join(brief.tail)[-_PRINTED:])
