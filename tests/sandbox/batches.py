"""Jobs in hundreds, and what became of them."""

import os

import pytest
from sparring.envs.types import Job

BOTH = ["local", pytest.param("docker", marks=pytest.mark.docker)]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="looking into other processes needs root")


def batch(count: int = 200) -> list[Job]:
    """Jobs that take a few milliseconds each, all different."""
    return [
        Job(f"import time\ndef f(x):\n    time.sleep(0.005)\n    return x + {i}", "f", ((1,),))
        for i in range(count)
    ]


def honest_or_infra(verdicts: object, count: int = 200) -> int:
    """Every verdict is right or `infra`; how many are right."""
    assert isinstance(verdicts, list)
    assert len(verdicts) == count
    for i, verdict in enumerate(verdicts):
        assert verdict.status in ("ok", "infra"), verdict
        assert verdict.results[0].value == (i + 1 if verdict.status == "ok" else None)
    return sum(verdict.status == "ok" for verdict in verdicts)


def mixed(count: int) -> list[Job]:
    """Every kind of ending, thousands of times."""
    kinds = [
        Job("def f(x): return x", "f", ((1,), ("a",), ([1, 2],))),
        Job("print('x' * 3000)"),
        Job("1 / 0"),
        Job("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)"),
        Job("import os; os._exit(0)"),
        Job("import os; os.write(3, b'x')"),
        Job("x = bytearray(1 << 34)"),
        Job("print(input())", stdin="y\n" * 9000),
        Job("import threading\nthreading.Thread(target=print).start()"),
        Job("while True: print('x' * 5000)"),
    ]
    return [kinds[i % len(kinds)] for i in range(count)]
