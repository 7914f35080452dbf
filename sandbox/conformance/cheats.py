"""Functions that try to look right without knowing the answer: each with the statuses that are a right answer.

What they want to say is `SECRET`, which is never sent anywhere near them. `hostile.py` lists them among the
attacks.
"""

from __future__ import annotations

from typing import Final

from ...envs.types import Status

SECRET: Final = 7_310_442_981
SLOW: Final[tuple[Status, ...]] = ("timeout", "cpu")

CHEATS: Final[dict[str, tuple[str, tuple[Status, ...]]]] = {
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
    "record of a third of a million lists": (  # which no child would have said in so few characters
        "import os\ndef f(x):\n    r = b'[[0,[' + b','.join([b'[[]]'] * 345000) + b']]]'\n    r = len(r).to_bytes(4, 'little') + r\n"
        "    while r: r = r[os.write(3, r):]\n    os._exit(0)", ("invalid",)),
    "record of eighty thousand sets": (
        "import os\ndef f(x):\n    r = b'[[0,[' + b','.join([b'{\"frozenset\":[]}'] * 80000) + b']]]'\n    r = len(r).to_bytes(4, 'little') + r\n"
        "    while r: r = r[os.write(3, r):]\n    os._exit(0)", ("invalid",)),
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
        "import sys\ndef f(x):\n    for p in ('/runner/child.pyc', '/runner/child.py', '/proc/self/cmdline', '/proc/self/environ'):\n"
        "        try: print(open(p).read()[:99])\n        except OSError: pass", ("ok",)),
    "patched runner": (  # what it does to the runner's own functions it does to its own record
        "import sys\ndef f(x):\n    g = sys._getframe(1).f_globals\n    g['entry'] = g['fault'] = lambda *a: '[0,7]'\n"
        "    g['caller'] = g['write_all'] = g['_Refused'] = g['OK'] = None\n    return object()", ("invalid",)),
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
    "a record in halves": ("import os\ndef f(x):\n    os.write(3, b'\\x07\\0\\0\\0[[0')\n    os._exit(0)", ("invalid",)),
    "a record taken back": (
        "import os\ndef f(x):\n    os.write(3, b'junk')\n    os.read(os.open('/proc/self/fd/3', os.O_RDONLY | os.O_NONBLOCK), 9)\n    return 5",
        ("ok", "error", "invalid")),
    "a record that does not wait": ("import os\ndef f(x):\n    os.set_blocking(3, False)\n    return 'x' * (1 << 19)", ("crash", "ok")),
    "a record of a float beyond all": (
        "import os\ndef f(x):\n    r = b'[[0,{\"float\":\"0x1p99999\"}]]'\n    os.write(3, len(r).to_bytes(4, 'little') + r)\n    os._exit(0)",
        ("invalid",)),
    "a record of a million digits": (
        "import os\ndef f(x):\n    r = b'[[0,' + b'9' * 10**6 + b'.5]]'\n    r = len(r).to_bytes(4, 'little') + r\n"
        "    while r: r = r[os.write(3, r):]\n    os._exit(0)", ("invalid",)),
    "a status of its own": (  # by the runner's own exception
        "import sys\ndef f(x): raise sys._getframe(1).f_globals['_Refused']('0,7],[0', 'x')", ("invalid",)),
    "more room": (
        "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if getattr(o, '__qualname__', '') == 'caller.<locals>.text':\n"
        "            for name, cell in zip(o.__code__.co_freevars, o.__closure__):\n"
        "                if name == 'left': cell.cell_contents = 1 << 60\n    return 'x' * (3 << 20)", ("invalid", "output_limit")),
    "interrupted in the harness": (
        "import signal\nclass E(BaseException): pass\ndef h(*a): raise E\ndef f(x):\n    signal.signal(signal.SIGALRM, h)\n"
        "    signal.setitimer(signal.ITIMER_REAL, 2e-4, 2e-4)\n    return list(range(10**5))", ("crash", "error", "invalid", *SLOW)),
    "hooked audits": ("import sys\ndef h(*a): raise SystemExit(0)\nsys.addaudithook(h)\ndef f(x): return 5", ("ok", "error", "crash", "no_result")),
    "hooked imports": (
        "import sys\nclass H:\n    def __getattr__(self, name): raise SystemExit(0)\nsys.meta_path[:] = [H()]\ndef f(x):\n    import this",
        ("error",)),
    "hooked faults, and no way to leave": (
        "import os, sys\ndef h(*a): raise KeyError\nsys.__excepthook__ = os.write = os._exit = h\n1 / 0", ("crash",)),
    "a fault of another kind": ("import sys\ndef h(*a): raise MemoryError\nsys.__excepthook__ = h\n1 / 0", ("memory",)),
    "raised while its value is read": (
        "import sys\ndef h(*a): raise MemoryError\ndef f(x):\n    sys.setprofile(h)\n    return [1, 2]", ("memory", "crash")),
    "a missing entry of its own": ("raise KeyError('f')", ("error",)),
    "left from a thread": ("import os, threading\ndef f(x):\n    threading.Thread(target=os._exit, args=(0,)).start()\n    while True: pass", ("no_result",)),
    "a dict changed while it is read": (
        "import threading\ndef f(x):\n    d = dict.fromkeys(range(50000))\n    def g():\n        while True: d.clear(); d.update({1: object()})\n"
        "    threading.Thread(target=g, daemon=True).start()\n    return d", ("ok", "invalid", "error")),
    "the lock's mark again": ("import os\ndef f(x):\n    os.write(3, b'L')\n    return 5", ("invalid",)),
    "the lock's mark taken back": (  # to look like a fault of ours: `infra` is no loss
        "import os\ndef f(x):\n    for d in range(128):\n        try: r = os.open(f'/proc/self/fd/{d}', os.O_RDONLY | os.O_NONBLOCK)\n"
        "        except OSError: continue\n        try:\n            while os.read(r, 4096): pass\n        except OSError: pass\n"
        "    os._exit(1)", ("crash",)),
    "the processor's signal by hand": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGXCPU)", ("error",)),
    "death by its own hand": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)", ("error",)),
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

# What a function may do to a judge that says SECRET of a 4 and of nothing else.
_JUDGE: Final = f"def judge(value): return {SECRET} if value == 4 else 0"
JUDGED: Final[dict[str, tuple[str, str, tuple[Status, ...]]]] = {
    "always equal": ("class A(int):\n    def __eq__(self, o): return True\ndef f(x): return A(1)", _JUDGE, ("invalid",)),
    "a judge of its own": (
        "import builtins, sys\ndef judge(value): return True\nbuiltins.judge = judge\nsys.modules['snippet'].judge = judge\n"
        "def f(x): return 1", _JUDGE, ("ok",)),
    "more than the judge can bear": ("def f(x): return 'x' * (900 << 10)", "def judge(value): return value * 300", ("memory",)),
    "deeper than the judge may go": (
        "def f(x):\n    a = 1\n    for _ in range(60): a = [a]\n    return a", "def judge(value): return [[[[[value]]]]]", ("invalid",)),
}  # fmt: skip
