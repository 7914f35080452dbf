"""Which fork server a program's child comes from changes nothing that it can do, only how long it takes."""

from collections.abc import Iterator

import pytest
from sparring.envs.types import Job
from sparring.sandbox.pool.verifier import Pooled

from ..conftest import opened


@pytest.fixture(scope="module", params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def pool(request: pytest.FixtureRequest) -> Iterator[Pooled]:
    found = opened(request.param, size=1)
    found.cache = None
    yield found
    found.shut()


HIDDEN = "m = __builtins__.__dict__['__imp' + 'ort__']\n"


def test_a_bare_child_can_import_what_it_hid(pool: Pooled) -> None:
    job = Job(HIDDEN + "def f(x): return m('re').findall('a+', x), m('heapq').nsmallest(1, [3, 2])")
    verdict = pool.run([Job(job.source, "f", (("baab",),))])[0]
    assert [result.value for result in verdict.results] == [(["aa"], [2])]


def test_a_program_recurses_equally_deep_in_both(pool: Pooled) -> None:
    deep = "def f(x):\n    try: return f(x + 1)\n    except RecursionError: return x\n"
    found = pool.run([Job(text + deep, "f", ((0,),)) for text in ("", "import math\n")])
    assert found[0].results == found[1].results
    assert found[0].status == "ok"


@pytest.mark.parametrize("before", ["", "import math\n"])
def test_the_modules_that_are_there_keep_no_trace_of_earlier_programs(
    pool: Pooled, before: str
) -> None:
    left = before + HIDDEN + "m('copy').left = m('re').left = 1\n"
    look = before + HIDDEN + "print(hasattr(m('copy'), 'left'), hasattr(m('re'), 'left'))"
    assert pool.run([Job(left)])[0].status == "ok"
    assert pool.run([Job(look)])[0].stdout == "False False\n"


def test_children_of_one_server_draw_other_numbers(pool: Pooled) -> None:
    drawn = {each.stdout for each in pool.run([Job("import random\nprint(random.random())")] * 8)}
    assert len(drawn) == 8


def test_strings_hash_by_the_same_two_seeds_in_both(pool: Pooled) -> None:
    said = [pool.run([Job(text + "print(hash('a'))")])[0].stdout for text in ("", "import math\n")]
    assert said[0] == said[1]
    unsteady = [
        Job(text + "def f(): return hash('a')", "f", ((),), repeat=2)
        for text in ("", "import math\n")
    ]
    assert [each.status for each in pool.run(unsteady)] == ["nondeterministic"] * 2


def test_the_compilers_warnings_are_printed_alike_in_both(pool: Pooled) -> None:
    said = pool.run([Job(text + "x = 1 is 1") for text in ("", "import math; ")])
    assert said[0].stderr == said[1].stderr
    assert "SyntaxWarning" in said[0].stderr
