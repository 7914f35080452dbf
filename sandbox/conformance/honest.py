"""Programs that do nothing wrong, with what each must print: a sandbox that stops one of them is broken."""

from __future__ import annotations

from typing import Final

HONEST: Final[dict[str, tuple[str, str]]] = {
    "arithmetic": ("print(2 ** 100 % 97)", "16"),
    "asyncio": (
        "import asyncio\nasync def f(i):\n    await asyncio.sleep(0.01)\n    return i\n"
        "async def main(): return sum(await asyncio.gather(*map(f, range(10))))\nprint(asyncio.run(main()))", "45"),
    "asyncio with threads": (
        "import asyncio\nasync def main(): return await asyncio.to_thread(sum, [1, 2])\nprint(asyncio.run(main()))", "3"),
    "asyncio queue and timeout": (
        "import asyncio\nasync def main():\n    q = asyncio.Queue()\n    try:\n        async with asyncio.timeout(0.02): await q.get()\n"
        "    except TimeoutError: return 'late'\nprint(asyncio.run(main()))", "late"),
    "threads": (
        "import threading\nout = []\nts = [threading.Thread(target=out.append, args=(i,)) for i in range(8)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]\nprint(sorted(out))", "[0, 1, 2, 3, 4, 5, 6, 7]"),
    "thread left to finish": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('done'))).start()", "done"),
    "thread pool": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as p: print(sum(p.map(abs, range(-5, 5))))", "25"),
    "twenty threads": (
        "import threading\nb = threading.Barrier(20)\nts = [threading.Thread(target=b.wait) for _ in range(20)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]\nprint('met')", "met"),
    "thread pool of 32": (
        "from concurrent.futures import ThreadPoolExecutor\nimport threading\nb = threading.Barrier(32)\n"
        "with ThreadPoolExecutor(32) as p: print(len(list(p.map(lambda i: b.wait(), range(32)))))", "32"),
    "sqlite in memory": (
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(x)')\nc.executemany('insert into t values(?)', [(1,), (2,)])\n"
        "print(c.execute('select sum(x) from t').fetchone())", "(3,)"),
    "doctest": (
        "import doctest\ndef f(x):\n    '''\n    >>> f(2)\n    4\n    '''\n    return x * x\nprint(doctest.testmod().attempted)", "1"),
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 1)\n"
        "print(unittest.TextTestRunner(stream=open('/dev/null', 'w')).run(unittest.defaultTestLoader.loadTestsFromTestCase(T)).testsRun)", "1"),
    "dataclasses": (
        "from dataclasses import dataclass, asdict\n@dataclass(order=True)\nclass P:\n    x: int\n    y: int = 2\nprint(asdict(max(P(1), P(3))))", "{'x': 3, 'y': 2}"),
    "typing": (
        "from typing import NamedTuple, get_type_hints\nclass P(NamedTuple):\n    x: int\nprint(get_type_hints(P), P(1))", "{'x': <class 'int'>} P(x=1)"),
    "enum": ("from enum import Enum, auto\nclass C(Enum):\n    A = auto()\nprint(C.A, C(1).name)", "C.A A"),
    "decimal": ("from decimal import *\ngetcontext().prec = 40\nprint(Decimal(1) / 7)", "0.1428571428571428571428571428571428571429"),
    "fractions": ("from fractions import Fraction\nprint(sum(Fraction(1, n) for n in range(1, 10)))", "7129/2520"),
    "statistics": ("import statistics\nprint(statistics.stdev([1, 2, 3, 4]))", "1.2909944487358056"),
    "random with a seed": ("import random\nprint(random.Random(7).randint(0, 10**9))", "347712782"),
    "secrets": ("import secrets\nprint(len(secrets.token_hex(8)))", "16"),
    "uuid": ("import uuid\nprint(len(str(uuid.uuid4())))", "36"),
    "hashlib": ("import hashlib\nprint(hashlib.sha256(b'x').hexdigest()[:8])", "2d711642"),
    "zlib": ("import zlib\nprint(len(zlib.decompress(zlib.compress(b'x' * 10**6))))", "1000000"),
    "lzma and bz2": ("import lzma, bz2\nprint(lzma.decompress(lzma.compress(b'a')) + bz2.decompress(bz2.compress(b'b')))", "b'ab'"),
    "json": ("import json\nprint(json.loads(json.dumps({'a': [1, None, 2.5]})))", "{'a': [1, None, 2.5]}"),
    "pickle": ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", "A"),
    "copy": ("import copy\na = [[1]]\nb = copy.deepcopy(a)\nb[0][0] = 2\nprint(a)", "[[1]]"),
    "csv": ("import csv, io\nprint(list(csv.reader(io.StringIO('a,\"b,c\"'))))", "[['a', 'b,c']]"),
    "xml": ("import xml.etree.ElementTree as E\nprint(E.fromstring('<a><b>1</b></a>').find('b').text)", "1"),
    "html": ("import html\nprint(html.unescape('&lt;&eacute;'))", "<é"),
    "date": ("import datetime\nprint(datetime.date(2024, 2, 29) + datetime.timedelta(365))", "2025-02-28"),
    "calendar": ("import calendar\nprint(calendar.monthrange(2024, 2))", "(3, 29)"),
    "locale of the environment": ("import locale\nprint(locale.setlocale(locale.LC_ALL, ''))", "C.UTF-8"),
    "locale": ("import locale\nprint(locale.format_string('%d', 1000))", "1000"),
    "itertools": ("import itertools\nprint(len(list(itertools.permutations(range(7)))))", "5040"),
    "functools cache": ("import functools\n@functools.cache\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nprint(f(90))", "2880067194370816120"),
    "heapq and bisect": ("import heapq, bisect\nprint(heapq.nsmallest(2, [3, 1, 2]), bisect.bisect([1, 3], 2))", "[1, 2] 1"),
    "collections": ("import collections\nprint(collections.Counter('abca').most_common(1))", "[('a', 2)]"),
    "large regex": ("import re\nprint(len(re.compile('|'.join(f'w{i}' for i in range(2000))).findall('w7 w1999 x' * 50)))", "100"),
    "big list": ("x = list(range(10**6))\nprint(sum(x))", "499999500000"),
    "big numbers": ("import math\nprint(len(str(math.factorial(1000))))", "2568"),
    "sort a million": ("import random\nx = [random.random() for _ in range(300000)]\nx.sort()\nprint(len(x))", "300000"),
    "recursion": ("import sys\nsys.setrecursionlimit(20000)\ndef f(n): return n and f(n - 1) + 1\nprint(f(15000))", "15000"),
    "generators": ("def g():\n    x = yield 1\n    yield x\ni = g()\nprint(next(i), i.send(5))", "1 5"),
    "metaclass": ("class M(type):\n    def __call__(cls): return 7\nclass A(metaclass=M): pass\nprint(A())", "7"),
    "weakref and gc": ("import gc, weakref\nclass A: pass\na = A()\na.me = a\nr = weakref.ref(a)\ndel a\ngc.collect()\nprint(r())", "None"),
    "contextlib": ("import contextlib, io\nf = io.StringIO()\nwith contextlib.redirect_stdout(f): print('x')\nprint(repr(f.getvalue()))", "'x\\n'"),
    "warnings and logging": ("import warnings, logging\nwarnings.warn('w')\nlogging.warning('l')\nprint('on')", "on"),
    "traceback": ("import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: print(traceback.format_exc().splitlines()[-1])", "ZeroDivisionError: division by zero"),
    "timeit": ("import timeit\nprint(timeit.timeit('1', number=10) >= 0)", "True"),
    "signal handler": ("import signal, os\nsignal.signal(signal.SIGUSR1, lambda *a: print('caught'))\nos.kill(os.getpid(), signal.SIGUSR1)", "caught"),
    "alarm": ("import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: print('rang'))\nsignal.setitimer(signal.ITIMER_REAL, 0.02)\ntime.sleep(0.1)", "rang"),
    "pipe": ("import os\nr, w = os.pipe()\nos.write(w, b'x')\nprint(os.read(r, 1))", "b'x'"),
    "socket pair": ("import socket\na, b = socket.socketpair()\na.send(b'x')\nprint(b.recv(1))", "b'x'"),
    "selectors": ("import selectors\nprint(selectors.DefaultSelector().select(0))", "[]"),
    "memory map": ("import mmap\nm = mmap.mmap(-1, 4096)\nm[:2] = b'ab'\nprint(m[:2])", "b'ab'"),
    "memory map of a file": (
        "import mmap, os\nwith open(os.__file__, 'rb') as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m: print(m[:] == open(os.__file__, 'rb').read())", "True"),
    "memory map that is shared and grows": (
        "import mmap\nm = mmap.mmap(-1, 10, access=mmap.ACCESS_WRITE)\nm[:2] = b'ab'\nm.resize(9000)\n"
        "n = mmap.mmap(-1, 10, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)\nprint(m[:2], len(m), len(n), type(n) is mmap.mmap)", "b'ab' 9000 10 True"),
    "array and struct": ("import array, struct\nprint(array.array('i', [1]).tobytes() == struct.pack('i', 1))", "True"),
    "ctypes": ("import ctypes\nprint(ctypes.CDLL(None).abs(-3))", "3"),
    "home and user": ("import os, getpass\nprint(os.path.expanduser('~') != '')", "True"),
    "platform": ("import platform, os\nprint(platform.system(), os.cpu_count() > 0)", "Linux True"),
    "no name resolution": ("import socket\ntry: socket.gethostbyname('localhost')\nexcept OSError: print('offline')", "offline"),
    "null device": ("import os\nprint('x', file=open(os.devnull, 'w'))\nprint(open(os.devnull).read() == '')", "True"),
    "exit 0": ("import sys\nprint('bye')\nsys.exit(0)", "bye"),
    "exit and quit": ("print('bye')\nexit()", "bye"),
    "a long exception, caught": ("try: raise ValueError('x' * 10**6)\nexcept ValueError as e: print(len(str(e)))", "1000000"),
    "another encoding": ("import sys\nsys.stdout.reconfigure(encoding='utf-16')\nsys.stdout.reconfigure(encoding='utf-8')\nprint('on')", "on"),
    "types of files": ("import mimetypes\nprint(mimetypes.guess_type('a.html'), mimetypes.guess_type('a.xyz'))", "('text/html', None) (None, None)"),
    "exit handler": ("import atexit\natexit.register(print, 'last')\nprint('first')", "first\nlast"),
    "main block": ("if __name__ == '__main__': print('main')", "main"),
    "exec and eval": ("ns = {}\nexec('x = eval(\"1 + 1\")', ns)\nprint(ns['x'])", "2"),
    "import by name": ("import importlib\nprint(importlib.import_module('string').digits)", "0123456789"),
    "byte order mark": ("\ufeffprint('bom')", "bom"),
    "coding cookie": ("# -*- coding: latin-1 -*-\nprint('é')", "é"),
    "unicode": ("import unicodedata\nprint(unicodedata.name('é'), 'ß'.upper())", "LATIN SMALL LETTER E WITH ACUTE SS"),
    "future": ("from __future__ import annotations\ndef f(x: Unknown): return x\nprint(f(1))", "1"),
    "inspect": ("import inspect\ndef f(a, b=1): pass\nprint(inspect.signature(f))", "(a, b=1)"),
    "ast": ("import ast\nprint(ast.unparse(ast.parse('x=1')))", "x = 1"),
    "ssl library": ("import ssl\nprint(bool(ssl.OPENSSL_VERSION))", "True"),
    "queue": ("import queue, threading\nq = queue.Queue()\nthreading.Thread(target=q.put, args=(3,)).start()\nprint(q.get())", "3"),
    "graph search": (
        "import collections\ng = {i: [2 * i % 997, (3 * i + 1) % 997] for i in range(997)}\nd, q = {1: 0}, collections.deque([1])\n"
        "while q:\n    v = q.popleft()\n    for w in g[v]:\n        if w not in d: d[w] = d[v] + 1; q.append(w)\nprint(len(d) > 900)", "True"),
}  # fmt: skip
