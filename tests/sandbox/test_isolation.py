"""What one program does is not seen by another that runs at the same time, in another supervisor."""

import pytest
from sparring.envs.types import Job, Limits
from sparring.sandbox import runner
from sparring.sandbox.pooled import Pooled

LIMITS = Limits(seconds=20.0)
FUTEX = runner.number("futex")
RAW = "import ctypes, os, time\nC = ctypes.CDLL(None, use_errno=True)\n"
PAGE = (
    RAW + "fd = os.open(os.__file__, os.O_RDONLY)\nC.mmap.restype = ctypes.c_void_p\n"
    "a = ctypes.c_void_p(C.mmap(None, 4096, 1, 2, fd, 0))\nword = ctypes.c_uint32.from_address(a.value).value\n"
)
WAIT = f"{PAGE}span = (ctypes.c_long * 2)(1, 0)\nprint(C.syscall({FUTEX}, a, 0, word, span, 0, 0), ctypes.get_errno())"
WAKE = f"{PAGE}n = 0\nfor _ in range(100):\n    n += C.syscall({FUTEX}, a, 1, 9, 0, 0, 0)\n    time.sleep(0.01)\nprint(n)"
LEAVE = (  # a thread's end wakes whoever waits where its id was
    f"{PAGE}import threading\ndef leave(): C.syscall({96 if runner.ARM else 218}, a)\n"
    "for _ in range(20):\n    time.sleep(0.05)\n    t = threading.Thread(target=leave)\n    t.start()\n    t.join()\nprint('left')"
)
QUEUE = (
    "import os, signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\n{pause}\n"
    "for _ in range(70): os.kill(os.getpid(), 40)\n{hold}\nn = 0\nwhile signal.sigtimedwait([40], 0): n += 1\nprint(n)"
)
TIMERS = (
    f"{RAW}{{pause}}\nn, t = 0, ctypes.c_int()\n"
    f"while n < 99 and C.syscall({107 if runner.ARM else 222}, 0, 0, ctypes.byref(t)) == 0: n += 1\n{{hold}}\nprint(n)"
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
    "queued signals": (QUEUE.format(pause="", hold="time.sleep(1)"), QUEUE.format(pause=LATER, hold="")),
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
