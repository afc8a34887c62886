"""A filter of entries in words, such as ``z < 0.1 and class == 'LINER'``: read as data, never run.

The text becomes a tree of comparisons, ``and``, ``or``, ``not`` and ``in`` over names of columns, numbers and texts. Anything
else, a call or an attribute for instance, is refused before a single entry is looked at.
"""

import ast
import difflib
import io
import operator
import tokenize

import numpy as np

from galspec_core.errors import SearchError

LONGEST = 2000  # characters
KEYWORD = "class"  # a column whose name Python keeps for itself
COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
MEMBER = {ast.In: False, ast.NotIn: True}  # whether the answer is turned round
EXAMPLE = "z < 0.1 and class in ('LINER', 'Seyfert')"


def parse_where(text, columns, n):
    """Return which of ``n`` entries fit the filter ``text``: bool[n].

    Parameters
    ----------
    columns : dict
        {name: function that returns the values [n], numbers or texts}; only those that the filter names are asked for.

    Raises
    ------
    SearchError
        The filter cannot be read, names a column that is not there, or compares a number with a text.
    """
    try:
        if len(text) > LONGEST:
            facts = dict(item="--where", expected=f"at most {LONGEST} characters", got=len(text))
            raise SearchError("the filter is too long", **facts, remedy="Use in (…) in place of many comparisons")
        tree = ast.parse(_named(text.strip()), mode="eval").body
        return np.broadcast_to(_truth(tree, _Columns(columns)), n).copy()
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise _refused("cannot be read", text, got=getattr(error, "msg", None) or type(error).__name__) from None


def _named(text):
    """Return the text with the column ``class`` under a name that Python can read; empty text is refused."""
    if not text:
        raise _refused("is empty", text)
    tokens = [
        (kind, f"{KEYWORD}_" if kind == tokenize.NAME and word == KEYWORD else word)
        for kind, word, *_ in tokenize.generate_tokens(io.StringIO(text).readline)
    ]
    return tokenize.untokenize(tokens).strip()


class _Columns:
    """The columns by name, each made when it is first asked for."""

    def __init__(self, columns):
        self.columns, self.made = columns, {}

    def __getitem__(self, name):
        name = KEYWORD if name == f"{KEYWORD}_" else name
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            remedy = f"Did you mean {near[0]}?" if near else None
            expected = f"one of {', '.join(self.columns)}"
            raise SearchError(f"there is no column {name}", item="--where", expected=expected, remedy=remedy)
        if name not in self.made:
            values = np.asarray(self.columns[name]())
            self.made[name] = values if values.dtype.kind in "iufb" else values.astype(str)
        return self.made[name]


def _truth(node, columns, turned=False):
    """Return where a condition holds, or fails where ``turned``; with a number that was not measured it does neither, as in SQL."""
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, columns, turned) for part in node.values]
        return _joined(parts, isinstance(node.op, ast.And) ^ turned)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _truth(node.operand, columns, not turned)
    if isinstance(node, ast.Compare):
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        return _joined([_compare(*pair, columns, turned) for pair in pairs], not turned)
    raise _refused("is no comparison", ast.unparse(node))


def _joined(parts, every):
    return (np.logical_and if every else np.logical_or).reduce(np.broadcast_arrays(*parts))


def _compare(left, how, right, columns, turned):
    one = _value(left, columns)
    if type(how) in MEMBER:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise _refused("needs a list behind in", ast.unparse(right))
        holds = _member(one, [_value(item, columns) for item in right.elts]) ^ MEMBER[type(how)]
        return (holds ^ turned) & _measured(one)
    if type(how) not in COMPARE:
        raise _refused("compares in a way that is not known", ast.unparse(left))
    other = _value(right, columns)
    _same_kind(one, other, left, right)
    return (np.asarray(COMPARE[type(how)](one, other), dtype=bool) ^ turned) & _measured(one) & _measured(other)


def _measured(values):
    return ~np.isnan(values) if values.dtype.kind == "f" else np.True_


def _member(values, listed):
    for item in listed:
        _same_kind(values, item, None, None)
    return np.logical_or.reduce([np.asarray(values == item, dtype=bool) for item in listed] or [np.zeros(1, bool)])


def _value(node, columns):
    """Return a column, a number or a text."""
    if isinstance(node, ast.Name):
        return columns[node.id]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
        return np.asarray(node.value) if not isinstance(node.value, int) else _whole(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand, columns)
        if value.ndim == 0 and value.dtype.kind in "if":
            return -value if isinstance(node.op, ast.USub) else value
    raise _refused("is no column, number or text", ast.unparse(node))


def _whole(value):
    if not 0 <= value < 2**64:
        raise _refused("is too large a number", str(value)[:30])
    return np.asarray(value, dtype="i8" if value < 2**63 else "u8")


def _same_kind(one, other, left, right):
    """Raise SearchError where a number would be compared with a text."""
    if (one.dtype.kind == "U") != (other.dtype.kind == "U"):
        word = (
            f"{ast.unparse(left)} and {ast.unparse(right)}" if left is not None else "what stands before and behind in"
        )
        raise _refused("are a number and a text", word)


def _refused(what, part, **facts):
    facts, part = {"expected": f"something like {EXAMPLE}"} | facts, part.replace(f"{KEYWORD}_", KEYWORD)
    return SearchError(f"{part[:80]!r} {what}" if part else f"the filter {what}", item="--where", **facts)
