"""What runs untrusted code: a supervisor, a fork server, and one locked child per run.

This one file is the whole of it, standard library only: it is copied into the container image, and the
local executor runs it on the host. Client, supervisor and child trust each other only downwards:

    client ─frames─► supervisor ─descriptors─► fork server ─fork─► child

The supervisor owns all bytes and the deadline, runs one child at a time, and compares nothing. The
fork server owns nothing: a child gets its request through a pipe of its own, after the fork, so no
snippet's text is ever in the memory of a later one. The child locks itself in before it reads. What a
child says is a claim; how it ended comes from `wait4` and outranks the claim.

Covered: files, network, other processes, signals, memory, time, output, descriptors. Not covered: bugs of
the kernel, and what can be learned by timing.
"""

from __future__ import annotations

import _json
import _socket
import builtins
import collections
import contextlib
import ctypes
import errno
import gc
import marshal
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

__builtins__ = vars(builtins).copy()  # ours: what a program does to the module's does nothing to us

PROTOCOL: Final = 3
RUN: Final = struct.Struct("<QQI")
"""Supervisor to fork server: bytes of address space beyond the server's own, CPU seconds, KiB of record."""
FORKED: Final = struct.Struct("<Q")
"""Fork server to supervisor, with a descriptor of the process: its id. Not sent of runs that end at once."""
END: Final = struct.Struct("<idddQ?")
"""Fork server to supervisor: wait status, wall, user and system CPU seconds, peak resident KiB, whether the
child had locked itself in."""
REPLY: Final = struct.Struct("<QBidddQIII")
"""Supervisor to client: id, fate, wait status, wall, user and system seconds, peak resident KiB, and the
lengths of stdout, stderr and record, which follow."""

# How a run came to its end, as the supervisor saw it.
ENDED, DEADLINE, OUTPUT, RECORD, THREADS, CANCELLED, FAILED, HELLO = range(8)
# What the child says of one call.
OK, ERROR, MEMORY, INVALID, TOO_LARGE = range(5)

LOCKED: Final = b"L"
"""What the locked child tells the fork server before it reads a byte of its request, by a pipe that it then
closes: a pipe that is still open could be opened again from `/proc/self/fd`, Landlock or not, and the mark
be read back. Without the mark a fault is ours; with it nothing a snippet does can look like one of ours."""
_SOCKET, _RULES, _MARK = 99, 100, 101
"""Descriptors of the fork server, out of the way of a child's own; the child keeps none of them."""
EXIT_MEMORY: Final = 77
DEPTH: Final = 64
SILENCE_SECONDS: Final = 120.0
"""A supervisor that hears nothing for so long leaves: where an engine is killed, nothing else tells it."""
START_SECONDS: Final = (
    20.0  # for a fork server to start and fork; the run's own time counts from its fork
)
QUIET_SECONDS: Final = (
    0.003  # most runs are over by then: only of others is more heard than their end
)
THREADS_AT_ONCE: Final = (
    64  # what a container's process limit leaves; on the host we count them ourselves
)
COUNT_SECONDS: Final = 0.02
CHUNK_BYTES: Final = (
    1 << 16
)  # to read at once: of more Python asks the kernel each time for the memory
INPUTS: Final = 1 << 16
SLACK_BYTES: Final = 1 << 20  # of a record beside its values: what is said of so many inputs
WORDS: Final = 1 << 14  # of all reasons in a record; when they are used up only the codes are said


# ── locks ──────────────────────────────────────────────────────────────────────────────────────────────

_libc = ctypes.CDLL(None, use_errno=True)
ARM: Final = os.uname().machine == "aarch64"
_AUDIT_ARCH: Final = 0xC00000B7 if ARM else 0xC000003E
_SYS_SECCOMP, _SYS_CAPSET = (277, 91) if ARM else (317, 126)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

# System calls by name: x86-64 number, aarch64 number (- where there is none).
_ALLOWED: Final = """
read 0 63,write 1 64,readv 19 65,writev 20 66,pread64 17 67,pwrite64 18 68,close 3 57,close_range 436 436,
dup 32 23,dup2 33 -,dup3 292 24,pipe 22 -,pipe2 293 59,lseek 8 62,fstat 5 80,newfstatat 262 79,stat 4 -,
lstat 6 -,statx 332 291,access 21 -,faccessat 269 48,faccessat2 439 439,readlink 89 -,readlinkat 267 78,
getcwd 79 17,getdents64 217 61,chdir 80 49,fchdir 81 50,statfs 137 43,fstatfs 138 44,
poll 7 -,ppoll 271 73,select 23 -,pselect6 270 72,epoll_create1 291 20,epoll_ctl 233 21,
epoll_wait 232 -,epoll_pwait 281 22,eventfd2 290 19,timerfd_create 283 85,timerfd_settime 286 86,
timerfd_gettime 287 87,sendfile 40 71,mmap 9 222,munmap 11 215,mremap 25 216,
mprotect 10 226,brk 12 214,msync 26 227,membarrier 324 283,rseq 334 293,
set_robust_list 273 99,set_tid_address 218 96,
rt_sigaction 13 134,rt_sigprocmask 14 135,rt_sigreturn 15 139,rt_sigsuspend 130 133,rt_sigpending 127 136,
rt_sigtimedwait 128 137,sigaltstack 131 132,pause 34 -,restart_syscall 219 128,alarm 37 -,
setitimer 38 103,getitimer 36 102,signalfd4 289 74,nanosleep 35 101,gettimeofday 96 169,time 201 -,
times 100 153,getrandom 318 278,
getpid 39 172,gettid 186 178,getppid 110 173,getuid 102 174,geteuid 107 175,getgid 104 176,
getegid 108 177,getgroups 115 158,getresuid 118 148,getresgid 120 150,getpgrp 111 -,
getrlimit 97 163,getrusage 98 165,uname 63 160,sysinfo 99 179,getcpu 309 168,
sched_yield 24 124,sched_get_priority_max 146 125,sched_get_priority_min 147 126,umask 95 166,exit 60 93,
exit_group 231 94,recvfrom 45 207,recvmsg 47 212,shutdown 48 210,getsockopt 55 209,
getsockname 51 204,getpeername 52 205,wait4 61 260,waitid 247 95"""
# Honest programs try these (expanduser, getaddrinfo, tempfile, os.nice), so they are told no.
_DENIED: Final = """
socket 41 198,setsockopt 54 208,connect 42 203,accept 43 202,
accept4 288 242,bind 49 200,listen 50 201,sendmsg 46 211,
sendmmsg 307 269,recvmmsg 299 243,creat 85 -,mkdir 83 -,mkdirat 258 34,rmdir 84 -,unlink 87 -,
unlinkat 263 35,rename 82 -,renameat 264 38,renameat2 316 276,link 86 -,linkat 265 37,symlink 88 -,
symlinkat 266 36,chmod 90 -,fchmod 91 52,fchmodat 268 53,chown 92 -,fchown 93 55,lchown 94 -,
fchownat 260 54,truncate 76 45,ftruncate 77 46,fallocate 285 47,mknod 133 -,mknodat 259 33,utime 132 -,
utimes 235 -,utimensat 280 88,setxattr 188 5,lsetxattr 189 6,fsetxattr 190 7,flock 73 32,
inotify_init 253 -,inotify_init1 294 26,inotify_add_watch 254 27,setpriority 141 140,
sched_setaffinity 203 122,sched_setparam 142 118,sched_setscheduler 144 119,setrlimit 160 164,
setuid 105 146,setgid 106 144,setreuid 113 145,setregid 114 143,setresuid 117 147,setresgid 119 149,
setgroups 116 159,setpgid 109 154,setsid 112 157,shmget 29 194,shmat 30 196,shmctl 31 195,shmdt 67 197,
semget 64 190,semop 65 193,semctl 66 191,semtimedop 220 192,msgget 68 186,msgsnd 69 189,msgrcv 70 188,
msgctl 71 187,mq_open 240 180,memfd_create 319 279,mlock 149 228,mlockall 151 230,sched_setattr 314 274,
fsync 74 82,fdatasync 75 83,sync 162 81,mincore 27 232,fadvise64 221 223,timer_create 222 107"""
# Nobody honest calls these: the child dies, and the attempt is counted.
_FATAL: Final = """
fork 57 -,vfork 58 -,execve 59 221,execveat 322 281,ptrace 101 117,process_vm_readv 310 270,
process_vm_writev 311 271,kcmp 312 272,pidfd_open 434 434,pidfd_send_signal 424 424,pidfd_getfd 438 438,
tkill 200 130,rt_sigqueueinfo 129 138,rt_tgsigqueueinfo 297 240,mount 165 40,umount2 166 39,
pivot_root 155 41,chroot 161 51,open_tree 428 428,move_mount 429 429,fsopen 430 430,fsconfig 431 431,
fsmount 432 432,mount_setattr 442 442,setns 308 268,unshare 272 97,io_uring_setup 425 425,
io_uring_enter 426 426,io_uring_register 427 427,bpf 321 280,perf_event_open 298 241,userfaultfd 323 282,
keyctl 250 219,add_key 248 217,request_key 249 218,init_module 175 105,finit_module 313 273,
delete_module 176 106,kexec_load 246 104,kexec_file_load 320 294,reboot 169 142,swapon 167 224,
swapoff 168 225,sethostname 170 161,setdomainname 171 162,settimeofday 164 170,clock_settime 227 112,
acct 163 89,quotactl 179 60,iopl 172 -,ioperm 173 -,modify_ldt 154 -,personality 135 92,
name_to_handle_at 303 264,open_by_handle_at 304 265,fanotify_init 300 262,fanotify_mark 301 263,
syslog 103 116,lookup_dcookie 212 18,migrate_pages 256 238,move_pages 279 239,vhangup 153 58,
capset 126 91,seccomp 317 277,memfd_secret 447 447,vmsplice 278 75"""

_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_AGAIN, _NOTHING = 0x00050000 | errno.EAGAIN, 0x00050000
_THREAD_FLAGS: Final = 0x7D0F00  # what glibc and musl pass to clone for a thread
_NUMBERS: Final = {
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fcntl": (72, 25),
    "futex": (202, 98),
    "get_robust_list": (274, 100),
    "getpgid": (121, 155),
    "getpriority": (140, 141),
    "getsid": (124, 156),
    "ioctl": (16, 29),
    "kill": (62, 129),
    "madvise": (28, 233),
    "open": (2, -1),
    "openat": (257, 56),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sendto": (44, 206),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
}
_FCNTL: Final = (
    0,
    1,
    2,
    3,
    4,
    1030,
    1032,
)  # F_DUPFD … F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ: no locks
_IOCTL: Final = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # terminal, FIONREAD, FIONBIO, CLOEXEC
_PRCTL: Final = (15, 16)  # the thread's name
_MADVISE: Final = (
    0,
    1,
    2,
    3,
    4,
    8,
    10,
    11,
    14,
    15,
    16,
    17,
    18,
    19,
)  # not: merge, page out, populate
_SELF: Final = 0x5E1F5E1F  # stands for the child's own process id until it is known


def _calls(table: str) -> dict[str, int]:
    entries = [entry.split() for entry in table.replace("\n", "").split(",")]
    return {entry[0]: int(entry[1 + ARM]) for entry in entries if entry[1 + ARM] != "-"}


def fatal_calls() -> list[tuple[str, int]]:
    """Name and number, on this machine, of every call that is an attack."""
    return list(_calls(_FATAL).items())


def denied_calls() -> list[tuple[str, int]]:
    """Name and number of every call that is told no."""
    return list(_calls(_DENIED).items())


def number(name: str) -> int:
    """The number of a call whose arguments decide."""
    return _NUMBERS[name][ARM]


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
    thread = (
        _argument(0)
        + _instruction(0x45, 0xFFFFFFFF & ~_THREAD_FLAGS, 0, 1)  # any other flag …
        + _answer(_KILL)
        + _instruction(0x45, 0x10000, 0, 1)  # … or no CLONE_THREAD, is a process
        + _answer(_ALLOW)
        + _answer(_KILL)
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
    own = _only(0, (0, _SELF), _EPERM)
    return {
        "get_robust_list": own,
        "getpgid": own,
        "getpriority": _argument(0) + null + _only(1, (0, _SELF), _EPERM),
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
        "kill": _only(0, (_SELF,), _KILL),
        "tgkill": _only(0, (_SELF,), _KILL),
        "socketpair": _only(0, (1,), _EPERM),
        "sendto": _argument(4) + null + _argument(4, True) + null + _answer(_ALLOW),  # no address
        "fcntl": _only(1, _FCNTL, _EPERM),
        "ioctl": _only(1, _IOCTL, _EPERM),
        "prctl": _only(0, _PRCTL, _EPERM),
        "prlimit64": _argument(2) + null + _argument(2, True) + null + _only(0, (0, _SELF), _EPERM),
    }


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


def seccomp_program(writable: bool) -> bytes:
    """The filter, with `_SELF` where the child's process id belongs. Calls unknown to it get ENOSYS.

    `writable`: something else says which files may be written.
    """
    table = {
        call: _answer(action)
        for action, calls in ((_ALLOW, _ALLOWED), (_EPERM, _DENIED), (_KILL, _FATAL))
        for call in _calls(calls).values()
    }
    checked = _checked() | _opening(writable)
    table |= {_NUMBERS[name][ARM]: body for name, body in checked.items()}
    program = _load(4) + _equal(_AUDIT_ARCH, 1, 0) + _answer(_KILL) + _load(0)
    if not ARM:
        program += _instruction(0x35, 0x40000000, 0, 1) + _answer(_KILL)  # the x32 calls
    return program + _search(_runs(table))


def _runs(table: dict[int, bytes]) -> list[tuple[int, bytes]]:
    """Where in the order of numbers the answer changes."""
    runs: list[tuple[int, bytes]] = []
    for call in range(max(table) + 2):
        body = table.get(call, _answer(_ENOSYS))
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
    if steps < 256:
        return _instruction(0x35, runs[half][0], steps, 0) + left + right
    return _instruction(0x35, runs[half][0], 0, 1) + _instruction(0x05, steps) + left + right


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _syscall(number: int, *arguments: Any) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def seccomp_works() -> bool:
    """Whether the kernel knows filters that kill the process."""
    return not _libc.syscall(_SYS_SECCOMP, 2, 0, ctypes.byref(ctypes.c_uint32(_KILL)))


def landlock_abi() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    return max(0, int(_libc.syscall(444, None, 0, 1)))


def _shared_libraries() -> list[str]:
    """Where they lie, without the packages, Python's among them, that lie beside them."""
    kept = {"gconv", "locale", "ossl-modules"}
    found: set[str] = set()
    for folder in {
        os.path.realpath(folder) for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
    }:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            found |= {each.path for each in entries
                      if not each.is_dir() or "-linux-" in each.name or each.name in kept}  # fmt: skip
    return sorted(found)


def landlock_rules(abi: int) -> int:
    """A descriptor of rules: read what an interpreter needs, write /dev/null, and nothing else."""
    rights = (1 << 13) - 1 | (abi >= 2) << 13 | (abi >= 3) << 14 | (abi >= 5) << 15
    handled = struct.pack("<QQQ", rights, 3 * (abi >= 4), 3 * (abi >= 6))
    handled = handled[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = _syscall(444, handled, len(handled), 0)
    read_file, write_file, read_dir = 1 << 2, 1 << 1, 1 << 3
    library = os.path.dirname(os.__file__)
    foreign = {"site-packages", "dist-packages", "test"}
    readable = [os.path.join(library, name) for name in os.listdir(library) if name not in foreign]
    readable += [
        *_shared_libraries(),
        "/etc/ld.so.cache",
        "/dev/urandom",
        "/dev/random",
        "/dev/zero",
    ]
    beside = os.path.dirname(
        library
    )  # libpython may lie here, and packages that are none of its business
    readable += [
        path for name in os.listdir(beside) if os.path.isfile(path := os.path.join(beside, name))
    ]
    allowed = [(path, read_file | (read_dir if os.path.isdir(path) else 0)) for path in readable]
    for path, access in [*allowed, (library, read_dir), ("/dev/null", read_file | write_file)]:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        _syscall(445, rules, 1, struct.pack("<Qi", access, descriptor), 0)
        os.close(descriptor)
    return rules


_LIMITS: Final = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_STACK, 8 * 2**20),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
    (
        resource.RLIMIT_SIGPENDING,
        0,
    ),  # counted per user: what is left would tell programs of each other
)


class Locks:
    """Everything a child locks itself in with, prepared once."""

    def __init__(self, strength: str) -> None:
        landlock = "landlock" in strength
        abi = landlock_abi()
        self._rules = os.dup2(landlock_rules(abi), _RULES, inheritable=False) if landlock else -1
        self._quietly = int(abi >= 7)  # else each refusal is a line in the host's audit log
        program = seccomp_program(writable=landlock or "container" in strength)
        own = struct.pack("<I", _SELF)
        self._own = [i for i in range(4, len(program), 8) if program[i : i + 4] == own]
        self._program = ctypes.create_string_buffer(program, len(program))
        self._filter = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(self._program))
        self._seccomp = "seccomp" in strength
        pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115 - the server reads it once
        self._own_bytes = pages * resource.getpagesize()

    def close_on(self, megabytes: int, cpu_seconds: int) -> None:
        """Lock this process in, for good. Raises OSError when any promised lock fails."""
        space = self._own_bytes + megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        for limit, value in _LIMITS:
            try:
                resource.setrlimit(limit, (value, value))
            except (OSError, ValueError):
                continue  # gVisor refuses some; they only repeat what other locks do
        os.setpgid(0, 0)  # setsid would have the scheduler make a group for each child: 80 µs
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if self._rules >= 0:
            _syscall(446, self._rules, self._quietly)
        if self._seccomp:
            for place in self._own:
                struct.pack_into("<I", self._program, place, os.getpid())
            _syscall(_SYS_SECCOMP, 1, 0, self._filter)


def _harden() -> None:
    """Keep other processes of the same user out of this one's memory, and drop every capability."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _syscall(_SYS_CAPSET, struct.pack("<Ii", 0x20080522, 0), bytes(24))


# ── child ──────────────────────────────────────────────────────────────────────────────────────────────


class _Refused(Exception):
    """A value that cannot be sent: `code` says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _caller(left: int) -> Callable[[Any, tuple[Any, ...]], str]:
    """What makes a call and says what became of it: plain values as JSON text of at most `left` characters in
    all, in the tagged form that `envs.values.from_json` reads.

    It is made before the program runs and looks nothing up afterwards, so that a program that changes this
    module, `_json` or builtins still gives what its calls return.
    """
    quoted, refused, told, fault_told = _json.encode_basestring_ascii, _Refused, _said, _fault
    invalid, too_large, containers = INVALID, TOO_LARGE, (list, tuple, set, frozenset)
    halved, words = UnicodeEncodeError, WORDS

    def text(value: Any, depth: int) -> str:
        nonlocal left
        kind = type(value)
        if value is None:
            said = "null"
        elif kind is bool:
            said = "true" if value else "false"
        elif kind is int:
            said = int.__repr__(value) if value.bit_length() <= 53 else f'{{"int":"{value:#x}"}}'
        elif kind is float:
            finite = value - value == 0.0
            said = float.__repr__(value) if finite else f'{{"float":"{float.__repr__(value)}"}}'
        elif kind is str:
            said = quoted(value) if len(value) < left else "x" * left
            if "\\ud" in said:  # two halves of a pair would come back as the one character
                try:
                    value.encode()
                except halved:
                    said = f'{{"str":"{value.encode("utf-8", "surrogatepass").hex()}"}}'
        elif kind is bytes:
            said = f'{{"bytes":"{value.hex()}"}}'
        elif kind is dict:
            return many("dict", [list(pair) for pair in value.items()], depth)
        elif kind in containers:
            return many(kind.__name__, value, depth)
        else:
            raise refused(invalid, f"{kind.__name__} is not a plain value")
        left -= len(said) + 1
        if left < 0:
            raise refused(too_large, "the value is too large")
        return said

    def many(tag: str, items: Any, depth: int) -> str:
        nonlocal left
        if depth <= 0:
            raise refused(invalid, f"the value is nested deeper than {deepest}")
        if len(items) > left:
            raise refused(too_large, "the value is too large")
        left -= len(tag) + 8
        body = ",".join([text(item, depth - (tag != "dict")) for item in items])
        return f"[{body}]" if tag == "list" else f'{{"{tag}":[{body}]}}'

    deepest = DEPTH

    def brief(said: str) -> str:
        nonlocal words
        words -= len(said)
        return said if words > 0 else f'{said[:2]},""]'

    def call(function: Any, arguments: tuple[Any, ...]) -> str:
        try:
            return f"[0,{text(function(*arguments), deepest)}]"
        except refused as reason:
            return brief(told(reason.code, str(reason)))
        except BaseException as fault:
            return brief(fault_told(fault))

    assert OK == 0
    return call


def _said(
    code: int, reason: str, quoted: Callable[[str], str] = _json.encode_basestring_ascii
) -> str:
    return f"[{code},{quoted(reason[:500])}]"


def _fault(fault: BaseException, told: Callable[[int, str], str] = _said) -> str:
    """One failed call; the fault's own text may be hostile, so its failures are only noted."""
    if isinstance(fault, MemoryError):
        return told(2, "MemoryError")
    name = type(fault).__name__
    try:
        return told(1, f"{name}: {fault}"[:500])
    except BaseException:
        return told(1, name)


def _finish_program() -> None:
    """What an interpreter does at its end: wait for threads, run the exit functions."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()


def _exit_code(leaving: SystemExit) -> str:
    if leaving.code is None or leaving.code == 0:
        return f"[{OK},null]"
    if not isinstance(leaving.code, int):
        print(leaving.code, file=sys.stderr)
    return _said(ERROR, f"exit code {leaving.code if isinstance(leaving.code, int) else 1}")


def _interpret(
    source: str, entry: str | None, inputs: tuple[Any, ...], backwards: bool, room: int
) -> str:
    """Run the request; returns the record, a JSON list of what became of each call."""
    name = "__main__" if entry is None else "snippet"
    call = _caller(room)
    module = type(sys)(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    try:
        code = compile(source.removeprefix("\ufeff"), "<snippet>", "exec", dont_inherit=True)
        exec(code, module.__dict__)
        if entry is None:
            _finish_program()
            return f"[[{OK},null]]"
        function = module.__dict__[entry]
    except KeyError as fault:
        if fault.args != (entry,):
            raise
        return f"[{_said(ERROR, f'NameError: the program defines no {entry}')}]"
    except SystemExit as leaving:
        if entry is None:
            _finish_program()
            return f"[{_exit_code(leaving)}]"
        return f"[{_fault(leaving)}]"
    except BaseException as fault:
        trace = fault.__traceback__
        fault.__traceback__ = trace and trace.tb_next  # without our own frame
        sys.__excepthook__(type(fault), fault, fault.__traceback__)
        return f"[{_fault(fault)}]"
    order = reversed(inputs) if backwards else inputs
    said = [call(function, arguments) for arguments in order]
    return f"[{','.join(reversed(said) if backwards else said)}]"


def _read_exactly(descriptor: int, count: int) -> bytes:
    chunks: list[bytes] = []
    while count:
        chunk = os.read(descriptor, count)
        if not chunk:
            raise EOFError("the request was cut off")
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _write_all(descriptor: int, data: bytes, write: Callable[..., int] = os.write) -> None:
    view = memoryview(data)
    while view:
        view = view[write(descriptor, view) :]


def _child(descriptors: list[int], message: bytes, locks: Locks, server: int) -> NoReturn:
    """Never returns. Descriptors become 0: request, then stdin; 1: stdout; 2: stderr; 3: record."""
    leave, write_all = os._exit, _write_all
    try:
        high = [os.dup2(descriptor, 110 + i) for i, descriptor in enumerate(descriptors)]
        for i, descriptor in enumerate(high):
            os.dup2(descriptor, i)
        os.closerange(4, _RULES)
        os.closerange(_MARK + 1, 120)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            leave(1)  # it died before we asked to die with it
        megabytes, cpu_seconds, kilobytes = RUN.unpack(message)
        locks.close_on(megabytes, cpu_seconds)
        os.write(_MARK, LOCKED)
        os.closerange(_RULES, _MARK + 1)
        gc.enable()
        source, entry, inputs, backwards = marshal.loads(
            _read_exactly(0, int.from_bytes(_read_exactly(0, 4), "little"))
        )
        record = _interpret(source, entry, inputs, backwards, kilobytes * 1024).encode()
        streams: tuple[Any, ...] = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
        for stream in streams:
            try:
                stream.flush()
            except BaseException:
                continue  # closed or replaced by the snippet: its own loss
        write_all(3, len(record).to_bytes(4, "little") + record)
        leave(0)
    except MemoryError:
        leave(EXIT_MEMORY)
    except BaseException as fault:
        os.write(
            2, f"{type(fault).__name__}: {fault}".encode()
        )  # shown only where no lock was reported
        leave(1)
    leave(1)


# ── fork server ────────────────────────────────────────────────────────────────────────────────────────


def _send(sock: _socket.socket, message: bytes, descriptors: list[int]) -> None:
    packed = struct.pack(f"<{len(descriptors)}i", *descriptors)
    sock.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])


def _receive(sock: _socket.socket) -> tuple[bytes, list[int]]:
    message, ancillary, _, _ = sock.recvmsg(64, _socket.CMSG_SPACE(16))
    descriptors = [
        descriptor
        for level, kind, data in ancillary
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS
        for (descriptor,) in struct.iter_unpack("<i", data)
    ]
    return message, descriptors


def _drained(pipe: int) -> bytes:
    try:
        return os.read(pipe, 64)
    except BlockingIOError:
        return b""


def serve(strength: str) -> NoReturn:
    """Fork a locked child for every message on descriptor 3, and say how it ended."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _harden()
    os.chdir("/")
    sock = _socket.socket(fileno=os.dup2(3, _SOCKET, inheritable=False))
    os.close(3)
    marked, mark = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.dup2(mark, _MARK, inheritable=False)
    os.close(mark)
    locks = Locks(strength)
    server = os.getpid()
    sys.argv = ["snippet.py"]
    del sys.modules["__main__"]
    # The first compile of a process makes the types of the syntax tree: 2.5 ms that every child would pay.
    exec(compile("def f(x): return x\nf(1)", "<snippet>", "exec", dont_inherit=True), {})
    gc.collect()
    gc.disable()
    gc.freeze()
    while True:
        message, descriptors = _receive(sock)
        if not message:
            os._exit(0)
        try:
            child = os.fork()
        except OSError:
            child = -1
        if child == 0:
            _child(descriptors, message, locks, server)
        for descriptor in descriptors:
            os.close(descriptor)
        if child < 0:
            sock.send(b"failed")
            continue
        began = time.monotonic()
        handle = os.pidfd_open(child)
        over = select.poll()
        over.register(handle, select.POLLIN)
        if not over.poll(QUIET_SECONDS * 1000):
            _send(sock, FORKED.pack(child), [handle])
        os.close(handle)
        _, status, usage = os.wait4(child, 0)
        times = time.monotonic() - began, usage.ru_utime, usage.ru_stime
        sock.send(END.pack(status, *times, usage.ru_maxrss, _drained(marked) == LOCKED))


# ── supervisor ─────────────────────────────────────────────────────────────────────────────────────────


class _Gone(Exception):
    """The client closed its end."""


class _Run:
    """One child from its pipes to its reply."""

    def __init__(self, ident: int, seconds: float, output_bytes: int, record_bytes: int) -> None:
        self.ident = ident
        self.fate = ENDED
        self.handle = self.pid = -1
        self.end: bytes | None = None
        self.seconds = seconds
        self.deadline = time.monotonic() + START_SECONDS
        self.rooms = {"out": output_bytes, "record": record_bytes}
        self.readers: dict[int, tuple[str, bytearray]] = {}
        self.request = memoryview(b"")
        self.writer = -1
        self.caught = [bytearray(), bytearray(), bytearray()]  # stdout, stderr, record

    def pipes(self, request: bytes) -> list[int]:
        """Open the four pipes, write what fits of the request, and return the child's ends."""
        child_end, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.request = memoryview(request)
        self.feed()
        ends = [child_end]
        for room, caught in zip(("out", "out", "record"), self.caught, strict=True):
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            self.readers[ours] = (room, caught)
            ends.append(theirs)
        return ends

    def feed(self) -> None:
        """Write as much of the request as the pipe takes; close it after the last byte."""
        try:
            while self.request:
                self.request = self.request[os.write(self.writer, self.request) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass  # the child needs no more
        os.close(self.writer)
        self.writer = -1

    def read(self, descriptor: int) -> bool:
        """Take what is there, up to the room left. False at the end of the stream."""
        room, caught = self.readers[descriptor]
        try:
            while True:
                data = os.read(descriptor, CHUNK_BYTES)
                if not data:
                    return False
                caught += data[: self.rooms[room]]
                self.rooms[room] -= len(data)
                if self.rooms[room] < 0:
                    self.rooms[room] = 0
                    self.kill(OUTPUT if room == "out" else RECORD)
                    return False
        except BlockingIOError:
            return True

    def kill(self, fate: int) -> None:
        """Kill the child; the first reason stands."""
        if self.fate == ENDED:
            self.fate = fate
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):  # already dead
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def count(self) -> None:
        """Kill a child of too many threads: their stacks may be one, so its address space is no bound."""
        with contextlib.suppress(OSError):  # hidden from us, or just ended
            if os.stat(f"/proc/{self.pid}/task").st_nlink - 2 > THREADS_AT_ONCE:
                self.kill(THREADS)

    def close(self) -> None:
        """Close every descriptor, after a last look into the pipes if the child ended."""
        for descriptor in self.readers:
            if self.end is not None:
                self.read(descriptor)
            os.close(descriptor)
        for descriptor in (self.writer, self.handle):
            if descriptor >= 0:
                os.close(descriptor)

    def reply(self) -> bytes:
        nothing = 0, 0.0, 0.0, 0.0, 0, False
        status, wall, user, system, peak, locked = END.unpack(self.end) if self.end else nothing
        fate = self.fate if locked or self.fate == CANCELLED else FAILED
        if fate == ENDED and wall > self.seconds:
            fate = DEADLINE  # over before it could be killed for it
        lengths = [len(caught) for caught in self.caught]
        head = REPLY.pack(self.ident, fate, status, wall, user, system, peak, *lengths)
        return b"".join([head, *self.caught])


class Supervisor:
    """Reads frames from descriptor 0, runs one child at a time, writes replies to descriptor 1."""

    def __init__(self, strength: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._strength = strength
        self._contained = "container" in strength
        self._silence = silence_seconds
        self._heard = time.monotonic()
        self._servers: dict[int, _socket.socket] = {}
        self._queue: collections.deque[tuple[Any, ...]] = collections.deque()
        self._inbox = bytearray()
        self._outbox: list[bytes] = []

    def main(self) -> NoReturn:
        """Serve until the client closes its end."""
        self._server(0)
        self._say(
            REPLY.pack(0, HELLO, PROTOCOL, 0, 0, 0, 0, len(self._strength), 0, 0)
            + self._strength.encode()
        )
        try:
            while True:
                if not self._queue:
                    self._flush()
                    if not select.select([0], [], [], self._silence)[0]:
                        raise _Gone
                    self._listen(None)
                else:
                    self._say(self._run(*self._queue.popleft()))
        except (_Gone, BrokenPipeError):
            os._exit(0)  # the kernel kills the servers, and with them the child

    def _say(self, reply: bytes) -> None:
        self._outbox.append(reply)

    def _flush(self) -> None:
        if self._outbox:
            _write_all(1, b"".join(self._outbox))
            self._outbox.clear()

    def _listen(self, current: _Run | None) -> None:
        """Take frames from the client."""
        data = os.read(0, CHUNK_BYTES)
        if not data:
            raise _Gone
        self._heard = time.monotonic()
        self._inbox += data
        start = 0
        while len(self._inbox) - start >= 4:
            end = start + 4 + int.from_bytes(self._inbox[start : start + 4], "little")
            if len(self._inbox) < end:
                break
            frame = marshal.loads(self._inbox[start + 4 : end])
            start = end
            if len(frame) > 1:
                self._queue.append(frame)
            elif frame:
                self._cancel(frame[0], current)  # an empty frame only says that the client is there
        del self._inbox[:start]

    def _cancel(self, ident: int, current: _Run | None) -> None:
        if current is not None and current.ident == ident:
            current.kill(CANCELLED)
        for waiting in self._queue:
            if waiting[0] == ident:
                self._queue.remove(waiting)
                self._say(REPLY.pack(ident, CANCELLED, 0, 0, 0, 0, 0, 0, 0, 0))
                return

    def _server(self, index: int) -> _socket.socket:
        """The fork server whose strings hash by seed `index` + 1, started at its first use."""
        if index not in self._servers:
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
            kept = {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}
            environment = {
                "PYTHONHASHSEED": str(index + 1),
                "PYTHONUTF8": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "MALLOC_ARENA_MAX": "1",  # an arena per thread would eat the address space
                "LC_ALL": "C.UTF-8",
                "HOME": "/",
                **kept,
            }
            null = os.open(os.devnull, os.O_RDWR)
            actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
            actions += [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
            command = [
                sys.executable,
                "-S",
                "-s",
                "-P",
                os.path.abspath(__file__),
                "serve",
                self._strength,
            ]
            os.posix_spawn(sys.executable, command, environment, file_actions=actions)
            os.close(null)
            theirs.close()
            self._servers[index] = ours
        return self._servers[index]

    def _run(
        self, ident: int, server: int, limits: tuple[Any, ...], request: bytes, stdin: bytes
    ) -> bytes:
        seconds, cpu_seconds, megabytes, output_kilobytes, record_kilobytes = limits
        run = _Run(ident, seconds, output_kilobytes * 1024, record_kilobytes * 1024 + SLACK_BYTES)
        sock = self._server(server)
        ends = run.pipes(len(request).to_bytes(4, "little") + request + stdin)
        try:
            _send(sock, RUN.pack(megabytes, cpu_seconds, record_kilobytes), ends)
            for end in ends:
                os.close(end)
            self._watch(run, sock)
        finally:
            run.close()
        return run.reply()

    def _watch(self, run: _Run, sock: _socket.socket) -> None:
        """Move bytes until the fork server says that the child ended."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(sock.fileno(), select.POLLIN)
        if run.writer >= 0:
            poll.register(run.writer, select.POLLOUT)
        while run.end is None:
            now = time.monotonic()
            if now >= run.deadline:
                run.kill(DEADLINE)
            if now > self._heard + self._silence:
                raise _Gone
            counting = run.handle >= 0 and run.fate == ENDED and not self._contained
            if counting:
                run.count()
            wait = run.deadline - now if now < run.deadline else 1.0
            if counting:
                wait = min(wait, COUNT_SECONDS)
            for descriptor, _ in poll.poll(int(min(wait, self._silence) * 1000) + 1):
                if descriptor == 0:
                    self._listen(run)
                    self._flush()  # answers to cancellations must not wait for this run
                elif descriptor == sock.fileno():
                    if not self._hear(run, sock):
                        return
                    if run.handle >= 0 and run.end is None:
                        self._flush()  # it takes long: what is done must not wait, and its pipes may fill up
                        for reader in run.readers:
                            poll.register(reader, select.POLLIN)
                elif descriptor == run.writer:
                    run.feed()
                    if run.writer < 0:
                        poll.unregister(descriptor)
                elif not run.read(descriptor):
                    poll.unregister(descriptor)

    def _hear(self, run: _Run, sock: _socket.socket) -> bool:
        """Take one message of the fork server. False when it could not fork."""
        message, descriptors = _receive(sock)
        if not message:
            os._exit(70)  # the fork server died: so do we, and the client replaces us whole
        if message == b"failed":
            return False
        if descriptors:
            run.handle = descriptors[0]
            (run.pid,) = FORKED.unpack(message)
            run.deadline = time.monotonic() + run.seconds - QUIET_SECONDS
            if run.fate != ENDED:
                run.kill(run.fate)
        else:
            run.end = message
        return True


def supervise(floor: str, silence_seconds: str = str(SILENCE_SECONDS)) -> NoReturn:
    """Start at the best strength this machine has, or leave with code 3 if it is below `floor`."""
    have = [
        name
        for name, works in (("landlock", landlock_abi()), ("seccomp", seccomp_works()))
        if works
    ]
    missing = [name for name in floor.split("+") if name not in (*have, "rlimits", "container")]
    if missing:
        sys.stderr.write(f"this machine has no {' and no '.join(missing)}\n")
        sys.exit(3)
    _harden()
    strength = "+".join(["container"] * ("container" in floor) + have) or "rlimits"
    Supervisor(strength, float(silence_seconds)).main()


if __name__ == "__main__":
    {"supervise": supervise, "serve": serve}[sys.argv[1]](*sys.argv[2:])
