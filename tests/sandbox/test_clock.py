"""Programs that read the clock are labelled, and others that only calculate with dates are not."""

import pytest
from sparring.envs.types import Job
from sparring.sandbox.clock_reads import clock_reads
from sparring.sandbox.pool.verifier import Pooled


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ndef f(x): return int(time.time()) // 10**6", ("time.time",)),
        ("import time as t\ndef f(x): return t.strftime('%Y')", ("time.strftime",)),
        ("from time import monotonic as m\ng = m\ndef f(x): return g()", ("time.monotonic",)),
        ("from time import *\ndef f(x): return time()", ("time.time",)),
        ("import datetime\ndef f(x): return datetime.date.today().year", ("datetime.date.today",)),
        (
            "import datetime as dt\ndef f(x): return dt.datetime.now(dt.UTC).year",
            ("datetime.datetime.now",),
        ),
        (
            "from datetime import datetime\ndef f(x): return datetime.utcnow()",
            ("datetime.datetime.utcnow",),
        ),
        ("def f(x):\n    import time\n    return time.localtime().tm_year", ("time.localtime",)),
        (
            "import time\ndef f(x): return time.localtime(0).tm_year, time.strftime('%Y', time.gmtime(1))",
            (),
        ),
        (
            "import datetime\ndef f(x): return str(datetime.date(2024, 2, 29) + datetime.timedelta(x))",
            (),
        ),
        ("import time\ndef f(x): time.sleep(0.001)", ()),
        ("def f(time): return time.time", ()),
        ("x =", ()),
        ("(" * 5000, ()),
    ],
)
def test_what_reads_the_clock(source: str, found: tuple[str, ...]) -> None:
    assert clock_reads(source) == found


def test_a_repeated_job_says_that_it_reads_the_date(verifier: Pooled) -> None:
    dated = "import datetime\ndef f(x): return datetime.date.today().year + x"
    plain = "import datetime\ndef f(x): return datetime.date(2024, 1, 1).year + x"
    first, second, once = verifier.run(
        [
            Job(dated, "f", ((1,),), repeat=2),
            Job(plain, "f", ((1,),), repeat=2),
            Job(dated, "f", ((1,),)),
        ]
    )
    assert (first.status, second.status, once.status) == ("ok", "ok", "ok")
    assert "datetime.date.today" in first.detail
    assert second.detail == once.detail == ""
