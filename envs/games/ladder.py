"""Ladder: a proposer writes easier variants of a hard integral, in a tree; solvers integrate."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ..parse import Illegal, Unreadable, excerpt, tagged
from ..registry import game, seat_names
from ..script import Script, Steps, ask, ask_all, chance, keep, note, randomness, verify
from ..tasks.gate import PROPOSAL_LIMITS, plain_values
from ..tasks.pay import proposer_range, proposer_reward
from ..tasks.programs import tree
from ..types import Job, Message, Value

ROOTS = (
    "x**2*exp(x)*sin(x)",
    "1/(x**3 + 1)",
    "sqrt(1 + exp(x))",
    "log(x)**2*x",
    "x/(exp(x) + exp(-x))**2",
    "sin(x)**3*cos(x)**2",
)
FUNCTIONS = ("sin", "cos", "tan", "exp", "log", "sqrt", "atan", "asin", "sinh", "cosh", "tanh")
CHECK = """\
import math
NAMES = {name: getattr(math, name) for name in dir(math) if name[0] != "_"}
ROOT = math.sqrt(10 / 7)
OUTER, INNER = math.sqrt(5 + 2 * ROOT) / 3, math.sqrt(5 - 2 * ROOT) / 3
HEAVY, LIGHT = (322 + 13 * math.sqrt(70)) / 900, (322 - 13 * math.sqrt(70)) / 900
NODES = (-OUTER, LIGHT), (-INNER, HEAVY), (0, 128 / 225), (INNER, HEAVY), (OUTER, LIGHT)
FAULTS = (ValueError, ArithmeticError, TypeError)

def at(code, x):
    value = float(eval(code, {"__builtins__": {}, **NAMES, "x": x}))
    if not math.isfinite(value):
        raise ValueError
    return value

def integral(code, a, b, panels):
    half = (b - a) / panels / 2
    middles = [a + (2 * panel + 1) * half for panel in range(panels)]
    return half * math.fsum(w * at(code, m + t * half) for m in middles for t, w in NODES)

def f(integrand, antiderivative, points):
    g, big = compile(integrand, "g", "eval"), compile(antiderivative, "F", "eval")
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
            agree += abs(at(big, b) - at(big, a) - area) <= allowed
        except FAULTS:
            pass
    return usable, agree
"""
POINTS, FEWEST = 12, 6
PROPOSE = """\
This integral is hard: ∫ {integrand} dx
Write {width} easier variants, one a line: simpler integrals that help to learn it. Use x, numbers, + - * / \
** and {functions}. Answer in this form:
<variants>
x*exp(x)
sin(x)**2
</variants>"""
SOLVE = """\
∫ {integrand} dx
Give an antiderivative, without the constant, in this form: <answer>x**2/2 - cos(x)</answer>"""


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


def formula(text: str) -> str:
    """A formula in x as canonical text. Raises Unreadable for anything but arithmetic and functions."""
    code = text.strip().replace("^", "**").replace("−", "-")
    code = code.removeprefix("∫").removesuffix("dx").strip()

    # Longer formulas could hold a table of values instead of an antiderivative.
    parsed = tree(code) if len(code) <= 160 else None
    body = parsed.body[0] if parsed and len(parsed.body) == 1 else None
    if not isinstance(body, ast.Expr) or not _plain(body.value):
        raise Unreadable(f"not a formula in x: {excerpt(text)}")
    return ast.unparse(body.value)


def _plain(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return (
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


@game(
    "ladder-v0",
    family="proposer and solver",
    roles=lambda attempts=2: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=2, width=2, depth=2: (
        sum(width**level for level in range(depth))
        + attempts * sum(width**level for level in range(depth + 1))
    ),
    payoff_range=lambda reward="paper": proposer_range(reward),
    bounds={"attempts": (1, 64), "width": (1, 8), "depth": (1, 4)},
    oracles={"sample": sample},
)
def ladder(attempts: int = 2, width: int = 2, depth: int = 2, reward: str = "paper") -> Script:
    """A proposer writes easier variants of a hard integral, in a tree; solvers integrate all of them.

    Moves: for the root and each variant above the last level the proposer writes up to `width` variants; then
    each of `attempts` solvers integrates every variant, leaves first, and the root. A numeric check in the
    sandbox compares what the answer gains between random points with the integral there (five-point Gauss;
    gaps where two step sizes disagree do not count), relative to the integrand's own size: so no constant
    solves a small integrand, and no saw of slope 1 any.
    Payoff: proposer, the mean over its variants of the reward for their solve rate (−1 for none that is
    valid); solver, the share of all integrals that it solves, root included.
    Notes: tree, (parent, variant, solve rate); root, the root's solve rate. Variants are kept as `ladder`.
    Source: LADDER and TTRL (Simonds and Yoshiyama 2025).
    """
    pay = proposer_reward(reward)
    root = formula(ROOTS[(yield from chance((1,) * len(ROOTS)))])
    rng = yield from randomness()
    points: list[Value] = [*sorted(rng.uniform(0.2, 2.5) for _ in range(POINTS))]
    solvers = list(seat_names({"solver": attempts}))

    # Variants are written level by level; none may repeat the root or another variant.
    parents: dict[str, str] = {}
    frontier = [root]
    for _ in range(depth):
        level, frontier = frontier, list[str]()
        for node in level:
            found = yield from _variants(node, {root, *parents}, width, points)
            parents.update(dict.fromkeys(found, node))
            frontier.extend(found)

    # Leaves first and the root last, as in the paper.
    rates: dict[str, float] = {}
    solved = dict.fromkeys(solvers, 0)
    for integrand in [*reversed(parents), root]:
        right = yield from _attempts(integrand, solvers, points)
        rates[integrand] = sum(right.values()) / attempts
        for seat in solvers:
            solved[seat] += right[seat]

    root_rate = rates.pop(root)
    yield from note("root", root_rate)
    yield from note("tree", [(parents[variant], variant, rate) for variant, rate in rates.items()])
    for variant, rate in rates.items():
        yield from keep("ladder", {"integrand": variant, "solve_rate": rate})

    earned = sum(map(pay, rates.values())) / len(rates) if rates else -1.0
    return {"proposer": earned, **{seat: n / (len(rates) + 1) for seat, n in solved.items()}}


def _variants(node: str, known: set[str], width: int, points: list[Value]) -> Steps[list[str]]:
    """The valid variants of one integral: new, and with an integral between enough of the points."""
    prompt = PROPOSE.format(integrand=node, width=width, functions=", ".join(FUNCTIONS))
    written = yield from ask("proposer", prompt, _lines, tries=1, otherwise=())
    fresh = [text for text in dict.fromkeys(written[:width]) if text not in known]
    usable = yield from _checked([(text, "x") for text in fresh], points)
    return [text for text, (count, _) in zip(fresh, usable, strict=True) if count >= FEWEST]


def _lines(text: str) -> tuple[str, ...]:
    written = tuple(formula(line) for line in tagged(text, "variants").splitlines() if line.strip())
    if not written:
        raise Illegal("at least one variant was expected")
    return written


def _attempts(
    integrand: str, solvers: Sequence[str], points: list[Value]
) -> Steps[Mapping[str, bool]]:
    """Which solvers integrate this."""
    prompt = SOLVE.format(integrand=integrand)
    answers = yield from ask_all(
        dict.fromkeys(solvers, prompt),
        lambda text: formula(tagged(text, "answer") if "<answer>" in text else text),
        tries=1,
        otherwise=None,
    )

    given = {seat: answer for seat, answer in answers.items() if answer is not None}
    results = yield from _checked([(integrand, answer) for answer in given.values()], points)
    right = {
        seat: usable >= FEWEST and agree == usable
        for seat, (usable, agree) in zip(given, results, strict=True)
    }
    return {seat: right.get(seat, False) for seat in solvers}


def _checked(pairs: Sequence[tuple[str, str]], points: list[Value]) -> Steps[list[tuple[int, int]]]:
    """For each (integrand, antiderivative): between how many points there is an integral, and it agrees."""
    jobs = [Job(CHECK, "f", ((*pair, points),), limits=PROPOSAL_LIMITS) for pair in pairs]
    found: list[tuple[int, int]] = []
    for verdict in (yield from verify(*jobs)):
        match plain_values(verdict, 1):
            case ((int(usable), int(agree)),):
                found.append((usable, agree))
            case _:
                found.append((0, 0))
    return found
