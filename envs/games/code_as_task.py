"""Code as task: a challenger explores tools and writes a task with its own check; executors solve it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..parse import Illegal, Unreadable, excerpt, has_tag, line, rows, tagged
from ..registry import game, seat_names
from ..script import Script, Steps, ask, ask_all, note, randomness, recall, verify
from ..tasks.gate import certain, gate
from ..tasks.likeness import SAME_TASK, similar
from ..tasks.pay import proposer_range
from ..tasks.programs import Answer, answer, arguments, called, program
from ..tasks.proposing import refused, settle, tried, withdrawn
from ..tasks.tooling import checked_tools, tooled
from ..tools import Tools
from ..types import Job, Message, Value
from ..values import canonical, read

KIND = "code-as-task"
"""What its tasks are kept as, and recalled as."""
TOOLS = """\
def f(shop, tool, given):
    if tool == "items" and not given:
        return sorted(shop)
    if tool in ("price", "stock") and len(given) == 1 and type(given[0]) is str:
        return shop.get(given[0], [None, None])[tool == "stock"]
    return "no such call"
"""
ITEMS = ("apples", "bread", "candles", "dates", "eggs", "flour", "grapes", "honey")
TOOL_HELP = """\
A shop has three tools: items() lists its items, price("bread") and stock("bread") give numbers. Call one in \
this form: <call>price("bread")</call>"""
EXPLORE = """\
{help}
Explore the shop with up to {calls} calls, then write a task about it for others who have the same tools: an \
instruction, a Python function check(x) that returns True for the right answer alone, the right answer, and \
wrong answers, one a line, for which check returns False. Answer in this form:
<task>{example}</task>
```python
def check(x):
    return x == "honey"
```
<answer>"honey"</answer>
<wrong>
"bread"
</wrong>"""
EXAMPLE = "Which item costs the most?"
SOLVE = """\
{help}
Task: {task}
Make up to {calls} calls, one at a time, then answer in this form: <answer>"honey"</answer>"""


Final = TypeVar("Final")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one tool."""

    tool: str
    given: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A task with the code that checks an answer, an answer it must accept, and others it must not."""

    task: str
    source: str
    solution: Value
    wrong: tuple[Value, ...]


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Asks for the price of eggs after looking it up; executors look it up, but the odd ones guess."""
    calls = sum(message.speaker == "self" for message in view)
    price = view[-1].text.split("returns ")[-1].split("\n")[0]
    if not calls and (seat == "proposer" or seat[-1] not in "13579"):
        return '<call>price("eggs")</call>'
    if seat == "proposer":
        check = f"```python\ndef check(x):\n    return x == {price}\n```"
        return f"<task>What do eggs cost?</task>\n{check}\n<answer>{price}</answer>\n<wrong>\n-1\n</wrong>"
    return f"<answer>{price if calls else 0}</answer>"


@game(
    "code-as-task-v0",
    family="proposer and solver",
    roles=lambda attempts=4: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=4, calls=3: (calls + 1) * (attempts + 1),
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="paper", tools="": checked_tools(
        "code-as-task-v0", tools, proposer_range(reward)
    ),
    bounds={"attempts": (1, 64), "calls": (0, 32)},
    oracles={"sample": sample},
)
def code_as_task(
    attempts: int = 4, calls: int = 3, reward: str = "paper", tools: str = ""
) -> Script:
    """A challenger explores tools and writes a task that carries its own check; executors solve it.

    Moves: the challenger makes up to `calls` tool calls, then gives an instruction, a function `check`, an
    answer that it accepts and some that it rejects; a bundle whose check fails this self-test, or is not
    deterministic, is refused. Executors, unseen by each other, make up to `calls` calls and answer.
    `tools` lets executors call tools before they answer: python, search, or both as python+search.
    Payoff: challenger as the proposer of code-deduction; executor 1, −0.5 wrong, −1 unreadable.
    Source: Self-Challenging Language Model Agents (Zhou et al. 2025).
    """
    rng = yield from randomness()
    shop = _stocked(rng)
    solvers = list(seat_names({"solver": attempts}))

    bundle = yield from _bundle(shop, calls)
    if bundle is None:
        yield from note("gate", "unreadable")
        return refused(solvers)

    # The prompt's own example may be handed in, and is not kept.
    new = not similar(bundle.task, EXAMPLE, SAME_TASK)
    if new and (yield from recall(KIND, 1, like={"task": bundle.task})):
        yield from note("gate", "near_copy")
        return refused(solvers)

    # The self-test: check accepts the author's own answer and rejects each wrong one.
    cases = [(bundle.solution,), *((wrong,) for wrong in bundle.wrong)]
    wanted = [True, *(False for _ in bundle.wrong)]
    ruling = yield from gate(bundle.source, cases, entry="check", expected=wanted)
    yield from note("gate", ruling.reason or "admitted")
    if not ruling.admitted:
        return refused(solvers)

    # Executors work in the shop that the challenger explored; its calls and answers they
    # do not see.
    given = yield from _solved(shop, bundle.task, solvers, calls, tooled(tools))
    answers = {seat: x and (x.value,) for seat, x in given.items()}
    paid = yield from tried(bundle.source, answers, True, entry="check")
    if paid is None:
        return withdrawn(solvers)

    item: dict[str, Value] = {
        "task": bundle.task,
        "source": bundle.source,
        "answer": bundle.solution,
    }
    return (yield from settle(KIND, item, paid, reward, new=new))


def _stocked(rng: random.Random) -> dict[Value, Value]:
    return {
        item: [rng.randint(1, 99), rng.randint(0, 50)] for item in [*rng.sample(ITEMS, 5), "eggs"]
    }


def _bundle(shop: Value, calls: int) -> Steps[Bundle | None]:
    """Let the challenger explore, and take its bundle; None when it gives none in time."""
    prompt = EXPLORE.format(help=TOOL_HELP, calls=calls, example=EXAMPLE)
    for left in range(calls, -1, -1):
        move = yield from ask(
            "proposer", prompt, reader(_read_bundle, left > 0), tries=1, otherwise=None
        )
        if not isinstance(move, Call):
            return move
        prompt = (
            f"{(yield from _called(shop, move))}\n{left - 1} calls left, then the task in its form."
        )
    return None


def _solved(
    shop: Value, task: str, solvers: list[str], calls: int, tools: Tools | None
) -> Steps[dict[str, Answer | None]]:
    """Each executor's answer, after its calls; None where it gave none that could be read."""
    prompts = dict.fromkeys(solvers, SOLVE.format(help=TOOL_HELP, task=task, calls=calls))
    given: dict[str, Answer | None] = {}

    for left in range(calls, -1, -1):
        parse = reader(answer, left > 0)
        moves = yield from ask_all(prompts, parse, tries=1, otherwise=None, tools=tools)

        # Only seats that called a tool are asked again.
        prompts = {}
        for seat, move in moves.items():
            if isinstance(move, Call):
                prompts[seat] = f"{(yield from _called(shop, move))}\n{left - 1} calls left."
            else:
                given[seat] = move
        if not prompts:
            break

    return {seat: given.get(seat) for seat in solvers}


def _called(shop: Value, call: Call) -> Steps[str]:
    """What a call returns, as the line that is shown."""
    (verdict,) = yield from verify(Job(TOOLS, "f", ((shop, call.tool, call.given),)))
    (value,) = certain(verdict, 1)
    return f"{called(call.given, call.tool)} returns {canonical(value)}"


def reader(final: Callable[[str], Final], may_call: bool) -> Callable[[str], Call | Final]:
    """A parser of a tool call, where one is still allowed, or of the final move."""

    def parse(text: str) -> Call | Final:
        # With no call left everything is read as the final move, and a call fails there.
        if not may_call or not has_tag(text, "call"):
            return final(text)
        found = re.fullmatch(r"([a-z]{1,20})\((.*)\)", tagged(text, "call"), re.DOTALL)
        if not found:
            raise Unreadable(f"not a call: {excerpt(text)}")
        return Call(found[1], arguments(found[2]) if found[2].strip() else ())

    return parse


def _read_bundle(text: str) -> Bundle:
    wrong = tuple(read(row, 2) for row in rows(text, "wrong", 8))
    if not wrong:
        raise Illegal("1 to 8 wrong answers were expected, none came")
    return Bundle(line(tagged(text, "task")), program(text, "check"), answer(text).value, wrong)
