"""The words that models are declared with, and the class they derive from.

They are pydantic's words, and mean what they mean there, but building a class with them makes no
validator: pydantic takes longer to import than a whole check of a project. What a model says is read
in two ways. `reading` builds specs from data that plainly fits. All else is left to pydantic's own
model of the same fields, which `twin` makes when it is needed: what is wrong with data, JSON Schemas.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, Self, TypeVar, dataclass_transform, get_origin

__all__ = [
    "MISSING",
    "AfterValidator",
    "BeforeValidator",
    "Field",
    "FieldInfo",
    "ShortForm",
    "SpecModel",
    "StringConstraints",
    "WithJsonSchema",
    "Word",
    "expand_word",
    "field_validator",
    "model_validator",
]

F = TypeVar("F", bound=Callable[..., Any])


class Missing:
    """The default of a field that has none."""


MISSING = Missing()


class FieldInfo:
    """One field of a model, or in `Annotated` what limits a value."""

    __slots__ = ("annotation", "default", "default_factory", "limits", "notes")

    def __init__(
        self, default: Any, default_factory: Callable[[], Any] | None, notes: Mapping[str, Any]
    ) -> None:
        self.annotation: Any = None
        self.default = default
        self.default_factory = default_factory
        self.notes = notes
        """What it says beside that, in pydantic's words."""
        self.limits = {key: value for key, value in notes.items() if key in LIMITS}

    @property
    def alias(self) -> str | None:
        """The key as it is written, where that is no name in Python."""
        return self.notes.get("alias")

    @property
    def description(self) -> str | None:
        return self.notes.get("description")

    def is_required(self) -> bool:
        return self.default is MISSING and self.default_factory is None

    @property
    def is_fresh(self) -> bool:
        """Whether each spec has a value of its own where none was given."""
        return self.default_factory is not None or isinstance(self.default, (list, dict))

    def fresh_default(self) -> Any:
        """The value where none was given: each spec has collections of its own."""
        if self.default_factory is not None:
            return self.default_factory()
        return self.default.copy() if isinstance(self.default, (list, dict)) else self.default


LIMITS = frozenset({"ge", "gt", "le", "lt", "min_length", "max_length"})


def Field(
    default: Any = MISSING,
    *,
    default_factory: Callable[[], Any] | None = None,
    alias: str | None = None,
    **notes: Any,
) -> Any:
    """A field's default, its description, and limits of its value: as pydantic's."""
    if alias is not None:
        notes["alias"] = alias
    return FieldInfo(default, default_factory, notes)


class StringConstraints:
    """In `Annotated[str, …]`. A pattern is one of the Rust library: no look-around."""

    __slots__ = ("max_length", "min_length", "pattern", "surely")

    def __init__(
        self,
        *,
        pattern: str | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        surely: Callable[[str], bool] | None = None,
    ) -> None:
        self.pattern = pattern
        self.surely = surely
        """Tells of a value that the pattern fits, without compiling it. False: look for yourself."""
        self.min_length = min_length
        self.max_length = max_length


class BeforeValidator:
    """In `Annotated`: makes the value that is read. It raises `ValueError` if there is none."""

    __slots__ = ("func",)

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func


class AfterValidator:
    """In `Annotated`: has the last word on a value. It raises `ValueError` if it is wrong."""

    __slots__ = ("func",)

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func


class WithJsonSchema:
    """In `Annotated`: what editors are told of what a validator takes."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema


class Word:
    """In `Annotated[Model, Word()]`: the model may also be written as the word it has a key for."""


class ShortForm:
    """In `Annotated[Model, BeforeValidator(…), ShortForm(…)]`: what else the validator takes."""

    __slots__ = ("key", "schema")

    def __init__(self, key: str | None = None, schema: Mapping[str, Any] | None = None) -> None:
        self.key = key
        """The key whose value stands for the mapping. None: `schema` says it all."""
        self.schema = schema or {}
        """JSON Schema that comes on top of that of the key."""


def field_validator(name: str) -> Callable[[F], F]:
    """A class method that has the last word on the value of a field."""

    def mark(method: F) -> F:
        # `@classmethod` stands below, and has no attributes of its own.
        method.__func__.checked_field = name  # type: ignore[attr-defined]
        return method

    return mark


def model_validator(*, mode: str) -> Callable[[F], F]:
    """A method that has the last word on a whole spec. `mode` is "after": there is no other."""
    assert mode == "after"

    def mark(method: F) -> F:
        method.checks_model = True  # type: ignore[attr-defined]
        return method

    return mark


class _Model(type):
    """The class of models: without one of their own mypy does not see that they can be hashed."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class SpecModel(metaclass=_Model):
    """Frozen, and closed: an unknown key is an error with the nearest known one."""

    __slots__ = ("__dict__", "model_fields_set")

    word_key: ClassVar[str | None] = None
    """The key that a single word stands for: `read: allow` is `read: { policy: allow }`.
    None: there is no short form."""

    list_key: ClassVar[str | None] = None
    """The same for a bare list: `subagents: [a]` is `subagents: { agents: [a] }`."""

    model_fields: ClassVar[Mapping[str, FieldInfo]] = MappingProxyType({})
    """By name in Python, in the order of the documentation."""

    field_checks: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """Field -> the class methods that have the last word on it."""

    model_checks: ClassVar[tuple[str, ...]] = ()
    """The methods that have the last word on a spec."""

    model_fields_set: set[str]
    """The fields that were given."""

    def __init_subclass__(cls) -> None:
        fields = dict(cls.model_fields)
        for name, annotation in cls.__annotations__.items():
            if not _is_of_class(annotation):
                field = cls.__dict__[name]
                assert type(field) is FieldInfo, f"{cls.__name__}.{name} is declared with no Field"
                field.annotation = annotation
                fields[name] = field
                delattr(cls, name)  # what a spec does not have, its class does not have either
        checks = dict(cls.field_checks)
        for name, member in tuple(cls.__dict__.items()):
            checked = getattr(getattr(member, "__func__", None), "checked_field", None)
            if checked is not None:
                checks[checked] = (*checks.get(checked, ()), name)
            elif getattr(member, "checks_model", False):
                cls.model_checks = (*cls.model_checks, name)
        cls.field_checks = checks
        cls.model_fields = fields

    def __init__(self, **values: Any) -> None:
        by_name = self.model_fields
        data = {
            (by_name[name].alias or name) if name in by_name else name: value
            for name, value in values.items()
        }
        made = self.model_validate(data)
        vars(self).update(vars(made))
        object.__setattr__(self, "model_fields_set", made.model_fields_set)

    @classmethod
    def model_validate(cls, data: Any) -> Self:
        """A spec from plain data, whose keys are as they are written.

        Raises:
            pydantic.ValidationError: it is none.
        """
        from agentflow.spec.reading import Unsure, reader

        try:
            spec: Self = reader(cls)(data)
        except Unsure:
            from agentflow.spec.twin import validate

            spec = validate(cls, data)
        return spec

    @classmethod
    def model_made(cls, values: dict[str, Any], given: set[str]) -> Self:
        """A spec of fields that are right, each on its own.

        Raises:
            ValueError: they are not right together.
        """
        spec = cls.__new__(cls)
        vars(spec).update(values)
        object.__setattr__(spec, "model_fields_set", given)
        for name in cls.model_checks:
            getattr(spec, name)()
        return spec

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"A {type(self).__name__} does not change.")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({values})"


def _is_of_class(annotation: Any) -> bool:
    return get_origin(annotation) is ClassVar


def expand_word(model: type[SpecModel], value: object) -> object:
    """A short form as the mapping it stands for; anything else as it is."""
    if isinstance(value, str) and model.word_key is not None:
        return {model.word_key: value}
    return value
