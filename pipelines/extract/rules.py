"""Rules between fields: `sum(items.amount) == total`. Parsed with Python's grammar, evaluated here: nothing else can run.

Names are fields (`vendor.name`), a list's field is the list of its values, `sum len min max abs round` and
+ - * / // % and or not in, comparisons, numbers, texts and True, False, None are all there is. Amounts that differ by less than
a cent are equal. A rule with a missing value neither holds nor fails.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.errors import RuleError
from dsvl2.pipelines.extract.leaves import Path
from dsvl2.pipelines.extract.shapes import Choice, Form, Listing, Record, Reference, Shape
from dsvl2.pipelines.extract.types import RuleOutcome

CENT = 0.0099
_LONGEST, _MOST_NODES = 1000, 200
_FUNCTIONS = ("sum", "len", "min", "max", "abs", "round")
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_ORDERS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


class _Missing(Exception):
    """A value that the rule needs is null or not there; the message names it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that has been parsed. `fields` are the paths that it speaks of, places in lists left out."""

    text: str
    tree: ast.expr
    fields: tuple[tuple[str, ...], ...]

    def check(self, data: Any) -> RuleOutcome:
        """Return whether the rule holds for some data."""
        try:
            holds = bool(_value(self.tree, data))
        except _Missing as missing:
            return RuleOutcome(self.text, None, f"{missing} is missing")
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            return RuleOutcome(self.text, None, f"it cannot be computed: {error}")
        return RuleOutcome(self.text, holds, "" if holds else _sides(self.tree, data))

    def paths(self, data: Any) -> list[Path]:
        """Return the paths of the values that it speaks of in some data."""
        return [path for name in self.fields for path in _found(data, name, ())]


def parse_rule(text: str, form: Form) -> Rule:
    """Parse a rule.

    Raises:
        RuleError: it is no rule, or names a field that the form does not have.
    """
    words = text.strip()
    if not words or len(words) > _LONGEST:
        raise RuleError(f"a rule has 1 to {_LONGEST} characters, not {len(words)}", hint=_EXAMPLE)
    if re.search(r"(?<![=<>!])=(?!=)", words):
        raise RuleError(f"rule {words!r}: a single = compares nothing", hint="write == for equality")
    try:
        tree = ast.parse(words, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = getattr(error, "offset", None)
        where = f", character {place}" if place else ""
        raise RuleError(f"rule {words!r}{where}: {getattr(error, 'msg', error)}", hint=_EXAMPLE) from error
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise RuleError(f"rule {words[:40]!r}...: it is too long", hint="divide it into several")
    _check(tree, words)
    fields = tuple(dict.fromkeys(_names(tree)))
    for name in fields:
        _check_name(name, form, words)
    return Rule(words, tree, fields)


_EXAMPLE = 'for example: --rule "sum(items.amount) == total"'


def _check(node: ast.AST, words: str) -> None:
    """Let through only what `_value` knows."""
    plain = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Name, ast.Attribute, ast.Load, ast.And, ast.Or)
    signs = (*_ARITHMETIC, *_ORDERS, ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.USub, ast.UAdd, ast.Not)
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if called not in _FUNCTIONS or node.keywords or not node.args:
            raise RuleError(f"rule {words!r}: {called}() is not known", hint=f"functions: {', '.join(_FUNCTIONS)}")
        for argument in node.args:
            _check(argument, words)
        return
    if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name | ast.Attribute):
        raise RuleError(f"rule {words!r}: {ast.unparse(node)!r} names no field", hint=_EXAMPLE)
    constant = isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | bool | None)
    if not (constant or isinstance(node, plain + signs)):
        what = type(node).__name__.lower()
        raise RuleError(f"rule {words!r}: {what} is not allowed in a rule", hint=_EXAMPLE)
    for child in ast.iter_child_nodes(node):
        _check(child, words)


def _names(node: ast.AST) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Name | ast.Attribute):
        yield _dotted(node)
    elif isinstance(node, ast.Call):
        for argument in node.args:
            yield from _names(argument)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _names(child)


def _dotted(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Attribute):
        return (*_dotted(node.value), node.attr)
    assert isinstance(node, ast.Name)
    return (node.id,)


def _check_name(name: tuple[str, ...], form: Form, words: str) -> None:
    shapes = [form.root]
    for place, part in enumerate(name):
        fields = {key: shape for shape in shapes for key, shape in _fields(shape, form)}
        if part not in fields:
            near = difflib.get_close_matches(part, fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"fields there: {', '.join(fields) or 'none'}"
            raise RuleError(f"rule {words!r}: the schema has no field {'.'.join(name[: place + 1])!r}", hint=hint)
        shapes = [shape for shape_ in shapes for key, shape in _fields(shape_, form) if key == part]


def _fields(shape: Shape | None, form: Form, deep: int = 0) -> Iterator[tuple[str, Shape]]:
    """The properties below a shape, through lists and alternatives."""
    if shape is None or deep > 20:
        return
    if isinstance(shape, Record):
        yield from ((field.name, field.shape) for field in shape.fields)
    elif isinstance(shape, Choice):
        for option in shape.options:
            yield from _fields(option, form, deep + 1)
    elif isinstance(shape, Listing):
        for item in (*shape.first, shape.rest):
            yield from _fields(item, form, deep + 1)
    elif isinstance(shape, Reference):
        yield from _fields(form.definitions[shape.pointer], form, deep + 1)


def _found(data: Any, name: Sequence[str], path: Path) -> Iterator[Path]:
    if isinstance(data, list):
        for place, item in enumerate(data):
            yield from _found(item, name, (*path, place))
    elif not name:
        if not isinstance(data, dict):
            yield path
    elif isinstance(data, dict) and name[0] in data:
        yield from _found(data[name[0]], name[1:], (*path, name[0]))


def _value(node: ast.expr, data: Any) -> Any:
    """The value of an expression; raises _Missing, TypeError, ValueError or ArithmeticError."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name | ast.Attribute):
        return _field(data, _dotted(node), ".".join(_dotted(node)))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _called(node.func.id, [_value(argument, data) for argument in node.args])
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, data), _value(node.right, data)
        if not all(isinstance(side, int | float) for side in (left, right)):
            raise TypeError(f"{ast.unparse(node)} is no computation with numbers")
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, data)
        return not value if isinstance(node.op, ast.Not) else -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BoolOp):
        values = [bool(_value(part, data)) for part in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    assert isinstance(node, ast.Compare)
    sides = [_value(side, data) for side in (node.left, *node.comparators)]
    return all(_compare(op, a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False))


def _compare(op: ast.cmpop, one: Any, other: Any) -> bool:
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (one, other))
    equal = abs(one - other) <= CENT if numbers else one == other
    if isinstance(op, ast.Eq | ast.NotEq):
        return bool(equal) is isinstance(op, ast.Eq)
    if isinstance(op, ast.In | ast.NotIn):
        return (one in other) is isinstance(op, ast.In)
    return (bool(equal) and isinstance(op, ast.LtE | ast.GtE)) or _ORDERS[type(op)](one, other)


def _called(name: str, arguments: list[Any]) -> Any:
    if name == "round":
        return round(float(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0)
    if name == "abs":
        return abs(arguments[0])
    values = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
    if name == "len":
        return len(arguments[0])
    if name == "sum":
        return sum(values)
    return min(values) if name == "min" else max(values)


def _field(data: Any, name: tuple[str, ...], whole: str) -> Any:
    if isinstance(data, list):
        return [_field(item, name, whole) for item in data]
    if not name:
        if data is None:
            raise _Missing(whole)
        return data
    if not isinstance(data, dict) or name[0] not in data:
        raise _Missing(whole)
    return _field(data[name[0]], name[1:], whole)


def _sides(node: ast.expr, data: Any) -> str:
    """What the two sides of a comparison are."""
    if not isinstance(node, ast.Compare):
        return "it does not hold"
    parts = (node.left, *node.comparators)
    return ", ".join(f"{ast.unparse(part)} is {_short(_value(part, data))}" for part in parts if _names_any(part))


def _names_any(node: ast.expr) -> bool:
    return any(True for _ in _names(node))


def _short(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else repr(value)[:60]
