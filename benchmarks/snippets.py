"""The sandbox of this tree beside that of an earlier commit: the same verdicts, at which rate, how fairly.

    python benchmarks/snippets.py [--before COMMIT] [--executor local] [--executor docker] [--rounds 20]

Both versions are open at once, in processes of their own, and work in turns of half a second, so that what
else the machine does weighs on both alike: a ratio is the median over all turns. Beside the rate stands the
processor time of a snippet, of all processes together, which a busy machine does not stretch. `rate` is of
programs without imports, with the usual imports, and with dataclasses, in frames of 16 from as many callers
as there are cores. `load` is the time of single calls beside eight callers with 32 jobs each. `verdicts` compares
both on some 2,500 programs: whatever is said must be the same, but for what one version says differently
from one time to the next. COMMIT is by default the one this tree was branched from.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
BEFORE: Final = "59af376"
ROOMS: Final = ("agents", "arenas", "envs", "sandbox", "training")
CORES: Final = os.cpu_count() or 1

# ruff: noqa: E501 - a program a line
BARE: Final = (
    "def f(x): return x + 1",
    "def f(x): return sorted(str(x) * 20)[::-1]",
    "def f(x):\n    a, b = 0, 1\n    for _ in range(x + 20): a, b = b, a + b\n    return a",
    "def f(x): return {str(i): [j for j in range(i) if j % 2] for i in range(x + 9)}",
    "class P:\n    def __init__(self, x): self.x = x\n    def area(self): return self.x ** 2\ndef f(x): return P(x).area()",
    "def f(x):\n    seen = set()\n    while x not in seen:\n        seen.add(x)\n        x = x // 2 if x % 2 == 0 else 3 * x + 1\n    return len(seen)",
    "def f(x): return ''.join(chr(97 + (ord(c) + x) % 26) for c in 'the quick brown fox')",
    "def f(x): return [x][3]",
)
USUAL: Final = (
    "import math\ndef f(x): return math.gcd(x * 12, 18)",
    "from collections import Counter, defaultdict, deque\ndef f(x): return Counter('abca').most_common(x)",
    "import re\ndef f(x): return re.findall(r'[a-z]+', 'ab 12 cd')",
    "from typing import List, Optional\ndef f(x: int) -> Optional[List[int]]: return [x]",
    "import itertools\ndef f(x): return list(itertools.permutations(range(3)))",
    "from functools import lru_cache\n@lru_cache(None)\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)",
    "import heapq\ndef f(x): return heapq.nsmallest(2, [3, 1, x])",
    "import sys, string\ndef f(x): return string.ascii_lowercase[x:]",
    "import json\ndef f(x): return json.dumps({'a': [x]})",
    "from datetime import date, timedelta\ndef f(x): return str(date(2024, 1, 1) + timedelta(days=x))",
    "import random\ndef f(x): return random.Random(x).randrange(10)",
    "from enum import Enum\nclass C(Enum):\n    A = 1\ndef f(x): return C(x).name",
)
CLASSES: Final = (
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: int = 2\ndef f(x): return P(x).y",
    "import dataclasses\n@dataclasses.dataclass(order=True, frozen=True)\nclass P:\n    x: int\ndef f(x): return P(x) < P(2)",
)
CORPORA: Final = {"no imports": BARE, "usual imports": USUAL, "dataclasses": CLASSES}
AIMS: Final = {"no imports": 1.3, "usual imports": 1.5, "dataclasses": 5.0}


class Version:
    """One version's verifier in a process of its own."""

    def __init__(self, tree: Path, executor: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", executor, "--tree", str(tree)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, what: str, *arguments: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def serve(executor: str, tree: str) -> None:
    """Do what is asked on standard input, one line each, with the version that lies in `tree`."""
    from sparring import sandbox
    from sparring.envs.types import Job, Limits
    from sparring.sandbox import open_verifier

    assert str(sandbox.__file__).startswith(tree), sandbox.__file__
    verifier = open_verifier(executor, size=CORES)
    verifier.cache = None
    verifier.run([Job("import math", repeat=2), Job("pass", repeat=2)] * 32)
    roots = supervisors(executor)

    def rate(name: str, seconds: float) -> tuple[float, float]:
        jobs = [Job(source, "f", ((1,),)) for source in CORPORA[name]]
        frame = [jobs[i % len(jobs)] for i in range(16)]
        before = processor_seconds(roots)
        _, frames, took = at_once([lambda: verifier.run(frame)] * CORES, seconds)
        spent = processor_seconds(roots) - before
        return frames * 16 / took, spent / frames / 16 * 1000

    def load(seconds: float) -> list[float]:
        job = Job(BARE[0], "f", ((1,),))
        jobs = [Job(source, "f", ((1,),)) for source in (*BARE, *USUAL)]
        batch = [jobs[i % len(jobs)] for i in range(32)]
        callers: list[Callable[[], object]] = [lambda: verifier.run([job])]
        return at_once([*callers, *[lambda: verifier.run(batch)] * 8], seconds)[0]

    def verdicts(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
        jobs: list[Job] = []
        for row in rows:
            inputs = tuple(tuple(each) for each in row["inputs"])
            rest = {"entry": row["entry"], "stdin": row["stdin"], "repeat": row["repeat"]}
            jobs.append(Job(row["source"], inputs=inputs, limits=Limits(**row["limits"]), **rest))
        return [
            [
                each.status,
                str(each.forbidden),
                *map(plain, (each.results, each.stdout, each.stderr, each.detail)),
            ]
            for each in verifier.run(jobs)
        ]

    for line in sys.stdin:
        what, *arguments = json.loads(line)
        answer = {"rate": rate, "load": load, "verdicts": verdicts}[what](*arguments)
        print(json.dumps(answer), flush=True)
    verifier.shut()


def plain(said: object) -> str:
    """Without the place of our files, line numbers in them, and process ids."""
    from sparring.sandbox import runner

    # Programs print much: nothing here may take more than linear time.
    place = str(Path(runner.__file__ or "").resolve().parent)
    text = re.sub(r'(runner/\w+\.py)", line \d+', r"\1", str(said).replace(place, "runner"))
    return re.sub(r"/proc/\d+", "/proc/…", text)


def supervisors(executor: str) -> list[int]:
    """Process ids of this process's supervisors."""
    if executor == "local":
        return children(os.getpid())
    from sparring.sandbox.docker import OWNER, engine, owner

    api = engine().api
    ours = api.containers(filters={"label": f"{OWNER}={owner()}"})
    return [api.inspect_container(each["Id"])["State"]["Pid"] for each in ours]


def children(pid: int) -> list[int]:
    found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in found for child in text.split()]


def processor_seconds(roots: list[int]) -> float:
    """Of this process, of the supervisors and their fork servers, and of all children that ended."""
    total, servers = time.process_time(), [each for root in roots for each in children(root)]
    for pid in (*roots, *servers):
        times = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]
        total += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return total


def at_once(
    calls: Sequence[Callable[[], object]], seconds: float
) -> tuple[list[float], int, float]:
    """Each call again and again in a thread of its own: the first one's milliseconds, how many, seconds."""
    counts, times = [0] * len(calls), list[float]()
    start = time.monotonic()

    def loop(place: int) -> None:
        while (began := time.monotonic()) < start + seconds:
            calls[place]()
            counts[place] += 1
            if place == 0:
                times.append((time.monotonic() - began) * 1000)

    racers = [threading.Thread(target=loop, args=(i,)) for i in range(len(calls))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return times, sum(counts), time.monotonic() - start


def checkout(commit: str, folder: Path) -> Path:
    """The package as it was at a commit, in a folder that may stand on the path."""
    data = subprocess.run(
        ["git", "archive", commit, "sparring", *ROOMS], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder, filter="data")
    for room in ROOMS:
        (folder / room).rename(folder / "sparring" / room)
    return folder


def linked(folder: Path) -> Path:
    """This tree, laid out in the same way."""
    (folder / "sparring").mkdir(parents=True)
    for path in (ROOT / "sparring").iterdir():
        (folder / "sparring" / path.name).symlink_to(path)
    for room in ROOMS:
        (folder / "sparring" / room).symlink_to(ROOT / room)
    return folder


def programs() -> list[dict[str, Any]]:
    """Programs of every kind: attacks, honest ones, and many that models might write."""
    from sparring.envs.types import Job, Limits
    from sparring.sandbox.conformance import attacks, honest_jobs

    # Without those that only wait for a limit: their own time would be most of the run's.
    brief = [attack.job for attack in attacks() if not attack.right & {"timeout", "cpu", "memory"}]
    found = brief + [job for _, job in honest_jobs()]
    rng = random.Random(0)
    sources = [*BARE, *USUAL, *CLASSES]
    for i in range(1200):
        inputs = tuple((rng.randrange(1, 40),) for _ in range(rng.randrange(1, 4)))
        found.append(Job(sources[i % len(sources)], "f", inputs, repeat=1 + (i % 5 == 0)))
    for i in range(120):
        found += [Job(source.replace("@", str(i))) for source in ENDINGS]
    found += [Job("print(input())", stdin=f"{i}\n" * 9000) for i in range(40)]
    found += [Job("x = bytearray(1 << 34)", limits=Limits(megabytes=64 + i)) for i in range(20)]
    return [asdict(job) for job in found if job.judge is None]


ENDINGS: Final = (
    "print('x' * 30@)",
    "1 / (@ - @)",
    "def g(n): return g(n + @)\ng(0)",
    "import os; os._exit(@ % 200)",
    "import os; os.write(3, b'@')",
    "import sys; sys.exit(@)",
    "import ctypes; ctypes.CDLL(None).ptrace(@, 0, 0, 0)",
    "x = @ is 1\nprint('\\d', x)",
    "raise ValueError('@' * 20000)",
    "this is no program @",
    "__import__('collections').Counter('@').most_common(1)[7]",
    "print(sorted({'a@': 1, 'b': 2}), hash('x@'), {'q', 'r', 's@'})",
)


def compare(before: Version, after: Version) -> None:
    """Print how many programs both versions judge alike, and each one that they do not."""
    rows = json.loads(json.dumps(programs(), default=list_of_bytes))
    first, second, new = (each.ask("verdicts", rows) for each in (before, before, after))
    steady = [all_ == again for all_, again in zip(first, second, strict=True)]
    apart = [i for i in range(len(rows)) if steady[i] and new[i] != first[i]]
    apart += [
        i
        for i in range(len(rows))
        if not steady[i] and new[i][0] not in (first[i][0], second[i][0])
    ]
    print(
        f"verdicts: {len(rows)} programs, {sum(steady)} steady before, {len(apart)} judged in another way"
    )
    for i in apart[:20]:
        print(f"  {rows[i]['source'][:150]!r}\n    before {first[i]}\n    after  {new[i]}"[:1500])


def list_of_bytes(value: object) -> object:
    """Values that JSON has not: they are no inputs here."""
    return str(value)


def rates(before: Version, after: Version, executor: str, rounds: int) -> None:
    for name, aim in AIMS.items():
        pairs = [
            (before.ask("rate", name, 0.5), after.ask("rate", name, 0.5)) for _ in range(rounds)
        ]
        old, new = (median(rate for rate, _ in each) for each in zip(*pairs, strict=True))
        ratio = median(b[0] / a[0] for a, b in pairs)
        cpu_old, cpu_new = (median(cpu for _, cpu in each) for each in zip(*pairs, strict=True))
        cpu = median(a[1] / b[1] for a, b in pairs)
        print(
            f"{executor:<8}{name:<16}{old:5.0f} → {new:5.0f} a second × {ratio:.2f}   processor "
            f"{cpu_old:5.2f} → {cpu_new:5.2f} ms × {cpu:.2f}   aim × {aim}",
            flush=True,
        )


def loads(before: Version, after: Version, executor: str, rounds: int) -> None:
    """Turns of two seconds: a turn ends with the last batch, which others wait for."""
    turns = [(before.ask("load", 2.0), after.ask("load", 2.0)) for _ in range(max(2, rounds // 4))]
    for name, each in zip(("before", "after"), zip(*turns, strict=True), strict=True):
        times = [ms for turn in each for ms in turn]
        p95 = quantiles(times, n=20)[18] if len(times) > 1 else times[0]
        print(
            f"{executor:<8}a single call beside 8 × 32, {name:<7} p50 {median(times):7.1f} ms  "
            f"p95 {p95:7.1f} ms  ({len(times)} calls)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--executor", action="append", choices=["local", "docker"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", action="append", choices=["verdicts", "rate", "load"])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--tree", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.tree)
        return

    only = arguments.only or ["verdicts", "rate", "load"]
    with tempfile.TemporaryDirectory() as place:
        trees = checkout(arguments.before, Path(place, "before")), linked(Path(place, "after"))
        for executor in arguments.executor or ["local"]:
            before, after = (Version(tree, executor) for tree in trees)
            if "verdicts" in only:
                compare(before, after)
            if "rate" in only:
                rates(before, after, executor, arguments.rounds)
            if "load" in only:
                loads(before, after, executor, arguments.rounds)
            before.close()
            after.close()


if __name__ == "__main__":
    main()
