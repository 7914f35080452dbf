"""ladder: an answer gains between points what the integral is there; formulas are data of a small grammar."""

import random

import numpy as np
import pytest
from sparring.envs.games.ladder import CHECK, FAR, NEAR, ROOTS, bracketed, formula, holds

ID = "ladder-v0"
TREE = [
    "<variants>\nx\ncos(x)\n</variants>",
    "<variants>\nx**2\n</variants>",
    "<variants>\nexp(x)\n</variants>",
]
ANTIDERIVATIVES = {"x": "x^2/2 + 7", "cos(x)": "sin(x)", "x ** 2": "x**3/3", "exp(x)": "exp(x) - 1"}


def solve(ask):
    integrand = ask.prompt.split("∫ ")[1].split(" dx")[0]
    return f"<answer>{ANTIDERIVATIVES.get(integrand, 'x')}</answer>"


def test_a_tree_is_proposed_and_solved(play, known):
    table = play(
        ID, {"proposer": TREE, "solver_0": solve, "solver_1": "<answer>x</answer>"}, known(CHECK)
    )
    notes = dict(table.notes)
    assert notes["root"] == 0
    assert [(child, rate) for _, child, rate in notes["tree"]] == [
        ("exp(x)", 0.5),
        ("x ** 2", 0.5),
        ("cos(x)", 0.5),
        ("x", 0.5),
    ]
    assert [parent for parent, *_ in notes["tree"]][:2] == ["cos(x)", "x"]
    assert tuple(table.payoff.values()) == pytest.approx((0.5, 4 / 5, 0))


def test_no_valid_variant_costs_the_proposer(play, known):
    for text in (
        "hm",
        "<variants>\nlog(-x)\n</variants>",
        f"<variants>\n{ROOTS['training'][0]}\n</variants>",
    ):
        table = play(
            ID, {"proposer": text, "solver": "x"}, known(CHECK), attempts=1, depth=1, width=1
        )
        if table.payoff["proposer"] == -1:
            assert dict(table.notes)["tree"] == []
    assert table.ending.kind == "outcome"


@pytest.mark.parametrize(
    "text", ["x*x/2*1.0001", "abs(x)", "0", "x/0", "log(-x)", "x**3", "nan", "__import__('os')"]
)
def test_a_wrong_antiderivative_scores_nothing(play, known, text):
    table = play(
        ID,
        {"proposer": "<variants>\nx\n</variants>", "solver": f"<answer>{text}</answer>"},
        known(CHECK),
        attempts=1,
        depth=1,
        width=1,
    )
    assert table.payoff["solver"] == 0


@pytest.mark.parametrize("integrand", ["x/1000000", "1/1000000/exp(x)", "sin(x)/1000000/1000000"])
def test_a_small_integrand_is_not_solved_by_a_constant(play, known, integrand):
    players = {"proposer": f"<variants>\n{integrand}\n</variants>", "solver": "<answer>7</answer>"}
    table = play(ID, players, known(CHECK), attempts=1, depth=1, width=1)
    assert len(dict(table.notes)["tree"]) == 1
    assert table.payoff["solver"] == 0


@pytest.mark.parametrize(
    ("integrand", "answer"),
    [
        ("x/1000000", "x**2/1000000/2 + 1/1000"),
        ("exp(x)*x**2/1000000", "exp(x)*(x**2 - 2*x + 2)/1000000"),
        ("tan(x/2)", "0 - 2*log(cos(x/2))"),
        ("log(x)*x", "x**2/2*log(x) - x**2/4"),
        ("x - x", "5"),
        ("x/(exp(x) + exp(0-x))**2", "x*tanh(x)/4 - log(cosh(x))/4 - x/4 + x/4"),
        ("1/(x**3 + 1)", "log(x + 1)/3 - log(x**2 - x + 1)/6 + atan((2*x - 1)/sqrt(3))/sqrt(3)"),
    ],
)
def test_right_antiderivatives_pass_whatever_their_size(integrand, answer):
    rng = random.Random(5)
    for _ in range(50):
        near, far = checked(integrand, answer, rng)
        assert near == (11, 11)
        assert holds(near, far)


SAW = "atan(tan(1571*x))/1571"


@pytest.mark.parametrize(
    ("integrand", "slope"),
    [
        ("1/(x**3 + 1)", "0 - 3*x**2/(x**3 + 1)**2"),
        ("sqrt(1 + exp(x))", "exp(x)/2/sqrt(1 + exp(x))"),
        ("x", "1"),
    ],
)
def test_a_saw_whose_slope_is_right_and_whose_gain_is_not_scores_nothing(integrand, slope):
    rng = random.Random(5)
    trick = f"{SAW}*({integrand}) - ({SAW})**2/2*({slope})"
    assert not any(holds(*checked(integrand, trick, rng)) for _ in range(50))


def test_a_polynomial_that_fits_the_first_range_is_no_integral():
    """Degree 7 through sqrt(1 + exp(x)), integrated term by term, in 105 characters."""
    x = np.linspace(*NEAR, 400)
    slope = np.polynomial.Polynomial.fit(x, np.sqrt(1 + np.exp(x)), 6).convert()
    trick = "+".join(f"{c:.8f}*x**{i}" for i, c in enumerate(slope.integ().coef) if i)
    rng = random.Random(5)
    for _ in range(20):
        near, far = checked("sqrt(1 + exp(x))", trick.replace("+-", "-"), rng)
        assert near[0] == near[1]
        assert not holds(near, far)


def test_an_arctangent_may_jump_outside_the_first_range():
    answer = "2*atan(tan(x/2)/sqrt(3))/sqrt(3)"
    assert all(holds(*checked("1/(2 + cos(x))", answer, random.Random(n))) for n in range(20))


def test_no_root_of_the_test_is_trained_on():
    assert not {*map(formula, ROOTS["training"])} & {*map(formula, ROOTS["test"])}


def test_a_pole_between_points_does_not_count_against_a_right_answer():
    (usable, agree), far = checked("tan(x)", "0 - log(cos(x)**2)/2", random.Random(5))
    assert 6 <= usable == agree < 11
    assert holds((usable, agree), far)


def checked(integrand, answer, rng):
    names = {}
    exec(CHECK, names)
    near, far = (sorted(rng.uniform(*span) for _ in range(12)) for span in (NEAR, FAR))
    return names["f"](formula(integrand), formula(answer), near, far)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "y",
        "x.real",
        "f(x)",
        "x if x else 1",
        "exp",
        "exp(x, x)",
        "exp(*x)",
        "[x]",
        "x; x",
        "True",
        "'x'",
        "x := 1",
        "lambda: 1",
        "x" * 200,
        "9999999999*x",
        "1j*x",
        "x and 1",
        "x < 1",
    ],
)
def test_nothing_else_is_a_formula(text):
    with pytest.raises(ValueError, match="formula"):
        formula(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("x**2/2 + C", "x ** 2 / 2"),
        ("-1/2x - cos(2x)+c", "-1 / 2 * x - cos(2 * x)"),
        ("2(x + 1)*ln(x)", "2 * (x + 1) * log(x)"),
        ("2e^x + 1e-3 arctan(x)", "2 * e ** x + 0.001 * atan(x)"),
    ],
)
def test_a_formula_is_read_as_people_write_it(text, read):
    """A right integral with its constant was refused, and so were 2x and ln(x)."""
    assert formula(text) == read


def test_a_formula_has_one_form():
    assert formula("∫ x^2+SIN".replace("SIN", "sin( x )") + " dx") == "x ** 2 + sin(x)"


@pytest.mark.parametrize(
    ("integrand", "shown"),
    [
        ("x + 1", "(x + 1)"),
        ("sin(x) - 2", "(sin(x) - 2)"),
        ("(x + 1) * 2", "(x + 1) * 2"),
        ("x", "x"),
    ],
)
def test_a_sum_stands_in_brackets_between_the_signs_of_an_integral(integrand, shown):
    assert bracketed(integrand) == shown
