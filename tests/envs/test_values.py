import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparring.envs.parse import Illegal, Unreadable
from sparring.envs.values import canonical, check, from_json, read, same, to_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8)
    | st.binary(max_size=8)
)
HASHABLE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=3)
        | st.frozensets(HASHABLE, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_every_plain_value_survives_its_text_and_its_json(value: Any) -> None:
    assert same(read(canonical(value)), value)
    stored = json.dumps(to_json(value), ensure_ascii=False).encode()  # must be fit for a file
    assert same(from_json(json.loads(stored)), value)
    assert same(value, value, tolerance=0.0)


@given(VALUES, VALUES)
def test_same_is_symmetric_and_agrees_with_the_text(a: Any, b: Any) -> None:
    assert same(a, b) == same(b, a) == (canonical(a) == canonical(b))
    assert same(a, b) == same(a, b, tolerance=0.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (True, 1),
        (1, 1.0),
        ((1,), [1]),
        ({1}, frozenset({1})),
        ("a", b"a"),
        ([], ()),
        ({}, set()),
        (0, None),
    ],
)
def test_types_are_never_confused(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert not same([a], [b], tolerance=0.5)


def test_order_of_sets_and_dicts_never_shows() -> None:
    assert canonical({"b": 1, "a": {3, 1, 2}}) == "{'a': {1, 2, 3}, 'b': 1}"
    assert same({1: "x", 2: "y"}, {2: "y", 1: "x"})


def test_nan_is_nan_and_zero_has_no_sign() -> None:
    assert same([math.nan], [math.nan])
    assert same([math.nan], [math.nan], tolerance=0.1)
    assert same(0.0, -0.0)
    assert not same(math.inf, -math.inf, tolerance=0.1)


def test_tolerance_holds_for_floats_in_sequences_and_dict_values() -> None:
    assert same({"x": [1.0, 2.0]}, {"x": [1.0, 2.0 + 1e-9]}, tolerance=1e-6)
    assert not same([1.0], [1.1], tolerance=1e-6)
    assert not same([1.0], [1.0 + 1e-9])
    assert not same([1.0, 2.0], [1.0], tolerance=1.0)


class _Equal(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def _knot() -> list[Any]:
    knot: list[Any] = []
    knot += [knot, knot]
    return knot


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        _Equal(3),
        [_Equal(3)],
        {"a": object()},
        1j,
        iter([]),
        range(3),
        _knot(),
        _deep(65),
        [0] * 2_000_000,
        "x" * 2_000_000,
        1 << 9_000_000,
    ],
    ids=[
        "subclass",
        "inner",
        "object",
        "complex",
        "iterator",
        "range",
        "knot",
        "deep",
        "wide",
        "long",
        "huge",
    ],
)
def test_what_is_not_plain_or_not_bounded_is_refused(value: Any) -> None:
    for use in (check, canonical, to_json):
        with pytest.raises(Illegal):
            use(value)
    with pytest.raises(Illegal):
        same(value, 1)


def test_depth_of_sixty_four_is_still_plain() -> None:
    assert same(from_json(to_json(_deep(64))), _deep(64))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1 +",
        "f(1)",
        "__import__('os')",
        "[i for i in x]",
        "1+2j",
        "f'{1}'",
        "{**{}}",
        "lambda: 1",
        "-'a'",
        "set([1])",
        "a.b",
        "1 if 2 else 3",
        "(" * 3000,
        "-" * 5000 + "1",
        "[" * 150 + "]" * 150,
        "\0",
        "9" * 5000,
        "\ud800",
    ],
)
def test_only_literals_are_read(text: str) -> None:
    with pytest.raises((Unreadable, Illegal)):
        read(text)


def test_a_long_literal_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Illegal, match="at most 64 KiB"):
        read("[" + "0," * 40_000 + "]")


def test_members_chosen_to_collide_cannot_hang_us() -> None:
    prime = 2**61 - 1
    data = {"set": [{"int": hex(k * prime)} for k in range(1, 20_000)]}
    with pytest.raises(Illegal, match="share a hash"):
        from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"int": 3},
        {"int": "x"},
        {"bytes": "zz"},
        {"set": 1},
        {"dict": [[1]]},
        {"dict": [[1, 2, 3]]},
        {"a": 1, "b": 2},
        {"set": [[1]]},
        {"no": []},
        object(),
        {"str": "ff"},
        {"float": "one"},
        _knot(),
        {"tuple": {"tuple": []}},
    ],
)
def test_tampered_json_is_refused(data: Any) -> None:
    with pytest.raises((Unreadable, Illegal)):
        from_json(data)
