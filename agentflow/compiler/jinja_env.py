"""The Jinja that prompts and tasks are written in: sandboxed, strict, small, and bounded in work.

Imported only when a text has delimiters, because importing jinja2 costs more than a whole lint.

What a template may use: `{{ … }}`, `if`, `for`, `set`, `with`, `macro`, `call`, `filter`, `include`,
`raw` and comments; the filters in `FILTERS`, Jinja's own tests, and the functions `range` and
`fragment`. A tag alone on its line leaves no line behind (`trim_blocks`, `lstrip_blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.runtime import Context, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentflow.compiler.fragments import Fragments
from agentflow.compiler.jinja_filters import FILTERS
from agentflow.compiler.jinja_meter import FRAGMENT, Meter, TooMuchWork, put_meter
from agentflow.compiler.jinja_values import (
    INTEGER_BITS,
    bounded_range,
    check_parameter,
    metered,
    own_filters,
    plain_text,
    trim_end,
)

__all__ = ["FUNCTIONS", "PromptEnvironment", "fragment_key"]

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


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """An environment for one rendering. `templates` are the compiled texts it may include, by key.

    With `swallow`, a tag alone on its line leaves no line behind.
    """

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, *, fragments: Fragments | None = None, swallow: bool = True) -> None:
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
        self.fragments: Fragments = fragments or {}
        self.outermost: Mapping[str, Any] = {}
        """What every text sees, also a fragment; set before rendering."""

        # With a context argument jinja2 never folds constants through it at compile time.
        @pass_context
        def finalize(_context: Context, value: object) -> str:
            return meter.text(plain_text(value))

        self.finalize = finalize
        self.globals = {"range": bounded_range, "fragment": self._fragment}
        self.filters = {}

    @cached_property
    def _metered(self) -> dict[str, Any]:
        """The filters, each with the meter. Most texts are parsed and never rendered here."""
        meter = self.meter
        kept = {name: DEFAULT_FILTERS[name] for name in FILTERS}
        own = own_filters(meter)
        inner = {name: own.pop(name) for name in [*own] if name.startswith("_")}
        outer = {name: metered(meter, each) for name, each in {**kept, **own}.items()}
        return {**outer, **inner}

    def _load_template(  # includes are resolved before: no loader, no file system
        self, name: Any, globals: Any = None
    ) -> Template:
        template = self.templates.get(name)
        if template is None:
            raise TemplateNotFound(name)
        return template

    def add(self, path: str, tree: nodes.Template) -> Template:
        """Meter and compile a parsed text. `tree` is changed."""
        self.filters = {**self._metered, **self.filters}
        put_meter(tree)
        tree.set_environment(self)
        code: CodeType = self.compile(tree, name=path, filename=path)
        template = self.template_class.from_code(self, code, self.make_globals(None))
        self.templates[path] = template
        return template

    def _fragment(self, name: str, /, **given: Any) -> str:
        """The text of a fragment, which sees its parameters and nothing of the text it stands in.

        Raises:
            BadParameter: a value does not fit; names were checked before.
        """
        self.meter.spend(FRAGMENT)
        params = self.fragments[name].params
        values = {
            key: check_parameter(key, param, given[key]) if key in given else param.default
            for key, param in params.items()
        }
        template = self.templates[fragment_key(name)]
        context = template.new_context({**self.outermost, "params": values})
        return trim_end(self.concat(template.root_render_func(context)))

    def call_filter(self, name: str, *arguments: Any, **named: Any) -> Any:
        """A filter that a text names as a value, as in `map("upper")`: not one of our own."""
        if str(name).startswith("_"):
            raise SecurityError(f"There is no filter {str(name)!r}.")
        return super().call_filter(name, *arguments, **named)

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
        if isinstance(obj, (Macro, Undefined)):
            return True  # calling what is undefined raises, and says what it is
        if obj in (bounded_range, self._fragment):
            return True
        owner = getattr(obj, "__self__", None)
        name = getattr(obj, "__name__", "")
        if type(owner).__name__ in {"LoopContext", "BlockReference"}:
            return name in {"cycle", "changed"}
        return any(isinstance(owner, kind) and name in names for kind, names in _METHODS.items())

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.meter.read(getattr(obj, "__self__", None))
        result = super().call(context, obj, *args, **kwargs)
        if isinstance(result, list):
            self.meter.spend(len(result))
        return result

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


def fragment_key(name: str) -> str:
    """What a fragment is called among the compiled texts. No path in a project starts like that."""
    return f"/fragment/{name}"
