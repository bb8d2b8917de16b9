"""Conditions of criteria: exact decimals, three-valued logic, nothing else of Python."""

from __future__ import annotations

from decimal import Decimal

import pytest

from biomarker_cli.response.expressions import Expression, ExpressionError


class Values:
    """A scope of given values."""

    def __init__(self, values, members=()):
        self._values = values
        self._members = members

    def value(self, name):
        return self._values.get(name)

    def earlier(self, function, name):
        return self._values.get(f"{function} {name}")

    def had(self, call):
        return call == "CR"

    def rank(self, call):
        return {"CR": 0, "PR": 1}.get(call)

    def members(self, group):
        return [Values({**self._values, **one}) for one in self._members]


def value(text, members=(), **values):
    numbers = {
        name: Decimal(str(one)) if type(one) in {int, float} else one
        for name, one in values.items()
    }
    return Expression.parse(text).value(Values(numbers, members))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <= 0.7 * b", True),  # 9.8 of 14.0: a float says no
        ("a < 0.7 * b", False),
        ("a - b == -4.2", True),
        ("0.1 + 0.2 == 0.3", True),
        ("-a == 0 - 9.8", True),
        ("a != b", True),
        ("not a > b", True),
        ("word in ('x', 'y')", True),
        ("word not in ('x', 'y')", False),
        ("had('CR')", True),
        ("had('PR')", False),
        ("better('CR', 'PR')", True),
        ("better('PR', 'CR')", False),
        ("first_of(nothing, 3) == 3", True),
        ("given(a) and not given(nothing)", True),
    ],
)
def test_what_holds(text, expected):
    assert value(text, a=9.8, b=14, word="x") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing > 1", None),
        ("nothing == 1", None),
        ("nothing in ('x', 'y')", None),
        ("not nothing", None),
        ("yes or nothing > 1", True),
        ("nothing > 1 or yes", True),
        ("no or nothing > 1", None),
        ("no and nothing > 1", False),
        ("nothing > 1 and no", False),
        ("yes and nothing > 1", None),
        ("nothing + 1", None),
        ("better('CR', nothing)", None),
        ("least(a) > 1", None),
    ],
)
def test_what_nobody_measured_decides_nothing(text, expected):
    assert value(text, yes=True, no=False, a=1) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any_lesion(size > 15)", True),
        ("any_lesion(size > 25)", None),
        ("all_lesions(size > 15)", False),
        ("all_lesions(size > 5)", None),
    ],
)
def test_lesions_without_a_value_hinder_only_what_hangs_on_them(text, expected):
    members = ({"size": Decimal(10)}, {"size": None}, {"size": Decimal(20)})
    assert value(text, members) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a <",
        "a < b < c",
        "a / b > 1",
        "a ** 9 > 1",
        "__import__('os')",
        "open('x')",
        "a.__class__",
        "a.b.c",
        "[1, 2]",
        "lambda: 1",
        "least(1)",
        "least(a, b)",
        "had(a)",
        "given()",
        "given(a=1)",
        "word in ('x', 1)",
        "any_lesion(any_lesion(a > 1))",
        "(" * 60 + "a" + ")" * 60 + " and" * 0 + " is None",
        "not " * 60 + "a",
        "a" * 3000,
        "f'{a}'",
        "a if b else c",
        "\x00",
    ],
)
def test_nothing_else_is_understood(text):
    with pytest.raises(ExpressionError):
        Expression.parse(text)


def test_a_word_is_no_number():
    with pytest.raises(ExpressionError, match="two numbers"):
        value("word > 1", word="x")


def test_names_are_known():
    found = Expression.parse("a > least(b) and any_lesion(c > least(d)) and e == 'x'")
    assert found.names == {"a", "b", "e"}
    assert found.member_names == {"c", "d"}
    assert found.words == {"x"}
