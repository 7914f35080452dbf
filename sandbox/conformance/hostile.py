"""Programs that attack, each with the statuses that are a right answer to it.

A program that succeeds prints "PWNED"; the cheats of `cheats.py` succeed with a value of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...envs.types import Job, Limits, Status
from ..runner.system_calls import ARM, denied_calls, fatal_calls, number
from .cheats import CHEATS, JUDGED, SLOW

LIMITS: Final = Limits(
    seconds=20.0, cpu_seconds=5, megabytes=160, output_kilobytes=64, value_kilobytes=1024
)
SHORT: Final = replace(LIMITS, seconds=0.8)
"""For programs that may go on until they are stopped; the others may take as long as a busy machine needs."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile program. `right` are the statuses that are a right answer."""

    name: str
    job: Job
    right: frozenset[Status]


FORBIDDEN: Final = ("forbidden",)
BLOCKED: Final = ("ok", "error")  # told no, and the program goes on
HEAVY: Final = ("memory", "error", "timeout", "crash")
_RAW: Final = "import ctypes, os, errno, sys\nC = ctypes.CDLL(None, use_errno=True)\n"

# A page of the library, which every program maps and no program may write.
_PAGE: Final = (
    _RAW + "import time\nfd = os.open(os.__file__, os.O_RDONLY)\nC.mmap.restype = ctypes.c_void_p\n"
    "a = ctypes.c_void_p(C.mmap(None, 4096, 1, 2, fd, 0))\nword = ctypes.c_uint32.from_address(a.value).value\n"
    "span = (ctypes.c_long * 2)(0, 200_000_000)\n"
)

_RESOURCES: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "fork bomb": ("import os\nwhile True: os.fork()", ("error",)),
    "thread bomb": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()", HEAVY),
    "thread bomb with small stacks": (
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True: threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", HEAVY),
    "threads on one stack": (  # which no limit of address space bounds; x86-64 only
        _RAW + "import mmap, platform, time\nm = mmap.mmap(-1, 65536, prot=7)\n"
        "a = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"  # clone; the new thread calls pause for ever
        "code = bytes.fromhex('b8380000000f0585c07401c3b8220000000f05ebf7')\nm[:len(code)] = code\n"
        "clone = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 5)(a)\n"
        "n, end = 0, time.monotonic() + 0.5\n"
        "while platform.machine() == 'x86_64' and time.monotonic() < end:\n"
        "    if clone(0x10f00, a + 60000, 0, 0, 0) < 0: break\n    n += 1\n"
        "if n > 64: print('PWNED', n)", ("memory", "ok")),
    "a first thread that leaves the others behind": (
        _RAW + "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n"
        f"C.syscall({60 if not ARM else 93}, 0)", SLOW),
    "timers": (
        _RAW + f"t = ctypes.c_int()\nif C.syscall({107 if ARM else 222}, 0, 0, ctypes.byref(t)) == 0: print('PWNED')", BLOCKED),
    "queued signals": (  # their number is counted per user: what is left tells programs of each other
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nfor _ in range(70): os.kill(os.getpid(), 40)\n"
        "n = 0\nwhile signal.sigtimedwait([40], 0): n += 1\nif n > 1: print('PWNED', n)", BLOCKED),
    "memory at once": ("x = bytearray(1 << 33)", ("memory",)),
    "memory slowly": ("x = []\nwhile True: x.append(bytearray(1 << 20))", ("memory", "timeout")),
    "memory by a shared map": ("import mmap\nx = mmap.mmap(-1, 1 << 33)", ("error", "memory")),
    "memory by many shared maps": (
        "import mmap\nx = []\nwhile True:\n    m = mmap.mmap(-1, 1 << 22)\n    m.write(b'x' * (1 << 22))\n    x.append(m)", HEAVY),
    "memory that outlives its mapping": (  # of whatever kind: shared ones are counted nowhere
        _RAW + "C.mmap.restype = ctypes.c_void_p\nheld, size = 0, 32 << 20\n"
        "for kind in (1, 3):\n    for _ in range(8):\n"
        "        a = C.mmap(None, size, 3, kind | 0x20, -1, 0)\n        if a in (None, 2**64 - 1): break\n"
        "        ctypes.memset(a, 1, size)\n        C.munmap(ctypes.c_void_p(a + 4096), size - 4096)\n        held += 32\n"
        "if held > 160: print('PWNED', held)", BLOCKED),
    "memory that outlives its mapping, by the library": (
        "import mmap\nheld = []\nfor _ in range(8):\n    m = mmap.mmap(-1, 32 << 20)\n"
        "    for i in range(0, 32 << 20, 4096): m[i] = 1\n    m.resize(4096)\n    held.append(m)\n"
        "held[0].resize(32 << 20)\nif held[0][8192]: print('PWNED')", BLOCKED),
    "memory in a shared map of a device": (
        _RAW + "import mmap\nC.mmap.restype = ctypes.c_void_p\nfor way in (os.O_RDONLY, os.O_RDWR):\n"
        "    try: fd = os.open('/dev/zero', way)\n    except OSError: continue\n"
        "    for kind in (1, 3):\n        if C.mmap(None, 4096, 1 + way, kind, fd, 0) not in (None, 2**64 - 1): print('PWNED', way, kind)", BLOCKED),
    "memory in huge pages": (
        _RAW + "C.mmap.restype = ctypes.c_void_p\nif C.mmap(None, 4 << 20, 3, 0x40022, -1, 0) not in (None, 2**64 - 1): print('PWNED')",
        BLOCKED),
    "memory in files that are nowhere": (
        _RAW + "for name in (b'/x', b'x'):\n    if C.shm_open(name, 0o102, 0o600) >= 0: print('PWNED shm')\n"
        "for place in ('/dev/shm', '/tmp', '/run', '/dev', '/dev/mqueue', '.'):\n"
        "    try: os.open(place, 0o20200002)\n    except OSError: continue\n    print('PWNED', place)", BLOCKED),
    "memory errors swallowed": (
        "x = []\nwhile True:\n    try: x.append(bytearray(1 << 20))\n    except MemoryError: pass", (*SLOW, "memory")),
    "memory in a memfd": (
        "import os\nfd = os.memfd_create('x')\nwhile True: os.write(fd, b'x' * (1 << 20))", ("error",)),
    "memory in socket buffers": (
        "import socket\nx = []\nwhile True:\n    a, b = socket.socketpair()\n    a.setblocking(False)\n    x.append((a, b))\n"
        "    try:\n        while True: a.send(b'x' * 65536)\n    except BlockingIOError: pass", ("error",)),
    "memory in pipes": (
        "import os\nx = []\nwhile True:\n    r, w = os.pipe()\n    os.set_blocking(w, False)\n"
        "    try:\n        while True: os.write(w, b'x' * 65536)\n    except BlockingIOError: pass", ("error",)),
    "a list of ten billion": ("x = [0] * 10**10", ("memory",)),
    "text times a billion": ("x = 'ab' * 10**9", ("memory",)),
    "zip bomb": (
        "import zlib\nsmall = zlib.compress(zlib.compress(bytes(10**8)))\nx = []\n"
        "while True: x.append(zlib.decompress(zlib.decompress(small)))", HEAVY),
    "disk": ("f = open('/tmp/x', 'w')\nwhile True: f.write('x' * 10**6)", ("error",)),
    "disk beside the program": ("open('x', 'wb').write(b'x')", ("error",)),
    "disk in shared memory": ("open('/dev/shm/x', 'wb').write(b'x')", ("error",)),
    "disk in the library": ("import os\nopen(os.__file__, 'a').write('x')", ("error",)),
    "temporary file": ("import tempfile\ntempfile.TemporaryFile().write(b'x')", ("error",)),
    "inode bomb": ("import os\nfor i in range(10**6): os.mkdir(f'/tmp/{i}')", ("error",)),
    "descriptor bomb": ("import os\nwhile True: os.dup(1)", ("error",)),
    "output bomb": ("while True: print('x' * 1000)", ("output_limit",)),
    "error output bomb": ("import sys\nwhile True: sys.stderr.write('x' * 1000)", ("output_limit",)),
    "output bomb by descriptor": ("import os\nwhile True: os.write(1, b'x' * 65536)", ("output_limit",)),
    "record bomb": ("import os\nwhile True: os.write(3, b'x' * 65536)", ("invalid",)),
    "endless loop": ("while True: pass", SLOW),
    "endless sleep": ("import time\ntime.sleep(10**6)", SLOW),
    "endless wait": ("import select\nselect.select([], [], [])", SLOW),
    "endless read": ("import os\nr, w = os.pipe()\nos.read(r, 1)", SLOW),
    "deadlock": ("import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()", SLOW),
    "all signals ignored": (
        "import signal\nfor s in range(1, 64):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass", SLOW),
    "all signals blocked": ("import signal\nsignal.pthread_sigmask(0, range(1, 64))\nwhile True: pass", SLOW),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", SLOW),
    "processor limit ignored": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", SLOW),
    "busy threads": (
        "import threading, hashlib\n"
        "def burn():\n    while True: hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**5)\n"
        "for _ in range(4): threading.Thread(target=burn).start()", SLOW),
    "regex": ("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", SLOW),
    "regex with signals ignored": (
        "import re, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nre.match(r'(a|a)*$', 'a' * 40 + 'b')", SLOW),
    "huge power": ("x = 9 ** 9 ** 9", (*SLOW, "memory")),
    "huge number as text": (
        "import sys\nsys.set_int_max_str_digits(0)\nx = str(7 ** 10**7)", SLOW),
    "nested parentheses": ("eval('(' * 10**5)", ("error", "memory", "output_limit")),
    "nested unary signs": ("eval('-' * 10**6 + '1')", ("error", "memory", "crash")),
    "nested lists compiled": ("compile('[' * 90 + ']' * 90 + '+x' * 10**5, 's', 'exec')", ("ok", "error", "memory", "crash")),
    "a constant to fold": ("eval('((1,) * 10**7,) * 10**5')", ("ok", *HEAVY)),
    "endless recursion": ("def f(): f()\nf()", ("error",)),
    "recursion through C": (
        "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)", ("crash", *HEAVY)),
    "recursion without a limit": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f() + 1\nf()", ("crash", *HEAVY, "cpu")),
    "null pointer": ("import ctypes\nctypes.string_at(0)", ("crash",)),
    "abort": ("import os\nos.abort()", ("crash",)),
    "colliding hashes": ("x = {i * (2**61 - 1) for i in range(10**5)}", (*SLOW, "ok")),
    "garbage that revives itself": (
        "class A:\n    def __del__(self): A()\nA()\nwhile True: A()", (*SLOW, *HEAVY)),
    "exit handlers without end": ("import atexit\ndef again():\n    while True: pass\natexit.register(again)", SLOW),
    "mappings by the thousand": (
        _RAW + "import mmap\nm = mmap.mmap(-1, 100 << 20)\na = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "for i in range(0, 25000, 2): C.mprotect(ctypes.c_void_p(a + 4096 * i), 4096, 0)", ("ok", *HEAVY)),
    "files that are not there": (
        "import os\nfor i in range(20000):\n    try: os.stat(f'/usr/lib/{i}')\n    except OSError: pass", ("ok",)),
    "a hundred thousand causes": (
        "first = last = ValueError()\nfor _ in range(10**5):\n    last.__cause__ = ValueError()\n    last = last.__cause__\n"
        "raise first", HEAVY),
    "exceptions nested without end": (
        "e = ValueError()\nfor _ in range(10**5): e = ExceptionGroup('x', [e])\nraise e", HEAVY),
    "interrupted all the time": (
        "import signal\nsignal.signal(signal.SIGPROF, lambda *a: None)\nsignal.setitimer(signal.ITIMER_PROF, 1e-6, 1e-6)\n"
        "while True: pass", SLOW),
    "the interpreter's lock kept": (
        "import re, sys, threading\nsys.setswitchinterval(10**6)\nthreading.Thread(target=re.match, args=(r'(a|a)*$', 'a' * 40 + 'b')).start()", SLOW),
    "an import that waits for itself": (
        "import _imp, threading\n_imp.acquire_lock()\nt = threading.Thread(target=__import__, args=('this',))\nt.start()\nt.join()", SLOW),
    "output byte by byte": ("import os\nwhile True: os.write(1, b'x')", ("output_limit",)),
    "output taken back": (  # what it reads itself was never said; and its pipe is the only bound on what waits there
        "import os\nr = os.open('/proc/self/fd/1', os.O_RDONLY | os.O_NONBLOCK)\nwhile True:\n    os.write(1, b'x' * 4096)\n"
        "    try: os.read(r, 4096)\n    except BlockingIOError: pass", ("error", "output_limit", *SLOW)),
    "a thread that never ends": ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()", SLOW),
}  # fmt: skip

_PROCESSES: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "daemon": ("import os\nif not os.fork():\n    os.setsid()\n    os.fork()", ("error",)),
    "shell": ("import os\nif os.system('true') == 0: print('PWNED')", BLOCKED),
    "subprocess": ("import subprocess\nsubprocess.run(['/bin/true'])\nprint('PWNED')", ("error",)),
    "spawn": ("import os, sys\nos.posix_spawn(sys.executable, ['x'], {})\nprint('PWNED')", ("error",)),
    "exec": ("import os, sys\nos.execv(sys.executable, ['python', '-c', 'print(\"PWNED\")'])", ("error",)),
    "multiprocessing": ("import multiprocessing\np = multiprocessing.Process(target=print)\np.start()\nprint('PWNED')", ("error",)),
    "raw fork by clone": (_RAW + f"if C.syscall({number('clone')}, 17, 0, 0, 0, 0) >= 0: print('PWNED')", BLOCKED),
    "raw fork that shares memory": (
        _RAW + f"if C.syscall({number('clone')}, 0x4111, 0, 0, 0, 0) >= 0: print('PWNED')", BLOCKED),
    "clone that keeps its parent": (_RAW + f"C.syscall({number('clone')}, 0x8011, 0, 0, 0, 0)", FORBIDDEN),
    "thread that is traced": (_RAW + f"C.syscall({number('clone')}, 0x7d2f00, 0, 0, 0, 0)", FORBIDDEN),
    "clone into a namespace": (_RAW + f"C.syscall({number('clone')}, 0x10000011, 0, 0, 0, 0)", FORBIDDEN),
    "clone3": (
        _RAW + f"if C.syscall({number('clone3')}, bytes(88), 88) >= 0: print('PWNED')", BLOCKED),
    "kill of the parent": ("import os\nos.kill(os.getppid(), 9)", FORBIDDEN),
    "stop of the parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)", FORBIDDEN),
    "kill of everyone": ("import os\nos.kill(-1, 9)", FORBIDDEN),
    "kill of process 1": ("import os\nos.kill(1, 9)", FORBIDDEN),
    "kill of the group": ("import os\nos.killpg(0, 9)", FORBIDDEN),
    "signal to a parent's thread": (
        _RAW + f"C.syscall({number('tgkill')}, os.getppid(), os.getppid(), 9)", FORBIDDEN),
    "memory of the parent": (
        "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)\nprint('PWNED')", ("error",)),
    "memory of process 1": ("open('/proc/1/mem', 'r+b')\nprint('PWNED')", ("error",)),
    "environment of the parent": (
        "import os\nopen(f'/proc/{os.getppid()}/environ', 'rb').read()\nprint('PWNED')", ("error",)),
    "descriptors of the parent": (
        "import os\nos.listdir(f'/proc/{os.getppid()}/fd')\nprint('PWNED')", ("error",)),
    "root of the parent": ("import os\nos.listdir(f'/proc/{os.getppid()}/root')\nprint('PWNED')", ("error",)),
    "limits of the parent": (
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))\nprint('PWNED')", ("error",)),
    "its own limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nprint('PWNED')", ("error",)),
    "user 0": ("import os\nos.setuid(0)\nos.setresuid(0, 0, 0)\nprint('PWNED')", ("error",)),
    "niceness": ("import os\nos.nice(-5)\nprint('PWNED')", ("error",)),
    "outlives its parent": (
        _RAW + f"if C.syscall({number('prctl')}, 1, 0, 0, 0, 0) == 0: print('PWNED')", BLOCKED),
    "becomes dumpable": (
        _RAW + f"if C.syscall({number('prctl')}, 4, 1, 0, 0, 0) == 0: print('PWNED')", BLOCKED),
    "clock of the parent": (
        "import os, time\ntime.clock_gettime((~os.getppid() << 3) | 2)\nprint('PWNED')", ("error",)),
    "clock of process 1": ("import time\ntime.clock_gettime((~1 << 3) | 2)\nprint('PWNED')", ("error",)),
    "fork by code of its own": (  # vfork without a library; x86-64 only
        _RAW + "import mmap, platform\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b83a0000000f05c3'))\n"
        "if platform.machine() == 'x86_64':\n"
        "    if ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))() >= 0: print('PWNED')",
        BLOCKED),
    "signals of a descriptor for the parent": (
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, 8, os.getppid())\nprint('PWNED')", ("error",)),
    "its own entries in /proc": (
        "import os\nfor name in ('oom_score_adj', 'comm', 'mem', 'coredump_filter', 'timerslack_ns', 'clear_refs', 'uid_map', 'autogroup'):\n"
        "    try: os.open('/proc/self/' + name, os.O_WRONLY)\n    except OSError: continue\n    print('PWNED', name)", ("ok",)),
    "an attempt that is none": (  # the filter's own signal, sent by hand
        "import os, signal\nfor number in (signal.SIGSYS, signal.SIGKILL, signal.SIGXCPU):\n    try: os.kill(os.getpid(), number)\n"
        "    except OSError: pass", ("ok",)),
    "an exit code that equals everything": (
        "class E(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\nraise SystemExit(E(5))", ("error",)),
    "modules of the runner": (
        "import importlib, sys\nfor name in ('runner', 'runner.child', 'child', 'locks', 'record', 'supervisor', 'wire', '__main__.locks'):\n"
        "    try: print('PWNED', importlib.import_module(name))\n    except ImportError: pass\n"
        "if any('runner' in place for place in sys.path): print('PWNED')", ("ok",)),
    "leaves its session": ("import os\nos.setsid()\nprint('PWNED')", ("error",)),
}  # fmt: skip

_CHANNELS: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "TCP": ("import socket\nsocket.create_connection(('127.0.0.1', 22), 1)\nprint('PWNED')", ("error",)),
    "TCP server": ("import socket\nsocket.create_server(('127.0.0.1', 0))\nprint('PWNED')", ("error",)),
    "UDP": (
        "import socket\nsocket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))\nprint('PWNED')", ("error",)),
    "DNS": ("import socket\nsocket.getaddrinfo('example.org', 80)\nprint('PWNED')", ("error",)),
    "web": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')\nprint('PWNED')", ("error",)),
    "unix socket": ("import socket\nsocket.socket(socket.AF_UNIX).connect('/run/docker.sock')\nprint('PWNED')", ("error",)),
    "abstract socket": ("import socket\nsocket.socket(socket.AF_UNIX).bind('\\0x')\nprint('PWNED')", ("error",)),
    "vsock": ("import socket\nsocket.socket(40, 1)\nprint('PWNED')", ("error",)),
    "netlink": ("import socket\nsocket.socket(16, 3)\nprint('PWNED')", ("error",)),
    "raw socket": ("import socket\nsocket.socket(17, 3)\nprint('PWNED')", ("error",)),
    "kernel crypto": ("import socket\nsocket.socket(38, 5)\nprint('PWNED')", ("error",)),
    "datagram past a pair": (
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "a.sendto(b'x', '/dev/log')\nprint('PWNED')", ("error",)),
    "message with an address": (
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "a.sendmsg([b'x'], [], 0, '/dev/log')\nprint('PWNED')", ("error",)),
    "descriptor passing": (
        "import socket\na, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [1])\nprint('PWNED')", ("error",)),
    "POSIX shared memory": (
        "from multiprocessing import shared_memory\nshared_memory.SharedMemory('x', True, 9)\nprint('PWNED')", ("error",)),
    "SysV shared memory": (_RAW + "if C.shmget(77, 4096, 0o1666) >= 0: print('PWNED')", BLOCKED),
    "SysV semaphores": (_RAW + "if C.semget(77, 1, 0o1666) >= 0: print('PWNED')", BLOCKED),
    "SysV messages": (_RAW + "if C.msgget(77, 0o1666) >= 0: print('PWNED')", BLOCKED),
    "lock on a shared file": (
        "import fcntl, os\nfcntl.flock(os.open(os.__file__, 0), fcntl.LOCK_SH)\nprint('PWNED')", ("error",)),
    "record lock on a shared file": (
        "import fcntl, os\nfcntl.lockf(os.open(os.__file__, 0), fcntl.LOCK_SH)\nprint('PWNED')", ("error",)),
    "lease": ("import fcntl, os\nfcntl.fcntl(os.open(os.__file__, 0), 1024, 0)\nprint('PWNED')", ("error",)),
    "wait in a shared page": (
        _PAGE + f"C.syscall({number('futex')}, a, 0, word, span, 0, 0)\n"
        "if ctypes.get_errno() != errno.EAGAIN: print('PWNED')", BLOCKED),
    "wake in a shared page": (
        _PAGE + f"if C.syscall({number('futex')}, a, 1, 99, 0, 0, 0): print('PWNED')", BLOCKED),
    "which pages of a file are in memory": (
        _PAGE + "v = ctypes.create_string_buffer(1)\nif C.mincore(a, 4096, v) == 0: print('PWNED', v.raw)", BLOCKED),
    "a file put out of memory": (
        "import os\nfd = os.open(os.__file__, os.O_RDONLY)\nos.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)\nprint('PWNED')",
        ("error",)),
    "pages of the library merged or put out": (
        _PAGE + "for advice in (12, 20, 21, 22):\n    if C.madvise(a, 4096, advice) == 0: print('PWNED', advice)", BLOCKED),
    "who else is there": (  # by their ids: threads that come and go are a message
        _RAW + "others = [n for n in (os.getppid(), *range(1, 300)) if n != os.getpid()]\n"
        "for call in (os.getpgid, os.getsid, os.sched_getaffinity, os.sched_getparam, os.sched_getscheduler):\n"
        "    for n in others:\n        try: print('PWNED', call(n))\n        except OSError: pass\n"
        "for which in range(3):\n    for n in others:\n        try: print('PWNED', os.getpriority(which, n))\n"
        "        except OSError: pass\n"
        f"if len({{ctypes.get_errno() for n in others if C.syscall({number('get_robust_list')}, n, 0, 0)}}) != 1: print('PWNED')",
        BLOCKED),
    "packages of the machine's own Python": (
        "import os\nfor folder in ('/usr/lib/python3/dist-packages', '/usr/lib/python3', '/usr/lib', '/lib/python3'):\n"
        "    try: print('PWNED', os.listdir(folder))\n    except OSError: pass", BLOCKED),
    "message queue by its file": ("import os\nos.open('/dev/mqueue/x', os.O_CREAT | os.O_RDWR)\nprint('PWNED')", ("error",)),
    "counters of the container": (
        "print('PWNED', open('/sys/fs/cgroup/memory/memory.max_usage_in_bytes').read())", ("error",)),
    "which pages of a file are in memory, by reading": (
        "import os\nfd = os.open(os.__file__, os.O_RDONLY)\nos.preadv(fd, [bytearray(9)], 0, os.RWF_NOWAIT)\nprint('PWNED')", ("error",)),
    "asynchronous reads and writes": (
        _RAW + f"c = ctypes.c_ulong()\nif C.syscall({0 if ARM else 206}, 8, ctypes.byref(c)) == 0: print('PWNED')", BLOCKED),
    "a larger pipe": (  # counted per user: what is left would tell programs of each other
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(w, 1031, 1 << 20)\nprint('PWNED')", ("error",)),
    "watch of a folder": (
        "import fcntl, os\nfcntl.fcntl(os.open(os.path.dirname(os.__file__), 0), 1026, 1)\nprint('PWNED')", ("error",)),
    "other devices": (
        "import os\nfor name in ('ptmx', 'pts/ptmx', 'console', 'kmsg', 'fuse', 'kvm', 'net/tun', 'loop-control', 'port', 'nvram', 'rtc'):\n"
        "    for way in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):\n        try: os.open('/dev/' + name, way)\n"
        "        except OSError: continue\n        print('PWNED', name)", ("ok",)),
    "file watch": (_RAW + "if C.inotify_init() >= 0: print('PWNED')", BLOCKED),
    "terminal": ("open('/dev/tty', 'w').write('x')\nprint('PWNED')", ("error",)),
    "typing into a terminal": ("import fcntl\nfcntl.ioctl(0, 0x5412, b'x')\nprint('PWNED')", ("error",)),
    "kernel memory": ("open('/dev/mem', 'rb').read(1)\nprint('PWNED')", ("error",)),
    "block device": ("open('/dev/vda', 'rb').read(1)\nprint('PWNED')", ("error",)),
    "home of root": ("import os\nprint('PWNED', os.listdir('/root'))", ("error",)),
    "passwords": ("print(open('/etc/shadow').read(), 'PWNED')", ("error",)),
    "installed packages": (
        "import os\nfolder = os.path.join(os.path.dirname(os.__file__), 'site-packages')\n"
        "for name in os.listdir(folder)[:40] if os.path.exists(folder) else ():\n"
        "    for path in (name, name + '/__init__.py', name + '/METADATA'):\n"
        "        try: open(os.path.join(folder, path)).read(1)\n        except OSError: continue\n"
        "        print('PWNED', path)", ("ok",)),
    "socket filters": (
        "import socket\na, b = socket.socketpair()\na.setsockopt(1, 26, bytes(16))\nprint('PWNED')", ("error",)),
    "files of the project": (
        "import os\nfor folder in ('/work', '/home', '/srv', '/opt', '/var', '/tmp', '/mnt'):\n"
        "    try:\n        if os.listdir(folder): print('PWNED')\n    except OSError: pass", ("ok",)),
    "x32 call": (_RAW + "C.syscall(0x40000000 + 39)", FORBIDDEN if not ARM else BLOCKED),
    "32-bit call": (
        _RAW + "import mmap, platform\n"
        "m = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"  # getpid by int 0x80
        "if platform.machine() == 'x86_64':\n"
        "    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\n"
        "    print('PWNED')", ("forbidden", "ok", "crash") if ARM else ("forbidden", "crash")),
}  # fmt: skip


def _limits(right: tuple[Status, ...]) -> Limits:
    return SHORT if "timeout" in right else LIMITS


def attacks() -> Iterator[Attack]:
    """All of them, in a fixed order; names are unique."""
    for group, programs in (
        ("resources", _RESOURCES),
        ("processes", _PROCESSES),
        ("channels", _CHANNELS),
    ):
        for name, (source, right) in programs.items():
            yield Attack(f"{group}: {name}", Job(source, limits=_limits(right)), frozenset(right))

    for name, (source, right) in CHEATS.items():
        job = Job(source, "f", ((1,),), limits=_limits(right))
        yield Attack(f"cheating: {name}", job, frozenset(right))
    for name, (source, judge, right) in JUDGED.items():
        job = Job(source, "f", ((1,),), judge=judge, limits=LIMITS)
        yield Attack(f"before a judge: {name}", job, frozenset(right))

    for name, call in fatal_calls():
        source = _RAW + f"C.syscall({call}, 0, 0, 0, 0, 0, 0)\nprint('PWNED')"
        yield Attack(f"system call: {name}", Job(source, limits=LIMITS), frozenset(FORBIDDEN))

    told = [call for _, call in denied_calls()]
    source = _RAW + (
        f"for n in {told}:\n    r = C.syscall(n, -1, 0, 0, 0, 0, 0)\n"
        "    if r != -1 or ctypes.get_errno() != errno.EPERM: print('PWNED', n)"
    )
    yield Attack(
        "system call: all that are told no", Job(source, limits=LIMITS), frozenset(("ok",))
    )

    source = _RAW + (
        "for n in range(450, 1000):\n    r = C.syscall(n, -1, 0, 0, 0, 0, 0)\n"
        "    if r != -1 or ctypes.get_errno() != errno.ENOSYS: print('PWNED', n)"
    )
    yield Attack(
        "system call: all that are unknown", Job(source, limits=LIMITS), frozenset(("ok",))
    )
