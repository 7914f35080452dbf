"""Programs that attack: each with the statuses that are a right answer to it.

A program that gets what it wants says so by the value "PWNED"; a cheat wants the value `SECRET`, which is
never sent anywhere near it. `conformance.py` runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..envs.types import Job, Limits, Status
from . import runner

SECRET: Final = 7_310_442_981
LIMITS: Final = Limits(seconds=20.0, cpu_seconds=5, megabytes=160, output_kilobytes=64, value_kilobytes=1024)
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
SLOW: Final = ("timeout", "cpu")
HEAVY: Final = ("memory", "error", "timeout", "crash")
_RAW: Final = "import ctypes, os, errno, sys\nC = ctypes.CDLL(None, use_errno=True)\n"

# A page of the library, which every program maps and no program may write.
_PAGE: Final = (
    _RAW + "import time\nfd = os.open(os.__file__, os.O_RDONLY)\nC.mmap.restype = ctypes.c_void_p\n"
    "a = ctypes.c_void_p(C.mmap(None, 4096, 1, 2, fd, 0))\nword = ctypes.c_uint32.from_address(a.value).value\n"
    "span = (ctypes.c_long * 2)(0, 200_000_000)\n"
)

_RESOURCES: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "fork bomb": ("import os\nwhile True: os.fork()", FORBIDDEN),
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
        f"C.syscall({60 if not runner.ARM else 93}, 0)", SLOW),
    "timers": (
        _RAW + f"t = ctypes.c_int()\nif C.syscall({107 if runner.ARM else 222}, 0, 0, ctypes.byref(t)) == 0: print('PWNED')", BLOCKED),
    "queued signals": (  # their number is counted per user: what is left tells programs of each other
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nfor _ in range(70): os.kill(os.getpid(), 40)\n"
        "n = 0\nwhile signal.sigtimedwait([40], 0): n += 1\nif n > 1: print('PWNED', n)", BLOCKED),
    "memory at once": ("x = bytearray(1 << 33)", ("memory",)),
    "memory slowly": ("x = []\nwhile True: x.append(bytearray(1 << 20))", ("memory", "timeout")),
    "memory by a shared map": ("import mmap\nx = mmap.mmap(-1, 1 << 33)", ("error", "memory")),
    "memory by many shared maps": (
        "import mmap\nx = []\nwhile True:\n    m = mmap.mmap(-1, 1 << 22)\n    m.write(b'x' * (1 << 22))\n    x.append(m)", HEAVY),
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
    "a thread that never ends": ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()", SLOW),
}  # fmt: skip

_PROCESSES: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "daemon": ("import os\nif not os.fork():\n    os.setsid()\n    os.fork()", FORBIDDEN),
    "shell": ("import os\nos.system('true')", FORBIDDEN),
    "subprocess": ("import subprocess\nsubprocess.run(['/bin/true'])", FORBIDDEN),
    "spawn": ("import os, sys\nos.posix_spawn(sys.executable, ['x'], {})", FORBIDDEN),
    "exec": ("import os, sys\nos.execv(sys.executable, ['python', '-c', 'print(1)'])", FORBIDDEN),
    "multiprocessing": ("import multiprocessing\np = multiprocessing.Process(target=print)\np.start()", FORBIDDEN),
    "raw fork by clone": (_RAW + f"C.syscall({runner.number('clone')}, 17, 0, 0, 0, 0)", FORBIDDEN),
    "clone into a namespace": (_RAW + f"C.syscall({runner.number('clone')}, 0x10000011, 0, 0, 0, 0)", FORBIDDEN),
    "clone3": (
        _RAW + f"if C.syscall({runner.number('clone3')}, bytes(88), 88) >= 0: print('PWNED')", BLOCKED),
    "kill of the parent": ("import os\nos.kill(os.getppid(), 9)", FORBIDDEN),
    "stop of the parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)", FORBIDDEN),
    "kill of everyone": ("import os\nos.kill(-1, 9)", FORBIDDEN),
    "kill of process 1": ("import os\nos.kill(1, 9)", FORBIDDEN),
    "kill of the group": ("import os\nos.killpg(0, 9)", FORBIDDEN),
    "signal to a parent's thread": (
        _RAW + f"C.syscall({runner.number('tgkill')}, os.getppid(), os.getppid(), 9)", FORBIDDEN),
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
        _RAW + f"if C.syscall({runner.number('prctl')}, 1, 0, 0, 0, 0) == 0: print('PWNED')", BLOCKED),
    "becomes dumpable": (
        _RAW + f"if C.syscall({runner.number('prctl')}, 4, 1, 0, 0, 0) == 0: print('PWNED')", BLOCKED),
    "clock of the parent": (
        "import os, time\ntime.clock_gettime((~os.getppid() << 3) | 2)\nprint('PWNED')", ("error",)),
    "clock of process 1": ("import time\ntime.clock_gettime((~1 << 3) | 2)\nprint('PWNED')", ("error",)),
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
        _PAGE + f"C.syscall({runner.number('futex')}, a, 0, word, span, 0, 0)\n"
        "if ctypes.get_errno() != errno.EAGAIN: print('PWNED')", BLOCKED),
    "wake in a shared page": (
        _PAGE + f"if C.syscall({runner.number('futex')}, a, 1, 99, 0, 0, 0): print('PWNED')", BLOCKED),
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
        f"if len({{ctypes.get_errno() for n in others if C.syscall({runner.number('get_robust_list')}, n, 0, 0)}}) != 1: print('PWNED')",
        BLOCKED),
    "packages of the machine's own Python": (
        "import os\nfor folder in ('/usr/lib/python3/dist-packages', '/usr/lib/python3', '/usr/lib', '/lib/python3'):\n"
        "    try: print('PWNED', os.listdir(folder))\n    except OSError: pass", BLOCKED),
    "message queue by its file": ("import os\nos.open('/dev/mqueue/x', os.O_CREAT | os.O_RDWR)\nprint('PWNED')", ("error",)),
    "counters of the container": (
        "print('PWNED', open('/sys/fs/cgroup/memory/memory.max_usage_in_bytes').read())", ("error",)),
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
    "x32 call": (_RAW + "C.syscall(0x40000000 + 39)", FORBIDDEN if not runner.ARM else BLOCKED),
    "32-bit call": (
        _RAW + "import mmap, platform\n"
        "m = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"  # getpid by int 0x80
        "if platform.machine() == 'x86_64':\n"
        "    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\n"
        "    print('PWNED')", ("forbidden", "ok", "crash") if runner.ARM else ("forbidden", "crash")),
}  # fmt: skip

# What a function f(x) may do to look right without knowing the answer.
_CHEATS: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
    "exit 0 before the result": ("import os\ndef f(x): os._exit(0)", ("no_result",)),
    "sys.exit(0)": ("import sys\ndef f(x): sys.exit(0)", ("error",)),
    "StopIteration": ("def f(x): raise StopIteration", ("error",)),
    "GeneratorExit": ("def f(x): raise GeneratorExit", ("error",)),
    "KeyboardInterrupt": ("def f(x): raise KeyboardInterrupt", ("error",)),
    "an exception of its own": ("class E(BaseException): pass\ndef f(x): raise E", ("error",)),
    "exit at load": ("import sys\nsys.exit(0)", ("error",)),
    "always equal": ("class A:\n    def __eq__(self, o): return True\ndef f(x): return A()", ("invalid",)),
    "always equal number": (
        "class A(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\ndef f(x): return A(1)", ("invalid",)),
    "always equal text": ("class A(str):\n    def __eq__(self, o): return True\ndef f(x): return A('x')", ("invalid",)),
    "always equal inside a list": ("class A(int):\n    def __eq__(self, o): return True\ndef f(x): return [A(1)]", ("invalid",)),
    "lying class": ("class A:\n    __class__ = int\ndef f(x): return A()", ("invalid",)),
    "hostile items": (
        "class D(dict):\n    def items(self):\n        while True: yield 1, 1\ndef f(x): return D()", ("invalid",)),
    "patched builtins": (
        "import builtins\nbuiltins.type = lambda *a: int\nbuiltins.isinstance = lambda *a: True\n"
        "builtins.len = lambda x: 0\ndef f(x): return object()", ("invalid",)),
    "patched encoder": (
        "import sys, _json\n_json.encode_basestring_ascii = lambda s: '7'\ndef f(x): return object()", ("invalid",)),
    "patched everything": (
        "import os, marshal, sys\nfor m in (os, marshal, sys):\n    for n in dir(m):\n        try: setattr(m, n, None)\n"
        "        except BaseException: pass\ndef f(x): return 1", ("ok", "crash", "no_result", "invalid", "error")),
    "no builtins left": (
        "import builtins\nfor n in dir(builtins):\n    if n not in ('delattr', 'dir'): delattr(builtins, n)\n"
        "def f(x): return 1", ("ok", "error", "crash", "invalid", "no_result")),
    "markers on stdout": ("def f(x):\n    print('[[0,7310442981]]')\n    return 1", ("ok",)),
    "markers on every descriptor": (
        "import os\ndef f(x):\n    for d in range(64):\n        try: os.write(d, b'[[0,1]]')\n        except OSError: pass", ("invalid",)),
    "a record of its own": (
        "import os\ndef f(x):\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(0)", ("ok",)),
    "two records": (
        "import os\ndef f(x):\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    return 5", ("invalid",)),
    "result, then crash": (
        "import os\ndef f(x):\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os.abort()", ("crash",)),
    "result, then exit code": (
        "import os\ndef f(x):\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(9)", ("crash",)),
    "result, then endless": (
        "import os\ndef f(x):\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    while True: pass", SLOW),
    "record of another length": ("import os\ndef f(x):\n    os.write(3, b'\\xff\\xff\\0\\0[[0,5]]')\n    os._exit(0)", ("invalid",)),
    "record that is no JSON": ("import os\ndef f(x):\n    os.write(3, b'\\x02\\0\\0\\0[[')\n    os._exit(0)", ("invalid",)),
    "record of NaN": ("import os\ndef f(x):\n    os.write(3, b'\\x09\\0\\0\\0[[0,NaN]]')\n    os._exit(0)", ("invalid",)),
    "record nested without end": (
        "import os\ndef f(x):\n    r = b'[' * 60000\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(0)", ("invalid",)),
    "record of a huge number": (
        "import os\ndef f(x):\n    r = b'[[0,' + b'9' * 50000 + b']]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n"
        "    os._exit(0)", ("invalid",)),
    "record of colliding members": (
        "import os\ndef f(x):\n    s = ','.join('{\"int\":\"%x\"}' % (i * (2**61 - 1)) for i in range(2, 2000))\n"
        "    r = ('[[0,{\"set\":[%s]}]]' % s).encode()\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(0)", ("invalid",)),
    "record of unknown statuses": ("import os\ndef f(x):\n    os.write(3, b'\\x08\\0\\0\\0[[9,\"\"]]')\n    os._exit(0)", ("invalid",)),
    "record of too many results": (
        "import os\ndef f(x):\n    os.write(3, b'\\x0d\\0\\0\\0[[0,5],[0,5]]')\n    os._exit(0)", ("invalid",)),
    "record of an unhashable key": (
        "import os\ndef f(x):\n    r = b'[[0,{\"dict\":[[[1],2]]}]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n"
        "    os._exit(0)", ("invalid",)),
    "our exit codes": ("import os\ndef f(x): os._exit(1)", ("crash",)),
    "our memory code": ("import os\ndef f(x): os._exit(77)", ("memory",)),
    "a fault like ours": ("import os\ndef f(x):\n    os.write(3, b'')\n    os.close(3)\n    os._exit(70)", ("crash",)),
    "closes the record": ("import os\ndef f(x):\n    os.close(3)\n    return 1", ("no_result", "crash")),
    "closes everything": ("import os\ndef f(x):\n    os.closerange(0, 64)\n    return 1", ("no_result", "crash")),
    "frames": (
        "import sys\ndef f(x):\n    g = sys._getframe()\n    while g:\n        for v in list(g.f_locals.values()) + list(g.f_globals.values()):\n"
        "            if v == 7310442980 + 1: return v\n        g = g.f_back", ("ok",)),
    "garbage collector": (
        "import gc\ndef f(x):\n    for o in gc.get_objects():\n        try:\n            for v in gc.get_referents(o):\n"
        "                if type(v) is int and v == 7310442980 + 1 - 0 * x and v not in f.__code__.co_consts: return v\n"
        "        except Exception: pass", ("ok", "timeout")),
    "environment": ("import os\ndef f(x): return sorted(os.environ.items())", ("ok",)),
    "arguments": ("import sys\ndef f(x): return sys.argv + sys.orig_argv", ("ok",)),
    "the harness's file": (
        "import sys\ndef f(x):\n    for p in ('/runner.py', '/proc/self/cmdline', '/proc/self/environ'):\n"
        "        try: print(open(p).read()[:99])\n        except OSError: pass", ("ok",)),
    "patched runner": (  # what it does to the runner's own functions it does to its own record
        "import sys\ndef f(x):\n    g = sys._getframe(1).f_globals\n    g['_said'] = g['_fault'] = lambda *a: '[0,7]'\n"
        "    g['_caller'] = g['_write_all'] = g['_Refused'] = g['OK'] = None\n    return object()", ("invalid",)),
    "inputs changed for later calls": (
        "import sys\ndef f(x):\n    for a in sys._getframe(2).f_locals['inputs']: a.__class__\n    return x.__class__.__name__", ("ok", "error")),
    "lying reduce": ("class A(list):\n    def __reduce__(self): return (int, (7310442981,))\ndef f(x): return A()", ("invalid",)),
    "lying hash in a set": (
        "class A(int):\n    __eq__ = lambda s, o: True\n    __hash__ = lambda s: hash(7310442981)\ndef f(x): return {A(1)}", ("invalid",)),
    "changed while it is read": (
        "import threading\ndef f(x):\n    a = [0] * 10**5\n    def g():\n        while True: a.append(object()); a.clear()\n"
        "    threading.Thread(target=g, daemon=True).start()\n    return a", ("ok", "invalid", "output_limit", "error", "memory")),
    "a thread that writes a record": (
        "import os, threading, time\ndef w():\n    time.sleep(0.05)\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n"
        "    os._exit(0)\ndef f(x):\n    threading.Thread(target=w).start()\n    time.sleep(9)", ("ok",)),
    "a record from an exit handler": (
        "import atexit, os\n@atexit.register\ndef w():\n    r = b'[[0,5]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n"
        "def f(x): return 5", ("ok",)),
    "a record from a finalizer": (
        "import os, sys\nclass A:\n    def __del__(self): os.write(3, b'xx')\ndef f(x):\n    f.a = A()\n    del f.a\n    return 5", ("invalid",)),
    "a record from a signal": (
        "import os, signal\ndef w(*a): os.write(3, b'\\x07\\0\\0\\0[[0,5]]'); os._exit(0)\n"
        "def f(x):\n    signal.signal(signal.SIGALRM, w)\n    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    while True: pass", ("ok",)),
    "the lock's mark again": ("import os\ndef f(x):\n    os.write(3, b'L')\n    return 5", ("invalid",)),
    "the lock's mark taken back": (  # to look like a fault of ours: `infra` is no loss
        "import os\ndef f(x):\n    for d in range(128):\n        try: r = os.open(f'/proc/self/fd/{d}', os.O_RDONLY | os.O_NONBLOCK)\n"
        "        except OSError: continue\n        try:\n            while os.read(r, 4096): pass\n        except OSError: pass\n"
        "    os._exit(1)", ("crash",)),
    "the processor's signal by hand": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGXCPU)", ("cpu",)),
    "death by its own hand": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)", ("memory",)),
    "half a set of colliding members": (
        "import os\ndef f(x):\n    s = ','.join([*map(str, range(9000)), *('{\"int\":\"%x\"}' % (i * (2**61 - 1)) for i in range(2, 9000))])\n"
        "    r = ('[[0,{\"set\":[%s]}]]' % s).encode()\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(0)", ("invalid",)),
    "trace of the harness": (  # it may make its own record say anything: still only a claim
        "import sys\ndef f(x):\n    def t(frame, event, arg):\n        frame.f_locals.update(code=0, value=0)\n        return t\n"
        "    sys.settrace(t)\n    raise ValueError", ("error", "invalid", "crash", "ok")),
    "profile of the harness": (
        "import sys\ndef f(x):\n    def p(frame, event, arg): raise SystemExit\n    sys.setprofile(p)\n    return 1",
        ("error", "invalid", "crash", "no_result", "ok")),
    "endless text of an exception": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef f(x): raise E", SLOW),
    "failing text of an exception": ("class E(Exception):\n    def __str__(self): raise E\ndef f(x): raise E", ("error",)),
    "huge text of an exception": ("def f(x): raise ValueError('x' * 10**7)", ("error",)),
    "hostile stdout": (
        "import sys\nclass S:\n    def flush(self): raise SystemExit\n    write = print\ndef f(x):\n    sys.stdout = S()\n    return 1", ("ok",)),
    "lying name of a class": (
        "class M(type):\n    @property\n    def __name__(cls): raise ValueError\nclass A(metaclass=M): pass\ndef f(x): return A()",
        ("invalid", "error", "crash")),
    "a judge in its own module": ("def judge(value): return True\ndef f(x): return 1", ("ok",)),
    "a hidden main": ("import sys\nsys.modules['__main__'] = sys\nsys.modules.clear()\ndef f(x): return 1", ("ok", "error", "crash")),
    "self-reference": ("def f(x):\n    a = []\n    a.append(a)\n    return a", ("invalid", "output_limit")),
    "a knot of dicts": ("def f(x):\n    a = {}\n    a[1] = a[2] = a\n    return a", ("invalid", "output_limit")),
    "generator": ("def f(x): return (i for i in range(3))", ("invalid",)),
    "ten million zeros": ("def f(x): return [0] * 10**7", ("output_limit", "memory", *SLOW)),
    "a text of megabytes": ("def f(x): return 'x' * (3 << 20)", ("output_limit",)),
    "a number of megabytes": ("def f(x): return 1 << (3 << 23)", ("output_limit", "timeout")),
    "depth of a hundred": ("def f(x):\n    a = 1\n    for _ in range(100): a = [a]\n    return a", ("invalid",)),
    "complex number": ("def f(x): return 1j", ("invalid",)),
    "NUL in the source": ("def f(x): return '\0'", ("error",)),
    "lone surrogate in the source": ("def f(x): return '\ud800'", ("error",)),
}  # fmt: skip


def _limits(right: tuple[Status, ...]) -> Limits:
    return SHORT if "timeout" in right else LIMITS


def attacks() -> Iterator[Attack]:
    """All of them, in a fixed order; names are unique."""
    for group, programs in (("resources", _RESOURCES), ("processes", _PROCESSES), ("channels", _CHANNELS)):
        for name, (source, right) in programs.items():
            yield Attack(f"{group}: {name}", Job(source, limits=_limits(right)), frozenset(right))
    for name, (source, right) in _CHEATS.items():
        job = Job(source, "f", ((1,),), limits=_limits(right))
        yield Attack(f"cheating: {name}", job, frozenset(right))
    for name, number in runner.fatal_calls():
        source = _RAW + f"C.syscall({number}, 0, 0, 0, 0, 0, 0)\nprint('PWNED')"
        yield Attack(f"system call: {name}", Job(source, limits=LIMITS), frozenset(FORBIDDEN))
    told = [number for _, number in runner.denied_calls()]
    source = _RAW + (
        f"for n in {told}:\n    r = C.syscall(n, -1, 0, 0, 0, 0, 0)\n"
        "    if r != -1 or ctypes.get_errno() != errno.EPERM: print('PWNED', n)"
    )
    yield Attack("system call: all that are told no", Job(source, limits=LIMITS), frozenset(("ok",)))
    source = _RAW + (
        "for n in range(450, 1000):\n    r = C.syscall(n, -1, 0, 0, 0, 0, 0)\n"
        "    if r != -1 or ctypes.get_errno() != errno.ENOSYS: print('PWNED', n)"
    )
    yield Attack("system call: all that are unknown", Job(source, limits=LIMITS), frozenset(("ok",)))
