"""Ladder: a proposer writes easier variants of a hard integral, in a tree; solvers integrate."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from ..parse import Illegal, Unreadable, answered, excerpt, tagged
from ..registry import ParameterError, game, seat_names
from ..script import Script, Steps, ask, ask_all, chance, credit, keep, note, randomness, verify
from ..tasks.gate import PROPOSAL_LIMITS, plain_values
from ..tasks.pay import proposer_range, proposer_reward
from ..tasks.shapes import tree
from ..tasks.tooling import checked_tools, tooled
from ..tools import Tools
from ..types import Job, Message, Value

ROOTS = {
    "training": (
        "x**2*exp(x)*sin(x)",
        "1/(x**3 + 1)",
        "sqrt(1 + exp(x))",
        "log(x)**2*x",
        "x/(exp(x) + exp(-x))**2",
        "sin(x)**3*cos(x)**2",
    ),
    "test": (
        "x*exp(-x)*cos(x)",
        "x**3/(x**2 + 1)",
        "1/(1 + exp(2*x))",
        "log(x)/x**3",
        "x**2*atan(x)",
        "sin(x)**4",
    ),
}
"""Hard integrals; those of the test are never trained on."""
EASY = ("x*exp(x)", "sin(x)**2", "2*x + 1", "cos(3*x)", "sqrt(x)", "1/(x + 1)", "exp(2*x)", "x**5")
"""Two of these that are not in the tree yet are the example of a reply."""
FUNCTIONS = ("sin", "cos", "tan", "exp", "log", "sqrt", "atan", "asin", "sinh", "cosh", "tanh")
CHECK = """\
import math
NAMES = {name: getattr(math, name) for name in dir(math) if name[0] != "_"}
ROOT = math.sqrt(10 / 7)
OUTER, INNER = math.sqrt(5 + 2 * ROOT) / 3, math.sqrt(5 - 2 * ROOT) / 3
HEAVY, LIGHT = (322 + 13 * math.sqrt(70)) / 900, (322 - 13 * math.sqrt(70)) / 900
NODES = (-OUTER, LIGHT), (-INNER, HEAVY), (0, 128 / 225), (INNER, HEAVY), (OUTER, LIGHT)
FAULTS = (ValueError, ArithmeticError, TypeError)
REAL = {**NAMES, "log": lambda v: math.log(abs(v))}

def at(code, x, names=NAMES):
    value = float(eval(code, {"__builtins__": {}, **names, "x": x}))
    if not math.isfinite(value):
        raise ValueError
    return value

def integral(code, a, b, panels):
    half = (b - a) / panels / 2
    middles = [a + (2 * panel + 1) * half for panel in range(panels)]
    return half * math.fsum(w * at(code, m + t * half) for m in middles for t, w in NODES)

def agreeing(g, big, points):
    areas, usable, agree = [], 0, 0
    for a, b in zip(points, points[1:]):
        try:
            areas.append((a, b, integral(g, a, b, 4), integral(g, a, b, 8)))
        except FAULTS:
            pass
    sizes = sorted(abs(area) / (b - a) for a, b, _, area in areas)
    for a, b, rough, area in areas:
        allowed = 1e-6 * max(sizes[len(sizes) // 2] * (b - a), abs(area))
        if abs(rough - area) > allowed:
            continue
        usable += 1
        try:
            agree += abs(at(big, b, REAL) - at(big, a, REAL) - area) <= allowed
        except FAULTS:
            pass
    return usable, agree

def f(integrand, antiderivative, near, far):
    g, big = compile(integrand, "g", "eval"), compile(antiderivative, "F", "eval")
    return agreeing(g, big, near), agreeing(g, big, far)
"""
POINTS, FEWEST = 12, 6
NEAR, FAR = (0.2, 2.5), (2.5, 9.0)
"""Answers are checked between these x. A formula that only fits the first range fails in the second."""
PROPOSE = """\
This integral is hard: ∫ {integrand} dx
Write {width} easier variants, one a line: simpler integrals that help to learn it. Use x, numbers, + - * / \
** and {functions}. Answer in this form:
<variants>
{example}
</variants>"""
SOLVE = """\
∫ {integrand} dx
Give an antiderivative, without the constant, in this form: <answer>x**2/2 - cos(x)</answer>"""


Points: TypeAlias = tuple[list[Value], list[Value]]
Count: TypeAlias = tuple[int, int]


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes powers and sines; integrates those alone."""
    if seat == "proposer":
        turn = 1 + sum(message.speaker == "self" for message in view)
        return f"<variants>\n{turn}*x\nsin({turn}*x)\n</variants>"
    asked = view[-1].text.split("∫ ")[1].split(" dx")[0].replace(" ", "")
    factor = asked[0]
    return (
        f"<answer>{factor}*x**2/2</answer>" if asked.endswith("*x") else "<answer>-cos(x)</answer>"
    )


_CONSTANT = re.compile(r"\+ ?[cC]$")
_LN = re.compile(r"\bln\b")
_ARC = re.compile(r"\barc(sin|tan)\b")
_TIMES = re.compile(r"(?<=\d) ?(?=[a-df-z(]|e(?![\d+-]))")
"""Between a number and what it multiplies; 1e-3 is one number."""


def formula(text: str) -> str:
    """A formula in x as canonical text. Raises Unreadable for anything but arithmetic and functions.

    As people write it: 2x is 2*x (so 1/2x is x/2), ln is log, arctan is atan, and a last + C is left out.
    """
    # Models write powers with ^, and minus with its own sign.
    code = text.strip().replace("^", "**").replace("−", "-")
    code = code.removeprefix("∫").removesuffix("dx").strip()
    code = _ARC.sub(r"a\1", _LN.sub("log", _CONSTANT.sub("", code)))
    code = _TIMES.sub("*", code)

    # Longer formulas could hold a table of values instead of an antiderivative.
    parsed = tree(code) if len(code) <= 160 else None
    body = parsed.body[0] if parsed and len(parsed.body) == 1 else None
    if not isinstance(body, ast.Expr) or not _plain(body.value):
        raise Unreadable(f"not a formula in x: {excerpt(text)}")
    return ast.unparse(body.value)


def _plain(node: ast.expr) -> bool:
    # No comparison, subscript or attribute: nothing but arithmetic reaches the sandbox's eval.
    match node:
        case ast.Constant(value=value):
            return (
                # True is an int to isinstance.
                isinstance(value, (int, float)) and type(value) is not bool and abs(value) <= 10**6
            )
        case ast.Name(id=name):
            return name in ("x", "pi", "e")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _plain(operand)
        case ast.BinOp(
            left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right
        ):
            return _plain(left) and _plain(right)
        case ast.Call(func=ast.Name(id=name), args=[only], keywords=[]):
            return name in FUNCTIONS and _plain(only)

        case _:
            return False


def _range(reward: str = "paper", roots: str = "training", tools: str = "") -> tuple[float, float]:
    if roots not in ROOTS:
        raise ParameterError(f"ladder-v0: roots is {' or '.join(ROOTS)}, not {roots!r}")
    return checked_tools("ladder-v0", tools, proposer_range(reward))


@game(
    "ladder-v0",
    family="proposer and solver",
    roles=lambda attempts=2: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=2, width=2, depth=2: (
        sum(width**level for level in range(depth))
        + attempts * sum(width**level for level in range(depth + 1))
    ),
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    bounds={"attempts": (1, 64), "width": (1, 8), "depth": (1, 4)},
    oracles={"sample": sample},
)
def ladder(
    attempts: int = 2,
    width: int = 2,
    depth: int = 2,
    reward: str = "paper",
    roots: str = "training",
    tools: str = "",
) -> Script:
    """A proposer writes easier variants of a hard integral, in a tree; solvers integrate all of them.

    Moves: for the root and each variant above the last level the proposer writes up to `width` variants; then
    each of `attempts` solvers integrates every variant, leaves first, and the root. A numeric check in the
    sandbox compares what the answer gains between random points with the integral there (five-point Gauss;
    gaps where two step sizes disagree do not count), relative to the integrand's own size: so no constant
    solves a small integrand, and no saw of slope 1 any. It must agree in all gaps of [0.2, 2.5] and in at
    least half of those of [2.5, 9]: a fitted polynomial agrees in none there, an arctangent may jump in some.
    `roots` is training or test: two sets of hard integrals with none in common.
    Payoff: proposer, the mean over its variants of the reward for their solve rate (−1 for none that is
    valid); solver, the share of all integrals that it solves, root included. Credit: solver `solved`, 1 for
    each right answer, so that each can be trained by its own verdict among the attempts at that integral.
    `tools` lets solvers call tools before they answer: python, search, or both as python+search.
    Notes: tree, (parent, variant, solve rate); root, the root's solve rate. Variants are kept as `ladder`.
    Source: LADDER and TTRL (Simonds and Yoshiyama 2025).
    """
    pay = proposer_reward(reward)
    root = formula(ROOTS[roots][(yield from chance((1,) * len(ROOTS[roots])))])
    rng = yield from randomness()
    # Drawn once and told to no seat, so that no answer can be fitted to them.
    points = _drawn(rng)
    solvers = list(seat_names({"solver": attempts}))

    # Variants are written level by level; none may repeat the root or another variant.
    parents: dict[str, str] = {}
    frontier = [root]
    for _ in range(depth):
        level, frontier = frontier, list[str]()
        for node in level:
            # `parents` grows within a level too, so siblings do not repeat each other.
            found = yield from _variants(node, {root, *parents}, width, points)
            parents.update(dict.fromkeys(found, node))
            frontier.extend(found)

    # Leaves first and the root last, as in the paper.
    rates: dict[str, float] = {}
    solved = dict.fromkeys(solvers, 0)
    for integrand in [*reversed(parents), root]:
        right = yield from _attempts(integrand, solvers, points, tooled(tools))
        rates[integrand] = sum(right.values()) / attempts
        for seat in solvers:
            solved[seat] += right[seat]
            yield from credit(seat, float(right[seat]), "solved")

    # The root was not the proposer's: it is noted, and pays the proposer nothing.
    root_rate = rates.pop(root)
    yield from note("root", root_rate)
    yield from note("tree", [(parents[variant], variant, rate) for variant, rate in rates.items()])
    for variant, rate in rates.items():
        yield from keep("ladder", {"integrand": variant, "solve_rate": rate})

    # The mean and not the sum, so that many variants earn no more than a few good ones.
    earned = sum(map(pay, rates.values())) / len(rates) if rates else -1.0
    return {"proposer": earned, **{seat: n / (len(rates) + 1) for seat, n in solved.items()}}


def _drawn(rng: random.Random) -> Points:
    """Points of the first range, and of the second, each in order."""
    near = sorted(rng.uniform(*NEAR) for _ in range(POINTS))
    return [*near], [*sorted(rng.uniform(*FAR) for _ in range(POINTS))]


def _variants(node: str, known: set[str], width: int, points: Points) -> Steps[list[str]]:
    """The valid variants of one integral: new, and with an integral between enough of the points."""
    prompt = PROPOSE.format(
        integrand=bracketed(node),
        width=width,
        functions=", ".join(FUNCTIONS),
        example="\n".join([easy for easy in EASY if formula(easy) not in known][:2]),
    )
    written = yield from ask("proposer", prompt, _lines(width), tries=1, otherwise=())
    # Texts are canonical by `formula`, so the same formula laid out otherwise is found.
    fresh = [text for text in dict.fromkeys(written) if text not in known]
    # The answer "x" is a stand-in: only the number of usable gaps is read here.
    found = yield from _checked([(text, "x") for text in fresh], points)
    return [text for text, ((usable, _), _) in zip(fresh, found, strict=True) if usable >= FEWEST]


def bracketed(integrand: str) -> str:
    """A sum in brackets: ∫ x + 1 dx would be read as ∫ x."""
    parsed = tree(integrand)
    match parsed and parsed.body:
        case [ast.Expr(ast.BinOp(op=ast.Add() | ast.Sub()))]:
            return f"({integrand})"
        case _:
            return integrand


def _lines(width: int) -> Callable[[str], tuple[str, ...]]:
    """A parser of up to `width` variants, one a line; more of them are passed over unread."""

    def parse(text: str) -> tuple[str, ...]:
        lines = filter(str.strip, tagged(text, "variants").splitlines())
        written = tuple(formula(line) for line in islice(lines, width))
        if not written:
            raise Illegal("at least one variant was expected")
        return written

    return parse


def _attempts(
    integrand: str, solvers: Sequence[str], points: Points, tools: Tools | None
) -> Steps[Mapping[str, bool]]:
    """Which solvers integrate this."""
    prompt = SOLVE.format(integrand=bracketed(integrand))
    answers = yield from ask_all(
        dict.fromkeys(solvers, prompt),
        lambda text: formula(answered(text)),
        tries=1,
        otherwise=None,
        tools=tools,
    )

    given = {seat: answer for seat, answer in answers.items() if answer is not None}
    results = yield from _checked([(integrand, answer) for answer in given.values()], points)
    right = {seat: holds(*counts) for seat, counts in zip(given, results, strict=True)}
    return {seat: right.get(seat, False) for seat in solvers}


def holds(near: Count, far: Count) -> bool:
    """Whether an answer is right that agrees in so many gaps, given as (usable, agreeing) for each range."""
    # All near gaps and half of the far ones: a right answer may jump in some of these.
    return near[0] >= FEWEST and near[0] == near[1] and 2 * far[1] >= far[0]


def _checked(pairs: Sequence[tuple[str, str]], points: Points) -> Steps[list[tuple[Count, Count]]]:
    """For each (integrand, answer) and range: the gaps with an integral, and those where it agrees."""
    jobs = [Job(CHECK, "f", ((*pair, *points),), limits=PROPOSAL_LIMITS) for pair in pairs]
    found: list[tuple[Count, Count]] = []
    for verdict in (yield from verify(*jobs)):
        match plain_values(verdict, 1):
            case (((int(usable), int(agree)), (int(far), int(far_agree))),):
                found.append(((usable, agree), (far, far_agree)))
            case _:
                found.append(((0, 0), (0, 0)))
    return found
