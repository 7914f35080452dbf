"""What one program does is not seen by another that runs at the same time, in another supervisor."""

import pytest
from sparring.envs.types import Job, Limits
from sparring.sandbox.pool.verifier import Pooled
from sparring.sandbox.runner.system_calls import ARM, number

from ..conftest import opened

LIMITS = Limits(seconds=20.0)
FUTEX = number("futex")
RAW = "import ctypes, os, time\nC = ctypes.CDLL(None, use_errno=True)\n"
PAGE = (
    RAW + "fd = os.open(os.__file__, os.O_RDONLY)\nC.mmap.restype = ctypes.c_void_p\n"
    "a = ctypes.c_void_p(C.mmap(None, 4096, 1, 2, fd, 0))\nword = ctypes.c_uint32.from_address(a.value).value\n"
)
WAIT = f"{PAGE}span = (ctypes.c_long * 2)(1, 0)\nprint(C.syscall({FUTEX}, a, 0, word, span, 0, 0), ctypes.get_errno())"
WAKE = f"{PAGE}n = 0\nfor _ in range(100):\n    n += C.syscall({FUTEX}, a, 1, 9, 0, 0, 0)\n    time.sleep(0.01)\nprint(n)"
LEAVE = (  # a thread's end wakes whoever waits where its id was
    f"{PAGE}import threading\ndef leave(): C.syscall({96 if ARM else 218}, a)\n"
    "for _ in range(20):\n    time.sleep(0.05)\n    t = threading.Thread(target=leave)\n    t.start()\n    t.join()\nprint('left')"
)
QUEUE = (
    "import os, signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\n{pause}\n"
    "for _ in range(70): os.kill(os.getpid(), 40)\n{hold}\nn = 0\nwhile signal.sigtimedwait([40], 0): n += 1\nprint(n)"
)
TIMERS = (
    f"{RAW}{{pause}}\nn, t = 0, ctypes.c_int()\n"
    f"while n < 99 and C.syscall({107 if ARM else 222}, 0, 0, ctypes.byref(t)) == 0: n += 1\n{{hold}}\nprint(n)"
)
EVICT = (
    "import os\nfd = os.open(os.path.join(os.path.dirname(os.__file__), 'this.py'), os.O_RDONLY)\n"
    "try: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)\nexcept OSError: print('told no')"
)
LOOK = (
    f"{RAW}import this\nfd = os.open(this.__file__, os.O_RDONLY)\nC.mmap.restype = ctypes.c_void_p\ntime.sleep(0.2)\n"
    "a, v = C.mmap(None, 4096, 1, 2, fd, 0), ctypes.create_string_buffer(1)\nprint(C.mincore(ctypes.c_void_p(a), 4096, v), v.raw)"
)
LATER = "time.sleep(0.3)"
PAIRS = {
    "futex": (WAKE, WAIT),
    "futex, the other way": (WAIT, WAKE),
    "end of a thread": (LEAVE, WAIT),
    "queued signals": (
        QUEUE.format(pause="", hold="time.sleep(1)"),
        QUEUE.format(pause=LATER, hold=""),
    ),
    "timers": (TIMERS.format(pause="", hold="time.sleep(1)"), TIMERS.format(pause=LATER, hold="")),
    "page cache": (EVICT, LOOK),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_program_sees_the_same_alone_and_beside_another(verifier: Pooled, name: str) -> None:
    teller, listener = (Job(source, limits=LIMITS) for source in PAIRS[name])
    verifier.cache = None
    (alone,) = verifier.run([listener])
    told, heard = verifier.run([teller, listener])
    assert (alone.status, told.status, heard.status) == ("ok", "ok", "ok"), (alone, told, heard)
    assert heard.stdout == alone.stdout


PLACES = """
import os
library = os.path.dirname(os.__file__)
folders = ["/", "/dev", "/etc", "/lib", "/usr", "/usr/lib", "/tmp", library, library + "/json"]
names = "fd stdin stdout stderr ptmx core null zero full tty random urandom pts shm mqueue console hosts " \
    "resolv.conf hostname passwd lib usr dev etc os.py this.py __pycache__ x86_64-linux-gnu".split()
places = folders + [f"{folder}/{name}" for folder in folders for name in names]
"""
SEE = f"""{PLACES}
for place in places:
    try: seen = os.lstat(place)
    except OSError as fault: print(place, fault.errno)
    else: print(place, *seen, seen.st_atime_ns, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_blocks)
"""
MARK = f"""{PLACES}
def opened(flags): return lambda place: os.close(os.open(place, flags | os.O_NONBLOCK))
ways = [os.readlink, os.listdir, os.stat, os.statvfs, lambda place: os.stat(place + "/."),
        lambda place: os.close(os.open(place, os.O_RDONLY | os.O_NONBLOCK)),
        lambda place: open(place, "wb", buffering=0).write(b"x") if place != "/dev/stdout" else None,
        *map(opened, (os.O_PATH, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_RDONLY | os.O_TRUNC, 0o20000000))]
for place in places:
    for way in ways:
        try: way(place)
        except OSError: pass
"""


@pytest.mark.docker
def test_no_file_of_a_container_shows_what_an_earlier_program_did() -> None:
    pool = opened("docker", size=1)
    pool.cache = None
    wide = Limits(seconds=20, output_kilobytes=1024)
    before, mark, after = pool.run([Job(source, limits=wide) for source in (SEE, MARK, SEE)])
    pool.shut()
    assert (before.status, mark.status, after.status) == ("ok", "ok", "ok"), mark
    assert before.stdout.count("\n") > 100
    assert after.stdout == before.stdout
