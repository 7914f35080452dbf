"""What a child locks itself in with: Landlock, seccomp, resource limits, no new privileges."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct

from .seccomp import KILL, SELF, own_program, shared_program
from .system_calls import ARM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_SECCOMP, _SYS_CAPSET = (277, 91) if ARM else (317, 126)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
PR_SET_PDEATHSIG: Final = 1

LOCALE: Final = "/usr/lib/locale/C.utf8"
"""The only locale beside `C`, on every machine that has it: with others programs would differ by machine."""
RULES: Final = 100
"""The descriptor of the Landlock rules in the fork server, out of the way of a child's own."""


def prctl(option: int, value: int) -> None:
    """Raises OSError."""
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _syscall(number: int, *arguments: Any) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def seccomp_works() -> bool:
    """Whether the kernel knows filters that kill the process."""
    return not _libc.syscall(_SYS_SECCOMP, 2, 0, ctypes.byref(ctypes.c_uint32(KILL)))


def landlock_abi() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, 1)))


def _shared_libraries() -> list[str]:
    """Where they lie, without the packages, Python's among them, that lie beside them."""
    kept = {"gconv", "ossl-modules"}
    folders = {os.path.realpath(name) for name in ("/lib", "/lib64", "/usr/lib", "/usr/lib64")}
    found: set[str] = set()

    for folder in filter(os.path.isdir, folders):
        with os.scandir(folder) as entries:
            found |= {
                each.path
                for each in entries
                if not each.is_dir() or "-linux-" in each.name or each.name in kept
            }
    return sorted(found)


def _readable() -> list[str]:
    """What an interpreter needs to read: its library, shared libraries, a few devices."""
    library = os.path.dirname(os.__file__)
    foreign = {"site-packages", "dist-packages", "test"}
    names = os.listdir(library)
    own = [os.path.join(library, name) for name in names if name not in foreign]
    if len(own) == len(names):
        own = [library]  # as in a container: each child copies the rules, so the fewer the better

    # libpython may lie beside the library, and folders of packages, which are none of its business.
    beside = os.path.dirname(library)
    files = [
        path for name in os.listdir(beside) if os.path.isfile(path := os.path.join(beside, name))
    ]
    devices = ["/dev/urandom", "/dev/random", "/dev/zero"]
    return [*own, *_shared_libraries(), "/etc/ld.so.cache", LOCALE, *devices, *files]


def landlock_rules(abi: int) -> int:
    """A descriptor of rules: read what an interpreter needs, write /dev/null, and nothing else."""
    # What is handled is forbidden unless a rule allows it. Newer kernels handle more.
    rights = (1 << 13) - 1 | (abi >= 2) << 13 | (abi >= 3) << 14 | (abi >= 5) << 15
    handled = struct.pack("<QQQ", rights, 3 * (abi >= 4), 3 * (abi >= 6))
    handled = handled[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = _syscall(_CREATE_RULESET, handled, len(handled), 0)

    read_file, write_file, read_dir = 1 << 2, 1 << 1, 1 << 3
    allowed = [(path, read_file | read_dir * os.path.isdir(path)) for path in _readable()]
    allowed += [(os.path.dirname(os.__file__), read_dir), ("/dev/null", read_file | write_file)]

    for path, access in allowed:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        _syscall(_ADD_RULE, rules, 1, struct.pack("<Qi", access, descriptor), 0)
        os.close(descriptor)
    return rules


_LIMITS: Final = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_STACK, 8 * 2**20),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
    # Counted per user: what is left would tell programs of each other.
    (resource.RLIMIT_SIGPENDING, 0),
)


class Locks:
    """Everything a child locks itself in with, prepared once.

    What is the same for all children and leaves the fork server its work, the server takes on itself, and
    each child inherits it: no new privileges, limits that no job changes, the long filter of system calls.
    The rules of Landlock stay with the child: in a domain of its own, it is outside that of the server and
    of other children, and may neither look into them nor signal them, whatever else fails.
    """

    def __init__(self, strength: str) -> None:
        landlock = "landlock" in strength
        abi = landlock_abi()
        self._rules = os.dup2(landlock_rules(abi), RULES, inheritable=False) if landlock else -1
        self._quietly = int(abi >= 7)  # else each refusal is a line in the host's audit log

        # The filter must outlive this call, and each child writes its own id into its copy.
        self._shared = shared_program(writable=landlock or "container" in strength)
        self._is_shared = False
        program = own_program()
        own = struct.pack("<I", SELF)
        self._own = [i for i in range(4, len(program), 8) if program[i : i + 4] == own]
        self._program = ctypes.create_string_buffer(program, len(program))
        self._filter = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(self._program))
        self._seccomp = "seccomp" in strength
        self._own_bytes = 0

    def share(self) -> None:
        """Take on, for good, what all children have in common. Raises OSError when a promised lock fails."""
        with open("/proc/self/statm") as sizes:
            self._own_bytes = int(sizes.read().split()[0]) * resource.getpagesize()
        for limit, value in _LIMITS:
            try:
                resource.setrlimit(limit, (value, value))
            except (OSError, ValueError):
                continue  # gVisor refuses some; they only repeat what other locks do

        prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if self._seccomp:
            program = ctypes.create_string_buffer(self._shared, len(self._shared))
            place = ctypes.addressof(program)
            _syscall(_SYS_SECCOMP, 1, 0, struct.pack("<HxxxxxxQ", len(self._shared) // 8, place))
        self._is_shared = True

    def close_on(self, megabytes: int, cpu_seconds: int) -> None:
        """Lock this process in, for good. Raises OSError when any promised lock fails."""
        if not self._is_shared:
            self.share()
        space = self._own_bytes + megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        os.setpgid(0, 0)  # setsid would have the scheduler make a group for each child: 80 µs
        if self._rules >= 0:
            _syscall(_RESTRICT_SELF, self._rules, self._quietly)

        # Last: after it several of the calls above are refused.
        if self._seccomp:
            for place in self._own:
                struct.pack_into("<I", self._program, place, os.getpid())
            _syscall(_SYS_SECCOMP, 1, 0, self._filter)


class OomScore:
    """How readily the kernel ends a process when memory runs out, of this one and those that it forks.

    A child is the first choice, whatever it holds. It inherits the score, so the process that forks it
    takes that score for as long as it forks. The file is opened before `harden`: after it, only root may.
    """

    _FIRST: Final = b"1000"

    def __init__(self, descriptor: int) -> None:
        try:
            file = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            self._file = -1  # no /proc: nothing is chosen by score there
            return
        self._own = os.read(file, 16)
        self._file = os.dup2(file, descriptor, inheritable=False)
        os.close(file)

    def fork(self) -> int:
        """`os.fork`, with a child that goes first."""
        if self._file < 0:
            return os.fork()

        os.pwrite(self._file, self._FIRST, 0)
        try:
            pid = os.fork()
        except OSError:
            pid = -1
        if pid:
            os.pwrite(self._file, self._own, 0)
        if pid < 0:
            raise OSError(errno.EAGAIN, "no process is left")
        return pid


def harden() -> None:
    """Keep other processes of the same user out of this one's memory, and drop every capability."""
    prctl(_PR_SET_DUMPABLE, 0)
    _syscall(_SYS_CAPSET, struct.pack("<Ii", 0x20080522, 0), bytes(24))
