"""The C parser of ruamel.yaml and what it makes, without the rest of the library.

Its package imports thirty modules: parsers and writers in Python, which a check of a project does not
use, and which take longer to load than a project to read. So the package is entered without being
run; it runs when somebody asks it for something, and is then what it always was.

The C parser imports twenty of them itself, for the classes of errors, tokens and nodes. Events are all
that is made of a text without mistakes, so that the others are stand-ins until the package runs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

__all__ = [
    "C_PARSER",
    "AliasEvent",
    "DocumentEndEvent",
    "DocumentStartEvent",
    "MappingEndEvent",
    "MappingStartEvent",
    "MarkedYAMLError",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "YAMLError",
]

_PACKAGE = "ruamel.yaml"


class _Unrun(ModuleType):
    """A package whose own code has not been run. Its modules can be imported all the same."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(self)
        _replace_stand_ins()
        return getattr(self, name)


class _StandIn(ModuleType):
    """In the place of a module of the package while the C parser is loaded, which asks for classes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        made = type(name, (_STAND_INS[self.__name__],), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


def _enter() -> bool:
    """Whether the package is there and has not been run."""
    if _PACKAGE in sys.modules:
        return type(sys.modules[_PACKAGE]) is _Unrun
    spec = find_spec(_PACKAGE)
    if spec is None:
        return False
    package = module_from_spec(spec)
    package.__class__ = _Unrun
    sys.modules[_PACKAGE] = package
    setattr(import_module("ruamel"), "yaml", package)  # noqa: B010 - it has no such name for type checkers
    return True


_UNRUN = _enter()

# The modules of the package that was entered. `from ruamel.yaml import …` would ask it for something.
from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: E402
from ruamel.yaml.events import (  # noqa: E402
    AliasEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)


def _scalar(
    self: Any,
    anchor: Any,
    tag: Any,
    implicit: Any,
    value: Any,
    start_mark: Any = None,
    end_mark: Any = None,
    style: Any = None,
    comment: Any = None,
) -> None:
    self.anchor = anchor
    self.ctag = tag
    self.implicit = implicit
    self.value = value
    self.start_mark = start_mark
    self.end_mark = end_mark
    self.style = style
    self.comment = comment


def _collection(
    self: Any,
    anchor: Any,
    tag: Any,
    implicit: Any,
    start_mark: Any = None,
    end_mark: Any = None,
    flow_style: Any = None,
    comment: Any = None,
    nr_items: Any = None,
) -> None:
    self.anchor = anchor
    self.ctag = tag
    self.implicit = implicit
    self.start_mark = start_mark
    self.end_mark = end_mark
    self.flow_style = flow_style
    self.comment = comment
    self.nr_items = nr_items


# They make the same in one step that the library makes in three: a fifth of what a text takes to read.
setattr(ScalarEvent, "__init__", _scalar)  # noqa: B010 - not to be assigned, for type checkers
setattr(CollectionStartEvent, "__init__", _collection)  # noqa: B010


class _Unreadable(YAMLError):
    """Text that cannot be decoded. The last of what it is made of says why."""

    def __str__(self) -> str:
        return str(self.args[-1])


_STAND_INS: dict[str, type] = {
    "ruamel.yaml.reader": _Unreadable,
    **dict.fromkeys(
        ("ruamel.yaml.scanner", "ruamel.yaml.parser", "ruamel.yaml.composer"), MarkedYAMLError
    ),
    **dict.fromkeys(
        (f"ruamel.yaml.{name}" for name in ("constructor", "emitter", "serializer", "representer")),
        YAMLError,
    ),
    **dict.fromkeys(("ruamel.yaml.tokens", "ruamel.yaml.nodes"), object),
}
"""Module -> what the classes that are asked of it derive from."""


def _load_c_parser() -> ModuleType:
    """The C extension, with stand-ins for the classes of modules that have not been loaded.

    Raises:
        ImportError: there is none.
    """
    absent = [name for name in _STAND_INS if _UNRUN and name not in sys.modules]
    sys.modules |= {name: _StandIn(name) for name in absent}
    try:
        return import_module("_ruamel_yaml")
    finally:
        for name in absent:
            del sys.modules[name]


def _replace_stand_ins() -> None:
    """Let the C extension make and raise what the package says it does."""
    extension = sys.modules.get("_ruamel_yaml")
    for name, item in tuple(vars(extension).items()) if extension else ():
        if getattr(item, "__module__", None) in _STAND_INS:
            setattr(extension, name, getattr(import_module(item.__module__), name))


try:
    # The class itself: `YAML(typ="safe")` falls back to its Python parser without a word if its C
    # extension has another name, and is twenty times slower then.
    C_PARSER = _load_c_parser().CParser
except ImportError:  # pragma: no cover - a platform without wheels
    C_PARSER = None
