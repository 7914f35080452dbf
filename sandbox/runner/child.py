"""One run: a process that locks itself in, reads its request, runs it and writes the record."""

from __future__ import annotations

import builtins
import collections
import gc
import marshal
import os
import signal
import sys
from typing import Any, Final, NoReturn

from . import record
from .framing import read_exactly, write_all
from .locks import PR_SET_PDEATHSIG, RULES, Locks, prctl
from .wire import ERROR, EXIT_MEMORY, LOCKED, OK, RUN

__builtins__ = vars(builtins).copy()  # ours: what a program does to the module's does nothing to us

MARK: Final = 101
"""The descriptor of the fork server through which a child says that it is locked in."""

_PRINTED: Final = 4096
"""Characters of an exception that are printed: so many of the beginning, and so many of the end."""


def run_child(descriptors: list[int], message: bytes, locks: Locks, server: int) -> NoReturn:
    """Never returns. Descriptors become 0: request, then stdin; 1: stdout; 2: stderr; 3: record."""
    leave, write = os._exit, write_all
    try:
        _take(descriptors)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            leave(1)  # it died before we asked to die with it

        megabytes, cpu_seconds, kilobytes = RUN.unpack(message)
        locks.close_on(megabytes, cpu_seconds)
        os.write(MARK, LOCKED)
        os.closerange(RULES, MARK + 1)
        gc.enable()

        # Only now, locked in and alone, does it read what it is to run.
        length = int.from_bytes(read_exactly(0, 4), "little")
        source, entry, inputs, backwards = marshal.loads(read_exactly(0, length))
        said = _interpret(source, entry, inputs, backwards, kilobytes * 1024).encode()

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


def _take(descriptors: list[int]) -> None:
    """Move the descriptors to 0, 1, 2 …, and close all others but the rules and the mark."""
    # By way of high numbers, so that none is overwritten before it is moved.
    high = [os.dup2(descriptor, 110 + i) for i, descriptor in enumerate(descriptors)]
    for i, descriptor in enumerate(high):
        os.dup2(descriptor, i)

    os.closerange(4, RULES)
    os.closerange(MARK + 1, 120)


def _interpret(
    source: str, entry: str | None, inputs: tuple[Any, ...], backwards: bool, room: int
) -> str:
    """Run the request; returns the record, a JSON list of what became of each call."""
    call = record.caller(room)
    name = "__main__" if entry is None else "snippet"
    module = type(sys)(name)  # `types.ModuleType`, without the import
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module

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
        self.tail: collections.deque[str] = collections.deque(maxlen=16)
        self.room = _PRINTED

    def write(self, text: str) -> int:
        text = text[:_PRINTED]
        (self.head if self.room > 0 else self.tail).append(text)
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
