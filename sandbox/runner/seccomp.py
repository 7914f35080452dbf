"""The seccomp filters of a child: what the kernel answers to each system call, as BPF programs.

There are two, and the stricter answer holds. The long one the fork server sets once for itself and all its
children; it lets pass what the server needs, or what depends on the child's own id. These calls a short one
decides, which each child sets for itself: to install a filter takes the kernel the longer, the longer it is.
"""

from __future__ import annotations

import errno
import os
import struct

from .system_calls import (
    ALLOWED,
    ARM,
    DENIED,
    FATAL,
    SERVER,
    SIGKILL,
    SIGSYS,
    SIGXCPU,
    calls,
    number,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself would stand in the memory of every child
    from typing import Final

_AUDIT_ARCH: Final = 0xC00000B7 if ARM else 0xC000003E
SELF: Final = 0x5E1F5E1F
"""Stands in the filter for the child's own process id, until it is known."""

# What the kernel does.
_ALLOW, KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_AGAIN, _NOTHING = 0x00050000 | errno.EAGAIN, 0x00050000

# What may be asked of the calls whose arguments decide.
_THREAD_FLAGS: Final = 0x7D0F00
"""What glibc and musl pass to clone for a thread."""
_PROCESS_FLAGS: Final = 0x12041FF
"""What they pass for fork, vfork and spawn, the signal at its end included."""
_MAP_TYPE, _MAP_PRIVATE, _MAP_HUGETLB = 0x0F, 0x02, 0x40000
_READ_BY_US: Final = (SIGKILL, SIGXCPU, SIGSYS)
"""A death of one of these is read as memory, processor time, a forbidden call."""
_FCNTL: Final = (0, 1, 2, 3, 4, 1030, 1032)
"""F_DUPFD … F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ: no locks."""
_IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Whether it is a terminal, FIONREAD, FIONBIO, CLOEXEC."""
_PRCTL: Final = (15, 16)
"""The thread's name."""
_MADVISE: Final = (*range(5), 8, 10, 11, *range(14, 20))
"""Not: merge, page out, populate."""


def _instruction(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, k)


def _load(offset: int) -> bytes:
    return _instruction(0x20, offset)


def _equal(k: int, yes: int, no: int) -> bytes:
    return _instruction(0x15, k, yes, no)


def _answer(action: int) -> bytes:
    return _instruction(0x06, action)


def _argument(index: int, high: bool = False) -> bytes:
    return _load(16 + 8 * index + 4 * high)


def _only(index: int, values: tuple[int, ...], otherwise: int) -> bytes:
    """Allow the call when the low half of an argument is one of `values`."""
    body = b"".join(_equal(value, len(values) - i, 0) for i, value in enumerate(values))
    return _argument(index) + body + _answer(otherwise) + _answer(_ALLOW)


def _checked() -> dict[str, bytes]:
    """The calls whose arguments decide."""
    # A thread is allowed. An ordinary process is what honest programs try, and are told no; any other
    # flag is an attack.
    thread = (
        _argument(0)
        + _instruction(0x45, 0x10000, 0, 3)  # CLONE_THREAD
        + _instruction(0x45, 0xFFFFFFFF & ~_THREAD_FLAGS, 1, 0)
        + _answer(_ALLOW)
        + _answer(KILL)
        + _instruction(0x45, 0xFFFFFFFF & ~_PROCESS_FLAGS, 0, 1)
        + _answer(KILL)
        + _answer(_EPERM)
    )

    # Shared memory outlives its mapping, where no limit of address space counts it. Nothing can be
    # shared here anyway: without other processes a private mapping does the same. Huge pages come from
    # a store that all processes of the machine have in common.
    private = (
        _argument(3)
        + _instruction(0x45, _MAP_HUGETLB, 3, 0)
        + _instruction(0x54, _MAP_TYPE)
        + _equal(_MAP_PRIVATE, 0, 1)
        + _answer(_ALLOW)
        + _answer(_EPERM)
    )
    null = _equal(0, 1, 0) + _answer(_EPERM)

    # Clocks of other processes have negative ids: whoever reads them sees how much others work.
    clock = _argument(0) + _instruction(0x45, 0x80000000, 0, 1) + _answer(_EPERM) + _answer(_ALLOW)

    # A futex that is not private may lie in a library's page, which every program shares, in other
    # containers too: there one could wake another. So nobody waits there (a thread being joined is
    # asked for again until it is over), and there is nobody to wake.
    shared = _argument(1) + _instruction(0x45, 0x80, 0, 1) + _answer(_ALLOW)
    for waits in (0, 9, 0x100, 0x109):
        shared += _equal(waits, 0, 1) + _answer(_AGAIN)
    for wakes in (1, 10):
        shared += _equal(wakes, 0, 1) + _answer(_NOTHING)

    # Asked of others these say who is there, threads and all: one could beckon to another.
    own = _only(0, (0, SELF), _EPERM)

    return {
        "get_robust_list": own,
        "getpgid": own,
        "getpriority": _argument(0) + null + _only(1, (0, SELF), _EPERM),
        "getsid": own,
        "sched_getaffinity": own,
        "sched_getparam": own,
        "sched_getscheduler": own,
        "madvise": _only(2, _MADVISE, _EPERM),
        "clock_getres": clock,
        "clock_gettime": clock,
        "clock_nanosleep": clock,
        "futex": shared + _answer(_EPERM),
        "clone": thread,
        "clone3": _answer(
            _ENOSYS
        ),  # its flags are in memory, out of sight; libc falls back to clone
        "kill": _signalling(1),
        "tgkill": _signalling(2),
        "mmap": private,
        "socketpair": _only(0, (1,), _EPERM),
        "sendto": _argument(4) + null + _argument(4, True) + null + _answer(_ALLOW),  # no address
        "fcntl": _only(1, _FCNTL, _EPERM),
        "ioctl": _only(1, _IOCTL, _EPERM),
        "prctl": _only(0, _PRCTL, _EPERM),
        "prlimit64": _argument(2) + null + _argument(2, True) + null + _only(0, (0, SELF), _EPERM),
    }


def _signalling(index: int) -> bytes:
    """Signals to itself, but for those that only the kernel and the supervisor may end it by."""
    number = _argument(index)
    for told in _READ_BY_US:
        number += _equal(told, 0, 1) + _answer(_EPERM)
    return _argument(0) + _equal(SELF, 1, 0) + _answer(KILL) + number + _answer(_ALLOW)


def _opening(writable: bool) -> dict[str, bytes]:
    """How files may be opened: where nothing else bounds it, only to read.

    Nor may one that is only read be cut to nothing: up to Linux 6.1 Landlock does not see that.
    """
    created = os.O_CREAT | 0o20000000  # O_TMPFILE

    def check(index: int) -> bytes:
        flags = _argument(index)
        if writable:
            flags += _instruction(0x45, os.O_TRUNC, 0, 2) + _instruction(0x45, os.O_ACCMODE, 1, 0)
        else:
            flags += _instruction(0x45, os.O_ACCMODE | os.O_TRUNC | created, 0, 1)
        return flags + _answer(_EPERM) + _answer(_ALLOW)

    return {"openat": check(2), **({} if ARM else {"open": check(1)})}


def _table(writable: bool) -> dict[int, bytes]:
    """What a child is answered, by the call's number. Calls that are not there get ENOSYS."""
    table = {
        call: _answer(action)
        for action, named in ((_ALLOW, ALLOWED), (_EPERM, DENIED), (KILL, FATAL))
        for call in calls(named).values()
    }
    checked = _checked() | _opening(writable)
    return table | {number(name): body for name, body in checked.items()}


def _own(table: dict[int, bytes]) -> dict[int, bytes]:
    """The calls that each child's own filter decides, with its answers."""
    self = struct.pack("<I", SELF)
    named = {call: body for call, body in table.items() if self in body}
    needed = {number(name) for name in SERVER}
    return named | {call: table.get(call, _answer(_ENOSYS)) for call in needed}


def shared_program(writable: bool) -> bytes:
    """The filter that a fork server sets for itself and its children.

    `writable`: something else says which files may be written.
    """
    table = _table(writable)
    table |= dict.fromkeys(_own(table), _answer(_ALLOW))

    # The first word of what the filter sees is the call's number, the second the architecture.
    program = _load(4) + _equal(_AUDIT_ARCH, 1, 0) + _answer(KILL) + _load(0)
    if not ARM:
        program += _instruction(0x35, 0x40000000, 0, 1) + _answer(KILL)  # the x32 calls
    return program + _search(_runs(table, _ENOSYS))


def own_program() -> bytes:
    """The filter that a child sets, under the shared one. `SELF` stands for the child's process id."""
    return _load(0) + _search(_runs(_own(_table(writable=False)), _ALLOW))


def _runs(table: dict[int, bytes], otherwise: int) -> list[tuple[int, bytes]]:
    """Where in the order of numbers the answer changes."""
    runs: list[tuple[int, bytes]] = []
    for call in range(max(table) + 2):
        body = table.get(call, _answer(otherwise))
        if not runs or runs[-1][1] != body:
            runs.append((call, body))
    return runs


def _search(runs: list[tuple[int, bytes]]) -> bytes:
    """A binary search for the call's number. To install it the kernel walks it once for every number."""
    if len(runs) == 1:
        return runs[0][1]

    half = len(runs) // 2
    left, right = _search(runs[:half]), _search(runs[half:])
    steps = len(left) // 8
    if steps < 256:  # a jump by condition reaches no further
        return _instruction(0x35, runs[half][0], steps, 0) + left + right
    return _instruction(0x35, runs[half][0], 0, 1) + _instruction(0x05, steps) + left + right
