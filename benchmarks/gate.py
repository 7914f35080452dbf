"""How much the gate lets through that it should not, and how much it refuses that is honest.

    python benchmarks/gate.py [local|docker]

Every program below is put through the gate on a real verifier. Beside it stands what Absolute Zero's
published check sees: the program run twice in one process, compared with ==.
"""

# ruff: noqa: E501 - a program stands on one line
from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from sparring.envs.tasks.gate import PROPOSAL_LIMITS, Ruling, gate
from sparring.envs.types import Job, Value
from sparring.sandbox import open_verifier

X: tuple[tuple[Value, ...], ...] = ((3,),)

IMPURE = {
    "set order": "def f(x):\n    return list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})",
    "hash of text": "def f(x):\n    return hash('sparring')",
    "id": "def f(x):\n    return id(object())",
    "address in repr": "def f(x):\n    return repr(object())",
    "random": "import random\ndef f(x):\n    return random.random()",
    "urandom": "import os\ndef f(x):\n    return os.urandom(4)",
    "uuid": "import uuid\ndef f(x):\n    return str(uuid.uuid4())",
    "secrets": "import secrets\ndef f(x):\n    return secrets.token_hex(4)",
    "clock": "import time\ndef f(x):\n    return time.time()",
    "hour": "import time\ndef f(x):\n    return int(time.time() // 3600)",
    "day": "import datetime\ndef f(x):\n    return datetime.date.today().toordinal()",
    "year, from import": "from datetime import datetime as d\ndef f(x):\n    return d.now().year",
    "weekday by another name": "def f(x):\n    return __import__('date' + 'time').date.today().weekday()",
    "clock_gettime": "import time\ndef f(x):\n    return int(time.clock_gettime(0)) // 86400",
    "strftime": "import time\ndef f(x):\n    return time.strftime('%Y-%m-%d')",
    "ctime": "import time\ndef f(x):\n    return time.ctime()[:10]",
    "seed by day": "import random, time\ndef f(x):\n    return random.Random(int(time.time() // 86400)).random()",
    "monotonic": "import time\ndef f(x):\n    return int(time.monotonic())",
    "uptime": "import time\ndef f(x):\n    return int(time.clock_gettime(time.CLOCK_BOOTTIME)) // 1000",
    "asctime": "import time\ndef f(x):\n    return time.asctime()[:10]",
    "times": "import os\ndef f(x):\n    return int(os.times().elapsed // 6000)",
    "load": "import os\ndef f(x):\n    return int(os.getloadavg()[2] // 50)",
    "cores": "import os\ndef f(x):\n    return os.cpu_count()",
    "affinity": "import os\ndef f(x):\n    return len(os.sched_getaffinity(0))",
    "disk": "import shutil\ndef f(x):\n    return shutil.disk_usage('/').total // 10**9",
    "host by socket": "import socket\ndef f(x):\n    return socket.gethostname()",
    "executable": "import sys\ndef f(x):\n    return sys.executable",
    "version": "import sys\ndef f(x):\n    return sys.version",
    "pid": "import os\ndef f(x):\n    return os.getpid()",
    "parent": "import os\ndef f(x):\n    return os.getppid()",
    "environment": "import os\ndef f(x):\n    return sorted(os.environ)",
    "home": "import os\ndef f(x):\n    return os.environ.get('HOME', '')",
    "directory": "import os\ndef f(x):\n    return os.getcwd()",
    "host": "import platform\ndef f(x):\n    return platform.node()",
    "locale": "import locale\ndef f(x):\n    return locale.setlocale(locale.LC_CTYPE)",
    "locale by name": "import locale\ndef f(x):\n    return str(locale.getlocale())",
    "zone": "import time\ndef f(x):\n    return [time.localtime().tm_yday, time.tzname[0]]",
    "counter": "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
    "counter in a default": "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)",
    "counter in an attribute": "def f(x):\n    f.n = getattr(f, 'n', 0) + 1\n    return f.n",
    "iterator": "it = iter(range(100))\ndef f(x):\n    return next(it)",
    "file that changes": "def f(x):\n    return open('/proc/self/stat').read()",
    "file of the host": "def f(x):\n    return open('/etc/hostname').read()",
    "folder": "import os\ndef f(x):\n    return os.listdir('/tmp')",
    "modification time": "import os\ndef f(x):\n    return os.stat('/tmp').st_mtime",
    "memory": "def f(x):\n    import gc\n    return len(gc.get_objects())",
    "threads": "import threading\ndef f(x):\n    return threading.get_ident()",
    "cpu time": "import time\ndef f(x):\n    return time.process_time_ns()",
    "weak hash of None": "def f(x):\n    return hash(None) % 97",
    "loaded modules": "import sys\ndef f(x):\n    return len(sys.modules)",
    "clock by the C library": "import ctypes\ndef f(x):\n    return ctypes.CDLL(None).time(0) // 86400",
    "clock by a live class": "def f(x):\n    c = [c for c in object.__subclasses__() if c.__name__ == 'CDLL']\n    return c[0](None).time(0) // 86400 if c else 7",
    "clock by what others hold": "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if type(o).__name__ == 'CDLL':\n            return o.syscall(201, 0) // 86400",
    "clock by who calls": "def f(x):\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        g = e.__traceback__.tb_frame.f_back.f_back.f_back.f_globals\n    lib = g['prctl'].__globals__['_libc']\n    return lib.syscall(201, 0) // 86400",
    "clock by sqlite": "import sqlite3\ndef f(x):\n    return sqlite3.connect(':memory:').execute('select date()').fetchone()[0]",
    "clock by a pipe": "import os\ndef f(x):\n    return int(os.fstat(0).st_ctime) // 86400",
    "clock by posix": "import posix\ndef f(x):\n    return int(posix.stat('/proc/self').st_mtime) // 86400",
    "clock by a folder's entries": "import os\ndef f(x):\n    return max(int(e.stat().st_mtime) for e in os.scandir('/proc')) // 86400",
    "clock by a new module": "import sys\ndel sys.modules['time']\nimport time\ndef f(x):\n    return int(time.time()) // 86400",
    "clock by a loader": "import importlib.machinery as m\ndef f(x):\n    t = m.BuiltinImporter.load_module('time')\n    return int(t.time()) // 86400",
    "clock by reloading": "import importlib, time\ndef f(x):\n    return int(importlib.reload(time).time()) // 86400",
    "clock by uuid": "import _uuid\ndef f(x):\n    return _uuid.generate_time_safe()[0][6:8].hex()",
    "clock by uuid1": "import uuid\ndef f(x):\n    return uuid.uuid1().time >> 44",
    "clock by a base class": "import datetime\ndef f(x):\n    return datetime.datetime.__mro__[-3].now().toordinal() if hasattr(datetime.datetime.__mro__[-3], 'now') else datetime.datetime.__mro__[0].now().toordinal()",
    "clock by its closure": "import time\ndef f(x):\n    for old in (time.time.__defaults__ or ()) if hasattr(time.time, '__defaults__') else (time.time,):\n        return int(old()) // 86400",
    "clock by a cell": "import time\ndef f(x):\n    cells = getattr(time.localtime, '__closure__', None) or ()\n    olds = [c.cell_contents for c in cells if callable(c.cell_contents)] or [time.localtime]\n    return [list(o())[:3] for o in olds if 'time' in getattr(o, '__name__', '')]",
    "clock by its C implementation": "import _datetime\ndef f(x):\n    return _datetime.datetime.now().toordinal()",
    "clock by a log": "import logging\ndef f(x):\n    return int(logging.LogRecord('a', 1, 'p', 1, 'm', (), None).created) // 86400",
    "clock by the certificates": "import ssl\ndef f(x):\n    return int(ssl.cert_time_to_seconds('Jan  5 09:34:43 2018 GMT')) < __import__('time').time() - 31536000 * 9.5",
    "clock by loading time": "import importlib._bootstrap_external as e\ndef f(x):\n    return int(e._os.stat('/proc/self').st_mtime) // 86400",
    "native thread": "import threading\ndef f(x):\n    return threading.get_native_id() % 7919",
    "native thread, by C": "import _thread\ndef f(x):\n    return _thread.get_native_id() > 0 and _thread.get_native_id()",
    "process group": "import os\ndef f(x):\n    return os.getpgid(0)",
    "link to itself": "import os\ndef f(x):\n    return os.readlink('/proc/self')",
    "system configuration": "import os\ndef f(x):\n    return os.sysconf('SC_NPROCESSORS_ONLN')",
    "memory of the machine": "import os\ndef f(x):\n    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')",
    "machine by the C library": "import ctypes\ndef f(x):\n    b = ctypes.create_string_buffer(400)\n    ctypes.CDLL(None).uname(b)\n    return b.raw[65:130].rstrip(b'\\0')",
    "group": "import os\ndef f(x):\n    return [os.getgid(), os.getegid()]",
    "folders of the host": "import os\ndef f(x):\n    return [os.path.isdir(p) for p in ('/root', '/home', '/opt', '/usr/share', '/proc/self')]",
    "inode": "import os\ndef f(x):\n    return os.stat('/usr').st_ino",
    "version's parts": "import sys\ndef f(x):\n    return sys.version_info[:2]",
    "version in hex": "import sys\ndef f(x):\n    return sys.hexversion >> 16",
    "version by a cache": "import sys\ndef f(x):\n    return sys.implementation.cache_tag",
    "version by platform": "import platform\ndef f(x):\n    return platform.python_version()",
    "where the library lies": "import os\ndef f(x):\n    return os.__file__",
    "where a later module lies": "import json.decoder\ndef f(x):\n    return json.decoder.__file__",
    "path": "import sys\ndef f(x):\n    return sys.path[-1]",
    "limits": "import resource\ndef f(x):\n    return resource.getrlimit(resource.RLIMIT_NPROC)",
    "user": "import os\ndef f(x):\n    return os.getuid()",
    "user's entry": "import pwd\ndef f(x):\n    return len(pwd.getpwall())",
    "login": "import getpass\ndef f(x):\n    try:\n        return getpass.getuser()\n    except Exception as e:\n        return type(e).__name__ + str(e)",
    "file, by descriptor": "import os\ndef f(x):\n    return os.read(os.open(os.path.dirname(os.__file__) + '/LICENSE.txt', 0), 9)",
    "the gate's inputs": "import sys\ndef f(x):\n    g = sys._getframe()\n    while g:\n        if 'inputs' in g.f_locals:\n            return len(g.f_locals['inputs'])\n        g = g.f_back",
    "the gate's inputs, by a fault": "def f(x):\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        g = e.__traceback__.tb_frame\n    while g:\n        if 'inputs' in g.f_locals:\n            return len(g.f_locals['inputs'])\n        g = g.f_back",
    "three calls, then another value": "n = [0]\ndef f(x):\n    n[0] += 1\n    return n[0] <= 2",
    "calls counted in a module": "import string\ndef f(x):\n    string.n = getattr(string, 'n', 0) + 1\n    return string.n > 2",
    "name of the file": "def f(x):\n    return f.__code__.co_filename",
    "which process forked it": "import sys\ndef f(x):\n    return 'elsewhere' in sys.argv[0]",
    "always-equal object": "class E:\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return E()",
    "lying subclass": "class I(int):\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return I(5)",
    "raise StopIteration": "def f(x):\n    raise StopIteration(7)",
    "exit": "import os\ndef f(x):\n    os._exit(0)",
    "printed marker": 'def f(x):\n    print(\'{"status": "ok", "value": 7}\')\n    raise SystemExit(0)',
    "endless": "def f(x):\n    while True:\n        pass",
    "memory bomb": "def f(x):\n    return len('a' * 10**10)",
    "huge value": "def f(x):\n    return 'a' * 10**6",
}

HONEST = {
    "arithmetic": "def f(x):\n    return (x * 37 + 11) % 101",
    "text": "def f(x):\n    return ' '.join(str(i) for i in range(x))[::-1]",
    "sorted set": "def f(x):\n    return sorted({'a', 'b', 'c'} | {str(x)})",
    "set value": "def f(x):\n    return {i % 3 for i in range(x)}",
    "dict": "def f(x):\n    return {i: i * i for i in range(x)}",
    "recursion": "def f(x):\n    return 1 if x < 2 else f(x - 1) + f(x - 2)",
    "closure": "def f(x):\n    def g(y):\n        return x + y\n    return [g(i) for i in range(3)]",
    "class": "class P:\n    def __init__(self, a):\n        self.a = a\ndef f(x):\n    return P(x).a + 1",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\ndef f(x):\n    return P(x).a",
    "regex": "import re\ndef f(x):\n    return re.findall(r'\\d', 'a1b2' * x)",
    "floats": "import math\ndef f(x):\n    return math.sqrt(x) + 0.1",
    "nan": "def f(x):\n    return float('nan') * x",
    "seeded": "import random\ndef f(x):\n    return random.Random(x).randint(0, 99)",
    "digest": "import hashlib\ndef f(x):\n    return hashlib.sha256(str(x).encode()).hexdigest()[:8]",
    "fixed date": "import datetime\ndef f(x):\n    return str(datetime.date(2020, 1, x))",
    "date arithmetic": "from datetime import date, timedelta\ndef f(x):\n    return (date(2024, 2, 27) + timedelta(x)).day",
    "parsed date": "from datetime import datetime\ndef f(x):\n    return datetime.strptime('2021-03-04', '%Y-%m-%d').weekday()",
    "epoch": "import time\ndef f(x):\n    return time.gmtime(x * 86400).tm_mday",
    "cache": "from functools import lru_cache\n@lru_cache\ndef g(n):\n    return n * 2\ndef f(x):\n    return g(x) + g(x)",
    "generator": "def f(x):\n    return list(i for i in range(x) if i % 2)",
    "itertools": "from itertools import permutations\ndef f(x):\n    return [''.join(p) for p in permutations('abc')][x]",
    "counter class": "from collections import Counter\ndef f(x):\n    return Counter('abracadabra').most_common(x)",
    "json": "import json\ndef f(x):\n    return json.dumps({'b': x, 'a': [x]}, sort_keys=True)",
    "decimal": "from decimal import Decimal\ndef f(x):\n    return str(Decimal(x) / Decimal(7))",
    "fractions": "from fractions import Fraction\ndef f(x):\n    return str(Fraction(x, 9))",
    "bytes": "def f(x):\n    return bytes([x, x + 1]).hex()",
    "exceptions": "def f(x):\n    try:\n        return 1 // (x - 3)\n    except ZeroDivisionError:\n        return 'zero'",
    "upper": "def f(x):\n    return 'istanbul ß'.upper() * x",
    "format": "def f(x):\n    return f'{x:08.3f}|{x!r:>5}'",
    "future import": "from __future__ import annotations\ndef f(x: int) -> int:\n    return x",
    "prints": "def f(x):\n    print('working')\n    return x",
    "logger": "import logging\ndef f(x):\n    logging.getLogger('a').warning('%s', x)\n    return x",
    "clock that is thrown away": "import time\ndef f(x):\n    began = time.perf_counter()\n    y = sum(range(x))\n    time.perf_counter() - began\n    return y",
    "date and time": "import datetime as d\ndef f(x):\n    t = d.datetime(2024, 2, 28, 23, 59, x) + d.timedelta(days=1, seconds=59)\n    return [t.isoformat(), t.strftime('%A %d %B %Y %j %U %H:%M:%S'), t.weekday(), t.isocalendar()[1], str(t - d.datetime(2020, 1, 1))]",
    "time zone": "import datetime as d\ndef f(x):\n    t = d.datetime(2024, 5, 6, 7, 8, tzinfo=d.timezone(d.timedelta(hours=x)))\n    return [t.astimezone(d.timezone.utc).isoformat(), t.timestamp()]",
    "moment of a number": "import datetime as d\ndef f(x):\n    return [str(d.datetime.fromtimestamp(86400 * 400 * n, d.timezone.utc)) for n in range(-x, 60)]",
    "numbers of moments": "import time\ndef f(x):\n    return [list(time.gmtime(10**9 * n + 7)) + [time.mktime(time.gmtime(10**9 * n + 7))] for n in range(-x, 9)]",
    "written moment": "import time\ndef f(x):\n    return [time.strftime('%a %d %b %y %H:%M:%S %j', time.gmtime(10**9 + x)), time.asctime(time.gmtime(x)), time.ctime(10**9 + x)]",
    "read moment": "import time\ndef f(x):\n    return list(time.strptime('5 March 2021 04:05', '%d %B %Y %H:%M'))",
    "calendar": "import calendar\ndef f(x):\n    return [calendar.month(2024, x), calendar.isleap(2000), calendar.timegm((2024, x, 1, 0, 0, 0))]",
    "statistics": "import statistics\ndef f(x):\n    return [statistics.median([x, 1, 2]), statistics.pstdev([x, 1, 2])]",
    "heap and bisect": "import heapq, bisect\ndef f(x):\n    return [heapq.nsmallest(2, [x, 1, 2]), bisect.bisect([1, 2, 5], x)]",
    "pickle and copy": "import copy, pickle\ndef f(x):\n    return pickle.loads(pickle.dumps(copy.deepcopy({'a': [x]})))",
    "enum and typing": "from enum import Enum\nfrom typing import NamedTuple\nclass C(Enum):\n    A = 1\nclass P(NamedTuple):\n    a: int\ndef f(x):\n    return [C(1).name, P(x).a, repr(P(x))]",
    "threads that meet": "import threading\ndef f(x):\n    out = []\n    ts = [threading.Thread(target=out.append, args=(i,)) for i in range(x)]\n    [t.start() for t in ts]\n    [t.join() for t in ts]\n    return sorted(out)",
    "csv and text": "import csv, io, textwrap, string\ndef f(x):\n    return [list(csv.reader(io.StringIO('a,b'))), textwrap.wrap('a b c d', x), string.Template('$a').substitute(a=x)]",
    "compressed": "import zlib, base64, lzma, bz2\ndef f(x):\n    return [len(zlib.compress(b'a' * 99)), base64.b64encode(bytes([x])), lzma.decompress(lzma.compress(b'a')), bz2.decompress(bz2.compress(b'b'))]",
    "syntax trees": "import ast, inspect, dis\ndef f(x):\n    return [ast.unparse(ast.parse('x=1')), str(inspect.signature(f)), len(list(dis.get_instructions(f))) > 3]",
    "difference": "import difflib\ndef f(x):\n    return difflib.get_close_matches('appel', ['ape', 'apple', 'peach'])",
    "xml and html": "import html, xml.etree.ElementTree as E\ndef f(x):\n    return [html.escape('<a>'), E.fromstring('<a><b>1</b></a>').find('b').text]",
    "unicode": "import unicodedata\ndef f(x):\n    return [unicodedata.name('é'), unicodedata.normalize('NFD', 'é')]",
    "random module": "import random\ndef f(x):\n    r = random.Random(x)\n    y = list(range(9))\n    r.shuffle(y)\n    return [y, r.gauss(0, 1), r.choice('abc'), r.sample(range(99), 3)]",
    "fingerprints": "import hashlib, hmac\ndef f(x):\n    return [hashlib.md5(b'a').hexdigest(), hashlib.sha1(b'a').hexdigest(), hashlib.sha512(b'a').hexdigest()[:9], hashlib.blake2b(b'a').hexdigest()[:9], hashlib.sha3_256(b'a').hexdigest()[:9], hmac.new(b'k', b'm', 'sha256').hexdigest()[:9]]",
    "path names": "import os.path, pathlib\ndef f(x):\n    return [os.path.join('a', 'b'), os.path.splitext('a.py'), str(pathlib.PurePosixPath('/a') / 'b'), os.sep]",
    "warnings": "import warnings\ndef f(x):\n    warnings.warn('w')\n    return x",
    "traceback": "import traceback\ndef f(x):\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        return traceback.format_exc().splitlines()[-1]",
    "doctest by hand": "import contextlib, io\ndef f(x):\n    out = io.StringIO()\n    with contextlib.redirect_stdout(out):\n        print(x)\n    return out.getvalue()",
    "main guard": "def f(x):\n    return x + 2\nif __name__ == '__main__':\n    print(f(1))",
}  # fmt: skip


def ruled(
    verifier: Any, source: str, inputs: Sequence[tuple[Value, ...]] = X, **options: Any
) -> Ruling:
    """The gate's ruling, with jobs run by the verifier."""
    return driven(verifier, gate(source, inputs, **options))


def driven(verifier: Any, steps: Any) -> Any:
    """What steps return, with their jobs run by the verifier and all else they wish for left out."""
    try:
        wish = next(steps)
        while True:
            wish = steps.send(tuple(verifier.run(wish)) if isinstance(wish, tuple) else None)
    except StopIteration as end:
        return end.value


def twice_in_one_process(verifier: Any, source: str) -> bool:
    """What the published check admits: both runs in one process end well and print the same value."""
    check = f"def f(x):\n    a, b = {{}}, {{}}\n    exec({source!r}, a)\n    exec({source!r}, b)\n"
    check += "    return bool(a['f'](x) == b['f'](x))\n"
    (verdict,) = verifier.run([Job(check, "f", X, limits=PROPOSAL_LIMITS)])
    return verdict.status == "ok" and verdict.results[0].value is True


def measure(
    name: str = "local",
) -> tuple[dict[str, Ruling], dict[str, Ruling], dict[str, bool], float]:
    """Rulings on both lists, what the published check admits of the impure ones, and seconds per ruling."""
    verifier = open_verifier(name, size=2)
    try:
        began = time.perf_counter()
        impure = {title: ruled(verifier, source) for title, source in IMPURE.items()}
        honest = {title: ruled(verifier, source) for title, source in HONEST.items()}
        seconds = (time.perf_counter() - began) / (len(impure) + len(honest))
        peer = {title: twice_in_one_process(verifier, source) for title, source in IMPURE.items()}
    finally:
        verifier.shut()
    return impure, honest, peer, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verifier", nargs="?", choices=("local", "docker"), default="local")
    impure, honest, peer, seconds = measure(parser.parse_args().verifier)
    for title, ruling in impure.items():
        print(
            f"{title:26} {ruling.reason or 'LEAKED':18} twice in one process: {'LEAKED' if peer[title] else 'refused'}"
        )
    for title, ruling in honest.items():
        if not ruling.admitted:
            print(f"{title:26} WRONGLY REFUSED: {ruling.reason}: {ruling.detail}")
    leaks, theirs = sum(r.admitted for r in impure.values()), sum(peer.values())
    print(f"leak rate          {leaks}/{len(impure)} = {leaks / len(impure):.1%}")
    print(f"… of the peer      {theirs}/{len(impure)} = {theirs / len(impure):.1%}")
    refused = sum(not r.admitted for r in honest.values())
    print(f"honest refused     {refused}/{len(honest)} = {refused / len(honest):.1%}")
    print(f"milliseconds each  {1000 * seconds:.1f}")


if __name__ == "__main__":
    main()
