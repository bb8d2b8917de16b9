"""The conditions of a criterion: comparisons of exact decimals in three-valued logic.

A value that nobody measured is None, and what it would decide is None as well: neither
true nor false. ``a or b`` is still true where one of them is, ``a and b`` false where
one of them is (Kleene). So a rule fires only on what is known, and one that cannot be
decided is seen. There is no division: a quotient of decimals may be no decimal.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

Value = Decimal | str | bool | tuple[str, ...] | None


class Scope(Protocol):
    """Where an expression finds the values of its names."""

    def value(self, name: str) -> Value:
        """Return the value of a name, None where it is unknown."""

    def earlier(self, function: str, name: str) -> Value:
        """Return what a function of `HISTORY` finds of a name at earlier visits."""

    def had(self, call: str) -> bool:
        """Tell whether an earlier visit had a call."""

    def rank(self, call: Value) -> int | None:
        """Return how good a call of the targets is; 0 is the best."""

    def members(self, group: str) -> Iterable[Scope]:
        """Return the scope of each lesion of a group of `GROUPS`."""


class ExpressionError(ValueError):
    """Text that is no condition."""


Node = Callable[[Scope], Value]

HISTORY = frozenset({"at_baseline", "least", "previous", "at_pending"})
"""Functions of a name over earlier visits."""

GROUPS = MappingProxyType(
    {"any_lesion": "lesions", "all_lesions": "lesions", "any_new": "new_lesions"}
)
"""Functions of a condition over lesions, and the group of each."""

FUNCTIONS = HISTORY | GROUPS.keys() | {"given", "had", "better", "first_of"}

_ARITHMETIC = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
)
_ORDER = MappingProxyType(
    {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
)
_MOST_LETTERS = 2000
_DEEPEST = 40


@dataclass(frozen=True)
class Expression:
    """A condition, or a value made of others.

    Attributes
    ----------
    text : str
        As the file has it.
    names : frozenset of str
        Names that it reads of the visit.
    member_names : frozenset of str
        Names that it reads inside a condition over lesions.
    words : frozenset of str
        Words in quotes.
    """

    text: str
    names: frozenset[str]
    member_names: frozenset[str]
    words: frozenset[str]
    _node: Node

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Return the expression of a text.

        Raises
        ------
        ExpressionError
            With what in it is not understood.
        """
        if len(text) > _MOST_LETTERS:
            raise ExpressionError(f"a condition has at most {_MOST_LETTERS} characters")
        try:
            tree = ast.parse(" ".join(text.split()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(f"no condition: {text[:80]!r}") from error
        compiler = _Compiler()
        node = compiler.node(tree, 0)
        return cls(
            text,
            frozenset(compiler.names),
            frozenset(compiler.member_names),
            frozenset(compiler.words),
            node,
        )

    def value(self, scope: Scope) -> Value:
        """Return its value, None where it cannot be decided.

        Raises
        ------
        ExpressionError
            Where a word meets a number.
        """
        return self._node(scope)


class _Compiler:
    """Turn a syntax tree into functions, once per file."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.member_names: set[str] = set()
        self.words: set[str] = set()
        self._is_member = False

    def node(self, tree: ast.AST, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ExpressionError("a condition that is nested too deep")
        depth += 1
        if isinstance(tree, ast.BoolOp):
            parts = [self.node(part, depth) for part in tree.values]
            return _all_of(parts) if isinstance(tree.op, ast.And) else _any_of(parts)
        if isinstance(tree, ast.UnaryOp):
            return self._unary(tree, depth)
        if isinstance(tree, ast.Compare):
            return self._compare(tree, depth)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _ARITHMETIC:
            sides = self.node(tree.left, depth), self.node(tree.right, depth)
            return _arithmetic(_ARITHMETIC[type(tree.op)], *sides)
        if isinstance(tree, ast.Call):
            return self._call(tree, depth)
        if isinstance(tree, ast.Tuple):
            return _constant(tuple(self._word(one) for one in tree.elts))
        return self._leaf(tree)

    def _leaf(self, tree: ast.AST) -> Node:
        if isinstance(tree, ast.Name):
            return self._name(tree.id)
        if isinstance(tree, ast.Attribute) and ast.unparse(tree.value) == "policy":
            return self._name(f"policy.{tree.attr}")
        if isinstance(tree, ast.Constant):
            if isinstance(tree.value, str):
                return _constant(self._word(tree))
            if isinstance(tree.value, bool):
                return _constant(tree.value)
            if isinstance(tree.value, int | float):
                # The shortest text of the double is the decimal that the file has.
                return _constant(Decimal(repr(tree.value)))
        raise ExpressionError(f"not understood: {ast.unparse(tree)[:80]}")

    def _read(self, name: str) -> None:
        (self.member_names if self._is_member else self.names).add(name)

    def _name(self, name: str) -> Node:
        self._read(name)
        return lambda scope: scope.value(name)

    def _word(self, tree: ast.AST) -> str:
        if not (isinstance(tree, ast.Constant) and isinstance(tree.value, str)):
            raise ExpressionError(f"expected a word in quotes: {ast.unparse(tree)[:80]}")
        self.words.add(tree.value)
        return tree.value

    def _unary(self, tree: ast.UnaryOp, depth: int) -> Node:
        inner = self.node(tree.operand, depth)
        if isinstance(tree.op, ast.Not):
            return _negated(inner)
        if isinstance(tree.op, ast.USub):
            return _arithmetic(operator.sub, _constant(Decimal(0)), inner)
        raise ExpressionError(f"not understood: {ast.unparse(tree)[:80]}")

    def _compare(self, tree: ast.Compare, depth: int) -> Node:
        if len(tree.ops) != 1:
            raise ExpressionError(f"one comparison at a time: {ast.unparse(tree)[:80]}")
        left, right = self.node(tree.left, depth), self.node(tree.comparators[0], depth)
        kind = type(tree.ops[0])
        if kind is ast.Eq:
            return _equal(left, right)
        if kind is ast.NotEq:
            return _negated(_equal(left, right))
        if kind is ast.In:
            return _contained(left, right)
        if kind is ast.NotIn:
            return _negated(_contained(left, right))
        if kind in _ORDER:
            return _ordered(_ORDER[kind], left, right)
        raise ExpressionError(f"not understood: {ast.unparse(tree)[:80]}")

    def _call(self, tree: ast.Call, depth: int) -> Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ""
        if name not in FUNCTIONS or tree.keywords:
            raise ExpressionError(f"no such function: {ast.unparse(tree)[:80]}")
        n_expected = 2 if name in {"better", "first_of"} else 1
        if len(tree.args) != n_expected:
            raise ExpressionError(f"{name} takes {n_expected}: {ast.unparse(tree)[:80]}")
        if name == "had":
            call = self._word(tree.args[0])
            return lambda scope: scope.had(call)
        if name in HISTORY:
            if not isinstance(tree.args[0], ast.Name):
                raise ExpressionError(f"{name} takes a name: {ast.unparse(tree)[:80]}")
            read = tree.args[0].id
            self._read(read)
            return lambda scope: scope.earlier(name, read)
        if name in GROUPS:
            return self._over_members(name, tree.args[0], depth)
        parts = [self.node(part, depth) for part in tree.args]
        if name == "given":
            return lambda scope: parts[0](scope) is not None
        return (_better if name == "better" else _first_of)(*parts)

    def _over_members(self, name: str, tree: ast.AST, depth: int) -> Node:
        if self._is_member:
            raise ExpressionError(f"{name} stands inside a condition over lesions")
        self._is_member = True
        condition = self.node(tree, depth)
        self._is_member = False
        return _over_members(name, condition)


def _constant(value: Value) -> Node:
    def read(scope: Scope) -> Value:
        del scope
        return value

    return read


def _all_of(parts: list[Node]) -> Node:
    def decided(scope: Scope) -> Value:
        found: Value = True
        for part in parts:
            value = part(scope)
            if value is False:
                return False
            if value is None:
                found = None
        return found

    return decided


def _any_of(parts: list[Node]) -> Node:
    def decided(scope: Scope) -> Value:
        found: Value = False
        for part in parts:
            value = part(scope)
            if value is True:
                return True
            if value is None:
                found = None
        return found

    return decided


def _negated(part: Node) -> Node:
    def decided(scope: Scope) -> Value:
        value = part(scope)
        return None if value is None else not value

    return decided


def _equal(left: Node, right: Node) -> Node:
    def decided(scope: Scope) -> Value:
        a, b = left(scope), right(scope)
        return None if a is None or b is None else a == b

    return decided


def _contained(left: Node, right: Node) -> Node:
    def decided(scope: Scope) -> Value:
        a, b = left(scope), right(scope)
        return None if a is None or not isinstance(b, tuple) else a in b

    return decided


def _numbers(a: Value, b: Value) -> tuple[Decimal, Decimal] | None:
    if a is None or b is None:
        return None
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a, b
    raise ExpressionError(f"expected two numbers, found {a!r} and {b!r}")


def _ordered(compare: Callable[[Decimal, Decimal], bool], left: Node, right: Node) -> Node:
    def decided(scope: Scope) -> Value:
        pair = _numbers(left(scope), right(scope))
        return None if pair is None else compare(*pair)

    return decided


def _arithmetic(compute: Callable[[Decimal, Decimal], Decimal], left: Node, right: Node) -> Node:
    def computed(scope: Scope) -> Value:
        pair = _numbers(left(scope), right(scope))
        return None if pair is None else compute(*pair)

    return computed


def _better(left: Node, right: Node) -> Node:
    def decided(scope: Scope) -> Value:
        ranks = scope.rank(left(scope)), scope.rank(right(scope))
        return None if ranks[0] is None or ranks[1] is None else ranks[0] < ranks[1]

    return decided


def _first_of(first: Node, second: Node) -> Node:
    def found(scope: Scope) -> Value:
        value = first(scope)
        return second(scope) if value is None else value

    return found


def _over_members(name: str, condition: Node) -> Node:
    group, is_all = GROUPS[name], name.startswith("all_")

    def decided(scope: Scope) -> Value:
        found: Value = is_all
        for member in scope.members(group):
            value = condition(member)
            if value is (not is_all):
                return value
            if value is None:
                found = None
        return found

    return decided
