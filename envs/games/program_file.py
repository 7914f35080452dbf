"""Program file: one seat completes a program of a file, and the file's test says whether it is right."""

from __future__ import annotations

import textwrap
import warnings
from typing import Any

from ..parse import Illegal, Unreadable, code_blocks, excerpt
from ..registry import game
from ..script import Script, ask, note
from ..tasks.files import SAMPLE, Items, items, text_of
from ..tasks.items import check_item, check_part, chosen, solver_note
from ..tasks.programs import fenced
from ..tasks.shapes import tree
from ..tasks.tested import Problem, passes, test_fault
from ..types import Message

ID = "program-file-v0"
LONGEST = 8_000
"""Characters of a program."""
ASK = "Complete this program. Give all of it in one ```python block.\n{code}"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Knows the file that ships with the game, and gives any other function no body."""
    for problem in _file(SAMPLE).part("all"):
        if ASK.format(code=fenced(problem.prompt)) == view[-1].text:
            return fenced(problem.prompt + problem.solution)
    return fenced("def f(*given):\n    return None")


def _read(fields: dict[str, Any]) -> Problem:
    """A problem of a line's fields. Raises ValueError."""
    prompt, test = text_of(fields, "prompt"), text_of(fields, "test", 200_000)
    entry = text_of(fields, "entry_point")
    if not entry.isidentifier():
        raise ValueError(f"'entry_point' must be the name of a function, not {excerpt(entry)}")
    if fault := test_fault(test):
        raise ValueError(fault)
    solution = fields.get("canonical_solution", "")
    return Problem(prompt, entry, test, solution if isinstance(solution, str) else "")


def _file(file: str) -> Items[Problem]:
    return items(file, "programs.jsonl", "prompt", _read)


def _range(file: str, part: str, item: int) -> tuple[float, float]:
    known = _file(file).part(check_part(ID, part))
    check_item(ID, item, len(known), part)
    return (0.0, 1.0)


@game(
    ID,
    family="files",
    roles={"solver": 1},
    max_turns=1,
    payoff_range=_range,
    oracles={"sample": sample},
    provider=lambda file: f"file {_file(file).digest}",
    bounds={"item": (-1, 10_000_000)},
    items=lambda file, part: len(_file(file).part(part)),
)
def program_file(file: str = SAMPLE, part: str = "all", item: int = -1) -> Script:
    """A solver completes one program of a file of JSON lines; the file's test says whether it is right.

    Moves: a program in a code block, whole or the rest of what is shown. Each line of `file` has a
    `prompt`, an `entry_point` and a `test` with `check(candidate)` (HumanEval's form); `sample` is a file
    that ships with the game. The program runs in the sandbox and its test in other processes: it gives
    values, and never meets the test. `part` is train, held-out (a fifth of the prompts, by a digest of
    their text) or all; `item` is the number of one that is asked alone.
    Payoff: 1 for a program that passes, else 0.
    Source: Evaluating Large Language Models Trained on Code (Chen et al. 2021).
    """
    known = _file(file).part(part)
    number = yield from chosen(item, len(known))
    problem = known[number]
    prompt = ASK.format(code=fenced(problem.prompt))
    # One try and a fall-back: an unreadable program is a wrong one and ends no game.
    source = yield from ask(
        "solver", prompt, lambda text: _program(text, problem), tries=1, otherwise=None
    )

    right = float(source is not None and (yield from passes(problem, source)))
    yield from note("item", solver_note({"part": part}, number))
    yield from note("gold", right)
    return {"solver": right}


def _program(text: str, problem: Problem) -> str:
    """The program in a reply: the whole, or the rest of the prompt. Raises Unreadable or Illegal."""
    # A model that completes text gives no block.
    code = next(iter(code_blocks(text)), text)
    if len(code) > LONGEST:
        raise Illegal(f"at most {LONGEST:,} characters were expected, {len(code):,} came")

    if f"def {problem.entry}" in code:
        # The prompt's imports and helpers are there, whether the reply repeats them or not.
        wholes = (f"{problem.prompt}\n\n{code}", code)
    else:
        # Replies often lose the spaces at their beginning, of the first line or of all.
        indented = (code, f"    {code}", textwrap.indent(code, "    "))
        wholes = tuple(problem.prompt + rest for rest in indented)
    for whole in wholes:
        if _compiles(whole):
            return whole
    raise Unreadable(f"no program that defines {problem.entry} in {excerpt(text)}")


def _compiles(source: str) -> bool:
    """Whether the text is a program; what parses may still be none, like a `return` outside a function."""
    if tree(source) is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
