"""Values with named fields: `@record` in place of `@dataclass(frozen=True, slots=True, kw_only=True)`.

A dataclass has its methods generated as text and compiled whenever its module is imported, half a
millisecond for each class: together a third of a whole check of a project. The methods of a record are
the same functions for all. `NamedTuple` is that of `typing`, whose `__new__` is compiled from text for each class,
and so are its annotations, to see whether they could be some: here a function for as many fields gets their names, and
annotations stay text. `dataclasses.fields`, `replace` and `asdict` take records too, and so does
pydantic: their fields are made as a dataclass has them as soon as somebody asks.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform, overload

__all__ = ["NamedTuple", "field", "field_names", "record", "replace"]

T = TypeVar("T")


class _Field:
    """What a class body says of a field beside its type."""

    __slots__ = ("compare", "default_factory", "value")

    def __init__(
        self,
        *,
        value: Any,
        default_factory: Callable[[], Any] | None = None,
        compare: bool = True,
    ) -> None:
        self.value = value
        self.default_factory = default_factory
        self.compare = compare

    def default(self) -> Any:
        return self.value if self.default_factory is None else self.default_factory()


_REQUIRED = _Field(value=None)


def field(
    *,
    default: Any = None,
    default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
) -> Any:
    """A field with a default; `compare=False` leaves it out where records are compared."""
    return _Field(value=default, default_factory=default_factory, compare=compare)


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, kw_only: bool = True, order: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(cls: type[Any] | None = None, /, *, kw_only: bool = True, order: bool = False) -> Any:
    """Make a class of the annotated names of its body: frozen, with slots, equal by value.

    Args:
        cls: the class.
        kw_only: whether its fields are given by name only.
        order: whether its instances have an order, which is that of their fields.
    """
    if cls is None:
        return lambda cls: _made(cls, kw_only=kw_only, order=order)
    return _made(cls, kw_only=kw_only, order=order)


def field_names(value: object) -> tuple[str, ...]:
    """The names of the fields of a record, in their order."""
    return tuple(type(value).__record_fields__)  # type: ignore[attr-defined]


def replace(value: T, **changes: Any) -> T:
    """A record with other values in some fields."""
    given = {name: getattr(value, name) for name in field_names(value)}
    return type(value)(**(given | changes))


def _made(cls: type, *, kw_only: bool, order: bool) -> type:
    body = dict(vars(cls))
    own = tuple(cls.__annotations__)
    fields: dict[str, _Field] = dict(getattr(cls, "__record_fields__", {}))
    for name in own:
        given = body.pop(name, _REQUIRED)
        fields[name] = given if isinstance(given, _Field) else _Field(value=given)
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    setters: _Setters = []
    methods = _methods(cls.__name__, fields, setters, kw_only=kw_only, order=order)
    special = {
        "__slots__": own,
        "__record_fields__": fields,
        "__dataclass_fields__": _AsDataclass(kw_only=kw_only),
        "__match_args__": () if kw_only else tuple(fields),
    }
    made = type(cls)(cls.__name__, cls.__bases__, {**methods, **body, **special})
    setters += [(name, getattr(made, name).__set__) for name in fields]
    return made


_Setters = list[tuple[str, Callable[[Any, Any], None]]]
"""By field, what sets it on a record that is being made."""


def _methods(
    name: str, fields: Mapping[str, _Field], setters: _Setters, *, kw_only: bool, order: bool
) -> Mapping[str, Any]:
    compared = _values([name for name, item in fields.items() if item.compare])

    def __setstate__(self: Any, state: tuple[Any, ...]) -> None:
        for (_, put), value in zip(setters, state, strict=True):
            put(self, value)

    def __eq__(self: Any, other: object) -> bool:
        return compared(self) == compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(compared(self))

    def __lt__(self: Any, other: Any) -> bool:
        return compared(self) < compared(other) if type(other) is type(self) else NotImplemented

    by_name = _by_name(name, fields, setters)
    methods: dict[str, Any] = {
        "__init__": by_name if kw_only else _by_place(name, fields, setters, by_name),
        "__repr__": _repr,
        "__eq__": __eq__,
        "__hash__": __hash__,
        "__setattr__": _frozen,
        "__delattr__": _frozen,
        "__getstate__": _values(list(fields)),
        "__setstate__": __setstate__,
    }
    return methods | {"__lt__": __lt__} if order else methods


def _by_name(name: str, fields: Mapping[str, _Field], setters: _Setters) -> Callable[..., None]:
    """`__init__` with the values of the fields by name."""
    count = len(fields)
    defaults = [(key, item) for key, item in fields.items() if item is not _REQUIRED]

    def __init__(self: Any, **values: Any) -> None:
        if len(values) != count:
            for key, item in defaults:
                if key not in values:
                    values[key] = item.default()
        try:
            for key, put in setters:
                put(self, values[key])
        except KeyError as error:
            raise TypeError(f"{name} needs {error}") from None
        if len(values) != count:
            raise TypeError(f"{name} has no {', '.join(values.keys() - fields.keys())}")

    return __init__


def _by_place(
    name: str, fields: Mapping[str, _Field], setters: _Setters, by_name: Callable[..., None]
) -> Callable[..., None]:
    """`__init__` with the values of the fields in their order, or by name."""
    names = tuple(fields)
    count = len(names)

    def __init__(self: Any, *args: Any, **values: Any) -> None:
        if len(args) == count and not values:
            for (_, put), value in zip(setters, args):  # noqa: B905 - as many, and made very often
                put(self, value)
            return
        if len(args) > count or not values.keys().isdisjoint(names[: len(args)]):
            raise TypeError(f"{name} takes {count} values, each once")
        by_name(self, **dict(zip(names, args, strict=False)), **values)

    return __init__


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of these fields, as a tuple."""
    if len(names) > 1:
        get: Callable[[Any], tuple[Any, ...]] = attrgetter(*names)
        return lambda self: get(self)
    return lambda self: tuple(getattr(self, name) for name in names)


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__record_fields__)
    return f"{type(self).__qualname__}({values})"


def _frozen(self: Any, name: str, *_: object) -> NoReturn:
    raise AttributeError(f"cannot change {name!r} of a {type(self).__name__}")


class _AsDataclass:
    """The fields of a record as `dataclasses` has them, made at the first look."""

    def __init__(self, *, kw_only: bool) -> None:
        self._kw_only = kw_only

    def __get__(self, _: object, owner: Any) -> Any:
        import dataclasses

        body: dict[str, Any] = {}
        types: dict[str, Any] = {}
        for base in reversed(owner.__mro__):
            if "__record_fields__" in vars(base):
                types |= base.__annotations__
        for name, item in owner.__record_fields__.items():
            if item.default_factory is not None:
                body[name] = dataclasses.field(
                    default_factory=item.default_factory, compare=item.compare
                )
            elif item is not _REQUIRED:
                body[name] = dataclasses.field(default=item.value, compare=item.compare)
        body |= {"__annotations__": types, "__module__": owner.__module__, "__doc__": owner.__doc__}
        bare: type = type(owner.__name__, (), body)
        twin: Any = dataclasses.dataclass(kw_only=self._kw_only)(bare)
        found = {item.name: item for item in dataclasses.fields(twin)}
        owner.__dataclass_fields__ = found
        return found


if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _Tuple(tuple):
        """What all named tuples have, as those of `collections` do."""

        __slots__ = ()
        _fields: tuple[str, ...] = ()
        _field_defaults: Mapping[str, Any] = {}

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Any:
            return cls(*values)

        def _replace(self, /, **changes: Any) -> Any:
            return type(self)(**(self._asdict() | changes))

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    class _TupleClass(type):
        """Makes the class of a body with annotated names, as `typing.NamedTuple` does."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            names = tuple(body.get("__annotations__", {}))
            defaults = {key: body[key] for key in names if key in body}
            if names[len(names) - len(defaults) :] != tuple(defaults):
                raise TypeError(f"{name}: a field with a default stands before one without")
            special = {
                "__slots__": (),
                "__new__": _named(names, defaults),
                "__match_args__": names,
                "_fields": names,
                "_field_defaults": defaults,
            }
            getters = {key: _tuplegetter(index, None) for index, key in enumerate(names)}
            return type(name, (_Tuple, *bases[1:]), {**body, **getters, **special})

    class NamedTuple(metaclass=_TupleClass):
        """`typing.NamedTuple`, of up to nine fields."""

    _new = tuple.__new__

    _NEW: tuple[Callable[..., Any], ...] = (
        lambda c: _new(c, ()),
        lambda c, v1: _new(c, (v1,)),
        lambda c, v1, v2: _new(c, (v1, v2)),
        lambda c, v1, v2, v3: _new(c, (v1, v2, v3)),
        lambda c, v1, v2, v3, v4: _new(c, (v1, v2, v3, v4)),
        lambda c, v1, v2, v3, v4, v5: _new(c, (v1, v2, v3, v4, v5)),
        lambda c, v1, v2, v3, v4, v5, v6: _new(c, (v1, v2, v3, v4, v5, v6)),
        lambda c, v1, v2, v3, v4, v5, v6, v7: _new(c, (v1, v2, v3, v4, v5, v6, v7)),
        lambda c, v1, v2, v3, v4, v5, v6, v7, v8: _new(c, (v1, v2, v3, v4, v5, v6, v7, v8)),
        lambda c, v1, v2, v3, v4, v5, v6, v7, v8, v9: _new(c, (v1, v2, v3, v4, v5, v6, v7, v8, v9)),
    )
    """By the number of fields: what a tuple is made by, once its parameters have their names."""

    def _named(names: tuple[str, ...], defaults: Mapping[str, Any]) -> Callable[..., Any]:
        """`__new__` of a tuple whose fields have these names."""
        code = _NEW[len(names)].__code__
        code = code.replace(co_varnames=("cls", *names), co_name="__new__", co_qualname="__new__")
        return FunctionType(code, globals(), "__new__", tuple(defaults.values()) or None)
