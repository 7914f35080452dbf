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
    "main guard": "def f(x):\n    return x + 2\nif __name__ == '__main__':\n    print(f(1))",
}  # fmt: skip


def ruled(
    verifier: Any, source: str, inputs: Sequence[tuple[Value, ...]] = X, **options: Any
) -> Ruling:
    """The gate's ruling, with jobs run by the verifier."""
    steps = gate(source, inputs, **options)
    try:
        wish: Any = next(steps)
        while True:
            wish = steps.send(tuple(verifier.run(wish)))
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
