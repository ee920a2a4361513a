"""The Jinja that prompts and tasks are written in: sandboxed, strict, small, and bounded in work.

Imported only when a text has delimiters, because importing jinja2 costs more than a whole lint.

What a template may use: `{{ … }}`, `if`, `for`, `set`, `with`, `macro`, `call`, `filter`, `include`,
`raw` and comments; the filters in `FILTERS`, Jinja's own tests, and the function `range`. A tag alone
on its line leaves no line behind (`trim_blocks`, `lstrip_blocks`).

A template comes from a repository that somebody else may have written, so every way to blow up time
or memory is metered: each turn of a loop, each call of a macro, each value written, each string built
by an operator. Metering is put into the syntax tree before it is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import wraps
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.runtime import Context, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

__all__ = ["FILTERS", "FUNCTIONS", "PromptEnvironment", "TooMuchWork", "plain_text"]

WORK_LIMIT = 2_000_000
"""Characters a rendering may write or build, a loop turn counting as `TURN` of them."""
TURN = 20
CALL = 5
"""Of a filter or a method, beside the size of what it is applied to."""
RANGE_LIMIT = 10_000
INTEGER_BITS = 4_096

FILTERS = tuple(
    sorted(
        [
            "abs",
            "capitalize",
            "count",
            "d",
            "default",
            "dictsort",
            "first",
            "float",
            "indent",
            "int",
            "items",
            "join",
            "last",
            "length",
            "list",
            "lower",
            "map",
            "max",
            "min",
            "reject",
            "rejectattr",
            "replace",
            "reverse",
            "round",
            "select",
            "selectattr",
            "sort",
            "string",
            "sum",
            "title",
            "tojson",
            "trim",
            "unique",
            "upper",
            "wordcount",
        ]
    )
)
FUNCTIONS = ("range",)

_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        [
            "capitalize",
            "count",
            "endswith",
            "find",
            "lower",
            "lstrip",
            "removeprefix",
            "removesuffix",
            "rstrip",
            "split",
            "splitlines",
            "startswith",
            "strip",
            "title",
            "upper",
        ]
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}


class TooMuchWork(Exception):
    """A rendering reached a limit; the text says which."""


def plain_text(value: object) -> str:
    """A value as YAML writes it: `true` and not `True`, a decimal with the digits it was given."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _json_default(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is undefined
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Meter:
    """What one rendering has spent."""

    def __init__(self) -> None:
        self.left = WORK_LIMIT

    def spend(self, amount: int) -> None:
        # Never less than nothing: a template can reach the meter's own filters, by `map("_enter")`.
        self.left -= max(amount, 0)
        if self.left < 0:
            raise TooMuchWork("It writes or repeats too much: more than a prompt can hold.")

    def fits(self, size: int) -> None:
        """Refuse a string before it is built, not after."""
        if size > WORK_LIMIT:
            raise TooMuchWork("It builds a text that is larger than a prompt can hold.")

    def read(self, value: object) -> None:
        """Pay for an operation that goes through `value` once."""
        if isinstance(value, str):
            self.spend(len(value) // 8)
        elif isinstance(value, (list, tuple, dict, range)):
            self.spend(len(value))
        self.spend(CALL)

    def weighed(self, value: Any) -> Any:
        """`value`, with all that it holds paid for: a list can hold one other many times over."""
        waiting = [value]
        while waiting:
            item = waiting.pop()
            self.spend(1)
            if isinstance(item, str):
                self.spend(len(item) // 8)
            elif isinstance(item, Mapping):
                waiting += item.values()
            elif isinstance(item, (list, tuple)):
                waiting += item
        return value

    def text(self, value: str) -> str:
        self.spend(len(value))
        return value


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """An environment for one rendering. `templates` are the compiled texts it may include, by path.

    With `swallow`, a tag alone on its line leaves no line behind.
    """

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, *, swallow: bool = True) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=swallow,
            lstrip_blocks=swallow,
            keep_trailing_newline=True,
            optimized=False,
            cache_size=0,
        )
        self.meter = meter = Meter()
        self.templates: dict[str, Template] = {}

        # With a context argument jinja2 never folds constants through it at compile time.
        @pass_context
        def finalize(_context: Context, value: object) -> str:
            return meter.text(plain_text(value))

        self.finalize = finalize
        self.globals = {"range": _bounded_range}
        kept = {name: self.filters[name] for name in FILTERS}
        own = _own_filters(meter)
        inner = {name: own.pop(name) for name in [*own] if name.startswith("_")}
        metered = {name: _metered(meter, each) for name, each in {**kept, **own}.items()}
        self.filters = {**metered, **inner}

    def _load_template(  # includes are resolved before: no loader, no file system
        self, name: Any, globals: Any = None
    ) -> Template:
        template = self.templates.get(name)
        if template is None:
            raise TemplateNotFound(name)
        return template

    def add(self, path: str, tree: nodes.Template) -> Template:
        """Meter and compile a parsed text. `tree` is changed."""
        _Metering().visit(tree)
        tree.body.insert(0, _enter(tree.body, 1))
        tree.set_environment(self)
        code: CodeType = self.compile(tree, name=path, filename=path)
        template = self.template_class.from_code(self, code, self.make_globals(None))
        self.templates[path] = template
        return template

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Keys before methods, so that a variable may be called `items`."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        for kind, names in _METHODS.items():
            if isinstance(obj, kind):
                if attribute in names:
                    return getattr(obj, attribute)
                if hasattr(obj, attribute):
                    return self.unsafe_undefined(obj, attribute)
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        if obj is _bounded_range or isinstance(obj, (Macro, Undefined)):
            return True  # calling what is undefined raises, and says what it is
        owner = getattr(obj, "__self__", None)
        name = getattr(obj, "__name__", "")
        if type(owner).__name__ in {"LoopContext", "BlockReference"}:
            return name in {"cycle", "changed"}
        return any(isinstance(owner, kind) and name in names for kind, names in _METHODS.items())

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        self.meter.read(getattr(obj, "__self__", None))
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            raise SecurityError("The % operator formats no text here.")
        if operator == "*":
            for sequence, times in ((left, right), (right, left)):
                if isinstance(sequence, Sequence) and isinstance(times, int):
                    self.meter.fits(len(sequence) * max(times, 0))
        if operator == "**" and not (abs(left) <= 10**6 and abs(right) <= 64):
            raise TooMuchWork("It computes a power that is too large.")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > INTEGER_BITS:
            raise TooMuchWork("It computes a number that is too large.")
        if isinstance(result, Sequence):
            self.meter.spend(len(result))
            self.meter.weighed(result)
        return result


def _bounded_range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > RANGE_LIMIT:
        raise TooMuchWork(f"range() is limited to {RANGE_LIMIT:,} numbers.")
    return numbers


def _metered(meter: Meter, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)  # with the marks that tell jinja2 what to pass
    def metered(*arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            meter.read(argument)
        return function(*arguments, **named)

    return metered


def _own_filters(meter: Meter) -> dict[str, Any]:
    def each(values: Iterable[Any], cost: int) -> Iterator[Any]:
        for value in values:
            meter.spend(cost)
            yield value

    def enter(cost: int) -> str:
        meter.spend(cost)
        return ""

    def concat(values: Sequence[Any]) -> str:
        return meter.text("".join(plain_text(value) for value in values))

    def join(values: Iterable[Any], separator: str = "") -> str:
        texts = [plain_text(value) for value in values]
        meter.fits(sum(map(len, texts)) + len(separator) * len(texts))
        return meter.text(separator.join(texts))

    def replace(value: Any, old: str, new: str) -> str:
        text = plain_text(value)
        meter.fits(len(text) + (text.count(old) + 1) * len(new))
        return meter.text(text.replace(old, new))

    def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
        text = plain_text(value)
        meter.fits((text.count("\n") + 1) * max(width, 0) + len(text))
        pad = " " * width
        lines = [pad + line if line or blank else line for line in text.split("\n")]
        if not first:
            lines[0] = text.split("\n", 1)[0]
        return meter.text("\n".join(lines))

    def tojson(value: Any) -> str:
        return meter.text(json.dumps(value, ensure_ascii=False, default=_json_default))

    return {
        "_each": each,
        "_enter": enter,
        "_concat": concat,
        "_weighed": meter.weighed,
        "_bounded": lambda value: meter.text(str(value)),
        "join": join,
        "replace": replace,
        "indent": indent,
        "tojson": tojson,
    }


def _weight(body: Sequence[nodes.Node]) -> int:
    """Characters of literal text in `body`: what writing it once costs at least."""
    literal = [
        data
        for node in body
        for data in (
            [node] if isinstance(node, nodes.TemplateData) else node.find_all(nodes.TemplateData)
        )
    ]
    return sum(len(data.data) for data in literal)


def _call(name: str, value: nodes.Node | None, arguments: list[nodes.Expr], line: int) -> Any:
    return nodes.Filter(value, name, arguments, [], None, None, lineno=line)


def _enter(body: Sequence[nodes.Node], line: int) -> nodes.Output:
    cost = nodes.Const(TURN + _weight(body), lineno=line)
    return nodes.Output([_call("_enter", cost, [], line)], lineno=line)


class _Metering(NodeTransformer):
    """Put the meter where work can be repeated."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        cost = nodes.Const(TURN + _weight(node.body), lineno=node.lineno)
        self.generic_visit(node)
        node.iter = _call("_each", node.iter, [cost], node.lineno)
        return node

    def visit_Macro(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _enter(node.body, node.lineno))
        return node

    visit_CallBlock = visit_Macro

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:
        self.generic_visit(node)
        node.filter = _call("_bounded", node.filter, [], node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        values = nodes.List(node.nodes, lineno=node.lineno)
        return _call("_concat", values, [], node.lineno)  # type: ignore[no-any-return]

    def visit_List(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node, nodes.Tuple) and node.ctx != "load":
            return node
        return _call("_weighed", node, [], node.lineno)  # type: ignore[no-any-return]

    visit_Tuple = visit_Dict = visit_List

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _call("_weighed", node.expr, [], node.lineno)
        for operand in node.ops:
            operand.expr = _call("_weighed", operand.expr, [], node.lineno)
        return node
