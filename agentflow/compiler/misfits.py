"""What is said of data that does not fit a model: diagnostics in plain words, with what was meant.

The one place where errors of pydantic are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agentflow import codes
from agentflow.compiler.compose import name_and_sign
from agentflow.compiler.shape_words import MEANT_KEY, MEANT_WORD, PATTERN_WORDS
from agentflow.compiler.unseen import may_be_secret
from agentflow.diagnostics import Code, Diagnostic, Edit, Fix
from agentflow.nearest import Meant, nearest, one_of
from agentflow.records import NamedTuple
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Origin, Path, value_at
from agentflow.spec.base import SpecModel
from agentflow.spec.walk import known_keys

__all__ = ["misfits", "misfits_of_part"]

MAX_PROBLEMS = 100
"""In one document: looking for what was meant takes time, and nobody reads on."""


class _Error(NamedTuple):
    """An error of the model, at the path of the data it is about."""

    path: Path
    on_key: bool
    branch: str | None
    """Which alternative of a union it belongs to; None outside of unions."""
    union: Path
    """Where that union stands."""
    type: str
    message: str
    context: Mapping[str, Any]
    value: Any


def misfits(
    model: type[SpecModel],
    document: Document,
    error: ValueError,
    failed: Collection[Path],
    *,
    partial: bool,
) -> tuple[Diagnostic, ...]:
    """What is wrong with a document that is no spec; arguments as of `shape.check_shape`.

    Args:
        error: that pydantic raised.
    """
    found = _errors(error, document.data)
    if partial:
        found = [item for item in found if item.type != "missing"]
    return _problems(model, document, found, failed)


def misfits_of_part(
    model: type[SpecModel], part: Document, error: ValueError, failed: Collection[Path]
) -> tuple[Diagnostic, ...]:
    """The same for values that are merged into specs."""
    found = [item for item in _errors(error, part.data) if item.type != "missing"]
    # What a model says about several keys at once is for the whole spec to say.
    alone = [item for item in found if not (item.type == "value_error" and _is_map(item.value))]
    return _problems(model, part, alone, failed)


def _is_map(value: Any) -> bool:
    return isinstance(value, (Mapping, SpecModel))


def _problems(
    model: type[SpecModel],
    document: Document,
    found: Sequence[_Error],
    failed: Collection[Path],
) -> tuple[Diagnostic, ...]:
    relevant = [
        item
        for item in _settle_unions(found)
        # `load` has reported the version, and substitution the failed values.
        if item.path != ("apiVersion",) and not _is_below(item.path, failed)
    ]
    shown = relevant[:MAX_PROBLEMS]
    misspelt = {_meant_path(model, item.path) for item in shown if _is_unknown(item)}
    problems = [
        _hiding(model, document, item)
        for item in shown
        if item.type != "missing" or item.path not in misspelt
    ]
    if len(relevant) > len(shown):
        message = f"{len(relevant) - len(shown)} further problems of this document are not shown."
        span = document.span(relevant[MAX_PROBLEMS].path, key=True)
        hint = "Correct those above first; the others are shown then."
        problems.append(codes.TOO_MANY_PROBLEMS.at(span, message, hint=hint))
    return tuple(problems)


def _hiding(model: type[SpecModel], document: Document, error: _Error) -> Diagnostic:
    """The problem, without the value if it may be a secret."""
    hides = may_be_secret(model, error.path, error.value)
    if hides and error.value is not None and error.type not in _ABOUT_SIZE:
        error = error._replace(value=_Unseen(error.value))
    problem = _diagnostic(model, document, error)
    return problem.hiding(document.span(error.path)) if hides else problem


class _Unseen:
    """A value that messages call by its kind."""

    def __init__(self, value: Any) -> None:
        self.kind = "text" if isinstance(value, str) else _shown(value)
        if isinstance(value, (int, Decimal)):
            self.kind = "a number"


_ABOUT_SIZE = frozenset({"missing", "string_too_long", "string_too_short", "too_long", "too_short"})
"""Errors whose messages do not show the value."""


def _is_unknown(error: _Error) -> bool:
    return error.type == "extra_forbidden"


def _meant_path(model: type[SpecModel], path: Path) -> Path:
    """The path with the key that was probably meant: it is not missing as well."""
    key = str(path[-1])
    meant = MEANT_KEY.get(key)
    known = known_keys(model, path[:-1])
    return (*path[:-1], meant.key if meant and meant.key in known else nearest(key, known) or "")


def _is_below(path: Path, roots: Iterable[Path]) -> bool:
    return any(path[: len(root)] == root for root in roots)


def _errors(error: ValueError, data: Any) -> list[_Error]:
    """The errors of a `pydantic.ValidationError`, which is imported only if there is one."""
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    found = []
    for item in error.errors(include_url=False):
        place = _locate(item["loc"], data, item["type"])
        found.append(
            _Error(
                path=place.path,
                on_key=place.on_key,
                branch=place.branch,
                union=place.union,
                type=item["type"],
                message=item["msg"],
                context=item.get("ctx", {}),
                value=item["input"],
            )
        )
    return found


class _Place(NamedTuple):
    path: Path
    on_key: bool
    branch: str | None
    union: Path


def _locate(loc: tuple[int | str, ...], data: Any, type_: str) -> _Place:
    """The path in the data: without what pydantic adds for keys and for branches of unions."""
    path: list[str | int] = []
    branch = None
    union: Path = ()
    on_key = False
    for number, step in enumerate(loc):
        is_last = number == len(loc) - 1
        inner = _inside(data, step)
        if inner:
            path.append(step)
            data = inner[0]
        elif step == "[key]":
            on_key = True
        elif is_last and type_ == "missing":
            path.append(step)
        else:
            branch, union = str(step), tuple(path)
    return _Place(tuple(path), on_key, branch, union)


def _inside(data: Any, step: int | str) -> tuple[Any] | None:
    """What stands at a key or an index; None: there is no such."""
    if isinstance(data, dict) and step in data:
        return (data[step],)
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return (data[step],)
    return None


def _settle_unions(errors: Iterable[_Error]) -> Iterator[_Error]:
    """Of the alternatives of a union, keep the one that the value was probably meant for."""
    errors = list(errors)
    of_union: dict[Path, list[_Error]] = {}
    for error in errors:
        if error.branch is not None:
            of_union.setdefault(error.union, []).append(error)
    for error in errors:
        rivals = of_union[error.union] if error.branch is not None else [error]
        if not _is_wrong_kind(error) or len(rivals) == 1:
            yield error
        elif all(map(_is_wrong_kind, rivals)) and error is rivals[0]:
            # The value is of no kind that any alternative takes: one problem for all.
            yield error._replace(type="union")


def _is_wrong_kind(error: _Error) -> bool:
    """The value is, say, a number where this alternative takes a mapping."""
    is_no_word = error.type == "literal_error" and not isinstance(error.value, str)
    return (error.type.endswith("_type") or is_no_word) and error.path == error.union


def _diagnostic(model: type[SpecModel], document: Document, error: _Error) -> Diagnostic:
    if error.type == "extra_forbidden":
        return _unknown_key(model, document, error.path)
    if error.type == "missing":
        return _missing_key(model, document, error.path)
    if error.type in ("literal_error", "enum"):
        return _unknown_word(document, error)
    span = document.span(error.path, key=error.on_key)
    name = _name(error.path, on_key=error.on_key)
    code, message, hint = _explain(error, name)
    fix = _retyped(document, error) if code is codes.WRONG_TYPE and not error.on_key else None
    return code.at(span, message, hint=hint, fix=fix)


_YES = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _retyped(document: Document, error: _Error) -> Fix | None:
    """Quotes for text that YAML reads as a value, and none for a value that was quoted.

    Only where it is written out: not what a variable stands for.
    """
    if error.value is None:
        return None  # the place of an empty value is its key
    document, path = document.origin(error.path)
    span, source = document.span(path), SourceText(document.file, document.source)
    start = source.offset(span.line, span.column)
    written = source.text[start : source.offset(span.end_line, span.end_column)]
    wanted = _TYPE_WORDS.get(error.type)
    bare = written[1:-1] if written[:1] in ('"', "'") else written
    if not re.fullmatch(r"[\w.+:-]+", bare):
        return None
    # The value is not repeated: it may be a secret.
    if wanted == "text" and bare == written and not isinstance(error.value, str | dict | list):
        ends = (source.span(start, start), source.span(start + len(bare), start + len(bare)))
        return Fix("Quote it", tuple(Edit(end, '"') for end in ends), safe=True)
    if bare != written and (
        (wanted == "a whole number" and re.fullmatch(r"\d{1,9}", bare))
        or (wanted == "true or false" and bare in ("true", "false"))
    ):
        quotes = ((start, start + 1), (start + len(written) - 1, start + len(written)))
        cuts = tuple(Edit(source.span(*quote), "") for quote in quotes)
        return Fix("Remove the quotes", cuts, safe=True)
    if wanted == "true or false" and bare.lower() in _YES:
        after = _YES[bare.lower()]
        return Fix(f"Write {after}", (Edit(span, after),), safe=True)
    return None


def _name(path: Path, *, on_key: bool = False) -> str:
    """How a message calls a field: `tools.bash`, `done[0]`."""
    if on_key:
        return f"The key {path[-1]!r}" if path else "The key"
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"`{text.removeprefix('.')}`" if text else "The document"


def _unknown_key(model: type[SpecModel], document: Document, path: Path) -> Diagnostic:
    key = str(path[-1])
    known = known_keys(model, path[:-1])
    where = _name(path[:-1]) if len(path) > 1 else f"{model.__name__.removesuffix('Spec')}"
    span = document.span(path, key=True)
    fix = None
    origin = document.origin(path)
    if not origin.path:
        return _body(model, document, path)
    # What other layers say may well be said again.
    taken = {name_and_sign(name)[0] for name in _keys_at(origin)}
    sign = name_and_sign(str(origin.path[-1]))[1]
    near = nearest(key, [name for name in known if name not in taken])
    meant = MEANT_KEY.get(key)
    hint = None
    if meant is not None and (near is None or meant.first):
        hint = meant.hint(path[:-1], known)
    if hint is None and near is not None:
        hint = f"Did you mean {near!r}?"
        fix = Fix(f"Rename to {near!r}", (Edit(span, near + sign),), safe=False)
    if hint is None:
        hint = f"Known keys are {one_of(known, joined='and', limit=30)}."
    return codes.UNKNOWN_KEY.at(span, f"{where} has no key {key!r}.", hint=hint, fix=fix)


def _body(model: type[SpecModel], document: Document, path: Path) -> Diagnostic:
    """The text of a Markdown file of a kind that has no such key."""
    kind = model.__name__.removesuffix("Spec")
    start = document.text_span(path, 0, 1)
    message = (
        f"The text below the frontmatter is the {path[-1]} of an Agent, and its kind is {kind}."
    )
    return codes.FRONTMATTER.at(start, message, hint="Move the spec to a YAML file.")


def _missing_key(model: type[SpecModel], document: Document, path: Path) -> Diagnostic:
    key = str(path[-1])
    kind = model.__name__.removesuffix("Spec")
    if len(path) == 1:
        data = document.data
        named = data.get("name")
        who = f"{kind} {named!r}" if isinstance(named, str) else f"This {kind}"
        anchor = "name" if "name" in data else "kind"
        span = document.span((anchor,), key=True)
    else:
        who = _name(path[:-1])
        span = document.span(path[:-1], key=True)
    hint = f"Add `{key}: …`."
    return codes.MISSING_KEY.at(span, f"{who} has no {key!r}.", hint=hint)


def _unknown_word(document: Document, error: _Error) -> Diagnostic:
    expected = re.findall(r"'([^']*)'", str(error.context.get("expected", "")))
    span = document.span(error.path, key=error.on_key)
    name = _name(error.path[:-1] if error.on_key else error.path)
    choices = one_of(expected)
    if not isinstance(error.value, str):
        message = f"{name} is {_shown(error.value)}, and it has to be a word."
        return codes.WRONG_TYPE.at(span, message, hint=f"Write {choices}.")
    meant = MEANT_WORD.get(error.value.lower())
    near = meant if meant in expected else nearest(error.value, expected)
    verb = "has no" if error.on_key else "cannot be"
    message = f"{name} {verb} {error.value!r}."
    hint = f"Write {choices}."
    if near:
        hint = Meant(f"Did you mean {near!r}? Allowed: {choices}.", word=error.value, near=near)
    return codes.UNKNOWN_WORD.at(span, message, hint=hint)


_TYPE_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "decimal_type": "a number",
}


_WORD_FORMS = {
    "BuiltInTool": "allow, ask, auto, off or a mapping",
    "WebSearchTool": "allow, ask, auto, off or a mapping",
    "WebFetchTool": "allow, ask, auto, off or a mapping",
    "ModelSpec": "a model id or a mapping",
    "NetworkSpec": "the word open or a mapping",
    "UncertaintySpec": "assume, ask, stop or a mapping",
}
"""Models that also have a short form."""


def _explain(error: _Error, name: str) -> tuple[Code, str, str | None]:
    """Code, sentence and hint for what is not about keys or words."""
    context = error.context
    kind = error.type
    if kind in _TYPE_WORDS or kind == "union":
        model = str(error.context.get("class_name"))
        return _explain_type(error, name, _WORD_FORMS.get(model) or _TYPE_WORDS.get(kind))
    if kind == "string_pattern_mismatch":
        form = PATTERN_WORDS.get(str(context.get("pattern")))
        message = f"{name} is {_shown(error.value)}, which is malformed."
        if error.on_key:
            message = f"{name} is malformed."
        return codes.MALFORMED, message, form
    if kind == "string_too_short":
        return codes.OUT_OF_RANGE, f"{name} is empty.", "Write the text, or remove the key."
    if kind in ("string_too_long", "too_long", "too_short"):
        return codes.OUT_OF_RANGE, *_explain_length(error, name)
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        limit = next(iter(context.values()))
        words = {"greater_than_equal": "at least", "greater_than": "more than"}
        words |= {"less_than_equal": "at most", "less_than": "less than"}
        message = f"{name} is {_shown(error.value)}, and it has to be {words[kind]} {limit}."
        return codes.OUT_OF_RANGE, message, f"Write a number that is {words[kind]} {limit}."
    if kind == "value_error":
        if error.value is None:
            return _explain_type(error, name, None)
        sentence = str(context.get("error", error.message))
        if not error.path:
            return codes.MALFORMED, sentence, None
        return codes.MALFORMED, f"{name}: {sentence}", None
    return codes.MALFORMED, f"{name}: {error.message}.", None


def _explain_type(error: _Error, name: str, wanted: str | None) -> tuple[Code, str, str | None]:
    value = error.value
    if value is None:
        return codes.WRONG_TYPE, f"{name} has no value.", "Write one, or remove the key."
    if wanted is None:
        message = f"{name} is {_shown(value)}, which does not fit here."
        return codes.WRONG_TYPE, message, "Write text or a mapping."
    hint = None
    if isinstance(value, _Unseen):
        hint = "Write `${secret.x}` where it belongs, and declare x below `secrets` of the project."
    elif wanted == "text" and not isinstance(value, (dict, list)):
        hint = "Quote it to make it text."
    elif wanted == "a list" and isinstance(value, str):
        hint = "Put it in brackets: `[…]`."
    elif wanted == "true or false" and value in ("true", "false"):
        hint = "Write it without quotes. From the environment it comes by a variable of the type boolean."
    elif wanted == "true or false" and isinstance(value, str):
        hint = "YAML 1.2 knows true and false only; yes, no, on and off are text."
    elif wanted == "a whole number" and isinstance(value, str):
        hint = (
            "Write the number without quotes. One from the environment comes by a variable of the "
            "type integer."
        )
    elif "mapping" in wanted:
        hint = "Write `key: value` pairs." if wanted == "a mapping" else f"Write {wanted}."
    return codes.WRONG_TYPE, f"{name} is {_shown(value)}, and it has to be {wanted}.", hint


def _explain_length(error: _Error, name: str) -> tuple[str, str]:
    context = error.context
    most = context.get("max_length")
    limit = most if most is not None else context.get("min_length", 0)
    unit = "characters" if isinstance(error.value, str) else "entries"
    size = len(error.value) if isinstance(error.value, (str, list, dict)) else 0
    if most is None:
        return f"{name} has {size} {unit}, and it needs at least {limit}.", "Add what is missing."
    return f"{name} has {size} {unit}, and at most {limit} are allowed.", "Shorten it."


def _shown(value: Any) -> str:
    if isinstance(value, _Unseen):
        return value.kind
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return f"the number {value}"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:57]}…")
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else "a mapping"


def _keys_at(origin: Origin) -> Collection[str]:
    """The keys of the mapping that a value stands in, as they are written there."""
    beside = value_at(origin.document.data, origin.path[:-1])
    return beside if isinstance(beside, dict) else ()
